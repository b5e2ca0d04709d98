"""The price models' amounts, from the tables of PRICING §2 and §3."""

from decimal import Decimal

import pytest

from billflow_tests.reference.scenarios import (
    billed,
    catalog_of,
    flat,
    graduated,
    held,
    net_of,
    nets,
    per_unit,
    used,
)

WITH_FEES = [("10", "10", "2"), ("20", "5", "3"), (None, "5", "3")]
FRACTIONAL = [("0.1", "10", None), ("1", "5", None), (None, "2", None)]
FEES_THEN_UNITS = [("5", None, "100"), ("10", None, "50"), ("15", "5", None), (None, "1", None)]
FEES_THEN_DEARER = [("5", None, "100"), ("10", None, "50"), ("15", "10", None), (None, "5", None)]


@pytest.mark.parametrize(
    ("tiers", "quantity", "net"),
    [
        *((WITH_FEES, *case) for case in [("0", "2.00"), ("1", "12.00"), ("10", "102.00")]),
        *((WITH_FEES, *case) for case in [("11", "110.00"), ("12", "115.00"), ("21", "163.00")]),
        *((FRACTIONAL, *case) for case in [("0.05", "0.50"), ("0.5", "3.00")]),
        (FEES_THEN_UNITS, "22", "182.00"),
        *((FEES_THEN_DEARER, *case) for case in [("0", "100.00"), ("3", "100.00"), ("5", "100.00")]),
        *((FEES_THEN_DEARER, *case) for case in [("5.001", "150.00"), ("7", "150.00")]),
        *((FEES_THEN_DEARER, *case) for case in [("12", "170.00"), ("22", "235.00")]),
    ],
)
def test_graduated(tiers, quantity, net):
    assert net_of(billed(catalog_of({"c": graduated(*tiers)}), used(quantity))) == net


def test_graduated_without_usage_owes_the_first_fee():
    bill = billed(catalog_of({"c": graduated(*WITH_FEES)}))
    assert nets(bill) == [("c", "2.00")]
    assert bill.lines[0].usage_count == 0


def test_graduated_without_usage_or_fee_has_no_line():
    assert billed(catalog_of({"c": graduated(*FRACTIONAL)})) is None


def test_graduated_prints_units_then_fee_of_each_tier():
    bill = billed(catalog_of({"c": graduated(*WITH_FEES)}), used("8"), used("4", "2013-01-11T00:00"))
    assert [(str(line.net), line.quantity, line.unit_price, line.usage_count) for line in bill.lines] == [
        ("100.00", 10, 10, 2),
        ("2.00", 1, 2, 0),
        ("10.00", 2, 5, 0),
        ("3.00", 1, 3, 0),
    ]


def test_negative_usage_is_priced_in_the_first_tier():
    assert nets(billed(catalog_of({"c": graduated(*WITH_FEES)}), used("-3"))) == [
        ("c", "-30.00"),
        ("c", "2.00"),
    ]


@pytest.mark.parametrize(
    ("quantity", "unit_price", "minor_digits", "net"),
    [
        ("10", "5.12345", 2, "51.23"),
        ("0.0049999995", "1", 2, "0.00"),
        ("0.005", "1", 2, "0.01"),
        ("-0.005", "1", 2, "-0.01"),
        ("-0.004", "1", 2, "0.00"),
        ("20", "10", 2, "200.00"),
        ("1", "0.5", 0, "1"),
        ("1", "2.5", 0, "3"),
        ("1", "0.0125", 3, "0.013"),
        ("12345678901234.123456789012", "98765.123456789012", 2, "1219322500838263522.77"),
    ],
)
def test_per_unit_is_rounded_once_half_away_from_zero(quantity, unit_price, minor_digits, net):
    bill = billed(catalog_of({"c": per_unit(unit_price)}), used(quantity), minor_digits=minor_digits)
    assert nets(bill) == [("c", net)]
    assert bill.lines[0].quantity == Decimal(quantity)


