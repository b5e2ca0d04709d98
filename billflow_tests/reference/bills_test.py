"""Discounts, taxes, totals and the kind of a bill (PRICING §1, §3, §5)."""

from datetime import date
from decimal import Decimal

import pytest

from billflow.catalog import Cycle
from billflow_tests.reference.scenarios import (
    JANUARY,
    billed,
    catalog_of,
    flat,
    graduated,
    held,
    nets,
    per_unit,
    used,
)

DISCOUNTS = {
    "half": {"percent": "50"},
    "most": {"percent": "60"},
    "third": {"percent": "33.333"},
    "loyal": {"percent": "5", "applies_to": ["peak"]},
}


def discounted(charges, *usage, codes):
    catalog = catalog_of(charges, discounts=DISCOUNTS)
    return billed(catalog, *usage, subscriptions=[held(discounts=codes)])


def test_half_off():
    bill = discounted({"c": per_unit("10")}, used("20"), codes=["half"])
    assert nets(bill) == [("c", "200.00"), ("c", "-100.00")]
    assert [(line.quantity, line.unit_price, line.usage_count) for line in bill.lines] == [
        (20, 10, 1),
        (1, -100, 0),
    ]


@pytest.mark.parametrize(
    ("codes", "net"),
    [
        (["half", "third"], "16.67"),
        (["half", "most"], "0.00"),
        (["half", "half"], "50.00"),
        (["loyal"], "100.00"),
        ([], "100.00"),
    ],
)
def test_percents_add_up_to_a_hundred_at_most(codes, net):
    assert str(discounted({"c": flat("100")}, codes=codes).net) == net


def test_discount_is_one_line_after_all_tiers_from_rounded_nets():
    tiers = graduated(("1", "0.014", None), (None, "0.014", None))
    bill = discounted({"c": tiers}, used("2"), codes=["half"])
    assert nets(bill) == [("c", "0.01"), ("c", "0.01"), ("c", "-0.01")]


def test_discount_only_on_the_charges_it_applies_to():
    bill = discounted({"peak": flat("31"), "rest": flat("31")}, codes=["loyal"])
    assert nets(bill) == [("peak", "31.00"), ("peak", "-1.55"), ("rest", "31.00")]


def test_discount_of_zero_is_left_out():
    assert nets(discounted({"peak": flat("0.05")}, codes=["loyal"])) == [("peak", "0.05")]


def test_discount_rounds_half_away_from_zero():
    assert nets(discounted({"c": flat("0.01")}, codes=["half"])) == [("c", "0.01"), ("c", "-0.01")]
    assert nets(discounted({"c": flat("-0.01")}, codes=["half"])) == [("c", "-0.01"), ("c", "0.01")]


def test_an_unknown_discount_raises():
    with pytest.raises(LookupError):
        discounted({"c": flat("1")}, codes=["nowhere"])


def test_tax_is_rounded_per_category_and_rate():
    bill = billed(catalog_of({"a": flat("141.06", tax="gst"), "b": flat("23.94", tax="high")}))
    assert [(group.category, str(group.base), str(group.tax)) for group in bill.taxes] == [
        ("S", "141.06", "14.11"),
        ("S", "23.94", "4.79"),
    ]
    assert (str(bill.net), str(bill.tax), str(bill.total)) == ("165.00", "18.90", "183.90")


def test_tax_is_not_rounded_per_line():
    bill = billed(catalog_of({f"c{n}": flat("0.04", tax="gst") for n in range(5)}))
    assert (str(bill.net), str(bill.tax)) == ("0.20", "0.02")


@pytest.mark.parametrize(
    ("base", "rate", "tax", "kind"),
    [
        ("2141.19", "0.021", "44.96", "invoice"),
        ("-6491.34", "0.25", "-1622.84", "credit_note"),
        ("12342.61", "0.048", "592.45", "invoice"),
    ],
)
def test_tax_of_a_group(base, rate, tax, kind):
    bill = billed(catalog_of({"c": flat(base, tax="t")}, taxes={"t": {"category": "S", "rate": rate}}))
    assert (str(bill.tax), bill.kind) == (tax, kind)
    assert bill.total == Decimal(base) + Decimal(tax)


def test_no_tax_is_category_o():
    bill = billed(catalog_of({"c": flat("10")}))
    (line,) = bill.lines
    assert (line.tax_code, line.tax_category, line.tax_rate) == ("none", "O", 0)
    assert (bill.taxes[0].base, bill.taxes[0].tax, bill.total) == (10, 0, 10)


def test_the_issue_date_decides_the_tax_version():
    versions = [
        {"category": "S", "rate": "0.10", "valid_from": "2000-01-01"},
        {"category": "S", "rate": "0.12", "valid_from": "2013-02-01"},
    ]
    catalog = catalog_of({"c": flat("100", tax="t")}, taxes={"t": versions})
    assert JANUARY.issue_date == date(2013, 2, 1)
    assert str(billed(catalog).tax) == "12.00"
    assert str(billed(catalog, period=Cycle(day=1).period("2012-12")).tax) == "10.00"


def test_equal_rates_of_two_codes_are_one_group():
    taxes = {"a": {"category": "S", "rate": "0.10"}, "b": {"category": "S", "rate": "0.1"}}
    bill = billed(catalog_of({"c": flat("0.04", tax="a"), "d": flat("0.04", tax="b")}, taxes=taxes))
    assert [str(group.tax) for group in bill.taxes] == ["0.01"]


def test_categories_of_one_rate_are_groups_apart():
    taxes = {"a": {"category": "Z", "rate": "0"}, "b": {"category": "E", "rate": "0"}}
    bill = billed(catalog_of({"c": flat("1", tax="a"), "d": flat("2", tax="b")}, taxes=taxes))
    assert [(group.category, group.base) for group in bill.taxes] == [("E", 2), ("Z", 1)]


def test_a_total_of_zero_is_an_invoice():
    bill = billed(catalog_of({"c": flat("5"), "d": flat("-5")}))
    assert (bill.kind, bill.total) == ("invoice", 0)


def test_the_total_with_tax_decides_the_kind():
    taxes = {"t": {"category": "S", "rate": "0.5"}}
    bill = billed(catalog_of({"c": flat("100", tax="t"), "d": flat("-120")}, taxes=taxes))
    assert (bill.kind, bill.net, bill.total) == ("invoice", -20, 30)


def test_an_account_without_lines_gets_no_bill():
    assert billed(catalog_of({"c": per_unit("1")})) is None
    assert billed(catalog_of({"c": flat("1")}), subscriptions=[]) is None
