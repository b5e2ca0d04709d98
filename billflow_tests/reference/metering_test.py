"""From usage to a quantity: aggregates, increments, conversion and included units (PRICING §1)."""

from decimal import Decimal

import pytest

from billflow_tests.reference.scenarios import billed, catalog_of, held, net_of, nets, per_unit, used, volume

TELEPHONY = {"first": 30, "then": 6}


def quantity_of(charge, *usage, **options):
    (line,) = billed(catalog_of({"c": charge}), *usage, **options).lines
    return line.quantity


@pytest.mark.parametrize(
    ("increments", "seconds", "counted"),
    [
        *((TELEPHONY, *case) for case in [("32", 36), ("57", 60), ("75", 78), ("36", 36), ("36.001", 42)]),
        *((TELEPHONY, *case) for case in [("0", 0), ("0.5", 30), ("30", 30), ("30.1", 36)]),
        ({"first": 20, "then": 6}, "33", 38),
        ({"first": 0, "then": 60}, "61", 120),
        ({"first": 1, "then": 1}, "1.5", 2),
    ],
)
def test_increments(increments, seconds, counted):
    assert quantity_of(per_unit("1", increments=increments), used(seconds)) == counted


def test_increments_round_each_event_and_the_price_is_rounded_once():
    charge = per_unit("0.006", increments=TELEPHONY, convert={"divide_by": 60})
    calls = [used("32", "2013-01-01T00:00"), used("57", "2013-01-02T00:00"), used("75", "2013-01-03T00:00")]
    singly = [net_of(billed(catalog_of({"c": charge}), call, minor_digits=4)) for call in calls]
    assert singly == ["0.0036", "0.0060", "0.0078"]
    assert quantity_of(charge, *calls) == Decimal("2.9")
    assert net_of(billed(catalog_of({"c": charge}), *calls)) == "0.02"


@pytest.mark.parametrize(
    ("rounding", "used_up", "quantity"),
    [
        ("up", "1400", "2"),
        ("half_up", "1500", "2"),
        ("half_up", "1400", "1"),
        ("none", "1400", "1.4"),
        ("down", "1999", "1"),
        ("up", "2000", "2"),
    ],
)
def test_convert(rounding, used_up, quantity):
    charge = per_unit("1", convert={"divide_by": 1000, "round": rounding})
    assert quantity_of(charge, used(used_up)) == Decimal(quantity)


def test_convert_rounds_the_sum_and_not_each_event():
    charge = per_unit("1", convert={"divide_by": 1000, "round": "up"})
    usage = [used("400", f"2013-01-0{day}T00:00") for day in (1, 2, 3)]
    assert quantity_of(charge, *usage) == 2


@pytest.mark.parametrize(
    ("included", "start", "quantity"),
    [
        ("10", "2000-01-01", "90"),
        ("100", "2000-01-01", "0"),
        ("400", "2000-01-01", "0"),
        ("62", "2013-01-22", "80"),
    ],
)
def test_included_units_come_off_by_days_of_service(included, start, quantity):
    usage = used("100", "2013-01-30T00:00")
    charge = per_unit("1", included=included)
    assert quantity_of(charge, usage, subscriptions=[held(start=start)]) == Decimal(quantity)


def test_included_units_are_whole_without_proration():
    charge = per_unit("1", included="62", proration="none")
    assert quantity_of(charge, used("100", "2013-01-30T00:00"), subscriptions=[held(start="2013-01-22")]) == 38


def test_included_units_come_off_after_conversion():
    charge = per_unit("1", convert={"divide_by": 1000, "round": "up"}, included="0.5")
    assert quantity_of(charge, used("1400")) == Decimal("1.5")


def test_tiers_see_what_is_beyond_the_included_units():
    assert net_of(
        billed(catalog_of({"c": volume(("100", "2", None), (None, "1", None), included="50")}), used("150"))
    ) == ("200.00")


def test_unique_counts_values_and_not_events():
    usage = [
        used("1", "2013-01-01T00:00", metric="devices", device="a"),
        used("9", "2013-01-02T00:00", metric="devices", device="b"),
        used("1", "2013-01-03T00:00", metric="devices", device="a"),
        used("1", "2013-01-04T00:00", metric="devices"),
    ]
    (line,) = billed(catalog_of({"c": per_unit("3", metric="devices")}), *usage).lines
    assert (line.quantity, str(line.net), line.usage_count) == (2, "6.00", 4)


def test_unique_may_count_the_names_of_a_calendar():
    calendar = {"morning": {"hours": "6-12"}, "evening": {"hours": "18-24"}}
    usage = [used("1", f"2013-01-01T{hour}:00", metric="names", tou="x") for hour in ("07", "08", "13", "20")]
    catalog = catalog_of({"c": per_unit("1", metric="names")}, calendars={"tou": calendar})
    assert billed(catalog, *usage).lines[0].quantity == 2


@pytest.mark.parametrize(
    ("readings", "quantity"),
    [
        ([("5", "10T00:00", "a"), ("3", "09T00:00", "b")], 5),
        ([("5", "10T00:00", "a"), ("3", "10T00:00", "b")], 3),
        ([("3", "10T00:00", "b"), ("5", "10T00:00", "a")], 3),
        ([("3", "10T00:00", "10"), ("5", "10T00:00", "9")], 5),
    ],
)
def test_latest_is_the_last_by_time_then_id(readings, quantity):
    usage = [used(value, f"2013-01-{at}", metric="level", usage_id=name) for value, at, name in readings]
    assert quantity_of(per_unit("1", metric="level"), *usage) == quantity


@pytest.mark.parametrize("metric", ["units", "kw", "calls", "devices", "level"])
def test_without_events_there_is_no_quantity(metric):
    assert nets(billed(catalog_of({"c": per_unit("1", metric=metric)}))) == []
