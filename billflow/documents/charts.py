"""Charts planned before Typst sees them: exact decimals in, SVG paths and joined texts out, in the language of a bill.

All bars of one colour are one path and a chart is one picture of a few paths: Typst reads a path ten times faster than
it builds a curve of as many points, and writes it into the page as it is. A bar is a broad line, half the points of a
rectangle. Paths count tenths of a point, so that the PDF holds whole numbers. A quantity that is missing leaves its
place empty; one that is given, if only zero, is never thinner than half a point.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from math import ceil
from typing import Any

from billflow.documents.formatting import Formats
from billflow.documents.pagination import wrap
from billflow.documents.scales import Scale, exact, power_of_ten, quantity_text, rounded, scale_of, tick_texts
from billflow.documents.tables import Labels
from billflow.documents.widths import boldness, text_width

TENTHS = 10
CAPTION, BELOW = 28, 12  # pt above the plot, for two lines of caption, and below it, for the names of its columns
TITLE_SIZE, SIZE = 8, 7
GAP = 4
SPACE = 0.25  # em between names
RISE = 2.3  # pt from the line of a tick down to the base line of its text
BASE_LINE = 0.72  # of the pitch of lines of text: where `ruled` in theme.typ has it
HAIRLINE, LINE = 4, 7  # tenths of a point, like all in paths
BROADEST_BAR, LEAST_RISE = 240, 5
FEWEST_MONTHS, MOST_MONTHS = 6, 13
DAYS_BETWEEN_NAMES = 7

Chart = dict[str, Any]
Series = Iterable[Sequence[str]]
Shape = tuple[str, str, int]
Quantities = Sequence[Decimal | None]


@dataclass(frozen=True)
class ChartSheet:
    """Draws charts of one size (pt).

    A chart is `{width, height, title, measure, note, shapes, columns, names}`. `measure` is the unit of its axis, with
    the power of ten that ticks are to be multiplied by; the `note` is beside it. `shapes` are triples of a role
    (`grid`, `earlier`, `current`, `average`, `track`), a path and how broad its lines are; `columns` are
    `{x, y, pitch, side, text}`, texts whose lines are `pitch` apart; `names` are pairs of a text below the plot and the
    x of its middle.
    """

    formats: Formats
    labels: Labels
    width: float
    height: float

    def months(self, months: Series, *, metric: str, unit: str, current: str) -> Chart:
        """Columns of the months up to `current` (`2013-01`), that one in the accent colour; 13 at most, 6 at least.

        `months` are pairs of month and quantity, in any order; those out of that range are not shown. The note is the
        quantity of the current month. Raises ValueError for what is no number.
        """
        quantities = {month: exact(quantity) for month, quantity in months}
        slots = _months_up_to(current, min(quantities, default=current))
        *earlier, last = (quantities.get(month) for month in slots)
        plot = _Plot.of(self, [*earlier, last])
        shapes = [
            ("earlier", plot.bars([*earlier, None]), plot.breadth(len(slots))),
            ("current", plot.bars([*(None for _ in earlier), last]), plot.breadth(len(slots))),
        ]
        note = "" if last is None else self._note(last, unit)
        return self._columns(self._title("chart_months", metric), unit, note, plot, shapes, self._month_names(slots))

    def days(self, days: Series, *, metric: str, unit: str, start: str, end: str) -> Chart:
        """Columns of the days from `start` up to the last before `end`, with a line at the average of those given.

        `days` are pairs of ISO date and quantity, in any order; those out of that range are not shown. The note is the
        average, in four digits. Raises ValueError for what is no number.
        """
        quantities = {day: exact(quantity) for day, quantity in days}
        slots = _days_between(start, end)
        shown = [quantities.get(day) for day in slots]
        plot = _Plot.of(self, shown)
        average = _average(shown)
        shapes = [
            ("earlier", plot.bars(shown), plot.breadth(len(slots))),
            ("average", "" if average is None else plot.level(average), LINE),
        ]
        note = "" if average is None else self._average_note(rounded(average), unit)
        names = [self.formats.day(day) if at % DAYS_BETWEEN_NAMES == 0 else "" for at, day in enumerate(slots)]
        return self._columns(self._title("chart_days", metric), unit, note, plot, shapes, names)

    def captioned(self, title: str, measure: str, note: str = "") -> Chart:
        """A chart's size and caption; the measure is cut to what the note leaves of their line."""
        room = (self.width - GAP) / SIZE - text_width(note) * TITLE_SIZE / SIZE
        return {
            "width": self.width,
            "height": self.height,
            "title": title,
            "measure": one_line(measure, room),
            "note": note,
        }

    def _columns(
        self, title: str, unit: str, note: str, plot: "_Plot", shapes: Sequence[Shape], names: Sequence[str]
    ) -> Chart:
        pitch = plot.height / TENTHS / plot.scale.steps
        ticks = {"x": plot.left / TENTHS - GAP, "y": plot.top / TENTHS + RISE - BASE_LINE * pitch}
        return {
            **self.captioned(title, " ".join(filter(None, [power_of_ten(plot.exponent), unit])), note),
            "shapes": [shape for shape in (("grid", plot.grid(), HAIRLINE), *shapes) if shape[1]],
            "columns": [{**ticks, "pitch": pitch, "side": "right", "text": "\n".join(plot.ticks)}],
            "names": plot.names(names),
        }

    def _note(self, quantity: Decimal, unit: str) -> str:
        """With its unit, unless that is long: it stands beside, in the measure."""
        text = quantity_text(quantity, unit, self.formats)
        fits = text_width(text) * TITLE_SIZE < self.width / 2
        return text if fits else quantity_text(quantity, "", self.formats)

    def _average_note(self, average: Decimal, unit: str) -> str:
        return str(self.labels["chart_average"]).replace("{amount}", self._note(average, unit))

    def _title(self, label: str, metric: str) -> str:
        label_text = str(self.labels[label])
        room = self.width / TITLE_SIZE / boldness() - text_width(label_text.replace("{metric}", ""))
        return label_text.replace("{metric}", one_line(metric, room))

    def _month_names(self, months: Sequence[str]) -> list[str]:
        names = self.formats.months(months, width="abbreviated")
        room = (self.width - 30) / SIZE / len(months) - SPACE
        return names if max(map(text_width, names)) < room else self.formats.months(months, width="narrow")


