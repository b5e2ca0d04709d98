"""Columns of a bill, written into the finished page instead of being laid out by Typst.

Hundreds of short lines are most of what a long bill costs, and nothing about them is left to decide: the lines of a
column are a pitch apart, in one font, without kerning or ligatures (`components/table.typ`). So Typst sets a mark where
a column begins, in the size, colour and font of its lines. The first mark of a document is every character that the
columns have, which puts their glyphs into the font; what Typst wrote for it tells which glyph is which. Typst alone
decides where a column is and how it looks; a document whose marks are not as expected is laid out as a whole.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from billflow.documents.runs import SCALE, moved, octal

COMPONENT = "table"
"""What draws marks: a section's own component has its own idea of rows."""
SHAPING = ("invoice.typ", "components/theme.typ", f"components/{COMPONENT}.typ")
"""The templates that decide how rows look: a project's own may set other distances, or draw marks in another way."""
KERNED_FROM = 8.0
"""Points: smaller rows have no kerning, like all columns of figures, so that a glyph's place is a plain sum."""
MARK = 0.0007
"""Points by which a mark is larger than its lines; no other text has such a size."""

_PLAIN = re.compile(r"[\n -~\u00a0-¬®-ſ\u2002–—‘’“”•…€−]*")
"""Letters that follow each other as they are, one glyph each: no marks to place, no joining, no soft hyphen."""
_DRAWN_TOGETHER = re.compile("Q[uv]|··|f[])?TVWYbhijkl|}¦ª²³¶¹Ýàãäèëìíîïòõöùüþÿāăēĕěĥħĩīĭįĳĵĺļľŀłōūŭ‘’“”]")
"""Pairs of them of which `fonts.LATIN` draws one otherwise than alone."""
_EDGE = re.compile("^ | $", re.MULTILINE)
"""Typst drops spaces at the ends of lines."""

_FONTS = re.compile(rb"/Font<<([^<>]*)>>")
_FONT = re.compile(rb"/(f\d+) (\d+) 0 R")
_RESOURCES = re.compile(rb"/Resources (\d+) 0 R")
_DESCENDANT = re.compile(rb"/DescendantFonts\[(\d+) 0 R\]")
_WIDTHS = re.compile(rb"/W\[([\d. ]+)\]")

Bodies = Mapping[int, bytes]
"""What is no stream in a PDF, by its number."""


class ReplayError(Exception):
    """The marks are not as expected: the document has to be laid out as a whole."""


@dataclass(frozen=True)
class Column:
    """Lines of text, a pitch apart from the mark on; `right` ones end where the mark ends."""

    lines: tuple[str, ...]
    pitch: float
    right: bool
    mark: str


@dataclass(frozen=True)
class Replay:
    """The columns of a document in the order in which their marks are drawn; `sizes` of their rows, in points."""

    columns: tuple[Column, ...]
    sizes: tuple[float, ...]

    @property
    def alphabet(self) -> str:
        return self.columns[0].mark


def marked(details: Mapping[str, Any]) -> tuple[dict[str, Any], Replay | None]:
    """Details whose columns have marks where they can, and what is to be written in their place; None without any."""
    texts = [text for part in _parts(details) for lane in part["lanes"] for text in _replayed(part, lane) if text]
    if not texts:
        return dict(details), None
    letters = sorted(set().union(*texts) - {"\n", " "})
    marks = chain([_alphabet(letters)], repeat(letters[0]))
    pages = [{"parts": [_part(part, marks) for part in page["parts"]]} for page in details["pages"]]
    found = {**details, "pages": pages}
    columns = tuple(column for part in _parts(found) for lane in part["lanes"] for column in _columns(part, lane))
    return found, Replay(columns, tuple(sorted({part["size"] for part in _parts(found)})))


def _alphabet(letters: Sequence[str]) -> str:
    """All of them and a space, none drawn together with the next; Typst drops spaces at the ends of lines."""
    text = f"{letters[0]} {letters[0]}"
    for letter in letters[1:]:
        text += f" {letter}" if _DRAWN_TOGETHER.search(text[-1] + letter) else letter
    return text


def _parts(details: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for page in details["pages"]:
        yield from page["parts"]


def _replayed(part: Mapping[str, Any], lane: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a lane's columns; empty for one that Typst lays out."""
    for text, edge in zip(lane["cells"], part["edges"], strict=True):
        unkerned = part["size"] < KERNED_FROM or edge["side"] == "end"
        unkerned = unkerned and part["component"] == COMPONENT
        yield text if unkerned and _is_plain(text) else ""


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text) and not _DRAWN_TOGETHER.search(text) and not _EDGE.search(text))


def _part(part: dict[str, Any], marks: Iterator[str]) -> dict[str, Any]:
    lanes = [
        {**lane, "marks": [next(marks) if text else "" for text in _replayed(part, lane)]} for lane in part["lanes"]
    ]
    return {**part, "mark": round(part["size"] + MARK, 4), "lanes": lanes}


def _columns(part: Mapping[str, Any], lane: Mapping[str, Any]) -> Iterator[Column]:
    for text, mark, edge in zip(lane["cells"], lane["marks"], part["edges"], strict=True):
        if mark:
            yield Column(tuple(text.split("\n")), part["pitch"], edge["side"] == "end", mark)


