import pytest

from billflow.documents.attempts import PREFIX, UNPACKED, Failure, each, in_groups
from billflow.errors import BillflowError


class PanicException(BaseException):
    """As Rust's panics are called in Python."""


def failing(problem):
    raise problem


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (KeyError("lines"), "missing in the payload or in a label: 'lines'"),
        (ValueError("not a number: 'x'"), "ValueError: not a number: 'x'"),
        (BillflowError("no font has U+0416", where="fonts", remedy="add one"), "no font has U+0416"),
        (PanicException("index out of bounds"), "PanicException: index out of bounds"),
    ],
)
def test_each_goes_on_whatever_is_wrong_with_one(problem, reason):
    found = each(lambda one: failing(problem) if one == 2 else one * 10, [1, 2, 3])
    assert (found[0], found[2]) == (10, 30)
    assert reason in found[1].reason


def test_each_leaves_what_has_failed_before():
    assert each(str, [1, Failure("torn"), 3]) == ["1", Failure("torn"), "3"]


def test_each_does_not_stop_who_wants_to_stop():
    with pytest.raises(KeyboardInterrupt):
        each(failing, [KeyboardInterrupt()])


def test_messages_name_templates_without_their_folder():
    assert UNPACKED.sub("", f"error in /tmp/x/{PREFIX}a1/components/table.typ:3") == "error in components/table.typ:3"


@pytest.mark.parametrize(
    ("texts", "groups"),
    [
        ([], []),
        (["ab", "c", "def"], [["ab", "c"], ["def"]]),
        (["abcdefg", "a", "bc", "d"], [["abcdefg"], ["a", "bc"], ["d"]]),
        (["abc", "abcd"], [["abc"], ["abcd"]]),
    ],
)
def test_in_groups_keeps_the_order_and_what_is_large_alone(texts, groups):
    assert list(in_groups(texts, 3)) == groups
