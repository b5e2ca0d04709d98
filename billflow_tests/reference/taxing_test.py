"""Taxes by customer, reasons why none is due, and plans whose prices include tax (PRICING §3, §6)."""

from fractions import Fraction

import pytest

from billflow.catalog import TaxPayer
from billflow_tests.reference.scenarios import (
    adjusted,
    billed,
    catalog_of,
    flat,
    held,
    per_unit,
    taxes,
    used,
)

VAT = [
    {"category": "S", "rate": "0.19"},
    {"category": "AE", "country": ["FR", "IT"], "tax_id": True},
    {"category": "G", "country": "US", "reason": "Exported"},
    {"category": "S", "rate": "0.05", "segment": "charity"},
]


@pytest.mark.parametrize(
    ("payer", "group"),
    [
        (TaxPayer(), ("S", "0.19", "100.00", "19.00")),
        (TaxPayer(country="DE"), ("S", "0.19", "100.00", "19.00")),
        (TaxPayer(country="FR"), ("S", "0.19", "100.00", "19.00")),
        (TaxPayer(country="FR", tax_id="FR1"), ("AE", "0", "100.00", "0.00")),
        (TaxPayer(country="US", postcode="1"), ("G", "0", "100.00", "0.00")),
        (TaxPayer(segment="charity"), ("S", "0.05", "100.00", "5.00")),
    ],
)
def test_tax_by_customer(payer, group):
    assert taxes(billed(catalog_of({"c": flat("100", tax="t")}, taxes={"t": VAT}), payer=payer)) == [group]


@pytest.mark.parametrize(
    ("tax", "reason"),
    [
        ({"category": "S", "rate": "0.1"}, None),
        ({"category": "Z"}, None),
        ({"category": "E"}, "Exempt from tax"),
        ({"category": "AE"}, "Reverse charge"),
        ({"category": "K"}, "Intra-community supply"),
        ({"category": "G"}, "Export outside the EU"),
        ({"category": "O"}, "Not subject to tax"),
        ({"category": "E", "reason": "Article 132"}, "Article 132"),
    ],
)
def test_reason(tax, reason):
    (group,) = billed(catalog_of({"c": flat("1", tax="t")}, taxes={"t": tax})).taxes
    assert group.reason == reason


def test_the_smallest_code_gives_the_reason():
    rates = {"b": {"category": "E", "reason": "of b"}, "a": {"category": "E", "reason": "of a"}}
    (group,) = billed(catalog_of({"x": flat("1", tax="b"), "y": flat("1", tax="a")}, taxes=rates)).taxes
    assert (group.reason, group.base) == ("of a", 2)


def test_a_payer_without_a_rate_raises():
    catalog = catalog_of({"c": flat("1", tax="t")}, taxes={"t": {"category": "G", "country": "US"}})
    with pytest.raises(LookupError):
        billed(catalog, payer=TaxPayer(country="DE"))


def gross_plan(charges, *, extra=None, **sections):
    """Plan `p` with prices that include tax, and plan `q` without."""
    plans = {"p": {"charges": charges, "prices_include_tax": True}, **({"q": {"charges": extra}} if extra else {})}
    rates = {"vat": {"category": "S", "rate": "0.19"}, "high": {"category": "S", "rate": "0.20"}}
    return catalog_of(plans=plans, taxes=rates, **sections)


def amounts(bill):
    return [(line.charge, line.gross and str(line.gross), str(line.net)) for line in bill.lines]


def totals(bill):
    return str(bill.net), str(bill.tax), str(bill.total)


def test_a_gross_price_contains_its_tax():
    bill = billed(gross_plan({"c": flat("119.00", tax="vat")}))
    assert amounts(bill) == [("c", "119.00", "100.00")]
    assert (totals(bill), taxes(bill)) == (("100.00", "19.00", "119.00"), [("S", "0.19", "100.00", "19.00")])