@dataclass(frozen=True)
class Letters:
    """How the characters of a document's rows are written in one font: strings without their parentheses."""

    font: int
    glyphs: Mapping[int, str]
    widths: Mapping[str, float]

    def string(self, line: str) -> bytes:
        return line.translate(self.glyphs).encode("latin-1")

    def width(self, line: str) -> float:
        """In 1/1,000 em."""
        return sum(map(self.widths.__getitem__, line))


class Writer:
    """Writes the columns of one document, page by page."""

    def __init__(self, replay: Replay, bodies: Bodies) -> None:
        self._replay, self._bodies = replay, bodies
        self._columns = iter(replay.columns)
        self._letters: Letters | None = None
        sizes = b"|".join(re.escape(b"%g" % round(size + MARK, 4)) for size in replay.sizes)
        self._mark = re.compile(
            rb"q 1 0 0 -1 (\S+) (\S+) cm(/c\d+ cs [\d. ]+ scn)\n"
            rb"BT 0 Tr/(f\d+) (%b) Tf 1 0 0 -1 0 0 Tm(?:\((.*?)\)Tj|\[\((.*?)\)\]TJ)\nET\nQ\n" % sizes
        )
        self._is_mark = re.compile(rb" (?:%b) Tf" % sizes)

    def cut(self, page: bytes, content: bytes) -> tuple[list[bytes], list[bytes]]:
        """What Typst wrote around the marks of a page, and what takes their place."""
        try:
            return self._cut(page, content)
        except (KeyError, ValueError) as problem:
            raise ReplayError(f"a font is not as Typst writes it: {problem!r}") from problem

    def _cut(self, page: bytes, content: bytes) -> tuple[list[bytes], list[bytes]]:
        around, instead, end = [], [], 0
        for mark in self._mark.finditer(content):
            around.append(content[end : mark.start()])
            instead.append(self._written(page, mark))
            end = mark.end()
        around.append(content[end:])
        if any(self._is_mark.search(rest) for rest in around):
            raise ReplayError("a mark is in more than one font")
        return around, instead

    def check_done(self) -> None:
        """ReplayError when marks are missing."""
        if next(self._columns, None) is not None:
            raise ReplayError("a mark is missing")

    def _written(self, page: bytes, mark: re.Match[bytes]) -> bytes:
        across, down, colour, name, size, *shown = mark.groups(b"")
        column = next(self._columns, None)
        if column is None:
            raise ReplayError("there are more marks than columns")
        font = self._font(page, name)
        if self._letters is None:
            self._letters = self._read(font, b"".join(shown))
        if font != self._letters.font:
            raise ReplayError("a mark is in another font")
        points = float(size) - MARK
        head = b"q BT%b/%b %g Tf" % (colour, name, round(points, 4))
        return b"".join([head, *self._lines(column, float(across), float(down), points), b"\nET\nQ\n"])

    def _lines(self, column: Column, left: float, first: float, size: float) -> Iterator[bytes]:
        letters = self._letters
        assert letters is not None  # noqa: S101 - read from the first mark
        edge = left + letters.width(column.mark) * (size + MARK) / 1000
        string, width, right, em = letters.string, letters.width, column.right, size / 1000
        start, x, y = round(left * SCALE), 0, 0
        at_y, pitch = round(first * SCALE), round(column.pitch * SCALE)
        for line in column.lines:
            if line:
                at_x = round((edge - width(line) * em) * SCALE) if right else start
                yield b"%b(%b)Tj" % (moved(at_x - x, at_y - y), string(line))
                x, y = at_x, at_y
            at_y -= pitch

    def _font(self, page: bytes, name: bytes) -> int:
        resources = _one(_RESOURCES, page)
        fonts = dict(_FONT.findall(_one(_FONTS, self._bodies[int(resources)])))
        return int(fonts[name])

    def _read(self, font: int, shown: bytes) -> Letters:
        """The glyphs of the first mark, and their widths in that font."""
        alphabet = self._replay.alphabet
        ids = octal(shown).decode("unicode_escape").encode("latin-1")
        if len(ids) != 2 * len(alphabet):
            raise ReplayError("the characters are more or fewer glyphs")
        glyphs = dict(zip(alphabet, (ids[at : at + 2] for at in range(0, len(ids), 2)), strict=True))
        widths = self._widths(font)
        return Letters(
            font,
            {ord(char): _escaped(glyph) for char, glyph in glyphs.items()},
            {char: widths[int.from_bytes(glyph)] for char, glyph in glyphs.items()},
        )

    def _widths(self, font: int) -> dict[int, float]:
        descendant = int(_one(_DESCENDANT, self._bodies[font]))
        numbers = _one(_WIDTHS, self._bodies[descendant]).split()
        triples = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
        return {glyph: float(width) for a, b, width in triples for glyph in range(int(a), int(b) + 1)}


def _one(pattern: re.Pattern[bytes], body: bytes) -> bytes:
    found = pattern.search(body)
    if found is None:
        raise ReplayError(f"no {pattern.pattern!r} where Typst writes it")
    return bytes(found[1])


def _escaped(glyph: bytes) -> str:
    return re.sub(r"([()\\])", r"\\\1", glyph.decode("latin-1")).replace("\r", "\\r")
