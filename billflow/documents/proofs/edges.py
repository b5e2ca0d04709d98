"""Text that leaves the paper, or comes so near to its edge that printers leave it out."""

from collections.abc import Iterator

from billflow.documents.proofs.boxes import Box
from billflow.documents.proofs.sheets import Piece, Sheet
from billflow.documents.proofs.verdicts import Finding, quoted, told

MM = 72 / 25.4
MARGIN = 4 * MM
"""What office printers cannot print on: 4.2 mm at most of them, of which ink rarely needs the rest."""


def outside(sheet: Sheet) -> Iterator[Finding]:
    """One finding for all texts beyond the edges of a page, one for those nearer than `MARGIN` to one."""
    beyond = [piece for piece in sheet.pieces if piece.box.reaches(sheet.paper) > 0]
    near = [piece for piece in sheet.pieces if -MARGIN < piece.box.reaches(sheet.paper) <= 0]
    if beyond:
        texts = told(f"{quoted(piece.text)} ({_beyond(piece.box, sheet.paper)})" for piece in beyond)
        yield _finding(sheet, f"beyond the edge of the page: {texts}", beyond)
    if near:
        texts = told(f"{quoted(piece.text)} ({_near(piece.box, sheet.paper)})" for piece in near)
        yield _finding(sheet, f"nearer than {MARGIN / MM:.0f} mm to the edge of the page: {texts}", near)


def _finding(sheet: Sheet, what: str, pieces: list[Piece]) -> Finding:
    return Finding("outside", sheet.number, what, boxes=tuple(piece.box for piece in pieces))


def _beyond(box: Box, paper: Box) -> str:
    return f"{box.reaches(paper) / MM:.1f} mm"


def _near(box: Box, paper: Box) -> str:
    return f"{-box.reaches(paper) / MM:.1f} mm"
