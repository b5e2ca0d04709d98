"""Fonts of a PDF that Typst wrote: which glyph is which letter, and how wide each is."""

import re
from collections.abc import Sequence

from billflow.documents.objects import Objects
from billflow.documents.replay.marks import TOGETHER, separated
from billflow.documents.runs import octal

_FONTS = re.compile(rb"/Font<<([^<>]*)>>")
_FONT = re.compile(rb"/(f\d+) (\d+) 0 R")
_RESOURCES = re.compile(rb"/Resources (\d+) 0 R")
_DESCENDANT = re.compile(rb"/DescendantFonts\[(\d+) 0 R\]")
WIDTHS = re.compile(rb"/W\[([\d. ]+)\]")
_GLYPH = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]{4})>\n")
UNICODE = re.compile(rb"/ToUnicode (\d+) 0 R")
_TOKEN = re.compile(rb"[()]|<[0-9A-F]*>")


Kerns = Sequence[tuple[int, float]]
"""Behind so many glyphs of a text, so much is taken off (1/1,000 em)."""


class ReplayError(Exception):
    """Typst has written something in another way than is known: the document has to be laid out as a whole."""


def one(pattern: re.Pattern[bytes], body: bytes) -> bytes:
    found = pattern.search(body)
    if found is None:
        raise ReplayError(f"no {pattern.pattern!r} where Typst writes it")
    return bytes(found[1])


def resources_of(page: bytes) -> int:
    """The object with the names of a page's fonts."""
    return int(one(_RESOURCES, page))


def fonts_of(pdf: Objects, page: bytes) -> dict[bytes, int]:
    """The fonts of a page: the name of each and the number of its object."""
    return {name: int(number) for name, number in _FONT.findall(one(_FONTS, pdf.bodies[resources_of(page)]))}


def descendant_of(pdf: Objects, font: int) -> int:
    """The object with a font's widths."""
    return int(one(_DESCENDANT, pdf.bodies[font]))


def listed_widths(pdf: Objects, font: int) -> dict[int, bytes]:
    """How wide each glyph of a font is, in 1/1,000 em, as Typst has written it."""
    numbers = one(WIDTHS, pdf.bodies[descendant_of(pdf, font)]).split()
    triples = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    return {glyph: width for a, b, width in triples for glyph in range(int(a), int(b) + 1)}


def widths_of(pdf: Objects, font: int) -> dict[int, float]:
    """How wide each glyph of a font is, in 1/1,000 em."""
    return {glyph: round(float(width), 2) for glyph, width in listed_widths(pdf, font).items()}


def characters_of(pdf: Objects, font: int) -> dict[int, str]:
    """The character that each glyph of a font stands for."""
    listed = pdf.stream(int(one(UNICODE, pdf.bodies[font])))
    return {int(glyph, 16): chr(int(char, 16)) for glyph, char in _GLYPH.findall(listed)}


def glyphs_of(shown: bytes) -> tuple[bytes, list[tuple[int, float]]]:
    """A text as `Tj` or `TJ` show it: two bytes a glyph, and the kerning behind so many of them (1/1,000 em)."""
    glyphs, kerns, depth, begin = b"", list[tuple[int, float]](), 0, 0
    shown = octal(shown)
    for token in _TOKEN.finditer(shown):
        depth += (token[0] == b"(") - (token[0] == b")")  # parentheses that balance are part of a string
        opens, closes = depth == 1 and token[0] == b"(", depth == 0
        if opens or (closes and token[0][:1] == b"<"):
            number = shown[begin : token.start()].strip(b"[")
            kerns += [(len(glyphs) // 2, round(float(number), 1))] if number else []
        if closes:
            glyphs += _string(token[0]) if token[0][:1] == b"<" else _plain(shown[begin : token.start()])
        if opens or closes:
            begin = token.end()
    return glyphs, kerns


def _string(hexadecimal: bytes) -> bytes:
    return bytes.fromhex(hexadecimal[1:-1].decode())


def _plain(escaped: bytes) -> bytes:
    return escaped.decode("unicode_escape").encode("latin-1")


def drawn(alphabet: str, shown: bytes) -> dict[str, int]:
    """The glyph of each character of an `alphabet` (`marks.alphabet`) that Typst has set, without kerning.

    The first letter of a pair that is drawn together is one of its own (`marks.FIRSTS`).
    """
    glyphs, kerns = glyphs_of(shown)
    if len(glyphs) != 2 * len(alphabet) or kerns:
        raise ReplayError("the characters are more or fewer glyphs")
    numbers = [int.from_bytes(glyphs[at : at + 2]) for at in range(0, len(glyphs), 2)]
    return dict(zip(separated(alphabet), numbers, strict=True))


def units(text: str) -> list[str]:
    """What each glyph of a text stands for: a character, with the next one where that changes it."""
    return [pair if TOGETHER.fullmatch(pair := text[at : at + 2]) else text[at] for at in range(len(text))]
