"""How wide columns are: as wide as what they hold, and narrower, with text in several lines, where that is too much."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from billflow.documents.layout import Column
from billflow.documents.pagination import text_width, wrap

NARROWEST = 4.0
"""em; a column that has to give way keeps so much, or what its longest word needs if that is less."""


@dataclass(frozen=True)
class Cells:
    """The texts of one column, row by row, and how wide each is (em)."""

    column: Column
    texts: Sequence[str]
    widths: Sequence[float]

    @classmethod
    def of(cls, column: Column, texts: Iterable[str]) -> "Cells":
        listed = list(texts)
        known = {text: text_width(text) for text in set(listed)}
        return cls(column, listed, [known[text] for text in listed])

    @property
    def is_empty(self) -> bool:
        return not any(self.widths)

    @property
    def natural(self) -> float:
        return max(self.widths, default=0.0)

    @property
    def least(self) -> float:
        """What the longest word needs; a number is one word. Only asked for where a table is too wide."""
        words = {word for text in set(self.texts) for word in text.split(" ")}
        longest = max(map(text_width, words), default=0.0)
        return min(self.natural, longest if self.column.side == "end" else max(NARROWEST, min(longest, 3 * NARROWEST)))

    def lines(self, width: float) -> list[list[str]]:
        """Each row's text in lines of at most `width` em."""
        pairs = zip(self.texts, self.widths, strict=True)
        return [[text] if wide <= width and text.isprintable() else wrap(text, width) for text, wide in pairs]


def plan_widths(columns: Sequence[Cells], room: float) -> list[float]:
    """The widths (em) of columns in `room` em: natural ones, the spare to those that grow (the last one, if none
    does); or narrowed to fit.
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
    cap = _cap(natural, floors, room)
    return [max(floor, min(width, cap)) for width, floor in zip(natural, floors, strict=True)]


def _cap(natural: Sequence[float], floors: Sequence[float], room: float) -> float:
    """The width above which columns are cut so that they sum up to `room`; found by halving, to a 2^-30th."""
    low, high = 0.0, max(natural)
    for _ in range(40):
        middle = (low + high) / 2
        used = sum(max(floor, min(width, middle)) for width, floor in zip(natural, floors, strict=True))
        low, high = (middle, high) if used <= room else (low, middle)
    return low
