import pytest

from billflow.documents.attempts import PREFIX, UNPACKED, in_groups, together, whole
from billflow.errors import BillflowError


class PanicException(BaseException):
    """As Rust's panics are called in Python."""


def failing(problem):
    raise problem


def stepping(made, tell=lambda _: None, steps=2):
    """Ten times as much, in one step more than so many."""
    for at in range(steps):
        tell(at)
        yield
    tell(steps)
    return made * 10


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (KeyError("lines"), "missing in the payload or in a label: 'lines'"),
        (ValueError("not a number: 'x'"), "ValueError: not a number: 'x'"),
        (BillflowError("no font has U+0416", where="fonts", remedy="add one"), "no font has U+0416"),
        (PanicException("index out of bounds"), "PanicException: index out of bounds"),
    ],
)
@pytest.mark.parametrize("step", [0, 1, 2])
def test_others_go_on_whatever_is_wrong_with_one(problem, reason, step):
    found = together([stepping(1), stepping(2, lambda at: at == step and failing(problem)), stepping(3)])
    assert (found[0], found[2]) == (10, 30)
    assert reason in found[1].reason


def test_all_take_a_step_before_any_takes_the_next():
    taken = []
    works = [stepping(number, lambda at, number=number: taken.append((at, number)), number) for number in (2, 1, 3)]
    assert together(works) == [20, 10, 30]
    assert taken == [(0, 2), (0, 1), (0, 3), (1, 2), (1, 1), (1, 3), (2, 2), (2, 3), (3, 3)]


def test_whole_takes_all_steps_and_hides_nothing():
    assert whole(stepping(4)) == 40
    with pytest.raises(KeyError):
        whole(stepping(4, lambda at: at and failing(KeyError())))


def test_together_does_not_stop_who_wants_to_stop():
    with pytest.raises(KeyboardInterrupt):
        together([stepping(1, lambda _: failing(KeyboardInterrupt()))])


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
