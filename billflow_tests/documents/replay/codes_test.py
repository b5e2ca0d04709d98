import pytest

from billflow.documents.replay.codes import COMMON, NONE, codes_of
from billflow.documents.replay.letters import ReplayError

NEEDS_AN_ESCAPE = set(b"\0\r()\\")


@pytest.mark.parametrize("codes", [COMMON, codes_of(["Ŵÿĩ fi"])])
def test_no_code_needs_an_escape_and_the_end_of_a_line_is_one(codes):
    used = {code for code, char in enumerate(codes.characters) if char != NONE}
    assert used & NEEDS_AN_ESCAPE == set()
    assert codes.characters[10] == "\n"
    assert len(set(codes.characters) - {NONE}) == len(used)


@pytest.mark.parametrize(
    "text", ["plain", "(a\\b)", "Łódź", "5\u202f000 €", "fi Qu", "a\nb\n\nc", "1–31 Jan\u200214:30", ""]
)
def test_what_is_written_can_be_read(text):
    read = "".join(COMMON.characters[code] for code in COMMON.encoded(text))
    assert read.translate({0xE066: "f", 0xE051: "Q"}) == text


def test_the_first_letter_of_a_pair_is_one_of_its_own():
    assert COMMON.encoded("fi")[0] != COMMON.encoded("fa")[0] == ord("f")


@pytest.mark.parametrize("text", ["\x07", "a\0", "\x80é", "東", "Ŵ", "\r", "X\ue066Y", "\ue051"])
def test_what_has_no_code_is_refused(text):
    with pytest.raises(ReplayError, match="no byte stands for"):
        COMMON.encoded(text)


def test_a_bill_with_other_letters_has_a_table_of_its_own():
    own = codes_of(["Ŵ", "é\n"])
    assert own == codes_of(["éŴ"]) != COMMON
    assert own.encoded("Ŵé a")
    assert codes_of(["Ł", "ok"]) is COMMON


@pytest.mark.parametrize(("texts", "reason"), [(["東"], "no glyphs by themselves"), (["\ue066"], "no glyphs")])
def test_letters_that_are_no_glyphs_have_no_table(texts, reason):
    with pytest.raises(ReplayError, match=reason):
        codes_of(texts)


def test_more_letters_than_bytes_have_no_table():
    with pytest.raises(ReplayError, match="more than"):
        codes_of(["".join(map(chr, [*range(0xA1, 0xAD), *range(0xAE, 0x180)]))])
