"""Prices by the values of dimensions (PRICING §2, §6)."""

import pytest

from billflow_tests.reference.scenarios import billed, catalog_of, matrix, nets, unrated, used

ROAMING = [("0.02", {"country": "FR"}), ("0.09", {"country": "US", "network": "5g"})]


def lines(bill):
    return [(line.quantity, str(line.unit_price.normalize()), str(line.net), line.usage_count) for line in bill.lines]


@pytest.mark.parametrize(
    ("dimensions", "net"),
    [
        ({"country": "FR"}, "2.00"),
        ({"country": "FR", "network": "5g"}, "2.00"),
        ({"country": "US", "network": "5g"}, "9.00"),
        ({"country": "US", "network": "4g"}, "15.00"),
        ({"country": "US"}, "15.00"),
        ({}, "15.00"),
    ],
)
def test_price_by_dimensions(dimensions, net):
    catalog = catalog_of({"c": matrix(*ROAMING, default="0.15")})
    assert nets(billed(catalog, used("100", **dimensions))) == [("c", net)]


@pytest.mark.parametrize(("network", "net"), [("5g", "9.00"), ("4g", "5.00")])
def test_the_price_that_names_most_dimensions_wins(network, net):
    prices = [("5", {"country": ["US", "CA"]}), ("9", {"country": "US", "network": "5g"})]
    for written in (prices, prices[::-1]):
        bill = billed(catalog_of({"c": matrix(*written)}), used("1", country="US", network=network))
        assert nets(bill) == [("c", net)]


def test_one_line_per_price_used_in_catalogue_order_the_default_last():
    usage = [
        used("1", "2013-01-01T00:00", country="JP"),
        used("2", "2013-01-02T00:00", country="US", network="5g"),
        used("4", "2013-01-03T00:00", country="DE"),
    ]
    bill = billed(catalog_of({"c": matrix(*ROAMING, default="0.15")}), *usage)
    assert lines(bill) == [(2, "0.09", "0.18", 3), (5, "0.15", "0.75", 0)]


def test_without_a_fitting_price_usage_is_unrated():
    usage = [used("1", country="FR"), used("2", country="US", network="4g")]
    catalog = catalog_of({"c": matrix(*ROAMING)})
    assert lines(billed(catalog, *usage)) == [(1, "0.02", "0.02", 1)]
    assert unrated(catalog, *usage) == usage[1:]
    assert billed(catalog, usage[1]) is None


def test_a_default_of_zero_is_a_price():
    catalog = catalog_of({"c": matrix(*ROAMING, default="0")})
    assert unrated(catalog, used("1")) == []
    assert nets(billed(catalog, used("1"))) == [("c", "0.00")]


def test_a_calendar_may_be_a_dimension():
    calendar = {"night": {"hours": "22-6"}, "day": {}}
    catalog = catalog_of({"c": matrix(("1", {"tou": "night"}), ("2", {"tou": "day"}))}, calendars={"tou": calendar})
    usage = [used("10", "2013-01-01T23:00"), used("10", "2013-01-01T12:00")]
    assert nets(billed(catalog, *usage)) == [("c", "10.00"), ("c", "20.00")]


def test_each_price_has_its_own_aggregate_and_conversion():
    prices = [("1", {"country": "FR"}), ("1", {"country": "US"})]
    peaks = [used(one, f"2013-01-0{one}T00:00", metric="kw", country="FR") for one in ("5", "7")]
    peaks.append(used("3", metric="kw", country="US"))
    assert nets(billed(catalog_of({"c": matrix(*prices, metric="kw")}), *peaks)) == [("c", "7.00"), ("c", "3.00")]
    packs = matrix(*prices, convert={"divide_by": 10, "round": "up"})
    usage = [used("11", country="FR"), used("1", country="US")]
    assert nets(billed(catalog_of({"c": packs}), *usage)) == [("c", "2.00"), ("c", "1.00")]


def test_included_units_are_used_up_in_order_of_time_across_prices():
    usage = [
        used("8", "2013-01-01T00:00", country="US"),
        used("5", "2013-01-02T00:00", country="FR"),
        used("1", "2013-01-03T00:00", country="US"),
    ]
    charge = matrix(("2", {"country": "FR"}), ("3", {"country": "US"}), included="10")
    # US 8 and FR 2 are free; FR 3 and US 1 are not
    assert lines(billed(catalog_of({"c": charge}), *usage)) == [(3, "2", "6.00", 3), (1, "3", "3.00", 0)]


def test_a_price_whose_units_are_all_included_is_left_out():
    usage = [used("8", "2013-01-01T00:00", country="US"), used("5", "2013-01-02T00:00", country="FR")]
    charge = matrix(("2", {"country": "FR"}), ("3", {"country": "US"}), included="10")
    assert nets(billed(catalog_of({"c": charge}), *usage)) == [("c", "6.00")]
    assert nets(billed(catalog_of({"c": charge}), usage[0])) == [("c", "0.00")]
