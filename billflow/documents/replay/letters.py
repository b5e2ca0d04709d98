"""Fonts of a PDF that Typst wrote: which glyph is which letter, and how wide each is."""

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from billflow.documents.objects import Objects
from billflow.documents.replay.marks import FIGURES, TOGETHER
from billflow.documents.runs import octal

_FONTS = re.compile(rb"/Font<<([^<>]*)>>")
_FONT = re.compile(rb"/(f\d+) (\d+) 0 R")
_RESOURCES = re.compile(rb"/Resources (\d+) 0 R")
_DESCENDANT = re.compile(rb"/DescendantFonts\[(\d+) 0 R\]")
_WIDTHS = re.compile(rb"/W\[([\d. ]+)\]")
END = bytes(2)
"""The end of a line among glyphs of two bytes."""
_ESCAPES = ((b"\\", rb"\\"), (b"(", rb"\("), (b")", rb"\)"), (b"\r", rb"\r"))
_PRIVATE = 0xE000
"""Characters that stand for nothing else: no plain text has them."""
_GLYPH = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]{4})>\n")
_UNICODE = re.compile(rb"/ToUnicode (\d+) 0 R")
_SHAPES = str.maketrans("123456789", "000000000")
"""Figures are as wide as each other (`theme.typ`): few lines of figures differ in width."""
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


def characters_of(pdf: Objects, font: int) -> dict[int, str]:
    """The character that each glyph of a font stands for."""
    listed = pdf.stream(int(one(_UNICODE, pdf.bodies[font])))
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


@dataclass(frozen=True)
class Letters:
    """How the characters of a document's sections are written in one font.

    A pair that is drawn together is a character of its own for its first letter, and the second one.
    """

    font: int
    glyphs: Mapping[str, int]
    pairs: Mapping[str, str]
    widths: Mapping[int, float]

    @classmethod
    def of(cls, pdf: Objects, font: int, alphabet: str, shown: bytes) -> "Letters":
        """Read from `alphabet` (`marks.alphabet`) as Typst has set it, without kerning."""
        ids, kerns = glyphs_of(shown)
        if len(ids) != 2 * len(alphabet) or kerns or any(ids[::2]):
            raise ReplayError("the characters are more or fewer glyphs, or too many")
        drawn = ids[1::2]
        pairs = {pair[0]: chr(_PRIVATE + drawn[pair.start()]) for pair in TOGETHER.finditer(alphabet)}
        glyphs = dict(zip(_separated(alphabet, pairs), drawn, strict=True))
        widths = widths_of(pdf, font)
        if len({widths[glyphs[figure]] for figure in FIGURES}) != 1:
            raise ReplayError("figures are not of one width")
        return cls(font, glyphs, pairs, widths)

    @cached_property
    def _bytes(self) -> Any:
        """Each character as its glyph, a byte; the end of a line as the glyph that no letter has."""
        table = ["\ufffe"] * 256
        for char, glyph in {**self.glyphs, "\n": 0}.items():
            table[glyph] = char
        return codecs.charmap_build("".join(table))

    @cached_property
    def _escapes(self) -> list[tuple[bytes, bytes]]:
        """What must be escaped in a string, the backslash first."""
        glyphs = set(self.glyphs.values())
        return [(byte, escape) for byte, escape in _ESCAPES if byte[0] in glyphs]

    @cached_property
    def _advances(self) -> "_Advances":
        return _Advances({char: self.widths[glyph] for char, glyph in self.glyphs.items()})

    def separated(self, text: str) -> str:
        """A text with a character for each glyph."""
        return _separated(text, self.pairs)

    def encoded(self, text: str) -> bytes:
        """A text as glyphs, a byte each. ValueError for a character that is not in the alphabet."""
        return codecs.charmap_encode(self.separated(text), "strict", self._bytes)[0]

    def string(self, glyphs: bytes) -> bytes:
        """Glyphs as they are written between parentheses, with `END` between lines."""
        written = bytearray(2 * len(glyphs))
        written[1::2] = glyphs
        for byte, escape in self._escapes:
            written = written.replace(byte, escape)
        return bytes(written)

    def line_widths(self, text: str) -> list[float]:
        """How wide each line of a text is, in 1/1,000 em, without kerning."""
        advances = self._advances
        return [advances[line] for line in self.separated(text).translate(_SHAPES).split("\n")]


def _separated(text: str, pairs: Mapping[str, str]) -> str:
    return TOGETHER.sub(lambda pair: pairs[pair[0]] + pair[0][1], text) if pairs else text


class _Advances(dict[str, float]):
    """Widths of characters, and of texts once they have been met."""

    def __missing__(self, text: str) -> float:
        if len(text) == 1:
            raise KeyError(text)
        self[text] = width = round(sum(map(self.__getitem__, text)), 1)
        return width


def units(text: str) -> list[str]:
    """What each glyph of a text stands for: a character, with the next one where that changes it."""
    return [pair if TOGETHER.fullmatch(pair := text[at : at + 2]) else text[at] for at in range(len(text))]
