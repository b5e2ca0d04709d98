"""Which charge prices an event: `where`, calendars and the account's own clock (PRICING §1, §4)."""

from datetime import datetime
from decimal import Decimal

import pytest

from billflow.catalog import Cycle
from billflow.reference import UsageEvent
from billflow_tests.reference.scenarios import billed, catalog_of, nets, per_unit, unrated, used

TIME_OF_USE = {
    "peak": [
        {"days": "mon-fri", "hours": "14-20", "months": "may-oct"},
        {"days": ["mon", "tue"], "hours": ["8-12", "18-21"], "months": ["jan", "nov-dec"]},
    ],
    "night": {"hours": "22-6"},
    "winter": {"months": "nov-feb"},
    "offpeak": {},
}


def by_calendar(calendar, zone="UTC"):
    """Charges 1, 2, 3… per name of the calendar; a function from a local time to the name billed."""
    charges = {name: per_unit("1", where={"tou": name}) for name in calendar}
    catalog = catalog_of(charges, calendars={"tou": calendar})

    def name_at(at):
        period = Cycle(day=1).period(at[:7])
        bill = billed(catalog, used("1", at, zone=zone), period=period, timezone=zone)
        return bill.lines[0].charge if bill else None

    return name_at


@pytest.mark.parametrize(
    ("at", "name"),
    [
        ("2013-05-01T14:00", "peak"),
        ("2013-05-01T13:59:59", "offpeak"),
        ("2013-05-01T19:59:59", "peak"),
        ("2013-05-01T20:00", "offpeak"),
        ("2013-05-04T15:00", "offpeak"),
        ("2013-01-01T11:59", "peak"),
        ("2013-01-01T12:00", "winter"),
        ("2013-01-01T20:30", "peak"),
        ("2013-01-02T09:00", "winter"),
        ("2013-12-30T08:00", "peak"),
        ("2013-02-04T09:00", "winter"),
        ("2013-03-04T09:00", "offpeak"),
        ("2013-05-01T22:00", "night"),
        ("2013-05-01T05:59", "night"),
        ("2013-05-01T06:00", "offpeak"),
        ("2013-12-01T23:00", "night"),
    ],
)
def test_the_first_calendar_name_that_matches_wins(at, name):
    assert by_calendar(TIME_OF_USE)(at) == name


def test_in_a_window_past_midnight_the_day_is_the_events_own():
    name_at = by_calendar({"friday": {"days": "fri", "hours": "22-6"}, "other": {}})
    assert [name_at(at) for at in ("2013-01-04T02:00", "2013-01-04T23:00", "2013-01-05T02:00")] == [
        *("friday", "friday", "other")
    ]


def test_days_may_wrap():
    name_at = by_calendar({"long": {"days": "sat-mon"}, "other": {}})
    assert [name_at(f"2013-01-0{day}T12:00") for day in (4, 5, 6, 7, 8)] == [
        *("other", "long", "long", "long", "other")
    ]


def test_half_hours():
    name_at = by_calendar({"peak": {"hours": "7:30-9:30"}, "other": {}})
    assert [name_at(f"2013-01-01T{at}") for at in ("07:29", "07:30", "09:29", "09:30")] == [
        *("other", "peak", "peak", "other")
    ]


def test_public_holidays_of_a_country():
    name_at = by_calendar({"holiday": {"holidays": "AU"}, "work": {"days": "mon-fri"}, "weekend": {}})
    days = ("2013-01-01", "2013-01-02", "2013-01-05", "2013-12-25")
    assert [name_at(f"{day}T12:00") for day in days] == ["holiday", "work", "weekend", "holiday"]


@pytest.mark.parametrize(
    ("at", "name"),
    [
        ("2024-03-30T17:30+00:00", "peak"),  # 18:30 in winter time
        ("2024-03-31T16:30+00:00", "peak"),  # 18:30 in summer time, the day of the change
        ("2024-03-31T15:30+00:00", "other"),
        ("2024-10-26T16:30+00:00", "peak"),
        ("2024-10-27T16:30+00:00", "other"),
        ("2024-10-27T17:30+00:00", "peak"),
    ],
)
def test_windows_use_local_wall_time(at, name):
    assert by_calendar({"peak": {"hours": "18-19"}, "other": {}}, "Europe/Berlin")(at) == name


def test_both_hours_of_a_clock_set_back_are_in_the_window():
    name_at = by_calendar({"night": {"hours": "2-3"}, "other": {}}, "Europe/Berlin")
    times = ("2024-10-26T23:59", "2024-10-27T00:00", "2024-10-27T01:59", "2024-10-27T02:00")
    assert [name_at(f"{time}+00:00") for time in times] == ["other", "night", "night", "other"]


def test_the_period_is_one_of_local_days():
    catalog = catalog_of({"c": per_unit("1")})
    sydney = "Australia/Sydney"
    usage = [
        used("1", "2012-12-31T12:59:59+00:00"),
        used("2", "2012-12-31T13:00:00+00:00"),
        used("4", "2013-01-31T12:59:59+00:00"),
        used("8", "2013-01-31T13:00:00+00:00"),
    ]
    assert nets(billed(catalog, *usage, timezone=sydney)) == [("c", "6.00")]
    assert unrated(catalog, *usage, timezone=sydney) == []


def test_where_takes_one_value_or_a_list_and_all_dimensions_must_fit():
    charges = {
        "fixed": per_unit("1", where={"kind": "national"}),
        "abroad": per_unit("10", where={"kind": ["roaming", "mobile"], "area": "eu"}),
    }
    usage = [
        used("1", kind="national"),
        used("2", kind="roaming", area="eu"),
        used("4", kind="mobile", area="eu"),
        used("8", kind="mobile", area="us"),
        used("16", area="eu"),
        used("32", metric="kw", kind="national"),
    ]
    catalog = catalog_of(charges)
    assert nets(billed(catalog, *usage)) == [("fixed", "1.00"), ("abroad", "60.00")]
    assert unrated(catalog, *usage) == usage[3:]


def test_one_event_may_be_priced_by_several_charges():
    charges = {"energy": per_unit("2"), "levy": per_unit("0.5")}
    assert nets(billed(catalog_of(charges), used("3"))) == [("energy", "6.00"), ("levy", "1.50")]


def test_a_time_without_a_calendar_name_is_unrated_whatever_the_event_says():
    catalog = catalog_of({"c": per_unit("1", where={"tou": "peak"})}, calendars={"tou": {"peak": {"hours": "14-20"}}})
    event = used("1", "2013-01-01T10:00", tou="peak")
    assert billed(catalog, event) is None
    assert unrated(catalog, event) == [event]


def test_an_event_time_without_offset_is_refused():
    with pytest.raises(ValueError, match="no offset"):
        UsageEvent("u", "s", "units", Decimal(1), datetime(2013, 1, 1), {})  # noqa: DTZ001
