import pytest
from hypothesis import given
from hypothesis import strategies as st

from billflow.examples.schedule import MONTHS, Schedule, expand, windows_of

NIGHT_AND_DAY = [0] * 7 + [1] * 15 + [0] * 2


def grids(periods: int) -> st.SearchStrategy[list[list[int]]]:
    hours = st.lists(st.integers(0, periods - 1), min_size=24, max_size=24)
    return st.lists(hours, min_size=12, max_size=12)


def texts(schedule: Schedule) -> dict[int, list[str]]:
    return {period: [str(window) for window in windows] for period, windows in windows_of(schedule).items()}


class TestWindowsOf:
    @given(grids(3), grids(3))
    def test_windows_give_the_schedule_back(self, weekday, weekend):
        schedule = Schedule(weekday, weekend)
        assert expand(windows_of(schedule)) == dict(schedule.cells())

    def test_one_period_is_one_window_without_limits(self):
        always = [[0] * 24] * 12
        assert texts(Schedule(always, always)) == {0: ["{}"]}

    def test_hours_wrap_around_midnight(self):
        daily = [NIGHT_AND_DAY] * 12
        assert texts(Schedule(daily, daily)) == {0: ["{hours: 22-7}"], 1: ["{hours: 7-22}"]}

    def test_hours_that_end_at_midnight(self):
        daily = [[0] * 20 + [1] * 4] * 12
        assert texts(Schedule(daily, daily))[1] == ["{hours: 20-24}"]

    def test_weekends_apart(self):
        weekday, weekend = [NIGHT_AND_DAY] * 12, [[0] * 24] * 12
        assert texts(Schedule(weekday, weekend)) == {
            0: ["{days: mon-fri, hours: 22-7}", "{days: sat-sun}"],
            1: ["{days: mon-fri, hours: 7-22}"],
        }

    def test_months_wrap_around_new_year(self):
        daily = [[int(name in ("nov", "dec", "jan", "jun"))] * 24 for name in MONTHS]
        assert texts(Schedule(daily, daily)) == {
            0: ["{months: [feb-may, jul-oct]}"],
            1: ["{months: [jun, nov-jan]}"],
        }


class TestExpand:
    def test_windows_that_overlap_are_an_error(self):
        always = [[0] * 24] * 12
        (window,) = windows_of(Schedule(always, always))[0]
        with pytest.raises(AssertionError, match="two windows"):
            expand({0: [window], 1: [window]})
