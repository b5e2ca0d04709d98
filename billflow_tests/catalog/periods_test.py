"""Billing periods (PRICING §4): `[start, end)` of local days, cut at the cycle's day or the month's last."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billflow.catalog import Cycle

MONTHS = [f"{year}-{month:02d}" for year in (2011, 2012, 2013) for month in range(1, 13)]
DAYS = st.integers(1, 31)


@pytest.mark.parametrize(
    ("day", "month", "start", "end"),
    [
        (1, "2013-01", "2013-01-01", "2013-02-01"),
        (1, "2012-02", "2012-02-01", "2012-03-01"),
        (1, "2012-12", "2012-12-01", "2013-01-01"),
        (15, "2013-01", "2013-01-15", "2013-02-15"),
        (15, "2012-12", "2012-12-15", "2013-01-15"),
        (29, "2013-01", "2013-01-29", "2013-02-28"),
        (29, "2012-01", "2012-01-29", "2012-02-29"),
        (29, "2013-02", "2013-02-28", "2013-03-29"),
        (30, "2012-02", "2012-02-29", "2012-03-30"),
        (31, "2013-01", "2013-01-31", "2013-02-28"),
        (31, "2013-02", "2013-02-28", "2013-03-31"),
        (31, "2012-02", "2012-02-29", "2012-03-31"),
        (31, "2013-04", "2013-04-30", "2013-05-31"),
        (31, "2100-02", "2100-02-28", "2100-03-31"),
    ],
)
def test_period(day: int, month: str, start: str, end: str) -> None:
    period = Cycle(day=day).period(month)
    assert (str(period.start), str(period.end), period.month) == (start, end, month)
    assert period.issue_date == period.end
    assert period.days == (period.end - period.start).days


@pytest.mark.parametrize("day", [1, 15, 29, 30, 31])
def test_every_month_begins_on_the_day_or_the_last_one(day: int) -> None:
    for month in MONTHS:
        start = Cycle(day=day).period(month).start
        assert str(start).startswith(month)
        assert start.day == day or (start.day < day and (start + timedelta(days=1)).day == 1)


@given(DAYS, st.dates(date(1990, 1, 1), date(2100, 12, 31)))
def test_the_periods_of_a_cycle_tile_time(day: int, first: date) -> None:
    months = [f"{first.year + (first.month + at - 1) // 12}-{(first.month + at - 1) % 12 + 1:02d}" for at in range(14)]
    periods = [Cycle(day=day).period(month) for month in months]
    assert all(earlier.end == later.start for earlier, later in pairwise(periods))
    assert all(28 <= period.days <= 31 for period in periods)


@given(DAYS, st.dates(date(1990, 1, 1), date(2100, 12, 31)))
def test_each_day_is_in_exactly_one_period(day: int, local: date) -> None:
    first = local.replace(day=1)
    months = [(first - timedelta(days=1)), first, (first + timedelta(days=31))]
    periods = [Cycle(day=day).period(f"{month:%Y-%m}") for month in months]
    assert sum(period.start <= local < period.end for period in periods) == 1


@pytest.mark.parametrize("month", ["2013", "2013-13", "2013-1", "January", ""])
def test_what_is_not_a_month(month: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Cycle(day=1).period(month)
