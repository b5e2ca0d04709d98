"""Texts of two pages that are the same text, and how far it moved from one to the other.

A text is the same when it says the same but for its digits: `150.43` one month is `163.20` the next.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

from billflow.documents.proofs.boxes import Box
from billflow.documents.proofs.scripts import bare
from billflow.documents.proofs.sheets import Piece, Sheet

TOLERANCE = 0.5
"""Points by which nothing has moved."""
ALIGNED = 1.5
"""Points between the ink of two letters that begin at the same place, at most."""
MOST = 0.5
"""Of a table's columns, those that any of its lines has."""
FEW = 3
"""A label may stand that often on a page and still be told apart by its order; what is more often is a table's cell."""
DIGIT = re.compile(r"\d")

_left_of, _right_of = attrgetter("left"), attrgetter("right")

Spots = Mapping[str, Sequence["Spot"]]


@dataclass(frozen=True)
class Spot:
    """A text on a page; `is_row` says that it shares its line with digits, as cells of tables and facts do."""

    key: str
    piece: Piece
    is_row: bool

    @property
    def has_digits(self) -> bool:
        return "0" in self.key


@dataclass(frozen=True)
class Shift:
    """One text, or the column of it, in both documents."""

    before: Spot
    after: Spot
    is_column: bool = False

    @property
    def dx(self) -> float:
        """Points to the right, of the end that moved less: the one by which the text is aligned."""
        old, new = self.before.piece.box, self.after.piece.box
        return min(new.left - old.left, new.right - old.right, key=abs)

    @property
    def dy(self) -> float:
        """Points down; a column has moved to a side only."""
        return 0.0 if self.is_column else self.after.piece.baseline - self.before.piece.baseline

    @property
    def is_move(self) -> bool:
        return max(abs(self.dx), abs(self.dy)) > TOLERANCE


@dataclass(frozen=True)
class Layout:
    """The texts of one page by their key, in reading order."""

    sheet: Sheet

    @cached_property
    def spots(self) -> dict[str, list[Spot]]:
        with_digits = {round(piece.baseline) for piece in self.sheet.pieces if DIGIT.search(piece.text)}
        spots: dict[str, list[Spot]] = {}
        for piece in sorted(self.sheet.pieces, key=lambda each: (each.baseline, each.box.left)):
            key = key_of(piece.text)
            if len(key) > 1:
                spots.setdefault(key, []).append(Spot(key, piece, round(piece.baseline) in with_digits))
        return spots

    @cached_property
    def flow(self) -> str:
        """All texts in one, as they follow one another: a sentence that is broken elsewhere is still in it."""
        return "".join(key_of(piece.text) for piece in self.sheet.pieces)

    @cached_property
    def lines(self) -> int:
        """How many lines of text the page has."""
        return len({round(piece.baseline) for piece in self.sheet.pieces})

    def lines_above(self, spot: Spot) -> int:
        return len({round(piece.baseline) for piece in self.sheet.pieces if piece.baseline < spot.piece.baseline - 1})

    def widths_beside(self, spot: Spot) -> dict[str, tuple[float, float]]:
        """How wide the columns are to which the texts on a text's line belong, by the text's key: the widest text that
        begins where it does, and the widest that ends there.
        """
        beside = [piece for piece in self.sheet.pieces if abs(piece.baseline - spot.piece.baseline) <= TOLERANCE]
        cells = self._table_of([piece.box for piece in beside])
        return {
            key_of(piece.text): (_widest(cells, piece.box, _left_of), _widest(cells, piece.box, _right_of))
            for piece in beside
        }

    def _table_of(self, columns: Sequence[Box]) -> list[Box]:
        """The texts of lines on which most columns have one, which other tables on the page hardly do."""
        lines: dict[int, list[Box]] = {}
        for piece in self.sheet.pieces:
            lines.setdefault(round(piece.baseline), []).append(piece.box)
        return [box for line in lines.values() if _share(line, columns) >= MOST for box in line]

    def has_slot(self, spot: Spot) -> bool:
        """Whether some text of this page stands where `spot` does on another: on the same line, aligned as it is."""
        return any(_is_slot(piece, spot.piece) for piece in self.sheet.pieces)


def key_of(text: str) -> str:
    """What a text is known by: without spaces and case, each digit a nought."""
    return DIGIT.sub("0", bare(text))


def _share(line: Sequence[Box], columns: Sequence[Box]) -> float:
    """Of the columns, those that have a text on a line."""
    return sum(any(_is_aligned_with(box, column) for box in line) for column in columns) / len(columns)


def _widest(cells: Iterable[Box], column: Box, end: Callable[[Box], float]) -> float:
    aligned = (box.width for box in cells if abs(end(box) - end(column)) <= ALIGNED)
    return max(aligned, default=column.width)


def _is_aligned_with(one: Box, other: Box) -> bool:
    return min(abs(one.left - other.left), abs(one.right - other.right)) <= ALIGNED


def _is_slot(one: Piece, other: Piece) -> bool:
    if abs(one.baseline - other.baseline) > TOLERANCE or abs(one.size - other.size) > TOLERANCE:
        return False
    (left, _, right, _), box = one.box, other.box
    return min(abs(left - box.left), abs(right - box.right), abs(left + right - box.left - box.right) / 2) <= TOLERANCE


def shifts(before: Layout, after: Layout) -> Iterator[Shift]:
    """What of two pages is the same text, wherever that can be said for sure."""
    for key, olds in before.spots.items():
        news = after.spots.get(key, [])
        if len(olds) == len(news) and (len(olds) == 1 or (len(olds) <= FEW and not olds[0].has_digits)):
            yield from map(Shift, olds, news)
        elif news and _is_aligned(olds) and _is_aligned(news):
            yield Shift(olds[0], news[0], is_column=True)


def _is_aligned(spots: Iterable[Spot]) -> bool:
    lefts = [spot.piece.box.left for spot in spots]
    return max(lefts) - min(lefts) <= TOLERANCE


def boxes(spots: Iterable[Spot]) -> tuple[Box, ...]:
    return tuple(spot.piece.box for spot in spots)
