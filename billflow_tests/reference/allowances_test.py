"""Pools: included units that several subscriptions share, in order of use (PRICING §1)."""

import pytest

from billflow_tests.reference.scenarios import (
    billed,
    billed_family,
    catalog_of,
    held,
    matrix,
    member,
    package,
    per_unit,
    used,
)


def pooled(included="100", pool="account", **options):
    return catalog_of({"c": per_unit("1", included=included, pool=pool, **options)})


def quantities(bill):
    return [(line.subscription_id, line.quantity) for line in bill.lines] if bill else []


S, T = held(subscription_id="s"), held(subscription_id="t")


def test_the_allowance_is_the_sum_of_the_members():
    usage = [used("150", "2013-01-10T00:00"), used("70", "2013-01-05T00:00", subscription_id="t")]
    bill = billed(pooled(), *usage, subscriptions=[S, T])
    # t takes 70 first, s 130 of its 150
    assert quantities(bill) == [("s", 20), ("t", 0)]


def test_who_comes_first_in_time_uses_it_up():
    usage = [used("150", "2013-01-10T00:00"), used("70", "2013-01-15T00:00", subscription_id="t")]
    assert quantities(billed(pooled(), *usage, subscriptions=[S, T])) == [("s", 0), ("t", 20)]


@pytest.mark.parametrize(
    ("of_s", "of_t", "result"), [("1", "2", [("s", 0), ("t", 5)]), ("2", "1", [("s", 5), ("t", 0)])]
)
def test_at_one_instant_the_id_decides(of_s, of_t, result):
    usage = [used("100", usage_id=of_s), used("105", usage_id=of_t, subscription_id="t")]
    assert quantities(billed(pooled(), *usage, subscriptions=[S, T])) == result


def test_members_without_use_give_their_units():
    assert quantities(billed(pooled(), used("250"), subscriptions=[S, T])) == [("s", 50)]


def test_the_units_of_each_stretch_are_prorated():
    rows = [held(subscription_id="s"), held(start="2013-01-22", subscription_id="t")]
    bill = billed(pooled("31"), used("50", "2013-01-02T00:00"), subscriptions=rows)
    # 31 + 10
    assert quantities(bill) == [("s", 9)]


def test_rows_of_one_subscription_share_too():
    rows = [held(end="2013-01-11"), held(start="2013-01-11")]
    usage = [used("5", "2013-01-02T00:00"), used("40", "2013-01-20T00:00")]
    assert quantities(billed(pooled("31"), *usage, subscriptions=rows)) == [("s", 0), ("s", 14)]


def test_each_plan_version_has_a_pool_of_its_own():
    charges = {"c": per_unit("1", included="31", pool="account", tax="none")}
    plan = [{"valid_from": "2010-01-01", "charges": charges}, {"valid_from": "2013-01-11", "charges": charges}]
    usage = [used("12", "2013-01-02T00:00"), used("22", "2013-01-20T00:00")]
    assert quantities(billed(catalog_of(plans={"p": plan}), *usage)) == [("s", 2), ("s", 1)]


def test_each_member_is_converted_and_rounded_on_its_own():
    charge = {"convert": {"divide_by": 10, "round": "up"}}
    # s: 4 → 1, 8 → 1, 12 → 2; t: 1 → 1. In order s 1, t 1, s 0, s 1: the pool of 2 covers the first two.
    usage = [
        used("4", "2013-01-01T00:00"),
        used("1", "2013-01-02T00:00", subscription_id="t"),
        used("4", "2013-01-03T00:00"),
        used("4", "2013-01-04T00:00"),
    ]
    assert quantities(billed(pooled("1", **charge), *usage, subscriptions=[S, T])) == [("s", 1), ("t", 0)]


def test_counts_and_increments_share_too():
    calls = [used("9", f"2013-01-0{day}T00:00", metric="calls") for day in (1, 2, 3)]
    assert quantities(billed(pooled("2", metric="calls"), *calls)) == [("s", 1)]
    usage = [used("32", "2013-01-01T00:00"), used("57", "2013-01-02T00:00")]
    assert quantities(billed(pooled("40", increments={"first": 30, "then": 6}), *usage)) == [("s", 56)]


def test_models_price_what_is_beyond_the_pool():
    catalog = catalog_of({"c": package(10, "5", included="100", pool="account")})
    bill = billed(catalog, used("211"), subscriptions=[S, T])
    assert [(line.quantity, str(line.net)) for line in bill.lines] == [(2, "10.00")]


def test_a_matrix_shares_across_members_and_prices():
    charge = matrix(("2", {"area": "eu"}), ("3", {"area": "us"}), included="10", pool="account")
    usage = [
        used("15", "2013-01-01T00:00", area="us"),
        used("4", "2013-01-02T00:00", area="eu", subscription_id="t"),
        used("4", "2013-01-03T00:00", area="us", subscription_id="t"),
    ]
    bill = billed(catalog_of({"c": charge}), *usage, subscriptions=[S, T])
    assert [(line.subscription_id, line.unit_price, str(line.net)) for line in bill.lines] == [
        ("s", 3, "0.00"),
        ("t", 3, "9.00"),
    ]


@pytest.mark.parametrize(
    ("pool", "result"),
    [("hierarchy", [("s", 0), ("t", 50)]), ("account", [("s", 0), ("t", 100)])],
)
def test_only_a_pool_of_the_hierarchy_reaches_other_accounts(pool, result):
    parent = member("parent", used("50", "2013-01-01T00:00"), subscriptions=[S])
    child = member("child", used("200", "2013-01-02T00:00", subscription_id="t"), subscriptions=[T])
    assert quantities(billed_family(pooled(pool=pool), parent, child)) == result
