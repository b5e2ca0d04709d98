"""Adjustments, discounts and minimum of a bill as a whole (PRICING §1, §3)."""

import pytest

from billflow.catalog import TaxPayer
from billflow_tests.reference.scenarios import (
    adjusted,
    billed,
    catalog_of,
    days,
    flat,
    held,
    nets,
    per_unit,
    taxes,
)

DISCOUNTS = {
    "tenth": {"percent": "10", "applies_to": "invoice"},
    "most": {"percent": "60", "applies_to": "invoice"},
    "twenty": {"amount": "20", "applies_to": "invoice"},
    "soon": {"percent": "10", "applies_to": "invoice", "valid_from": "2013-01-20"},
    "once": {"percent": "10", "applies_to": "invoice", "periods": 1},
    "half": {"percent": "50"},
}
MIXED = {"a": flat("100", tax="gst"), "b": flat("50")}


def of_bill(bill):
    """(charge, tax category, rate, net) of the lines of the bill as a whole."""
    named = ("invoice_discount", "invoice_minimum")
    return [
        (line.charge, line.tax_category, str(line.tax_rate), str(line.net))
        for line in bill.lines
        if line.charge in named
    ]


def discounted(charges, *codes, rows=None, **options):
    catalog = catalog_of(charges, discounts=DISCOUNTS)
    return billed(catalog, subscriptions=rows or [held(discounts=codes)], **options)


@pytest.mark.parametrize(
    ("codes", "untaxed", "taxed"),
    [
        (["tenth"], "-5.00", "-10.00"),
        # 15 + 20 = 35: 11.666… and 23.333…
        (["tenth", "twenty"], "-11.67", "-23.33"),
        (["tenth", "tenth"], "-5.00", "-10.00"),
        (["tenth", "most", "most"], "-35.00", "-70.00"),
    ],
)
def test_a_discount_is_spread_over_taxes_by_net(codes, untaxed, taxed):
    assert of_bill(discounted(MIXED, *codes)) == [
        ("invoice_discount", "O", "0", untaxed),
        ("invoice_discount", "S", "0.10", taxed),
    ]


def test_it_lowers_the_tax():
    assert taxes(discounted(MIXED, "tenth")) == [("O", "0", "45.00", "0.00"), ("S", "0.10", "90.00", "9.00")]


def test_equal_taxes_give_the_odd_cent_to_the_first():
    charges = {"a": flat("1", tax="gst"), "b": flat("1", tax="high")}
    bill = billed(
        catalog_of(charges, discounts={"d": {"amount": "0.05", "applies_to": "invoice"}}),
        subscriptions=[held(discounts=["d"])],
    )
    assert [net for *_, net in of_bill(bill)] == ["-0.03", "-0.02"]


@pytest.mark.parametrize(
    ("amount", "codes", "net"),
    [
        ("15", ["twenty"], "0.00"),
        ("15", ["most", "twenty"], "0.00"),
        ("60", ["most", "twenty"], "4.00"),
        ("15", ["most", "tenth", "twenty"], "0.00"),
    ],
)
def test_it_never_takes_more_than_there_is(amount, codes, net):
    assert str(discounted({"a": flat(amount)}, *codes).net) == net


def test_a_bill_that_is_not_positive_has_no_discount():
    assert of_bill(discounted({"a": flat("5"), "b": flat("-5")}, "tenth")) == []
    assert of_bill(discounted({"a": flat("-5")}, "tenth", "twenty")) == []


def test_discounts_of_charges_come_first():
    assert nets(discounted({"a": flat("100")}, "tenth", "half")) == [
        *[("a", "100.00"), ("a", "-50.00")],
        ("invoice_discount", "-5.00"),
    ]


def test_one_row_that_makes_it_count_is_enough():
    # of 10.00 and 21.00
    early, late = held(end="2013-01-11", discounts=["soon"]), held(start="2013-01-11", discounts=["soon"])
    assert of_bill(discounted({"a": flat("31")}, rows=[early, late])) == []
    later = held(start="2013-01-25", discounts=["soon"], subscription_id="t")
    # 31.00 of s and 7.00 of t
    assert [net for *_, net in of_bill(discounted({"a": flat("31")}, rows=[held(), later]))] == ["-3.80"]


def test_rows_without_a_day_in_the_period_do_not_count():
    gone = held(end="2013-01-01", discounts=["tenth"], subscription_id="t")
    assert of_bill(discounted({"a": flat("31")}, rows=[held(), gone])) == []


@pytest.mark.parametrize(("start", "counts"), [("2013-01-01", True), ("2012-12-31", False)])
def test_it_counts_for_its_number_of_periods(start, counts):
    bill = discounted({"a": flat("31")}, rows=[held(start=start, discounts=["once"])])
    assert bool(of_bill(bill)) == counts