def test_the_tax_of_a_group_is_rounded_once_and_spread_in_line_order():
    bill = billed(gross_plan({name: flat("10.00", tax="high") for name in ("c", "b", "a")}))
    # 30.00 x 0.2 / 1.2 = 5.00: 1.67, 1.67, 1.66
    assert amounts(bill) == [("c", "10.00", "8.33"), ("b", "10.00", "8.33"), ("a", "10.00", "8.34")]
    assert totals(bill) == ("25.00", "5.00", "30.00")


def test_the_rate_of_the_nets_would_not_give_the_total():
    # 0.05 x 0.19 / 1.19 = 0.00798… → 0.01, while 0.04 x 0.19 = 0.0076
    bill = billed(gross_plan({"c": flat("0.05", tax="vat"), "d": flat("9.99", tax="high")}))
    assert totals(bill) == ("8.36", "1.68", "10.04")


def test_the_unit_price_follows_the_net():
    bill = billed(gross_plan({"c": per_unit("0.30", tax="high")}), used("7"))
    (line,) = bill.lines
    # 2.10 gross, 0.35 tax, 1.75 net
    assert (line.quantity, str(line.unit_price), str(line.gross), str(line.net)) == (
        7,
        "0.250000000000",
        "2.10",
        "1.75",
    )
    assert abs(Fraction(line.quantity) * Fraction(line.unit_price) - Fraction("1.75")) <= Fraction(1, 200)


def test_a_line_of_quantity_zero_has_no_price():
    (line,) = billed(gross_plan({"c": per_unit("3", included="10", tax="vat")}), used("7")).lines
    assert (line.quantity, line.unit_price, str(line.gross), str(line.net)) == (0, 0, "0.00", "0.00")


def test_discounts_and_bounds_are_of_gross_amounts():
    catalog = gross_plan({"c": flat("238", tax="vat", maximum="119")}, discounts={"d": {"percent": "10"}})
    bill = billed(catalog, subscriptions=[held(discounts=["d"])])
    assert [line.gross for line in bill.lines] == [238, Fraction("-23.8"), Fraction("-95.2")]
    assert [str(line.net) for line in bill.lines] == ["200.00", "-20.00", "-80.00"]
    assert totals(bill) == ("100.00", "19.00", "119.00")


def test_gross_and_net_plans_share_a_group_and_keep_their_rounding():
    catalog = gross_plan({"c": flat("119", tax="vat")}, extra={"d": flat("100.03", tax="vat")})
    bill = billed(catalog, subscriptions=[held(), held("q", subscription_id="t")])
    assert amounts(bill) == [("c", "119.00", "100.00"), ("d", None, "100.03")]
    # 19.00 within the gross price, and 100.03 x 0.19 = 19.0057
    assert taxes(bill) == [("S", "0.19", "200.03", "38.01")]


def test_discounts_of_the_bill_are_spread_over_gross_and_net_apart():
    catalog = gross_plan(
        {"c": flat("119", tax="vat")},
        extra={"d": flat("81", tax="vat")},
        discounts={"d": {"percent": "10", "applies_to": "invoice"}},
    )
    bill = billed(catalog, subscriptions=[held(discounts=["d"]), held("q", subscription_id="t")])
    # 20.00 off 200.00: 8.10 of the net prices, 11.90 of the gross ones
    assert amounts(bill)[2:] == [("invoice_discount", None, "-8.10"), ("invoice_discount", "-11.90", "-10.00")]
    assert taxes(bill) == [("S", "0.19", "162.90", "30.95")]


def test_bounds_of_a_gross_plan_are_gross():
    plan = {"charges": {"c": flat("100", tax="vat")}, "prices_include_tax": True, "minimum": "119"}
    bill = billed(catalog_of(plans={"p": plan}, taxes={"vat": {"category": "S", "rate": "0.19"}}))
    assert amounts(bill)[1][:2] == ("plan_minimum", "19.00")
    assert totals(bill) == ("100.00", "19.00", "119.00")


def test_adjustments_are_net():
    bill = billed(gross_plan({"c": flat("119", tax="vat")}), adjustments=[adjusted("10", tax="vat")])
    assert amounts(bill) == [("c", "119.00", "100.00"), ("adjustment", None, "10.00")]
    assert totals(bill) == ("110.00", "20.90", "130.90")
