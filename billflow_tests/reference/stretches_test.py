"""Service windows: plan changes, plan versions and charges that begin or end within a period (PRICING §4)."""

from billflow.catalog import Cycle
from billflow_tests.reference.scenarios import (
    billed,
    catalog_of,
    flat,
    graduated,
    held,
    nets,
    per_unit,
    unrated,
    used,
)

TIERS = [("10", "2", "5"), (None, "1", None)]


def test_plan_change_prorates_both_and_usage_falls_to_the_plan_in_force():
    plans = {
        "old": {"charges": {"rent": flat("31"), "use": per_unit("1")}},
        "new": {"charges": {"rent": flat("62"), "use": per_unit("2")}},
    }
    rows = [held("new", "2013-01-11"), held("old", "2012-05-01", "2013-01-11")]
    usage = [used("3", "2013-01-10T23:59:59"), used("4", "2013-01-11T00:00"), used("5", "2013-01-31T00:00")]
    bill = billed(catalog_of(plans=plans), *usage, subscriptions=rows)
    assert [(line.plan, line.charge, str(line.net)) for line in bill.lines] == [
        ("old", "rent", "10.00"),
        ("old", "use", "3.00"),
        ("new", "rent", "42.00"),
        ("new", "use", "18.00"),
    ]


def test_plan_versions_are_rated_apart_each_from_tier_zero():
    plan = [
        {"valid_from": "2013-01-11", "charges": {"rent": flat("62"), "use": graduated(*TIERS)}},
        {"valid_from": "2010-01-01", "charges": {"rent": flat("31"), "use": graduated(*TIERS)}},
    ]
    usage = [used("10", "2013-01-05T00:00"), used("10", "2013-01-20T00:00")]
    bill = billed(catalog_of(plans={"p": plan}), *usage)
    assert nets(bill) == [
        *[("rent", "10.00"), ("use", "20.00"), ("use", "5.00")],
        *[("rent", "42.00"), ("use", "20.00"), ("use", "5.00")],
    ]
    assert [str(line.period_end) for line in bill.lines] == ["2013-01-11"] * 3 + ["2013-02-01"] * 3


def test_a_gap_between_plan_versions_is_not_served():
    plan = [
        {"valid_from": "2010-01-01", "valid_to": "2013-01-11", "charges": {"rent": flat("31")}},
        {"valid_from": "2013-01-21", "charges": {"rent": flat("31")}},
    ]
    assert nets(billed(catalog_of(plans={"p": plan}))) == [("rent", "10.00"), ("rent", "11.00")]


def test_charge_dates_cut_its_window():
    charges = {
        "ending": flat("31", valid_to="2013-01-11"),
        "starting": per_unit("1", valid_from="2013-01-11"),
        "gone": flat("31", valid_to="2013-01-01"),
    }
    usage = [used("2", "2013-01-10T23:00"), used("4", "2013-01-11T00:00")]
    assert nets(billed(catalog_of(charges), *usage)) == [("ending", "10.00"), ("starting", "4.00")]
    assert unrated(catalog_of(charges), *usage) == usage[:1]


def test_lines_come_by_subscription_then_start_then_catalogue_order():
    catalog = catalog_of({"z": flat("31"), "a": flat("62")})
    rows = [held(subscription_id="b"), held(start="2013-01-11", subscription_id="a")]
    rows.append(held(end="2013-01-11", subscription_id="a"))
    lines = billed(catalog, subscriptions=rows).lines
    assert [(line.subscription_id, str(line.period_start), line.charge) for line in lines] == [
        *[("a", "2013-01-01", "z"), ("a", "2013-01-01", "a")],
        *[("a", "2013-01-11", "z"), ("a", "2013-01-11", "a")],
        *[("b", "2013-01-01", "z"), ("b", "2013-01-01", "a")],
    ]


def test_a_month_of_28_days_is_a_whole_one():
    february = Cycle(day=1).period("2013-02")
    assert nets(billed(catalog_of({"c": flat("31")}), period=february)) == [("c", "31.00")]


def test_a_cycle_on_day_31_begins_on_the_last_day_of_a_shorter_month():
    february = Cycle(day=31).period("2013-02")
    bill = billed(catalog_of({"c": flat("1", per="day")}), period=february)
    assert nets(bill) == [("c", "31.00")]
    assert (str(bill.lines[0].period_start), str(bill.lines[0].period_end)) == ("2013-02-28", "2013-03-31")


def test_a_day_of_23_or_25_hours_counts_as_one():
    catalog = catalog_of({"c": flat("1.00", per="day")})
    for month, days in (("2024-03", "31.00"), ("2024-10", "31.00")):
        bill = billed(catalog, period=Cycle(day=1).period(month), timezone="Europe/Berlin")
        assert nets(bill) == [("c", days)]


def test_usage_of_a_subscription_falls_to_it_alone():
    catalog = catalog_of({"c": per_unit("1")})
    rows = [held(subscription_id="a"), held(subscription_id="b")]
    usage = [used("1", subscription_id="a"), used("2", subscription_id="b"), used("4", subscription_id="c")]
    assert nets(billed(catalog, *usage, subscriptions=rows)) == [("c", "1.00"), ("c", "2.00")]
    assert unrated(catalog, *usage, subscriptions=rows) == usage[2:]
