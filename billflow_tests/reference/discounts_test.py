"""When a discount counts: its dates and its number of periods (PRICING §1)."""

import pytest

from billflow.catalog import Cycle
from billflow_tests.reference.scenarios import FEBRUARY, billed, catalog_of, flat, held, net_of, nets


def net_with(discount, *rows, month="2013-01", charge=None):
    """The net of one charge of 31 with a discount."""
    catalog = catalog_of({"c": charge or flat("31")}, discounts={"d": discount})
    rows = rows or [held(discounts=["d"])]
    return net_of(billed(catalog, subscriptions=rows, period=Cycle(day=1).period(month)))


def with_d(start="2000-01-01", end=None):
    return held(start=start, end=end, discounts=["d"])


@pytest.mark.parametrize(
    ("dates", "net"),
    [
        ({"valid_from": "2013-01-01"}, "21.00"),
        ({"valid_from": "2013-01-02"}, "31.00"),
        ({"valid_to": "2013-01-01"}, "31.00"),
        ({"valid_to": "2013-01-02"}, "21.00"),
    ],
)
def test_it_counts_when_valid_on_the_first_day_rated(dates, net):
    assert net_with({"amount": "10", **dates}) == net


def test_each_stretch_has_its_own_first_day():
    rows = [with_d(end="2013-01-11"), with_d(start="2013-01-11")]
    # 10 + 21 with half off the second
    assert net_with({"percent": "50", "valid_from": "2013-01-11"}, *rows) == "20.50"
    assert net_with({"percent": "50", "valid_to": "2013-01-11"}, *rows) == "26.00"


@pytest.mark.parametrize(
    ("start", "dates", "periods", "month", "net"),
    [
        ("2012-12-10", {}, 1, "2012-12", "12.00"),
        ("2012-12-10", {}, 1, "2013-01", "31.00"),
        ("2012-12-10", {}, 2, "2013-01", "21.00"),
        ("2012-12-10", {}, 2, "2013-02", "31.00"),
        ("2012-12-10", {"valid_from": "2013-01-01"}, 1, "2013-01", "21.00"),
        ("2012-12-10", {"valid_from": "2013-01-01"}, 1, "2013-02", "31.00"),
        ("2012-12-31", {}, 13, "2013-12", "21.00"),
        ("2012-12-31", {}, 13, "2014-01", "31.00"),
    ],
)
def test_periods_count_from_when_both_had_begun(start, dates, periods, month, net):
    # 31.00 x 22/31 - 10 in the first month
    assert net_with({"amount": "10", "periods": periods, **dates}, with_d(start), month=month) == net


def test_periods_are_those_of_the_cycle():
    catalog = catalog_of({"c": flat("31")}, discounts={"d": {"amount": "10", "periods": 1}})
    cycle = Cycle(day=15)
    for month, net in (("2012-12", "12.00"), ("2013-01", "31.00")):
        assert net_of(billed(catalog, subscriptions=[with_d("2012-12-24")], period=cycle.period(month))) == net


def test_periods_count_from_the_first_row_of_the_subscription():
    rows = [with_d("2012-11-01", "2013-01-11"), with_d("2013-01-11")]
    assert net_with({"amount": "10", "periods": 2}, *rows) == "31.00"
    assert net_with({"amount": "10", "periods": 3}, *rows) == "21.00"


def test_a_charge_in_advance_counts_by_the_period_it_covers():
    rent = flat("31", when="advance")
    rows = [with_d("2013-01-22")]
    catalog = catalog_of({"c": rent}, discounts={"d": {"amount": "4", "periods": 1}, "e": {"amount": "4"}})
    assert nets(billed(catalog, subscriptions=rows)) == [("c", "10.00"), ("c", "-4.00"), ("c", "31.00")]
    assert net_with({"amount": "4", "periods": 1}, *rows, month="2013-02", charge=rent) == "31.00"
    assert net_with({"amount": "4", "valid_from": "2013-02-01"}, *rows, charge=rent) == "37.00"


def test_a_fixed_discount_of_a_charge_in_advance_is_given_once_for_each_period():
    catalog = catalog_of({"c": flat("31", when="advance")}, discounts={"d": {"amount": "20"}})
    assert nets(billed(catalog, subscriptions=[with_d("2013-01-22")])) == [
        *[("c", "10.00"), ("c", "-10.00")],
        *[("c", "31.00"), ("c", "-20.00")],
    ]
    assert nets(billed(catalog, subscriptions=[with_d()], period=FEBRUARY)) == [("c", "31.00"), ("c", "-20.00")]
