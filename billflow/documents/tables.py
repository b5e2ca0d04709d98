"""Sections as tables: rows of the payload cut to planned columns, under the titles of their groups, ready for pages.

Everything is text by now: one text per column and page, its lines joined (see `pagination`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import accumulate, chain, groupby
from typing import Any, NamedTuple

from billflow.documents.columns import Cells, plan_widths
from billflow.documents.formatting import Formats
from billflow.documents.layout import Column, Group, Section
from billflow.documents.pagination import TIME_GAP, Block, Heading, Line, wrap
from billflow.documents.widths import boldness

Labels = Mapping[str, Any]
Row = Mapping[str, Any]

LEVEL_SIZES = (1.0, 1.25, 1.45)
"""Size of a group's title by its height above the rows, in sizes of the rows."""
ROUNDING = 1e-6
"""em; what a width may lose on the way through points."""
TITLE_SHARE = 0.72
"""Of the width, for a group's title; its subtotal stands beside it."""


ALONE = "{value}"
"""The title of a group that says nothing else than its value."""


def sum_of(amounts: Iterable[str]) -> str:
    """The exact sum of plain decimals."""
    return f"{sum(map(Decimal, amounts), Decimal(0)):f}"


@dataclass(frozen=True)
class Writing:
    """How one document writes: its formats, its labels, and the values that labels may name in braces."""

    formats: Formats
    labels: Labels
    values: Mapping[str, str] = field(default_factory=dict)

    def label(self, text: str) -> str:
        """A label by its name; other text as it is, with the names of labels and values in braces replaced."""
        if "{" in text:
            return text.format_map({**self.labels, **self.values})
        return str(self.labels.get(text, text))

    def heading(self, name: str) -> str:
        """What a field without a declared label is called: its label, else its name in words."""
        return str(self.labels.get(name) or name.replace("_", " ").capitalize())

    def continued(self, title: str) -> str:
        """A title where what is under it goes on."""
        return f"{title} ({self.labels['continued']})"

    def texts(self, column: Column, rows: Sequence[Row]) -> list[str]:
        """The values of a column as its format writes them; nothing for what is not there."""
        name = column.field
        if column.format == "period":
            start, end = f"{name}_start", f"{name}_end"
            days = [(row.get(start), row.get(end)) for row in rows]
            known = {(a, b): self.formats.period(a, b) if a and b else "" for a, b in {*days}}
            return list(map(known.__getitem__, days))
        texts = self.written(column.format, [row.get(name) for row in rows])
        if column.format == "quantity":
            units = [row.get("unit") for row in rows]
            return [f"{text} {unit}" if text and unit else text for text, unit in zip(texts, units, strict=True)]
        return texts

    def written(self, written_as: str, values: Sequence[Any]) -> list[str]:
        """Values in a format that needs nothing else of their rows."""
        return _WRITERS[written_as](self.formats, values)


def _of_each(write: Callable[[Formats, Any], str]) -> Callable[[Formats, Sequence[Any]], list[str]]:
    """Nothing where there is no value."""
    return lambda formats, values: ["" if value in (None, "") else write(formats, value) for value in values]


def _texts(_formats: Formats, values: Sequence[Any]) -> list[str]:
    return ["" if value is None else str(value) for value in values]


def _times(formats: Formats, values: Sequence[str | None]) -> list[str]:
    """The day and the time of day, `TIME_GAP` between them; only the day where there is no time."""
    return formats.times(values, gap=TIME_GAP)


_WRITERS: dict[str, Callable[[Formats, Sequence[Any]], list[str]]] = {
    "text": _texts,
    "time": _times,
    "number": Formats.numbers,
    "quantity": Formats.numbers,
    "amount": Formats.amounts,
    "percent": _of_each(Formats.percent),
    "date": _of_each(Formats.date),
}


@dataclass(frozen=True)
class Planned:
    """The columns that a table has on one document: which, under what labels, and how wide their texts are (points)."""

    columns: Sequence[Column]
    labels: Sequence[str]
    widths: Sequence[float]
    gutter: float

    @cached_property
    def width(self) -> float:
        return sum(self.widths) + self.gutter * (len(self.widths) - 1)

    @cached_property
    def edges(self) -> list[dict[str, Any]]:
        """Where the texts of each column are placed: at its start, or at its end."""
        edges, start = [], 0.0
        for column, width in zip(self.columns, self.widths, strict=True):
            at = start + width if column.side == "end" else start
            edges.append({"at": round(at, 2), "side": column.side})
            start += width + self.gutter
        return edges


class Lines(NamedTuple):
    """The lines of all rows, column by column, and at which of them each row begins."""

    columns: Sequence[Sequence[str]]
    starts: Sequence[int]

    @classmethod
    def of(cls, columns: Sequence[Sequence[Sequence[str]]]) -> "Lines":
        """From columns of rows, each some lines: those of a row are as many as its highest cell has."""
        heights = [max(map(len, row)) for row in zip(*columns, strict=True)]
        padded = [[*chain.from_iterable(map(_padded, column, heights))] for column in columns]
        return cls(padded, [0, *accumulate(heights)][:-1])

    def block(
        self,
        rows: Sequence[int],
        title: Heading | None = None,
        labels: Line = (),
        opens: tuple[Heading, ...] = (),
        within: str = "",
    ) -> Block:
        """A block of rows, in order."""
        if not rows or rows[-1] - rows[0] == len(rows) - 1:
            columns, starts = self._following(rows)
        else:
            ranges = [slice(self._start(row), self._start(row + 1)) for row in rows]
            columns = [[*chain.from_iterable([column[each] for each in ranges])] for column in self.columns]
            starts = [0, *accumulate(each.stop - each.start for each in ranges)][:-1]
        return Block(columns, starts, title, opens, within, labels)

    def _following(self, rows: Sequence[int]) -> tuple[Sequence[Sequence[str]], Sequence[int]]:
        """Lines of rows that follow one another, and at which of them each begins."""
        first, last = (rows[0], rows[-1] + 1) if rows else (0, 0)
        begin, end = self._start(first), self._start(last)
        starts = (
            range(end - begin) if isinstance(self.starts, range) else [at - begin for at in self.starts[first:last]]
        )
        return [column[begin:end] for column in self.columns], starts

    def _start(self, row: int) -> int:
        return self.starts[row] if row < len(self.starts) else len(self.columns[0])


