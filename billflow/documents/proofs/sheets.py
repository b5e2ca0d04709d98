"""The pages of a PDF as their texts, each with its place: what a reader sees, read with PDFium.

A run is one text object of the PDF: text of one font and size on one line. A piece is the runs that follow one another
on a line, such as a name in two scripts: what somebody would point at as one text.
"""

import ctypes
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from billflow.documents.proofs.boxes import Box, around
from billflow.documents.proofs.scripts import is_joined, is_leftward, is_wide

MOST_HIDDEN = 0.5
"""Of a glyph's area: one that is clipped further is not there for a reader."""
GAP = 0.6
"""em between two runs of one piece at most."""
WIDE_GAP = 1.1
"""em after a letter of Chinese or Japanese, whose comma brings half an em of space."""
SPACE = 0.2
"""em from which on the gap between two runs of a piece is a space."""
BITE = 0.12
"""em that a run may reach into the one before it; kerning does."""
LEAN = 0.01
"""Radians; more is text on the slant."""
NOWHERE = Box(0, 0, 0, 0)


class UnreadableError(ValueError):
    """Bytes that are no PDF that can be opened; the text says why."""


@dataclass(frozen=True)
class Glyph:
    """A character and the box of its ink."""

    char: str
    box: Box


@dataclass(frozen=True)
class Run:
    """Text with its spaces, and the glyphs that have ink; `size` and `baseline` in points.

    `colour` is red, green, blue and alpha, 0 to 255; `is_level` says that lines run from left to right of the page.
    """

    text: str
    glyphs: Sequence[Glyph]
    size: float
    baseline: float
    colour: tuple[int, int, int, int]
    is_level: bool

    @cached_property
    def box(self) -> Box:
        return around(glyph.box for glyph in self.glyphs)

    @cached_property
    def is_joined(self) -> bool:
        return is_joined(self.text)

    @cached_property
    def is_wide(self) -> bool:
        """Whether it ends in a letter that is as wide as it is high."""
        return is_wide(self.text.rstrip()[-1:])


@dataclass(frozen=True)
class Piece:
    """Runs that are one text."""

    runs: Sequence[Run]

    @cached_property
    def box(self) -> Box:
        return around(run.box for run in self.runs)

    @cached_property
    def text(self) -> str:
        """As it is read: runs that go to the left are painted from the left."""
        runs = sorted(self.runs, key=lambda run: -run.box.right) if is_leftward(self.runs[0].text) else self.runs
        parts = [runs[0].text]
        for before, run in pairwise(runs):
            parts.append(" " if _apart(run.box, before.box) > SPACE * run.size else "")
            parts.append(run.text)
        return " ".join("".join(parts).split())

    @property
    def size(self) -> float:
        return self.runs[0].size

    @property
    def baseline(self) -> float:
        return self.runs[0].baseline


@dataclass(frozen=True)
class Sheet:
    """One page: its number, from 1, its size in points, and the runs on it in the order in which they are painted."""

    number: int
    width: float
    height: float
    runs: Sequence[Run]

    @property
    def paper(self) -> Box:
        return Box(0, 0, self.width, self.height)

    @cached_property
    def pieces(self) -> list[Piece]:
        return [Piece(runs) for runs in _linked(_linked([[run] for run in self.runs], _follows), _continues)]


def _linked(groups: Iterable[list[Run]], belongs: Callable[[Sequence[Run], Sequence[Run]], bool]) -> list[list[Run]]:
    """Groups of which each that belongs to the one before it is joined to that."""
    linked: list[list[Run]] = []
    for group in groups:
        if linked and belongs(group, linked[-1]):
            linked[-1] += group
        else:
            linked.append(group)
    return linked


def _are_of_one_line(one: Run, other: Run) -> bool:
    is_even = one.is_level and other.is_level and one.size == other.size
    return is_even and abs(one.baseline - other.baseline) <= one.size / 2


def _follows(following: Sequence[Run], piece: Sequence[Run]) -> bool:
    """Whether a run goes on a piece. Marks of joined scripts are runs of their own and stand over the run before."""
    run, last = following[0], piece[-1]
    if not _are_of_one_line(run, last):
        return False
    bite = GAP if run.is_joined or last.is_joined else BITE
    gap = WIDE_GAP if last.is_wide else GAP
    apart = _apart(run.box, around(one.box for one in piece)), _apart(run.box, last.box)
    return any(-bite * run.size <= each <= gap * run.size for each in apart)


def _continues(following: Sequence[Run], piece: Sequence[Run]) -> bool:
    """Whether a piece goes on another as a whole: a word that goes to the left is painted from its far end."""
    if not (_are_of_one_line(following[0], piece[0]) and any(run.is_joined for run in (*following, *piece))):
        return False
    apart = _apart(around(run.box for run in following), around(run.box for run in piece))
    return -BITE * piece[0].size <= apart <= GAP * piece[0].size


