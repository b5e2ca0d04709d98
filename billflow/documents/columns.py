"""How wide columns are: as wide as what they hold, and narrower, with text in several lines, where that is too much."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from math import ceil

from billflow.documents.breaks import BREAKS
from billflow.documents.layout import Column
from billflow.documents.pagination import wrap
from billflow.documents.widths import kinds_of, text_width

NARROWEST = 4.0
"""em; a column that has to give way keeps so much, or what its longest word needs if that is less."""


class Cells:
    """One column: its label and the texts of its rows; how wide (em) the `widest` of them is, and with the label what
    the column is by nature (`natural`).
    """

    def __init__(self, column: Column, label: str, texts: Sequence[str]) -> None:
        self.column, self.label, self.texts = column, label, texts
        self.is_empty = not any(texts)
        self._kinds = () if self.is_empty else kinds_of(texts)
        self._different = {*self._kinds}
        self.widest = max(map(text_width, self._different), default=0.0)
        self.natural = max(self.widest, text_width(label))

    def heights(self, width: float) -> list[int]:
        """How many lines each text takes at least in a width of so many em."""
        heights = {kind: ceil(text_width(kind) / width) for kind in self._different}
        return list(map(heights.__getitem__, self._kinds))

    @cached_property
    def least(self) -> float:
        """What the longest word needs; a number is one word. Only asked for where a table is too wide."""
        if self.column.side == "end":
            return self.natural
        words = {word for text in {*self._different, self.label} for word in text.split(" ")}
        return min(max(map(text_width, words)), 3 * NARROWEST)

    def fit(self, width: float) -> bool:
        """Whether each text is one line of `width` em."""
        return self.widest <= width and not self._breaks()

    def _breaks(self) -> bool:
        """Whether any text has what breaks a line."""
        return BREAKS.search("".join(self._different)) is not None

    def lines(self, width: float) -> list[list[str]]:
        """Each row's text in lines of at most `width` em."""
        if self.fit(width):
            return [[text] for text in self.texts]
        return [wrap(text, width) for text in self.texts]


def plan_widths(columns: Sequence[Cells], room: float) -> list[float]:
    """The widths (em) of columns in `room` em.

    Natural ones, the spare to those that grow (the last one, if none does); or narrowed to fit.
    """
    natural = [cells.natural for cells in columns]
    spare = room - sum(natural)
    if spare < 0:
        return _narrowed(columns, natural, room)
    growing = [cells.column.grows for cells in columns]
    if not any(growing):
        growing[-1:] = [True]
    share = spare / sum(growing)
    return [width + share * grows for width, grows in zip(natural, growing, strict=True)]


def _narrowed(columns: Sequence[Cells], natural: Sequence[float], room: float) -> list[float]:
    """The widest give way first, none below its longest word; if even that is too much, all below one width."""
    least = [cells.least for cells in columns]
    floors = least if sum(least) <= room else [0.0] * len(least)
    cap = _cap(tuple(natural), tuple(floors), room)
    return [max(floor, min(width, cap)) for width, floor in zip(natural, floors, strict=True)]


@lru_cache(maxsize=4096)
def _cap(natural: tuple[float, ...], floors: tuple[float, ...], room: float) -> float:
    """The width above which columns are cut so that they sum up to `room`; found by halving."""
    columns, low, high = list(zip(natural, floors, strict=True)), 0.0, max(natural)
    for _ in range(40):
        middle = (low + high) / 2
        used = sum([max(floor, min(width, middle)) for width, floor in columns])
        low, high = (middle, high) if used <= room else (low, middle)
    return low
