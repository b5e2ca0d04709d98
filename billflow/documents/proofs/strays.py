"""Whether a document is what Typst alone would have made: sections are written into pages afterwards (`replay`)."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from billflow.documents.proofs.boxes import Box
from billflow.documents.proofs.sheets import Glyph, Run, Sheet, opened, read_sheets
from billflow.documents.proofs.verdicts import Finding, quoted

WITHIN = 0.02
"""Points between the places of a letter. PDFium adds steps up in single precision: over a page that comes to 0.004."""
SEEN = 32
"""Of 255: from which difference on a point of a picture counts."""
POINTS = 0.001
"""Of a page: more points that differ are a line or an area; letters that PDFium sets a pixel aside are 0.0003."""


def strays(pdf: bytes, whole: bytes) -> Iterator[Finding]:
    """What is on one document otherwise than on the other, which Typst has laid out as a whole; both can be read."""
    made, expected = read_sheets(pdf), read_sheets(whole)
    if len(made) != len(expected):
        yield Finding("written", None, f"{len(made)} pages are written where Typst lays out {len(expected)}")
    pictures = zip(_pictures(pdf), _pictures(whole), strict=False)
    for sheet, its, (picture, its_picture) in zip(made, expected, pictures, strict=False):
        if found := _stray(sheet, its):
            yield found
        elif np.mean(np.abs(picture - its_picture).max(axis=2) > SEEN) > POINTS:
            yield Finding("written", sheet.number, "lines or areas are drawn otherwise than Typst draws them")


def _stray(sheet: Sheet, expected: Sheet) -> Finding | None:
    """The first letter of a page that is another one, elsewhere, or looks otherwise."""
    made, whole = list(_glyphs(sheet)), list(_glyphs(expected))
    for (run, glyph), (its_run, its_glyph) in zip(made, whole, strict=False):
        if not (_are_alike(run, its_run) and _are_one(glyph, its_glyph)):
            what = f"{quoted(run.text)} is written otherwise than Typst lays it out"
            return Finding("written", sheet.number, what, boxes=(glyph.box,))
    if len(made) == len(whole):
        return None
    return Finding("written", sheet.number, f"{len(made)} letters are written where Typst prints {len(whole)}")


def _glyphs(sheet: Sheet) -> Iterator[tuple[Run, Glyph]]:
    return ((run, glyph) for run in sheet.runs for glyph in run.glyphs)


def _are_alike(run: Run, other: Run) -> bool:
    return run.colour == other.colour and abs(run.size - other.size) <= WITHIN


def _are_one(glyph: Glyph, other: Glyph) -> bool:
    return glyph.char == other.char and _are_near(glyph.box, other.box)


def _are_near(one: Box, other: Box) -> bool:
    return all(abs(edge - its) <= WITHIN for edge, its in zip(one, other, strict=True))


def _pictures(pdf: bytes) -> Iterator[NDArray[np.int16]]:
    with opened(pdf) as document:
        for page in document:
            yield page.render(scale=1).to_numpy().astype(np.int16)
