"""The least and greatest amount of a plan over all its charges (PRICING §1, §6)."""

import pytest

from billflow_tests.reference.scenarios import (
    billed,
    catalog_of,
    days,
    flat,
    held,
    nets,
    per_unit,
    taxes,
    used,
)

EARLY, LATE = "2013-01-05T00:00", "2013-01-20T00:00"
CHANGED = [held(end="2013-01-11"), held(start="2013-01-11")]


def plan_of(charges, **bounds):
    return catalog_of(plans={"p": {"charges": charges, **bounds}})


def of_bounds(bill):
    """(charge, tax code, net) of the lines of bounds."""
    return [(line.charge, line.tax_code, str(line.net)) for line in bill.lines if line.charge.startswith("plan_")]


def test_a_maximum_is_spread_over_taxes_by_net():
    catalog = plan_of({"a": flat("90", tax="gst"), "b": flat("60", tax="high")}, maximum="100")
    bill = billed(catalog)
    assert of_bounds(bill) == [("plan_maximum", "gst", "-30.00"), ("plan_maximum", "high", "-20.00")]
    assert taxes(bill) == [("S", "0.10", "60.00", "6.00"), ("S", "0.20", "40.00", "8.00")]


def test_a_minimum_is_spread_over_taxes_by_net():
    catalog = plan_of({"a": flat("10", tax="gst"), "b": flat("20", tax="high")}, minimum="31")
    assert of_bounds(billed(catalog)) == [("plan_minimum", "gst", "0.33"), ("plan_minimum", "high", "0.67")]


def test_its_lines_are_of_the_plan_with_quantity_one():
    catalog = plan_of({"a": flat("10")}, minimum="31")
    line = billed(catalog, subscriptions=[held(start="2013-01-22")]).lines[1]
    # 10 days of 31: 10.00 less the 3.23 of the charge
    assert (line.subscription_id, line.plan, line.quantity, str(line.unit_price.normalize())) == ("s", "p", 1, "6.77")
    assert (str(line.period_start), str(line.period_end), line.usage_count) == ("2013-01-22", "2013-02-01", 0)


@pytest.mark.parametrize(("proration", "net"), [("daily", "10.00"), ("none", "31.00")])
def test_a_minimum_is_cut_to_the_days_of_service(proration, net):
    catalog = plan_of({"a": per_unit("1")}, minimum="31", proration=proration)
    assert nets(billed(catalog, subscriptions=[held(start="2013-01-22")])) == [("plan_minimum", net)]


def test_a_plan_without_lines_has_the_tax_of_its_first_charge():
    catalog = plan_of({"z": per_unit("1", tax="high"), "a": per_unit("1", tax="gst")}, minimum="31")
    assert of_bounds(billed(catalog)) == [("plan_minimum", "high", "31.00")]


def test_nets_that_cancel_out_leave_it_to_the_first_tax():
    catalog = plan_of({"a": flat("5", tax="high"), "b": flat("-5", tax="gst")}, minimum="31")
    assert of_bounds(billed(catalog)) == [("plan_minimum", "gst", "31.00")]


def test_codes_of_one_rate_are_one_line_under_the_smallest_code():
    rates = {name: {"category": "S", "rate": "0.10"} for name in ("a", "b")}
    plan = {"charges": {"x": flat("5", tax="b"), "y": flat("5", tax="a")}, "minimum": "31"}
    assert of_bounds(billed(catalog_of(plans={"p": plan}, taxes=rates))) == [("plan_minimum", "a", "21.00")]


def test_discounts_and_bounds_of_charges_come_first():
    plan = {"charges": {"a": flat("31", maximum="20"), "b": flat("31")}, "maximum": "30"}
    catalog = catalog_of(plans={"p": plan}, discounts={"half": {"percent": "50", "applies_to": "b"}})
    assert nets(billed(catalog, subscriptions=[held(discounts=["half"])])) == [
        *[("a", "31.00"), ("a", "-11.00"), ("b", "31.00"), ("b", "-15.50")],
        ("plan_maximum", "-5.50"),
    ]


def test_rows_share_the_maximum_of_the_period():
    catalog = plan_of({"a": per_unit("1")}, maximum="100")
    usage = [used("70", EARLY), used("80", LATE)]
    assert nets(billed(catalog, *usage, subscriptions=CHANGED)) == [
        *[("a", "70.00"), ("a", "80.00")],
        ("plan_maximum", "-50.00"),
    ]


def test_each_row_has_its_part_of_the_minimum():
    catalog = plan_of({"a": per_unit("1")}, minimum="31")
    assert days(billed(catalog, used("4", EARLY), subscriptions=CHANGED)) == [
        ("2013-01-01", "2013-01-11", "4.00"),
        ("2013-01-01", "2013-01-11", "6.00"),
        ("2013-01-11", "2013-02-01", "21.00"),
    ]


def test_a_plan_without_a_day_of_service_owes_nothing():
    catalog = plan_of({"a": per_unit("1")}, minimum="31")
    assert (
        billed(catalog, subscriptions=[held(start="2013-02-01"), held(end="2013-01-01", subscription_id="t")]) is None
    )


def test_they_come_after_the_charges_of_each_subscription():
    catalog = plan_of({"a": flat("10")}, minimum="31")
    bill = billed(catalog, subscriptions=[held(subscription_id="t"), held(subscription_id="s")])
    assert [(line.subscription_id, line.charge) for line in bill.lines] == [
        *[("s", "a"), ("s", "plan_minimum")],
        *[("t", "a"), ("t", "plan_minimum")],
    ]