def test_lines_are_of_the_invoiced_account_and_the_period():
    line = discounted({"a": flat("100")}, "tenth", account_id="acme").lines[-1]
    assert (line.subscription_id, line.plan, line.service_account_id) == (None, None, "acme")
    assert (str(line.period_start), str(line.period_end)) == ("2013-01-01", "2013-02-01")
    assert (line.quantity, line.unit_price) == (1, -10)


MINIMUM = {"default": "20", "public": "200", "small": "0"}


def with_minimum(charges, segment=None, *, minimum=MINIMUM, codes=(), **options):
    catalog = catalog_of(charges, discounts=DISCOUNTS, invoice={"minimum": minimum})
    return billed(catalog, payer=TaxPayer(segment=segment), subscriptions=[held(discounts=codes)], **options)


@pytest.mark.parametrize(
    ("segment", "added"),
    [(None, "15.00"), ("other", "15.00"), ("public", "195.00"), ("small", None)],
)
def test_a_minimum_by_segment(segment, added):
    bill = with_minimum({"a": flat("5")}, segment)
    assert nets(bill)[1:] == ([("invoice_minimum", added)] if added else [])


def test_a_minimum_is_spread_over_taxes_by_net():
    # 50 of 200 are missing: a third and two thirds
    assert of_bill(with_minimum(MIXED, "public")) == [
        ("invoice_minimum", "O", "0", "16.67"),
        ("invoice_minimum", "S", "0.10", "33.33"),
    ]


def test_a_minimum_holds_after_discounts():
    bill = with_minimum({"a": flat("21", tax="gst")}, codes=["tenth"])
    assert nets(bill) == [("a", "21.00"), ("invoice_discount", "-2.10"), ("invoice_minimum", "1.10")]


def test_a_minimum_of_a_bill_of_nothing_is_in_the_first_tax():
    bill = with_minimum({"a": flat("6", tax="high"), "b": flat("-6", tax="gst")})
    assert of_bill(bill) == [("invoice_minimum", "S", "0.10", "20.00")]


@pytest.mark.parametrize(
    ("charges", "options"),
    [
        ({"a": flat("-5")}, {}),
        ({"a": flat("20")}, {}),
        ({"a": flat("5")}, {"in_project_currency": False}),
        ({"a": flat("5")}, {"minimum": {"public": "200"}}),
    ],
)
def test_bills_without_a_minimum(charges, options):
    assert of_bill(with_minimum(charges, **options)) == []


def test_a_bill_without_lines_has_no_minimum():
    assert with_minimum({"a": per_unit("1")}) is None


def test_a_minimum_is_never_prorated():
    catalog = catalog_of({"a": flat("31")}, invoice={"minimum": "20"})
    assert nets(billed(catalog, subscriptions=[held(start="2013-01-31")])) == [
        ("a", "1.00"),
        ("invoice_minimum", "19.00"),
    ]


def test_adjustments_come_last_by_day_and_id():
    given = [
        adjusted("3", "2013-01-20", adjustment_id="a"),
        adjusted("-2.005", "2013-01-10", tax="gst", adjustment_id="b"),
        adjusted("1", "2013-01-10", adjustment_id="a"),
    ]
    bill = billed(catalog_of({"a": flat("5")}), adjustments=given)
    assert nets(bill) == [("a", "5.00"), ("adjustment", "1.00"), ("adjustment", "-2.01"), ("adjustment", "3.00")]
    assert days(bill)[1:] == [
        ("2013-01-10", "2013-01-11", "1.00"),
        ("2013-01-10", "2013-01-11", "-2.01"),
        ("2013-01-20", "2013-01-21", "3.00"),
    ]
    first = bill.lines[1]
    assert (first.subscription_id, first.plan, first.quantity, first.unit_price) == (None, None, 1, 1)
    assert [(line.tax_code, line.tax_category) for line in bill.lines[1:]] == [
        ("none", "O"),
        ("gst", "S"),
        ("none", "O"),
    ]


@pytest.mark.parametrize(
    ("adjustment", "lines"),
    [
        (adjusted("0.004"), []),
        (adjusted("0.005"), [("adjustment", "0.01")]),
        (adjusted("1", "2012-12-31"), []),
        (adjusted("1", "2013-01-01"), [("adjustment", "1.00")]),
        (adjusted("1", "2013-01-31"), [("adjustment", "1.00")]),
        (adjusted("1", "2013-02-01"), []),
    ],
)
def test_an_adjustment_alone_makes_a_bill(adjustment, lines):
    assert nets(billed(catalog_of({"a": per_unit("1")}), subscriptions=[], adjustments=[adjustment])) == lines


def test_discounts_of_the_bill_cover_adjustments():
    bill = discounted({"a": flat("100")}, "tenth", adjustments=[adjusted("50")])
    assert nets(bill)[-1] == ("invoice_discount", "-15.00")