@dataclass(frozen=True)
class _Plot:
    """Where columns stand, in tenths of a point from the chart's top left corner, and what the ticks beside say."""

    left: int
    top: int
    width: int
    height: int
    scale: Scale
    ticks: Sequence[str]
    exponent: int

    @classmethod
    def of(cls, sheet: ChartSheet, shown: Quantities) -> "_Plot":
        scale = scale_of(quantity for quantity in shown if quantity is not None)
        ticks, exponent = tick_texts(scale, sheet.formats)
        left = ceil((max(map(text_width, ticks)) * SIZE + GAP) * TENTHS)
        width, height = round(sheet.width * TENTHS) - left, round((sheet.height - CAPTION - BELOW) * TENTHS)
        return cls(left, CAPTION * TENTHS, width, height, scale, ticks, exponent)

    def grid(self) -> str:
        """A line at every tick."""
        return "".join(self._line(self.height * index // self.scale.steps) for index in range(len(self.ticks)))

    def level(self, quantity: Decimal) -> str:
        """A line as high as a quantity."""
        return self._line(self._zero - self.scale.height(quantity, self.height))

    def bars(self, quantities: Quantities) -> str:
        """One line a slot, upwards from zero or down from it."""
        zero = self.top + self._zero
        return "".join(
            f"M{middle} {zero}V{zero - self._rise(quantity)}"
            for middle, quantity in zip(self._middles(len(quantities)), quantities, strict=True)
            if quantity is not None
        )

    def breadth(self, slots: int) -> int:
        """Of the bar in each of so many slots."""
        return max(min(self.width * 7 // (10 * slots), BROADEST_BAR), 1)

    def names(self, names: Sequence[str]) -> list[tuple[str, float]]:
        """Names of slots and their middles (pt), counted back from the last: as many as do not touch."""
        named = [(name, middle / TENTHS) for name, middle in zip(names, self._middles(len(names)), strict=True) if name]
        least = min((right - left for (_, left), (_, right) in pairwise(named)), default=self.width)
        widest = max(text_width(name) for name, _ in named) * SIZE + 1
        return named[:: -ceil(widest / least)][::-1]

    @property
    def _zero(self) -> int:
        return self.height * self.scale.high // self.scale.steps

    def _line(self, y: int) -> str:
        return f"M{self.left} {self.top + y}h{self.width}"

    def _middles(self, slots: int) -> list[int]:
        return [self.left + self.width * (2 * slot + 1) // (2 * slots) for slot in range(slots)]

    def _rise(self, quantity: Decimal) -> int:
        rise = self.scale.height(quantity, self.height)
        if abs(rise) >= LEAST_RISE:
            return rise
        return -LEAST_RISE if quantity < 0 else LEAST_RISE


def one_line(text: str, width: float) -> str:
    """The text, or as much of it as fits into `width` em with an ellipsis."""
    if text_width(text) <= width:
        return text
    return f"{wrap(text, width - 1)[0]}…"


def _average(shown: Quantities) -> Decimal | None:
    given = [quantity for quantity in shown if quantity is not None]
    return sum(given, Decimal(0)) / len(given) if given else None


def _months_up_to(current: str, first: str) -> list[str]:
    last = _month_number(current)
    count = min(max(last - _month_number(first) + 1, FEWEST_MONTHS), MOST_MONTHS)
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(last - count + 1, last + 1)]


def _month_number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:7]) - 1


@lru_cache(maxsize=64)
def _days_between(start: str, end: str) -> tuple[str, ...]:
    first = date.fromisoformat(start)
    days = max((date.fromisoformat(end) - first).days, 1)
    return tuple((first + timedelta(day)).isoformat() for day in range(days))
