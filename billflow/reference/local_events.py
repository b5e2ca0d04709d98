"""Usage as the account's own clock sees it: local day, and the names that calendars give to that time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from billflow.catalog import Calendar, Catalog, UsageCharge, Window
from billflow.catalog.calendars import windows_of
from billflow.catalog.charges import Where
from billflow.reference.models import UsageEvent


@dataclass(frozen=True)
class LocalEvent:
    """A usage event with its local day and, per calendar, the name of its local wall time."""

    event: UsageEvent
    day: date
    names: Mapping[str, str | None]
    """None where no window of the calendar contains the time."""

    @property
    def order(self) -> tuple[datetime, str]:
        """The order of use: several events may share one instant."""
        return self.event.event_time, self.event.usage_id

    def is_metered_by(self, charge: UsageCharge) -> bool:
        """Whether the charge's metric and every dimension of its `where` fit this event."""
        return self.event.metric == charge.metric and self.fits(charge.where)

    def fits(self, where: Where) -> bool:
        """Whether every dimension has one of the values that `where` allows."""
        return all(self.value_of(dimension) in allowed for dimension, allowed in where.items())

    def value_of(self, dimension: str) -> str | None:
        """The value of a dimension or the name of a calendar; None when there is none."""
        # A calendar owns its name: what the event itself says under that name is not looked at.
        if dimension in self.names:
            return self.names[dimension]
        return self.event.dimensions.get(dimension)


def localized(event: UsageEvent, catalog: Catalog, zone: ZoneInfo) -> LocalEvent:
    """The event in local wall time of `zone`, daylight saving included (PRICING §4)."""
    local = event.event_time.astimezone(zone)
    names = {code: calendar_name(calendar, local) for code, calendar in catalog.calendars.items()}
    return LocalEvent(event, local.date(), names)


def calendar_name(calendar: Calendar, local: datetime) -> str | None:
    """The first name of which a window contains the local time; None when there is none."""
    for name, windows in calendar.items():
        if any(_contains(window, local) for window in windows_of(windows)):
            return name
    return None


def _contains(window: Window, local: datetime) -> bool:
    """All that the window limits must fit; the day is the event's own, also past midnight in 22-6."""
    minute = local.hour * 60 + local.minute
    if window.days is not None and local.weekday() not in window.days:
        return False
    if window.months is not None and local.month - 1 not in window.months:
        return False
    if window.hours is not None and not any(first <= minute < end for first, end in window.hours):
        return False
    return window.holidays is None or local.date() in _holidays(window, local.year)


@lru_cache(maxsize=256)
def _holidays(window: Window, year: int) -> frozenset[date]:
    # Working out a country's holidays takes milliseconds; a sample asks for each of its events.
    return frozenset(window.holiday_dates((year,)))
