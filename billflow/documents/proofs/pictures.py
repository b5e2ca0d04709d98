"""Two pages beside each other with boxes around what changed and what was found."""

import io
from collections.abc import Iterable, Iterator, Sequence

import pypdfium2 as pdfium
from PIL import Image, ImageDraw, ImageFont

from billflow.documents.proofs.boxes import Box
from billflow.documents.proofs.comparison import Comparison
from billflow.documents.proofs.sheets import UnreadableError, opened
from billflow.documents.proofs.verdicts import Finding

DPI = 90
SCALE = DPI / 72
GAP = 10
CAPTION = 26
"""Pixels between the two pages, and above them."""
PAPER_COLOURS = 28
"""Of a picture; with those of the four boxes it has 32. A page full of calls takes some 45 KB."""

Colour = tuple[int, int, int]
MOVED: Colour = (217, 119, 6)
NEW: Colour = (22, 150, 60)
GONE: Colour = (205, 30, 30)
FOUND: Colour = (200, 0, 160)
INK: Colour = (40, 48, 56)
DESK: Colour = (222, 226, 230)
MARKS = {"moved": MOVED, "new": NEW, "gone": GONE, "finding": FOUND}
Outline = tuple[Box, Colour]


def side_by_side(
    before: bytes | None,
    after: bytes,
    comparison: Comparison | None,
    page: int,
    *,
    findings: Sequence[Finding] = (),
) -> bytes:
    """A PNG of one page, from 1: on the left as it was, on the right as it is; without `before`, as it is alone.

    Boxes around what moved (amber), is new (green), is gone (red), and what `findings` are about (magenta). A document
    that has no such page, or cannot be opened, leaves its side empty. Raises UnreadableError when neither has it.
    """
    sides = [(None if before is None else _page(before, page), "last month"), (_page(after, page), "now")]
    pictures = [picture for picture, _ in sides if picture]
    if not pictures:
        raise UnreadableError(f"no document that can be read has a page {page}")
    size = max(picture.width for picture in pictures), max(picture.height for picture in pictures)
    shown = [side for side in sides if before is not None or side[1] == "now"]
    captions = [f"{name}, page {page}" if picture else f"{name}: no page {page}" for picture, name in shown]
    outlines = [_before(comparison, page), [*_after(comparison, page), *_found(findings, page)]][-len(shown) :]
    canvas = Canvas(size, len(shown))
    for side, ((picture, _), caption) in enumerate(zip(shown, captions, strict=True)):
        canvas.show(picture, side, caption)
    used = {colour for boxes in outlines for _, colour in boxes}
    squares = canvas.legend([name for name, colour in MARKS.items() if colour in used])
    return canvas.png([box for side, boxes in enumerate(outlines) for box in canvas.placed(boxes, side)] + squares)


def _page(pdf: bytes, page: int) -> Image.Image | None:
    try:
        with opened(pdf) as document:
            if page > len(document):
                return None
            picture: Image.Image = document[page - 1].render(scale=SCALE).to_pil().convert("RGB")
            return picture
    except (UnreadableError, pdfium.PdfiumError):
        return None


class Canvas:
    """Pages beside each other on a desk, with captions; written in few colours, to which those of boxes are added."""

    def __init__(self, size: tuple[int, int], pages: int) -> None:
        self._step = size[0] + GAP
        self._image = Image.new("RGB", (pages * self._step - GAP, size[1] + CAPTION), DESK)
        self._draw = ImageDraw.Draw(self._image)
        self._font = ImageFont.load_default(size=13)

    def show(self, picture: Image.Image | None, side: int, caption: str) -> None:
        if picture:
            self._image.paste(picture, (side * self._step, CAPTION))
        self._text(side * self._step + 8, caption)

    def _text(self, left: float, text: str) -> None:
        self._draw.text((left, 5), text, fill=INK, font=self._font)

    def legend(self, names: Sequence[str]) -> list[Outline]:
        """What boxes mean, at the right end of the captions; the squares are still to be drawn (pixels)."""
        right = float(self._image.width - 8)
        squares = []
        for name in reversed(names):
            right -= self._draw.textlength(name, font=self._font)
            self._text(right, name)
            squares.append((Box(right - 17, 8, right - 7, 18), MARKS[name]))
            right -= 32
        return squares

    def placed(self, boxes: Iterable[Outline], side: int) -> list[Outline]:
        """Boxes of a page (points) a little away from the text of its picture (pixels)."""
        left = side * self._step
        return [(_around(box, left), colour) for box, colour in boxes]

    def png(self, outlines: Iterable[Outline]) -> bytes:
        few = self._image.quantize(PAPER_COLOURS, dither=Image.Dither.NONE)
        paper = (few.getpalette() or [])[: 3 * PAPER_COLOURS]
        few.putpalette([*paper, *(part for colour in MARKS.values() for part in colour)])
        draw, first = ImageDraw.Draw(few), len(paper) // 3
        for box, colour in outlines:
            draw.rectangle(box, outline=first + list(MARKS.values()).index(colour))
        written = io.BytesIO()
        few.save(written, "PNG", optimize=True)
        return written.getvalue()


def _around(box: Box, left: float) -> Box:
    return Box(
        left + box.left * SCALE - 2,
        CAPTION + box.top * SCALE - 2,
        left + box.right * SCALE + 2,
        CAPTION + box.bottom * SCALE + 2,
    )


def _before(comparison: Comparison | None, page: int) -> list[Outline]:
    if comparison is None:
        return []
    moved = [(box, MOVED) for move in comparison.moves if move.page == page for box in move.before]
    return [*moved, *((label.box, GONE) for label in comparison.gone if label.page == page)]


def _after(comparison: Comparison | None, page: int) -> list[Outline]:
    if comparison is None:
        return []
    moved = [(box, MOVED) for move in comparison.moves if move.page == page for box in move.after]
    return [*moved, *((label.box, NEW) for label in comparison.new if label.page == page)]


def _found(findings: Iterable[Finding], page: int) -> Iterator[Outline]:
    for finding in findings:
        if finding.page == page:
            yield from ((box, FOUND) for box in finding.boxes)