def _padded(lines: Sequence[str], height: int) -> Sequence[str]:
    return [*lines, *[""] * (height - len(lines))]


@dataclass(frozen=True)
class Table:
    """One section of one document."""

    section: Section
    writing: Writing
    width: float
    _headings: dict[tuple[str | None, int], Heading] = field(default_factory=dict, repr=False, compare=False)

    def cells(self, rows: Sequence[Row]) -> list[Cells]:
        """The columns that have anything to show."""
        columns = self.section.columns
        shown = [Cells(column, self.column_label(column), self.writing.texts(column, rows)) for column in columns]
        return [cells for cells in shown if not cells.is_empty]

    def room(self, columns: int) -> float:
        """What so many columns can share (em)."""
        return (self.width - self.section.gutter * (columns - 1)) / self.section.size

    def plan(self, cells: Sequence[Cells]) -> Planned:
        """Widths for these cells in the width of the table."""
        widths = [em * self.section.size for em in plan_widths(cells, self.room(len(cells)))]
        columns, labels = [one.column for one in cells], [one.label for one in cells]
        return Planned(columns, labels, widths, self.section.gutter)

    def column_label(self, column: Column) -> str:
        named = column.label is not None
        return self.writing.label(column.label or "") if named else self.writing.heading(column.field)

    def lines(self, planned: Planned, cells: Sequence[Cells]) -> Lines:
        """All rows as lines."""
        limits = [width / self.section.size + ROUNDING for width in planned.widths]
        pairs = list(zip(cells, limits, strict=True))
        if all(one.fit(limit) for one, limit in pairs):
            return Lines([one.texts for one in cells], range(len(cells[0].texts)))
        return Lines.of([one.lines(limit) for one, limit in pairs])

    def blocks(self, rows: Sequence[Row], lines: Lines) -> Iterator[Block]:
        """One block for each innermost group; outer titles open with the first block that is in them."""
        amounts: dict[str, Sequence[Decimal]] = {}
        groups = [_Keyed.of(group, rows, amounts) for group in self.section.groups]
        several = [one for one in groups if not one.group.several or len({*one.keys}) > 1]
        return self._grouped(several, range(len(rows)), lines)

    def _grouped(
        self,
        groups: Sequence["_Keyed"],
        members: Sequence[int],
        lines: Lines,
        opens: tuple[Heading, ...] = (),
        within: str | None = None,
    ) -> Iterator[Block]:
        """Of members that are in groups: titles that open with the first of them, and the name of the outermost."""
        if not groups:
            yield lines.block(members)
            return
        one, *inner = groups
        found = one.by_key(members)
        for (value, chosen), subtotal in zip(found.items(), one.subtotals(found.values(), self.writing), strict=True):
            heading = self._heading(one.group, value, level=len(inner)).with_beside(subtotal)
            if inner:
                outermost = heading.text if within is None else within
                yield from self._grouped(inner, chosen, lines, (*opens, heading), outermost)
            else:
                yield lines.block(chosen, heading, (), opens, within or "")
            opens = ()

    def _heading(self, group: Group, value: str | None, level: int) -> Heading:
        if (value, level) not in self._headings:
            size = self.section.size * LEVEL_SIZES[min(level, len(LEVEL_SIZES) - 1)]
            room, title = self.width * TITLE_SHARE / size / boldness(), self._title(group, value)
            first, again = (wrap(text, room) for text in (title, self.writing.continued(title)))
            self._headings[value, level] = Heading.of(level, "", first, again)
        return self._headings[value, level]

    def _title(self, group: Group, value: str | None) -> str:
        if not value:
            return self.writing.label(group.empty)
        return value if group.title == ALONE else group.title.format_map({**self.writing.labels, "value": value})


@dataclass(frozen=True)
class _Keyed:
    """A group, to which of its kind each row belongs, and what each adds to a subtotal."""

    group: Group
    keys: Sequence[str | None]
    amounts: Sequence[Decimal]

    @classmethod
    def of(cls, group: Group, rows: Sequence[Row], amounts: dict[str, Sequence[Decimal]]) -> "_Keyed":
        """`amounts` are those of fields that are known already."""
        field = group.subtotal
        if field and field not in amounts:
            amounts[field] = [Decimal(row[field]) for row in rows]
        return cls(group, [row.get(group.by) for row in rows], amounts[field] if field else ())

    def by_key(self, members: Iterable[int]) -> dict[str | None, list[int]]:
        """Those rows by their keys, in the order of their first appearance."""
        found: dict[str | None, list[int]] = {}
        for key, some in groupby(members, self.keys.__getitem__):
            found.setdefault(key, []).extend(some)
        return found

    def subtotals(self, groups: Collection[Sequence[int]], writing: Writing) -> list[str]:
        """What the rows of each group add up to; nothing where nothing is added up."""
        if not self.amounts:
            return [""] * len(groups)
        sums = [sum(map(self.amounts.__getitem__, members), Decimal(0)) for members in groups]
        return writing.formats.amounts([f"{amount:f}" for amount in sums])