def test_a_price_is_never_rounded_per_event():
    usage = [used("36", f"2013-01-0{day}T00:00") for day in (1, 2, 3)]
    assert net_of(billed(catalog_of({"c": per_unit("0.0001")}), *usage)) == "0.01"


@pytest.mark.parametrize(
    ("metric", "quantities", "quantity"),
    [
        ("units", ["1.5", "2", "-0.5"], "3"),
        ("calls", ["7", "0", "-1"], "3"),
        ("kw", ["4.2", "9.9", "9.9", "0.1"], "9.9"),
        ("kw", ["-3", "-5"], "-3"),
    ],
)
def test_metric(metric, quantities, quantity):
    usage = [used(one, f"2013-01-0{day}T00:00", metric=metric) for day, one in enumerate(quantities, start=1)]
    (line,) = billed(catalog_of({"c": per_unit("6.26", metric=metric)}), *usage).lines
    assert line.quantity == Decimal(quantity)
    assert line.usage_count == len(quantities)


def test_demand_is_the_highest_of_the_period():
    usage = [used("3.4", metric="kw"), used("5.1", "2013-01-31T23:59:59", metric="kw")]
    later = used("99", "2013-02-01T00:00", metric="kw")
    assert net_of(billed(catalog_of({"c": per_unit("6.26", metric="kw")}), *usage, later)) == "31.93"


def test_no_demand_no_line():
    assert billed(catalog_of({"c": per_unit("6.26", metric="kw")})) is None


@pytest.mark.parametrize(
    ("charge", "start", "end", "minor_digits", "net"),
    [
        (flat("100.00"), "2013-01-15", None, 2, "54.84"),
        (flat("1000"), "2013-01-01", "2013-01-11", 0, "323"),
        (flat("100.00"), "2013-01-31", None, 2, "3.23"),
        (flat("100.00", proration="none"), "2013-01-31", None, 2, "100.00"),
        (flat("120", per="year"), "2000-01-01", None, 2, "10.00"),
        (flat("120", per="year"), "2013-01-15", None, 2, "5.48"),
        (flat("120", per="year", proration="none"), "2013-01-15", None, 2, "10.00"),
        (flat("1.20", per="day"), "2000-01-01", None, 2, "37.20"),
        (flat("1.20", per="day"), "2013-01-15", "2013-01-20", 2, "6.00"),
        (flat("1.20", per="day", proration="none"), "2013-01-15", "2013-01-20", 2, "37.20"),
        (flat("-5"), "2000-01-01", None, 2, "-5.00"),
        (flat("100"), "2013-02-01", None, 2, "no bill"),
        (flat("100", proration="none"), "2012-01-01", "2013-01-01", 2, "no bill"),
        (flat("0"), "2000-01-01", None, 2, "no bill"),
    ],
)
def test_flat(charge, start, end, minor_digits, net):
    bill = billed(catalog_of({"c": charge}), subscriptions=[held(start=start, end=end)], minor_digits=minor_digits)
    assert net_of(bill) == net


def test_flat_line_has_quantity_one_and_the_amount_to_twelve_decimals():
    (line,) = billed(catalog_of({"c": flat("100")}), subscriptions=[held(start="2013-01-15")]).lines
    assert (line.quantity, str(line.unit_price)) == (1, "54.838709677419")


def test_only_flat_multiplies_by_the_quantity_held():
    catalog = catalog_of({"rent": flat("29.90"), "use": per_unit("2"), "tiers": graduated(*WITH_FEES)})
    bill = billed(catalog, used("1"), subscriptions=[held(quantity="3")])
    assert nets(bill) == [("rent", "89.70"), ("use", "2.00"), ("tiers", "10.00"), ("tiers", "2.00")]


def test_a_line_of_zero_stays_only_where_it_alone_shows_the_usage():
    free_first = graduated(("10", "0", None), (None, "1", None))
    assert nets(billed(catalog_of({"c": free_first}), used("5"))) == [("c", "0.00")]
    assert nets(billed(catalog_of({"c": free_first}), used("12"))) == [("c", "2.00")]
    assert nets(billed(catalog_of({"c": free_first, "d": per_unit("0")}))) == []