def _apart(one: Box, other: Box) -> float:
    """Points between two boxes, from left to right; negative where they overlap."""
    return max(one.left - other.right, other.left - one.right)


@contextmanager
def opened(pdf: bytes) -> Iterator[pdfium.PdfDocument]:
    """A PDF, closed with all its pages afterwards. Raises UnreadableError."""
    try:
        document = pdfium.PdfDocument(pdf)
    except pdfium.PdfiumError as problem:
        raise UnreadableError(f"the PDF cannot be opened: {problem}") from None
    try:
        yield document
    finally:
        document.close()


def read_sheets(pdf: bytes) -> list[Sheet]:
    """Every page of a PDF. Raises UnreadableError."""
    with opened(pdf) as document:
        try:
            return [_TextLayer(document[index]).sheet(index + 1) for index in range(len(document))]
        except pdfium.PdfiumError as problem:
            raise UnreadableError(f"a page of the PDF cannot be read: {problem}") from None


class _TextLayer:
    """The texts of one page as PDFium has them; corners are read into the same four numbers each time."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._texts = page.get_textpage()
        self._width, self._height = page.get_size()
        self._corners = [ctypes.c_double() for _ in range(4)]

    def sheet(self, number: int) -> Sheet:
        """Runs in the order of painting, not in that of the text, which PDFium sorts by lines."""
        chars: dict[int, list[int]] = {}
        owners: dict[int, Any] = {}
        for at in range(self._texts.count_chars()):
            owner = pdfium_c.FPDFText_GetTextObject(self._texts, at)
            if owner and not pdfium_c.FPDFText_IsGenerated(self._texts, at):
                address = ctypes.addressof(owner.contents)
                chars.setdefault(address, []).append(at)
                owners[address] = owner
        objects = self._page.get_objects([pdfium_c.FPDF_PAGEOBJ_TEXT])
        painted = [ctypes.addressof(each.raw.contents) for each in objects]
        runs = (self._run(owners[each], chars[each]) for each in painted if each in owners)
        return Sheet(number, self._width, self._height, [run for run in runs if run])

    def _run(self, owner: Any, chars: Sequence[int]) -> Run | None:
        """The visible glyphs of a text object, if any."""
        colour, clip = _colour(owner), self._clip(owner)
        glyphs = [glyph for glyph in map(self._glyph, chars) if clip is None or _is_seen(glyph.box, clip)]
        inked = [glyph for glyph in glyphs if glyph.box.area]
        if not inked or not colour[3]:
            return None
        text = _whole("".join(glyph.char for glyph in glyphs))
        size = pdfium_c.FPDFText_GetFontSize(self._texts, chars[0])
        is_level = pdfium_c.FPDFText_GetCharAngle(self._texts, chars[0]) < LEAN
        return Run(text, inked, size, self._baseline(chars[0]), colour, is_level)

    def _glyph(self, at: int) -> Glyph:
        left, right, bottom, top = self._corners
        pdfium_c.FPDFText_GetCharBox(self._texts, at, left, right, bottom, top)
        box = Box(left.value, self._height - top.value, right.value, self._height - bottom.value)
        return Glyph(chr(pdfium_c.FPDFText_GetUnicode(self._texts, at)), box)

    def _baseline(self, at: int) -> float:
        x, y, *_ = self._corners
        pdfium_c.FPDFText_GetCharOrigin(self._texts, at, x, y)
        return float(self._height - y.value)

    def _clip(self, owner: Any) -> Box | None:
        """What is left by all clips of an object: the box around each of them; None without any."""
        clips = pdfium_c.FPDFPageObj_GetClipPath(owner)
        boxes = [self._clip_box(clips, path) for path in range(pdfium_c.FPDFClipPath_CountPaths(clips))]
        return reduce(Box.within, boxes) if boxes else None

    def _clip_box(self, clips: Any, path: int) -> Box:
        count = pdfium_c.FPDFClipPath_CountPathSegments(clips, path)
        segments = (pdfium_c.FPDFClipPath_GetPathSegment(clips, path, at) for at in range(count))
        return around(self._place(segment) for segment in segments) if count else NOWHERE

    def _place(self, segment: Any) -> Box:
        x, y = ctypes.c_float(), ctypes.c_float()
        pdfium_c.FPDFPathSegment_GetPoint(segment, x, y)
        return Box(x.value, self._height - y.value, x.value, self._height - y.value)


def _whole(text: str) -> str:
    """PDFium hands out the halves of characters beyond the first plane one by one."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_seen(box: Box, clip: Box) -> bool:
    return box.within(clip).area >= (1 - MOST_HIDDEN) * box.area


def _colour(owner: Any) -> tuple[int, int, int, int]:
    red, green, blue, alpha = parts = [ctypes.c_uint() for _ in range(4)]
    pdfium_c.FPDFPageObj_GetFillColor(owner, *parts)
    return red.value, green.value, blue.value, alpha.value
