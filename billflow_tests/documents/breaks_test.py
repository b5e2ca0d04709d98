import pytest

from billflow.documents.breaks import pieces
from billflow.documents.pagination import wrap


def joined(text, width):
    return "".join(f"{glue}{piece}|" for glue, piece in pieces(text, width))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two  words", " two| words|"),
        ("料金（日額）です。", " 料|金|（日|額）|で|す。|"),
        ("ピーク ABC12円", " ピー|ク| ABC12|円|"),
        ("한국 전력", " 한국| 전력|"),
        ("اشتراك شهري", " اشتراك| شهري|"),
    ],
)
def test_pieces(text, shown):
    assert joined(text, 10) == shown


@pytest.mark.parametrize(
    ("word", "width", "parts"),
    [
        ("abcdef", 1.1, ["ab", "cd", "ef"]),
        ("क्षत्रिय", 3, ["क्ष", "त्रि", "य"]),
        ("e\u0301e\u0301e\u0301", 1, ["e\u0301e\u0301", "e\u0301"]),
        ("नि", 0.5, ["न", "ि"]),
    ],
)
def test_pieces_cuts_a_long_word_between_what_a_reader_sees_as_characters(word, width, parts):
    assert [piece for _, piece in pieces(word, width)] == parts


def test_wrap_fills_lines_of_ideographs():
    assert wrap("AB 東京電力エナジー", 5.5) == ["AB 東京電", "力エナジー"]
