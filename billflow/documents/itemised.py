"""Itemised usage: records as blocks of planned text, in two or three lanes a page."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from billflow.documents.charges import Geometry, Labels
from billflow.documents.formatting import Formats
from billflow.documents.pagination import BOLD, Block, Line, fits, stacked, title_rows, wrap

UsageGroup = Mapping[str, Any]
DAY = slice(10)
CLOCK = slice(11, None)


@dataclass(frozen=True)
class UsageSheet:
    """Cuts usage records to the columns of a lane: time, details, quantity.

    Records come as `[time, detail, quantity]`, `time` being `2013-01-05 14:30`, or `2013-01-05` in daily rows.
    """

    formats: Formats
    labels: Labels
    geometry: Geometry

    def lane_of(self, groups: Sequence[UsageGroup]) -> Sequence[float]:
        """The columns (pt) of the narrowest lane in which every record is one line, else of the widest."""
        widest, *narrower = self.geometry["lanes"]
        columns = [self._texts(groups, column) for column in range(3)]
        for lane in reversed(narrower):
            if all(fits(texts, self._em(width)) for texts, width in zip(columns, lane, strict=True)):
                return list(lane)
        return list(widest)

    def lanes_beside(self, lane: Sequence[float]) -> int:
        """How many lanes of that width a page holds: `layout.json` names them from two upwards."""
        return 2 + list(self.geometry["lanes"]).index(lane)

    def blocks(self, groups: Sequence[UsageGroup], lane: Sequence[float]) -> Iterator[Block]:
        """One block a subscription and metric."""
        for group in groups:
            title = wrap(self._title(group), (sum(lane) - self.geometry["gutter"]) / self.geometry["size"] / BOLD)
            starts, lines = self._lines(group, lane)
            yield Block(
                title=("\n".join(title), self._note(group)),
                title_lines=len(title) + 2,
                lines=lines,
                starts=starts,
            )

    def layers(self, blocks: Iterable[Block]) -> list[str]:
        """A lane: titles, notes, times, details and quantities, each one text; all count the same lines."""
        rows: list[Line] = []
        for block in blocks:
            title, note = block.title
            rows += [(text, "", "", "", "") for text, _ in title_rows((title, ""), block.title_lines - 1)]
            rows.append(("", self.labels["continued"] if block.begin else note, "", "", ""))
            rows += [("", "", *record) for record in _with_days(block.printed)]
        return stacked(rows, 5)

    def _title(self, group: UsageGroup) -> str:
        metric = group["metric"].replace("_", " ")
        unit = group["unit"] or ""
        name = metric[: -len(unit)].strip() if unit and metric.lower().endswith(f" {unit.lower()}") else metric
        title = f"{name[:1].upper()}{name[1:]}, {unit}" if unit else f"{name[:1].upper()}{name[1:]}"
        return f"{title} · {group['subscription_id']}"

    def _note(self, group: UsageGroup) -> str:
        if group["daily"]:
            return str(self.labels["daily_max" if group.get("aggregate") == "max" else "daily_sum"])
        return self.formats.counted(self.labels["records"], group["records"])

    def _lines(self, group: UsageGroup, lane: Sequence[float]) -> tuple[list[int], list[Line]]:
        """Where each record starts, and its lines: one, unless a text is wider than its column."""
        number, in_digits = self.formats.number, self.formats.in_digits
        rows, daily = group["rows"], group["daily"]
        days = {day: self.formats.day(day) for day in {row[0][DAY] for row in rows}}
        detail_width, quantity_width = self._em(lane[1]), self._em(lane[2])
        starts: list[int] = []
        lines: list[Line] = []
        for time, detail, quantity in rows:
            starts.append(len(lines))
            details = wrap(in_digits(detail) if daily else detail, detail_width)  # of a day: how many readings
            quantities = wrap(number(quantity), quantity_width)
            lines.append((days[time[DAY]], in_digits(time[CLOCK]), details[0], quantities[0]))
            lines += [("", "", *more) for more in zip_longest(details[1:], quantities[1:], fillvalue="")]
        return starts, lines

    def _texts(self, groups: Sequence[UsageGroup], column: int) -> list[str]:
        texts = {row[column] for row in chain.from_iterable(group["rows"] for group in groups)}
        if column:
            return list(texts)
        clock = " 00:00" if any(len(time) > 10 for time in texts) else ""
        return [f"{self.formats.day(day)}{clock}" for day in {time[DAY] for time in texts}]

    def _em(self, width: float) -> float:
        return float((width - self.geometry["gutter"]) / self.geometry["size"])


def _with_days(lines: Sequence[Line]) -> Iterator[Line]:
    """Time, details and quantity of each line; the day is written where it begins."""
    previous = ""
    for day, clock, detail, quantity in lines:
        yield f"{day} {clock}" if clock and day != previous else clock or day, detail, quantity
        previous = day
