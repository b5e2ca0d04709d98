"""A tariff's schedule (months by hours, for weekdays and for weekends) as the windows of a calendar."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS, WEEKENDS, ALL_DAYS = "mon-fri", "sat-sun", ""

Grid = Sequence[Sequence[int]]  # [month, 0 is January][hour] → period
Span = tuple[int, int]  # first and last, both in it; the first may be the later one: then it wraps
Cell = tuple[str, int, int]  # weekdays or weekends, month, hour


@dataclass(frozen=True)
class Schedule:
    """Which period each month and hour belongs to, as the U.S. Utility Rate Database writes it."""

    weekday: Grid
    weekend: Grid

    def cells(self) -> Iterator[tuple[Cell, int]]:
        """Every (days, month, hour) with its period."""
        for days, grid in ((WEEKDAYS, self.weekday), (WEEKENDS, self.weekend)):
            for month, hours in enumerate(grid):
                for hour, period in enumerate(hours):
                    yield (days, month, hour), period


@dataclass(frozen=True)
class Window:
    """One window of a calendar; empty months, days or hours mean all of them."""

    months: tuple[Span, ...] = ()
    days: str = ALL_DAYS
    hours: tuple[Span, ...] = ()

    def __str__(self) -> str:
        """The window as a flow mapping of YAML: `{months: nov-apr, days: mon-fri, hours: 21-8}`."""
        parts = {
            "months": _listed(_month_text(span) for span in self.months),
            "days": self.days,
            "hours": _listed(f"{first}-{last + 1}" for first, last in self.hours),
        }
        return "{" + ", ".join(f"{key}: {text}" for key, text in parts.items() if text) + "}"

    def cells(self) -> Iterator[Cell]:
        """Every (days, month, hour) in the window."""
        for days in [self.days] if self.days else [WEEKDAYS, WEEKENDS]:
            for month in _members(self.months, 12):
                for hour in _members(self.hours, 24):
                    yield days, month, hour


def windows_of(schedule: Schedule) -> dict[int, list[Window]]:
    """The windows of each period, few and readable. They do not overlap, so their order does not matter."""
    periods = sorted({period for _, period in schedule.cells()})
    windows = {period: _windows_of_period(schedule, period) for period in periods}
    if expand(windows) != dict(schedule.cells()):
        raise AssertionError("the windows do not give the schedule back")
    return windows


def expand(windows: Mapping[int, Iterable[Window]]) -> dict[Cell, int]:
    """Back from windows to the period of each cell; windows that overlap are an error."""
    cells: dict[Cell, int] = {}
    for period, cell in ((p, c) for p, several in windows.items() for window in several for c in window.cells()):
        if cell in cells:
            raise AssertionError(f"{cell} is in two windows")
        cells[cell] = period
    return cells


def _windows_of_period(schedule: Schedule, period: int) -> list[Window]:
    by_hours = sorted((hours, month) for month, hours in enumerate(_hours_by_month(schedule, period)))
    windows = []
    for (weekday, weekend), group in groupby(by_hours, key=lambda entry: entry[0]):
        months = _spans([month for _, month in group], 12)
        if weekday == weekend:
            found = [Window(months, ALL_DAYS, _spans(weekday, 24))] if weekday else []
        else:
            both = ((WEEKDAYS, weekday), (WEEKENDS, weekend))
            found = [Window(months, days, _spans(hours, 24)) for days, hours in both if hours]
        windows += found
    return windows


def _hours_by_month(schedule: Schedule, period: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """For each month: the hours in `period` on a weekday, and those on a weekend."""
    return [
        (_hours_in(weekday, period), _hours_in(weekend, period))
        for weekday, weekend in zip(schedule.weekday, schedule.weekend, strict=True)
    ]


def _hours_in(hours: Sequence[int], period: int) -> tuple[int, ...]:
    return tuple(hour for hour, found in enumerate(hours) if found == period)


def _spans(members: Sequence[int], size: int) -> tuple[Span, ...]:
    """Runs on a circle of `size`; none when it is whole: then there is nothing to restrict."""
    if len(members) == size:
        return ()
    firsts = [member for member in members if (member - 1) % size not in members]
    return tuple((first, _last_of_run(first, members, size)) for first in firsts)


def _last_of_run(first: int, members: Sequence[int], size: int) -> int:
    last = first
    while (last + 1) % size in members:
        last = (last + 1) % size
    return last


def _members(spans: tuple[Span, ...], size: int) -> Iterator[int]:
    """Back from runs on a circle to their members."""
    for first, last in spans or ((0, size - 1),):
        for step in range((last - first) % size + 1):
            yield (first + step) % size


def _month_text(span: Span) -> str:
    first, last = span
    return MONTHS[first] if first == last else f"{MONTHS[first]}-{MONTHS[last]}"


def _listed(texts: Iterable[str]) -> str:
    several = list(texts)
    return f"[{', '.join(several)}]" if len(several) > 1 else "".join(several)
