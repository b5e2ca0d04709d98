"""Calendars: windows of local wall time; they may wrap, be lists, and mean public holidays."""

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billflow.catalog import Catalog, Window
from billflow.catalog.calendars import DAYS, MONTHS, windows_of

LOCAL = st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2100-01-01"))


@pytest.mark.parametrize(
    ("window", "local", "inside"),
    [
        ({}, "2013-01-01T00:00", True),
        ({"hours": "14-20"}, "2013-01-01T13:59:59", False),
        ({"hours": "14-20"}, "2013-01-01T14:00", True),
        ({"hours": "14-20"}, "2013-01-01T19:59:59", True),
        ({"hours": "14-20"}, "2013-01-01T20:00", False),
        ({"hours": "22-6"}, "2013-01-01T22:00", True),
        ({"hours": "22-6"}, "2013-01-01T05:59", True),
        ({"hours": "22-6"}, "2013-01-01T06:00", False),
        ({"hours": "22-24"}, "2013-01-01T23:59:59", True),
        ({"hours": "22-0"}, "2013-01-01T00:00", False),
        ({"hours": "22:30-6:15"}, "2013-01-01T22:29", False),
        ({"hours": "22:30-6:15"}, "2013-01-01T06:14", True),
        ({"hours": ["8-12", "18-21"]}, "2013-01-01T12:00", False),
        ({"hours": ["8-12", "18-21"]}, "2013-01-01T18:00", True),
        ({"days": "mon-fri"}, "2013-01-04T00:00", True),
        ({"days": "mon-fri"}, "2013-01-05T00:00", False),
        ({"days": "fri-mon"}, "2013-01-06T00:00", True),
        ({"days": "fri-mon"}, "2013-01-08T00:00", False),
        ({"days": "Sat - Sun"}, "2013-01-05T00:00", True),
        ({"days": ["mon", "tue"]}, "2013-01-02T00:00", False),
        ({"months": "may-oct"}, "2013-10-31T23:59", True),
        ({"months": "may-oct"}, "2013-11-01T00:00", False),
        ({"months": "nov-feb"}, "2013-02-28T00:00", True),
        ({"months": "nov-feb"}, "2013-03-01T00:00", False),
        ({"months": ["jan", "nov-dec"]}, "2013-12-01T00:00", True),
        ({"months": ["jan", "nov-dec"]}, "2013-02-01T00:00", False),
        ({"days": "fri", "hours": "22-6"}, "2013-01-04T05:00", True),
        ({"days": "fri", "hours": "22-6"}, "2013-01-05T05:00", False),  # the day is the event's own local day
        ({"days": "sat", "hours": "14-20", "months": "jan"}, "2013-01-05T15:00", True),
        ({"days": "sat", "hours": "14-20", "months": "feb"}, "2013-01-05T15:00", False),
        ({"holidays": "AU"}, "2013-12-25T10:00", True),
        ({"holidays": "AU"}, "2013-12-24T10:00", False),
        ({"holidays": "AU-NSW"}, "2013-06-10T10:00", True),
        ({"holidays": "AU-WA"}, "2013-06-10T10:00", False),
        ({"holidays": "NO"}, "2013-05-17T10:00", True),
        ({"holidays": "AU", "hours": "14-20"}, "2013-12-25T10:00", False),
    ],
)
def test_contains(window: dict[str, Any], local: str, inside: bool) -> None:
    assert Window.model_validate(window).contains(datetime.fromisoformat(local)) is inside


def test_holiday_dates_are_in_order() -> None:
    found = Window(holidays="AU").holiday_dates((2014, 2013))
    assert list(found) == sorted(found)
    assert {date(2013, 12, 25), date(2014, 12, 25)} <= set(found)


@given(LOCAL, st.integers(0, 23), st.integers(0, 23))
def test_a_range_of_hours_and_its_opposite_cover_the_day_once(local: datetime, start: int, stop: int) -> None:
    if start == stop:
        return
    both = [Window.model_validate({"hours": hours}) for hours in (f"{start}-{stop}", f"{stop}-{start}")]
    assert sum(window.contains(local) for window in both) == 1


@pytest.mark.parametrize(("key", "names"), [("days", DAYS), ("months", MONTHS)])
@given(local=LOCAL, data=st.data())
def test_a_range_of_names_goes_round(key: str, names: tuple[str, ...], local: datetime, data: st.DataObject) -> None:
    first, last = data.draw(st.integers(0, len(names) - 1)), data.draw(st.integers(0, len(names) - 1))
    at = local.weekday() if key == "days" else local.month - 1
    window = Window.model_validate({key: f"{names[first]}-{names[last]}"})
    assert window.contains(local) is ((at - first) % len(names) <= (last - first) % len(names))


def test_the_order_of_names_is_kept() -> None:
    """The first name that matches wins, so their order is part of the meaning."""
    calendar = Catalog.model_validate({"calendars": {"tou": {"z": {"hours": "1-2"}, "a": {}, "m": {}}}}).calendars[
        "tou"
    ]
    assert list(calendar) == ["z", "a", "m"]


@pytest.mark.parametrize(("windows", "count"), [({"hours": "1-2"}, 1), ([{"hours": "1-2"}], 1), ([{}, {}], 2)])
def test_windows_of(windows: Any, count: int) -> None:
    calendar = Catalog.model_validate({"calendars": {"tou": {"peak": windows}}}).calendars["tou"]
    assert len(windows_of(calendar["peak"])) == count
