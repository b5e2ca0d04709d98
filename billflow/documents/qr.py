"""A text as the outline of a QR code: one path for a fill by the even-odd rule.

Its corners are the grid points around which an odd number of the four modules is dark. In every row and column of
points they pair up, first with second and so on, and the lines between pairs are just the edges between dark and light.
Where dark modules touch at a corner only, lines cross instead of turning: two fifths fewer points than the outlines of
connected modules have, and 1.4 KB in a PDF rather than 2.3 KB.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import segno

MASK = 4
"""Any mask can be read. To try all eight costs 6 ms a code; this one has the fewest corners, though by little."""

POINTS_A_ROW = 1 << 8  # more than a QR code's 177 modules


@dataclass(frozen=True)
class Outline:
    """An SVG path over `size` × `size` modules, whose unit is one module; without the quiet zone."""

    size: int
    path: str


def qr_outline(text: str) -> Outline:
    """The QR code of a text (UTF-8), with error correction M, as small as it can be.

    Raises segno.DataOverflowError for more text than a code holds.
    """
    code = segno.make_qr(text, error="m", mask=MASK, encoding="utf-8", boost_error=False)
    rows = [bytes(row) for row in code.matrix]
    return Outline(len(rows), path_of(rows))


def path_of(rows: Sequence[bytes]) -> str:
    """The path around the modules that are 1, given a square of them, row by row."""
    beside, below = _partners(list(_corners(rows)))
    parts = []
    while beside:
        start = at = next(iter(beside))
        parts.append(f"M{at % POINTS_A_ROW} {at // POINTS_A_ROW}")
        while True:
            along = beside.pop(at)
            del beside[along]
            parts.append(f"H{along % POINTS_A_ROW}")
            at = below[along]
            if at == start:
                break
            parts.append(f"V{at // POINTS_A_ROW}")
        parts.append("Z")
    return "".join(parts)


def _corners(rows: Sequence[bytes]) -> Iterator[list[int]]:
    """The corners of each row of points, from left to right; a point is y * POINTS_A_ROW + x."""
    light = bytes(len(rows))
    for y, (above, below) in enumerate(pairwise([light, *rows, light])):
        edges = int.from_bytes(above, "little") ^ int.from_bytes(below, "little")  # a byte a module, the first lowest
        corners = (edges ^ (edges << 8)).to_bytes(len(rows) + 1, "little")
        yield [y * POINTS_A_ROW + x for x, turns in enumerate(corners) if turns]


def _partners(rows: list[list[int]]) -> tuple[dict[int, int], dict[int, int]]:
    """The other end of the line along the row, and along the column, of each corner."""
    columns: dict[int, list[int]] = {}
    for row in rows:
        for point in row:
            columns.setdefault(point % POINTS_A_ROW, []).append(point)
    return _paired(rows), _paired(columns.values())


def _paired(lines: Iterable[list[int]]) -> dict[int, int]:
    partners = {}
    for line in lines:
        for one, other in zip(line[::2], line[1::2], strict=True):
            partners[one], partners[other] = other, one
    return partners
