"""Calendars give an event a dimension by its local wall time: peak, off-peak, night, holiday."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import holidays
from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from billflow.strict_yaml import AtLeastOne, Strict

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MINUTES_A_DAY = 24 * 60

_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?")


def _ranges(value: Any) -> list[tuple[str, str]]:
    """(first, last) of `mon-fri`, `tue` or a list of such; `tue` is (tue, tue)."""
    texts = value if isinstance(value, list | tuple) else [value]
    if not texts:
        raise ValueError("at least 1 range is needed; leave the key out to mean all")
    pairs = [str(text).replace(" ", "").lower().partition("-") for text in texts]
    for first, dash, last in pairs:
        if dash and not last:
            raise ValueError(f"{first + dash!r} is a range without end; write its last member too")
    return [(first, last or first) for first, _, last in pairs]


def _members(value: Any, names: Sequence[str]) -> frozenset[int]:
    """Positions in `names` that inclusive ranges cover; a range may wrap (nov-feb)."""
    covered: set[int] = set()
    for first, last in _ranges(value):
        for name in (first, last):
            if name not in names:
                raise ValueError(f"{name!r} is not one of {', '.join(names)}; write e.g. {names[0]}-{names[4]}")
        start, stop = names.index(first), names.index(last)
        covered.update((start + step) % len(names) for step in range((stop - start) % len(names) + 1))
    return frozenset(covered)


def _minute(text: str, whole: Any) -> int:
    match = _CLOCK.fullmatch(text)
    minute = int(match[1]) * 60 + int(match[2] or 0) if match else -1
    if match is None or minute > MINUTES_A_DAY or int(match[2] or 0) > 59:
        raise ValueError(f"{whole!r} is not a range of hours; write e.g. 14-20 or 22-6")
    return minute


def _hours(value: Any) -> tuple[tuple[int, int], ...]:
    """Half-open `[from, to)` ranges in minutes of the day; 22-6 becomes two."""
    spans: list[tuple[int, int]] = []
    for first, last in _ranges(value):
        start, stop = _minute(first, value), _minute(last, value)
        if start == stop:
            raise ValueError(f"{value!r} is an empty range of hours; leave `hours` out for the whole day")
        spans += [(start, stop)] if start < stop else [(start, MINUTES_A_DAY), (0, stop)]
    return tuple(span for span in spans if span[0] < span[1])


def _region(value: Any) -> str:
    country, _, subdivision = str(value).partition("-")
    try:
        holidays.country_holidays(country, subdiv=subdivision or None, years=2024)
    except NotImplementedError as error:
        raise ValueError(f"no holidays are known: {error}; write e.g. AU or AU-NSW") from None
    return str(value)


def _one_of(names: Sequence[str]) -> str:
    """A pattern of one of some names, in whatever case."""
    return "|".join("".join(f"[{letter}{letter.upper()}]" for letter in name) for name in names)


def _written(member: str) -> Any:
    """How a range, or a list of them, is written; `member` is the pattern of its ends."""
    one = Annotated[str, Field(pattern=rf"^\s*({member})\s*(-\s*({member})\s*)?$")]
    return one | Annotated[list[one], Field(min_length=1)]


class Window(Strict):
    """Days, hours and months that must all fit; a key left out means all."""

    model_config = ConfigDict(validate_default=False)

    days: Annotated[
        frozenset[int] | None,
        BeforeValidator(lambda value: _members(value, DAYS), json_schema_input_type=_written(_one_of(DAYS))),
    ] = None
    """0 is Monday."""
    hours: Annotated[
        tuple[tuple[int, int], ...] | None,
        BeforeValidator(_hours, json_schema_input_type=_written(_CLOCK.pattern)),
    ] = None
    """`[from, to)` in minutes of the local day."""
    months: Annotated[
        frozenset[int] | None,
        BeforeValidator(lambda value: _members(value, MONTHS), json_schema_input_type=_written(_one_of(MONTHS))),
    ] = None
    """0 is January."""
    holidays: Annotated[str | None, BeforeValidator(_region, json_schema_input_type=str)] = None
    """Only on public holidays of a country (`AU`) or its region (`AU-NSW`)."""

    def holiday_dates(self, years: Sequence[int]) -> tuple[date, ...]:
        """The public holidays of `years` that this window is limited to."""
        country, _, subdivision = (self.holidays or "").partition("-")
        return tuple(sorted(holidays.country_holidays(country, subdiv=subdivision or None, years=years)))

    def contains(self, local: datetime) -> bool:
        """Whether a wall clock time falls into this window."""
        minute = local.hour * 60 + local.minute
        return (
            (self.days is None or local.weekday() in self.days)
            and (self.months is None or local.month - 1 in self.months)
            and (self.hours is None or any(start <= minute < stop for start, stop in self.hours))
            and (self.holidays is None or local.date() in self.holiday_dates((local.year,)))
        )


def _by_window(value: Any) -> str:
    return "~many" if isinstance(value, list | tuple) else "~one"


Windows = Annotated[
    Annotated[Window, Tag("~one")] | Annotated[tuple[Window, ...], AtLeastOne, Tag("~many")],
    Discriminator(_by_window),
]
Calendar = dict[str, Windows]
"""Name → its windows; the first name that has a matching window wins."""


def windows_of(windows: Windows) -> tuple[Window, ...]:
    """One window or several, always as a tuple."""
    return (windows,) if isinstance(windows, Window) else windows
