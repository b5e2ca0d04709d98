"""What can be relied on in the text of a PDF, by script."""

import unicodedata
from functools import cache

JOINED = ("ARABIC", "HEBREW", "DEVANAGARI", "BENGALI", "TAMIL", "THAI")
"""Scripts whose letters join, stack or run to the left: what a PDF says of them comes in another order, in part twice
or not at all."""

DROPPED = frozenset({"Cf", "Cc", "Cn", "Co", "Zs", "Zl", "Zp", "Pd"})
"""Spaces, direction marks and hyphens: extraction adds and loses them."""


POINTS = ".,'\u066b\u066c"


@cache
def _is_joined_letter(char: str) -> bool:
    return unicodedata.category(char)[0] in "LM" and unicodedata.name(char, "").startswith(JOINED)


def is_joined(text: str) -> bool:
    """Whether there is a letter or mark of a joined script."""
    return not text.isascii() and any(map(_is_joined_letter, text))


@cache
def _kept(char: str) -> str:
    return "" if char == "\u2212" or unicodedata.category(char) in DROPPED else char


def bare(text: str) -> str:
    """A text as it can be compared with one from a PDF: compatibility forms and cases are one, spaces are gone."""
    if text.isascii() and text.isprintable():
        return "".join(text.replace("-", "").split()).casefold()
    return "".join(map(_kept, unicodedata.normalize("NFKC", text))).casefold()


def unjoined(text: str) -> str:
    """A text without letters and marks of joined scripts, and without brackets, which turn with the direction."""
    return "".join(char for char in text if not (_is_joined_letter(char) or unicodedata.mirrored(char)))


def is_leftward(text: str) -> bool:
    """Whether its first letter is of a script that is read from right to left."""
    kinds = (unicodedata.bidirectional(char) for char in text)
    return next((kind != "L" for kind in kinds if kind in {"L", "R", "AL"}), False)


def is_wide(char: str) -> bool:
    """Whether a letter is as wide as it is high, as those of Chinese and Japanese."""
    return bool(char) and unicodedata.east_asian_width(char) in "WF"


def is_figure(text: str) -> bool:
    """Whether it is one number, the same from either side."""
    return all(char.isdecimal() or char in POINTS for char in text)
