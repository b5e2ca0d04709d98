"""Fonts of a PDF that Typst wrote: which glyph is which letter, and how wide each is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from billflow.documents.objects import Objects
from billflow.documents.replay.marks import TOGETHER
from billflow.documents.runs import octal

_FONTS = re.compile(rb"/Font<<([^<>]*)>>")
_FONT = re.compile(rb"/(f\d+) (\d+) 0 R")
_RESOURCES = re.compile(rb"/Resources (\d+) 0 R")
_DESCENDANT = re.compile(rb"/DescendantFonts\[(\d+) 0 R\]")
_WIDTHS = re.compile(rb"/W\[([\d. ]+)\]")
_NEEDS_ESCAPE = re.compile(r"([()\\])")
_BRACKET = re.compile(rb"[()]")


class ReplayError(Exception):
    """Typst has written something in another way than is known: the document has to be laid out as a whole."""


def one(pattern: re.Pattern[bytes], body: bytes) -> bytes:
    found = pattern.search(body)
    if found is None:
        raise ReplayError(f"no {pattern.pattern!r} where Typst writes it")
    return bytes(found[1])


def fonts_of(pdf: Objects, page: bytes) -> dict[bytes, int]:
    """The fonts of a page: the name of each and the number of its object."""
    resources = one(_RESOURCES, page)
    return {name: int(number) for name, number in _FONT.findall(one(_FONTS, pdf.bodies[int(resources)]))}


def widths_of(pdf: Objects, font: int) -> dict[int, float]:
    """How wide each glyph of a font is, in 1/1,000 em."""
    descendant = int(one(_DESCENDANT, pdf.bodies[font]))
    numbers = one(_WIDTHS, pdf.bodies[descendant]).split()
    triples = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    return {glyph: round(float(width), 2) for a, b, width in triples for glyph in range(int(a), int(b) + 1)}


def glyphs_of(shown: bytes) -> tuple[bytes, list[tuple[int, float]]]:
    """A text as `Tj` or `TJ` show it: two bytes a glyph, and the kerning behind so many of them (1/1,000 em)."""
    glyphs, kerns, depth, begin = b"", [], 0, 0
    shown = octal(shown)
    for bracket in _BRACKET.finditer(shown):  # parentheses that balance are part of a string
        at = bracket.start()
        depth += 1 if bracket[0] == b"(" else -1
        if depth == 1 and bracket[0] == b"(":
            number, begin = shown[begin:at].strip(b"["), at + 1
            kerns += [(len(glyphs) // 2, round(float(number), 1))] if number else []
        elif depth == 0:
            glyphs += shown[begin:at].decode("unicode_escape").encode("latin-1")
            begin = at + 1
    return glyphs, kerns


@dataclass(frozen=True)
class Letters:
    """How the characters of a document's sections are written in one font."""

    font: int
    glyphs: Mapping[str, bytes]
    widths: Mapping[int, float]

    @classmethod
    def of(cls, pdf: Objects, font: int, alphabet: str, shown: bytes) -> "Letters":
        """Read from `alphabet` (`marks.alphabet`) as Typst has set it, without kerning."""
        ids, kerns = glyphs_of(shown)
        if len(ids) != 2 * len(alphabet) or kerns:
            raise ReplayError(f"{len(alphabet)} characters are {len(ids) // 2} glyphs")
        glyphs: dict[str, bytes] = {}
        for at, char in enumerate(alphabet):
            pair = alphabet[at : at + 2]
            glyphs[pair if TOGETHER.fullmatch(pair) else char] = ids[2 * at : 2 * at + 2]
        return cls(font, glyphs, widths_of(pdf, font))

    @cached_property
    def _strings(self) -> Mapping[int, str]:
        """Characters that are drawn alone, as they are written."""
        return {ord(char): _escaped(glyph) for char, glyph in self.glyphs.items() if len(char) == 1}

    @cached_property
    def _advances(self) -> Mapping[str, float]:
        return {char: self.widths[int.from_bytes(glyph)] for char, glyph in self.glyphs.items()}

    def string(self, text: str) -> bytes:
        """A text between parentheses. KeyError for a character that is not in the alphabet."""
        if TOGETHER.search(text):
            return b"".join(_escaped(self.glyphs[unit]).encode("latin-1") for unit in units(text))
        return text.translate(self._strings).encode("latin-1")

    def width(self, text: str) -> float:
        """In 1/1,000 em, without kerning."""
        advances = self._advances
        return sum(map(advances.__getitem__, units(text) if TOGETHER.search(text) else text))


def units(text: str) -> list[str]:
    """What each glyph of a text stands for: a character, with the next one where that changes it."""
    return [pair if TOGETHER.fullmatch(pair := text[at : at + 2]) else text[at] for at in range(len(text))]


def _escaped(glyph: bytes) -> str:
    return _NEEDS_ESCAPE.sub(r"\\\1", glyph.decode("latin-1")).replace("\r", "\\r")
