"""Itemised usage: the records of each subscription and metric, in as many lanes a page as their width allows.

A column for each dimension: what the k-th dimension of a metric is called stands over its own records.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billflow.documents.columns import Cells
from billflow.documents.layout import Column, Section
from billflow.documents.pages import LANE_GAP, Part
from billflow.documents.pagination import Block, Heading, Line, wrap
from billflow.documents.tables import ROUNDING, Lines, Planned, Table, Writing
from billflow.documents.widths import boldness, text_width

Meter = Mapping[str, Any]
"""An element of the payload's `usage`: the records of one subscription and metric."""

DETAILS = "details"
WORTH_TRYING = 1.5
"""Lanes in which a row needs more than so many times their width save no lines."""


def metric_name(series: Mapping[str, Any]) -> str:
    """What its metric is called: by the catalogue, or by its code without the unit: `energy_kwh` in kWh is `Energy`."""
    if series.get("name"):
        return str(series["name"])
    unit, words = series["unit"] or "", series["metric"].replace("_", " ")
    name = words[: -len(unit)].strip() if unit and words.lower().endswith(f" {unit.lower()}") else words
    return f"{name[:1].upper()}{name[1:]}"


@dataclass(frozen=True)
class ItemisedUsage:
    """Cuts records to the columns of a lane: the time, a column for each dimension, the quantity.

    Records come as `[time, quantity, …]`, followed by a value for each dimension; `time` is `2013-01-05 14:30`, or
    `2013-01-05` in daily rows.
    """

    section: Section
    writing: Writing
    meters: Sequence[Meter]
    width: float

    def part(self, component: str, title: str) -> Part:
        lanes, table, planned, cells = self._narrowest()
        lines = table.lines(planned, cells)
        return Part(component, title, self.section, planned, list(self._blocks(planned, lines)), lanes)

    def _narrowest(self) -> tuple[int, Table, Planned, Sequence[Cells]]:
        """The lanes that need the fewest lines: narrower ones may have rows of more lines."""
        section = self.section.model_copy(update={"columns": tuple(self._columns())})
        cells = list(self._cells(Table(section, self.writing, self.width)))
        needed = sum(one.natural for one in cells)
        tables = [
            (lanes, Table(section, self.writing, (self.width - LANE_GAP * (lanes - 1)) / lanes))
            for lanes in range(1, self.section.lanes + 1)
        ]
        worth = [one for one in tables if one[0] == 1 or needed <= WORTH_TRYING * one[1].room(len(cells))]
        tried = [(lanes, table, table.plan(cells)) for lanes, table in worth[-2:]]
        lanes, table, planned = min(tried, key=lambda one: _height(cells, one[1], one[2]) / one[0])
        return lanes, table, planned, cells

    def _cells(self, table: Table) -> Iterator[Cells]:
        """The columns that have anything to show."""
        fields = _fields(self.meters)
        for column in table.section.columns:
            texts = self.writing.written(column.format, fields[column.field]) if column.field in fields else ()
            if any(texts):
                yield Cells(column, table.column_label(column), texts)

    def _columns(self) -> Iterator[Column]:
        most = _most_dimensions(self.meters)
        for column in self.section.columns:
            if column.field == DETAILS:
                yield from (column.model_copy(update={"field": _detail(index)}) for index in range(most))
            else:
                yield column

    def _blocks(self, planned: Planned, lines: Lines) -> Iterator[Block]:
        """One block a meter."""
        start, known = 0, dict[tuple[str, ...], Line]()
        for meter in self.meters:
            end, dimensions = start + len(meter["rows"]), tuple(meter["dimensions"])
            if dimensions not in known:
                known[dimensions] = tuple(self._labels(dimensions, planned))
            yield lines.block(range(start, end), self._title(meter, planned.width), known[dimensions])
            start = end

    def _labels(self, dimensions: Sequence[str], planned: Planned) -> Iterator[str]:
        """What the columns are called over the records of meters with these dimensions."""
        names = {_detail(index): name for index, name in enumerate(dimensions)}
        for column, label in zip(planned.columns, planned.labels, strict=True):
            name = names.get(column.field, "")
            yield (self.writing.heading(name) if name else "") if column.field.startswith(DETAILS) else label

    def _title(self, meter: Meter, width: float) -> Heading:
        """Its note stands beside the title, or below it where the lane is too narrow for both."""
        room = width / self.section.size / boldness()
        note, name = self._note(meter), self._name(meter)
        return _heading(name, note, room).going_on(_heading(self.writing.continued(name), note, room))

    def _name(self, meter: Meter) -> str:
        unit = meter["unit"] or ""
        title = metric_name(meter)
        named = f"{title}, {unit}" if unit and unit.casefold() != title.casefold() else title
        return " · ".join(filter(None, [named, meter["subscription_id"]]))

    def _note(self, meter: Meter) -> str:
        if meter["daily"]:
            return str(self.writing.labels[f"daily_{_daily_by(meter)}"])
        return self.writing.formats.counted(self.writing.labels["records"], meter["records"])


def _daily_by(meter: Meter) -> str:
    """What a day shows; in payloads of before that was told, the sum or the highest."""
    return str(meter.get("daily_by") or ("max" if meter.get("aggregate") == "max" else "sum"))


def _heading(name: str, note: str, room: float) -> Heading:
    if text_width(name) + text_width(note) + 1 <= room:
        return Heading(0, name, note, 2)
    lines = [*wrap(name, room), *wrap(note, room)]
    return Heading(0, "\n".join(lines), "", len(lines) + 1)


def _detail(index: int) -> str:
    return f"{DETAILS}.{index}"


def _fields(meters: Sequence[Meter]) -> dict[str, list[str | None]]:
    """The columns of all records."""
    fields: dict[str, list[str | None]] = {"time": [], "quantity": []}
    fields |= {_detail(index): [] for index in range(_most_dimensions(meters))}
    for meter in meters:
        rows, names = meter["rows"], ["time", "quantity", *map(_detail, range(len(meter["dimensions"])))]
        given = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
        for name, values in fields.items():
            values.extend(given.get(name) or [None] * len(rows))
    return fields


def _most_dimensions(meters: Sequence[Meter]) -> int:
    return max(len(meter["dimensions"]) for meter in meters)


def _height(cells: Sequence[Cells], table: Table, planned: Planned) -> int:
    """How many lines the rows take; an estimate where texts are broken."""
    limits = [width / table.section.size + ROUNDING for width in planned.widths]
    high = [one.heights(limit) for one, limit in zip(cells, limits, strict=True) if one.widest > limit]
    return sum(map(max, zip(*high, strict=True))) if high else len(cells[0].texts)
