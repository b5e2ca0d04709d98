"""Billing periods: a cycle's day of the month turns a month into `[start, end)` of local calendar days (PRICING §4)."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from pydantic import Field

from billflow.errors import UsageError
from billflow.strict_yaml import Strict


class Cycle(Strict):
    """A billing cycle: its periods begin on `day` of the month (the last day where a month is shorter)."""

    day: int = Field(ge=1, le=31)

    def period(self, month: str) -> "BillingPeriod":
        """The period of `month` ("2013-01"); ValueError when it is not a month."""
        first = date.fromisoformat(f"{month}-01")
        following = (first + timedelta(days=31)).replace(day=1)
        return BillingPeriod(month, self._day_in(first), self._day_in(following), self.day)

    def _day_in(self, first: date) -> date:
        last = calendar.monthrange(first.year, first.month)[1]
        return first.replace(day=min(self.day, last))


@dataclass(frozen=True)
class BillingPeriod:
    """`[start, end)`; month M of a cycle with day 15 is [M-15, M+1-15)."""

    month: str
    start: date
    end: date
    day: int
    """The cycle's day of the month."""

    @property
    def days(self) -> int:
        """Calendar days; a day of 23 or 25 hours counts as one."""
        return (self.end - self.start).days

    @property
    def issue_date(self) -> date:
        """Bills are issued on the first day after their period (PRICING §5)."""
        return self.end

    @property
    def number(self) -> int:
        """Months since year 0: neighbouring periods of a cycle differ by 1."""
        return int(self.month[:4]) * 12 + int(self.month[5:])

    @property
    def following(self) -> "BillingPeriod":
        """The next period of the cycle."""
        return Cycle(day=self.day).period(_month_of(self.number + 1))

    @property
    def previous(self) -> "BillingPeriod":
        """The period of the cycle before this one."""
        return Cycle(day=self.day).period(_month_of(self.number - 1))

    def number_of(self, day: date) -> int:
        """The `number` of the cycle's period that a day lies in."""
        begins = min(self.day, calendar.monthrange(day.year, day.month)[1])
        return day.year * 12 + day.month - (day.day < begins)


def named_period(cycles: Mapping[str, Cycle], cycle: str, month: str) -> BillingPeriod:
    """The period that a user names; UsageError when there is no such cycle or the month is none."""
    if cycle not in cycles:
        raise UsageError(f"there is no cycle {cycle!r}", where="--cycle", remedy=f"name one of {', '.join(cycles)}")
    try:
        return cycles[cycle].period(month)
    except ValueError:
        raise UsageError(f"{month!r} is not a month", where="--month", remedy="write it as 2013-01") from None


def _month_of(number: int) -> str:
    year, month = divmod(number - 1, 12)
    return f"{year:04d}-{month + 1:02d}"
