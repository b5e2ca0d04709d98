"""Where a line may end: between words, between the characters of Chinese and Japanese, within words too long for it.

A word of an alphabet is cut only when it is wider than a whole line, and then not within what a reader sees as one
character (Unicode Standard Annex 29: a letter with its marks, an Indian conjunct). Chinese and Japanese have no blanks;
there a line begins with no closing bracket, full stop or small kana, and ends with no opening bracket (JIS X 4051).
"""

import re
import unicodedata
from collections.abc import Iterator

from billflow.documents.widths import JOINED, char_width, text_width

SPACES = re.compile(r"[ \x00-\x1f\x7f\x85\u2028\u2029]+")  # and whatever else would break a planned line
BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")

IDEOGRAPHS = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
OPENING = "（「『【〔《〈［｛｢"
CLOSING = "）」』】〕》〉］｝｣、。，．；：？！・ー～…‥々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ％℃"
IDEOGRAPHIC = re.compile(f"[{IDEOGRAPHS}]")
UNITS = re.compile(f"[{OPENING}]*(?:[{IDEOGRAPHS}]|[^{IDEOGRAPHS}]+)[{CLOSING}]*")

ZERO_WIDTH_JOINER = "\u200d"
VIRAMA_CLASS = 9
MARKS = frozenset({"Mn", "Mc", "Me", "Cf"})


def pieces(text: str, width: float) -> Iterator[tuple[str, str]]:
    """What may stand alone in a line of `width` em, each after the glue that joins it to the one before in a line."""
    for word in filter(None, SPACES.split(text)):
        glue = " "
        for unit in UNITS.findall(word) if IDEOGRAPHIC.search(word) else [word]:
            for piece in [unit] if text_width(unit) <= width else _cut(unit, width):
                yield glue, piece
                glue = ""


def _cut(word: str, width: float) -> Iterator[str]:
    """A word in pieces of at most `width` em, in whole clusters unless one of them is wider than that."""
    piece, used = "", 0.0
    for cluster in _clusters(word):
        for part in [cluster] if _sum_of_widths(cluster) <= width else cluster:
            wide = _sum_of_widths(part)
            if piece and used + wide > width:
                yield piece
                piece, used = "", 0.0
            piece, used = piece + part, used + wide
    yield piece


def _sum_of_widths(text: str) -> float:
    return sum(map(char_width, text))


def _clusters(word: str) -> Iterator[str]:
    """The characters as a reader counts them."""
    start = 0
    for index in range(1, len(word)):
        if not _belong_together(word[index - 1], word[index]):
            yield word[start:index]
            start = index
    yield word[start:]


def _belong_together(before: str, char: str) -> bool:
    conjunct = unicodedata.combining(before) == VIRAMA_CLASS and JOINED.match(char) is not None
    return conjunct or before == ZERO_WIDTH_JOINER or unicodedata.category(char) in MARKS
