"""One bill for a family of accounts (PRICING §1, §3)."""

from billflow_tests.reference.scenarios import (
    FEBRUARY,
    adjusted,
    ahead,
    billed_family,
    catalog_of,
    flat,
    held,
    member,
    nets,
    per_unit,
    taxes,
    used,
)


def served(bill):
    return [(line.service_account_id, line.charge, str(line.net)) for line in bill.lines]


def test_the_invoiced_account_comes_first_then_the_others_by_id():
    catalog = catalog_of({"c": flat("31")})
    family = [member(name, subscriptions=[held(subscription_id=f"of {name}")]) for name in ("m", "z", "a")]
    assert served(billed_family(catalog, *family)) == [("m", "c", "31.00"), ("a", "c", "31.00"), ("z", "c", "31.00")]


def test_each_account_has_its_adjustments_after_its_subscriptions():
    catalog = catalog_of({"c": flat("31")}, invoice={"minimum": "70"})
    family = [
        member(name, subscriptions=[held(subscription_id=f"of {name}")], adjustments=[adjusted("1")])
        for name in ("m", "a")
    ]
    assert served(billed_family(catalog, *family)) == [
        *[("m", "c", "31.00"), ("m", "adjustment", "1.00")],
        *[("a", "c", "31.00"), ("a", "adjustment", "1.00")],
        ("m", "invoice_minimum", "6.00"),
    ]


def test_usage_is_by_the_clock_of_its_own_account():
    catalog = catalog_of({"c": per_unit("1")})
    at = "2012-12-31T13:30+00:00"
    family = [
        member("london", used("1", at), subscriptions=[held()], timezone="Europe/London"),
        member(
            "sydney",
            used("2", at, subscription_id="t"),
            subscriptions=[held(subscription_id="t")],
            timezone="Australia/Sydney",
        ),
    ]
    assert served(billed_family(catalog, *family)) == [("sydney", "c", "2.00")]


def test_one_id_in_two_accounts_is_two_subscriptions():
    catalog = catalog_of({"c": per_unit("1", maximum="10")})
    family = [member(name, used(quantity), subscriptions=[held()]) for name, quantity in (("a", "12"), ("b", "3"))]
    assert served(billed_family(catalog, *family)) == [("a", "c", "12.00"), ("a", "c", "-2.00"), ("b", "c", "3.00")]


def test_tax_is_of_the_sum_over_all_accounts():
    catalog = catalog_of({"c": flat("0.04", tax="gst")})
    family = [member(f"{n}", subscriptions=[held(subscription_id=f"{n}")]) for n in range(5)]
    assert taxes(billed_family(catalog, *family)) == [("S", "0.10", "0.20", "0.02")]


def test_a_discount_of_the_bill_held_by_any_account_counts_once_for_all():
    catalog = catalog_of({"c": flat("100")}, discounts={"d": {"percent": "10", "applies_to": "invoice"}})
    family = [
        member("a", subscriptions=[held(subscription_id="a")]),
        member("b", subscriptions=[held(subscription_id="b", discounts=["d"])]),
        member("c", subscriptions=[held(subscription_id="c", discounts=["d"])]),
    ]
    assert served(billed_family(catalog, *family))[-1] == ("a", "invoice_discount", "-30.00")


def test_periods_of_a_discount_count_by_account():
    catalog = catalog_of({"c": flat("31")}, discounts={"d": {"amount": "1", "periods": 1}})
    family = [
        member("a", subscriptions=[held(discounts=["d"])]),
        member("b", subscriptions=[held(start="2013-01-01", discounts=["d"])]),
    ]
    assert [net for _, _, net in served(billed_family(catalog, *family))] == ["31.00", "31.00", "-1.00"]


def test_credits_go_to_the_account_that_was_served():
    catalog = catalog_of({"c": flat("28", when="advance")})
    family = [member("a", subscriptions=[held()]), member("b", subscriptions=[held(end="2013-02-15")])]
    before = [ahead(service_account_id=name) for name in ("a", "b")]
    assert served(billed_family(catalog, *family, period=FEBRUARY, billed_ahead=before)) == [
        ("a", "c", "28.00"),
        ("b", "c", "-14.00"),
    ]


def test_a_family_without_lines_gets_no_bill():
    assert nets(billed_family(catalog_of({"c": per_unit("1")}), member("a", subscriptions=[held()]), member("b"))) == []
