"""The price models' amounts, from the tables of PRICING §2 and §3."""

from decimal import Decimal

import pytest

from billflow_tests.reference.scenarios import (
    billed,
    catalog_of,
    flat,
    graduated,
    graduated_percentage,
    held,
    net_of,
    nets,
    package,
    per_unit,
    percentage,
    used,
    volume,
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


TWO_PRICES = [("100", "2", "10"), ("200", "1", None), (None, "0.5", "50")]
FLAT_THEN_UNITS = [("5", None, "100"), ("10", None, "150"), ("15", "10", None), (None, "5", None)]


@pytest.mark.parametrize(
    ("tiers", "quantity", "net"),
    [
        *((TWO_PRICES, *case) for case in [("0", "10.00"), ("1", "12.00"), ("100", "210.00")]),
        *((TWO_PRICES, *case) for case in [("100.5", "100.50"), ("101", "101.00"), ("200", "200.00")]),
        *((TWO_PRICES, *case) for case in [("210", "155.00"), ("300", "200.00")]),
        *((FLAT_THEN_UNITS, *case) for case in [("5", "100.00"), ("5.001", "150.00"), ("14", "140.00")]),
        *((FLAT_THEN_UNITS, *case) for case in [("15", "150.00"), ("16", "80.00"), ("100", "500.00")]),
    ],
)
def test_volume(tiers, quantity, net):
    assert net_of(billed(catalog_of({"c": volume(*tiers)}), used(quantity))) == net


def test_volume_without_usage_owes_the_first_fee():
    assert nets(billed(catalog_of({"c": volume(*TWO_PRICES)}))) == [("c", "10.00")]


def test_volume_prints_the_units_then_the_fee_of_its_one_tier():
    bill = billed(catalog_of({"c": volume(*TWO_PRICES)}), used("210"))
    assert [(str(line.net), line.quantity, line.unit_price, line.usage_count) for line in bill.lines] == [
        ("105.00", 210, Decimal("0.5"), 1),
        ("50.00", 1, 50, 0),
    ]


@pytest.mark.parametrize(
    ("included", "quantity", "packages", "net"),
    [
        (None, "121", 13, "1300.00"),
        (None, "120", 12, "1200.00"),
        (None, "0.001", 1, "100.00"),
        ("10", "121", 12, "1200.00"),
        ("200", "121", 0, "0.00"),
    ],
)
def test_package(included, quantity, packages, net):
    charge = package(10, "100", **({"included": included} if included else {}))
    (line,) = billed(catalog_of({"c": charge}), used(quantity)).lines
    assert (line.quantity, line.unit_price, str(line.net)) == (packages, 100, net)


@pytest.mark.parametrize(("quantity", "net"), [("0", "200.00"), ("10", "200.10"), ("11", "500.12"), ("21", "900.33")])
def test_graduated_percentage(quantity, net):
    tiers = [("10", "0.01", "200"), ("20", "0.02", "300"), (None, "0.03", "400")]
    assert net_of(billed(catalog_of({"c": graduated_percentage(*tiers)}), used(quantity))) == net


def values(*quantities):
    return [used(one, f"2013-01-0{day}T00:00") for day, one in enumerate(quantities, start=1)]


def test_percentage_of_what_is_not_included_and_a_fee_per_paid_event():
    charge = percentage("0.013", included="250", fixed_fee="2", free_events=1)
    bill = billed(catalog_of({"c": charge}), *values("300", "400", "100"))
    assert net_of(bill) == "11.15"
    assert [(line.quantity, line.unit_price, str(line.net), line.usage_count) for line in bill.lines] == [
        (550, Decimal("0.013"), "7.15", 3),
        (2, 2, "4.00", 0),
    ]


@pytest.mark.parametrize(
    ("options", "net"),
    [
        ({}, "301.69"),
        ({"fixed_fee": "2"}, "307.69"),
        ({"fixed_fee": "2", "free_events": 5}, "301.69"),
        ({"event_minimum": "1.75", "event_maximum": "12"}, "16.14"),
        ({"event_minimum": "1.75", "event_maximum": "12", "fixed_fee": "2"}, "18.69"),
        # 0 + 2.392 + 12
        ({"event_minimum": "1.75", "event_maximum": "12", "free_events": 1}, "14.39"),
        ({"event_maximum": "12", "free_events": 3}, "0.00"),
        # 1.75 + 2.392 + 299
        ({"event_minimum": "1.75"}, "303.14"),
        # the first two, and 10 of the third, are included: 1.75 + 1.75 + 12
        ({"event_minimum": "1.75", "event_maximum": "12", "included": "100"}, "15.50"),
        # what is free uses up what is included: 0 + (40 * 0.0299 + 2) + 12
        ({"event_maximum": "12", "fixed_fee": "2", "free_events": 1, "included": "50"}, "15.20"),
    ],
)
def test_percentage_of_events_10_80_10000(options, net):
    bill = billed(catalog_of({"c": percentage("0.0299", **options)}), *values("10", "80", "10000"))
    assert net_of(bill) == net


def test_bounded_percentage_is_one_line_of_quantity_one_rounded_once():
    charge = percentage("0.0299", event_minimum="1.75", event_maximum="12")
    (line,) = billed(catalog_of({"c": charge}), *values("10", "80", "10000")).lines
    assert (line.quantity, str(line.unit_price), str(line.net)) == (1, "16.142000000000", "16.14")
    assert line.usage_count == 3


def test_bounds_are_of_the_converted_value_of_each_event():
    charge = percentage("0.1", event_minimum="1", convert={"divide_by": 100})
    assert net_of(billed(catalog_of({"c": charge}), *values("500", "2000"))) == "3.00"


def test_the_allowance_of_bounded_events_is_prorated():
    charge = percentage("0.1", included="31", event_maximum="5")
    bill = billed(catalog_of({"c": charge}), used("30", "2013-01-25T00:00"), subscriptions=[held(start="2013-01-22")])
    assert net_of(bill) == "2.00"


def test_bounded_percentage_without_events_has_no_line():
    assert billed(catalog_of({"c": percentage("0.1", event_minimum="1")})) is None


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
