"""Fixed discounts, maxima and minima of a charge, within a stretch and across stretches (PRICING §1, §4)."""

import pytest

from billflow_tests.reference.scenarios import (
    FEBRUARY,
    JANUARY,
    billed,
    catalog_of,
    flat,
    graduated,
    held,
    matrix,
    nets,
    per_unit,
    used,
)

DISCOUNTS = {
    "half": {"percent": "50"},
    "ten": {"amount": "10"},
    "five": {"amount": "5", "applies_to": "c"},
    "third": {"amount": "3.335"},
}
EARLY, LATE = "2013-01-05T00:00", "2013-01-20T00:00"


def lines_of(charge, *usage, rows=None, codes=(), period=JANUARY):
    """Nets of one charge; with `rows` the subscription changes on 11 January."""
    rows = rows or [held(discounts=codes)]
    bill = billed(catalog_of({"c": charge}, discounts=DISCOUNTS), *usage, subscriptions=rows, period=period)
    return [net for _, net in nets(bill)]


def changed(*, before=(), after=()):
    return [held(end="2013-01-11", discounts=before), held(start="2013-01-11", discounts=after)]


@pytest.mark.parametrize(
    ("options", "quantity", "codes", "lines"),
    [
        ({}, "20", ["half", "ten"], ["200.00", "-100.00", "-10.00"]),
        ({}, "20", ["ten", "half"], ["200.00", "-100.00", "-10.00"]),
        ({}, "20", ["ten", "five"], ["200.00", "-15.00"]),
        ({}, "1.2", ["ten", "five"], ["12.00", "-12.00"]),
        ({}, "1.2", ["half", "ten"], ["12.00", "-6.00", "-6.00"]),
        ({}, "20", ["third"], ["200.00", "-3.34"]),
        ({}, "0", ["ten"], ["0.00"]),
        ({"maximum": "150"}, "20", [], ["200.00", "-50.00"]),
        ({"maximum": "200"}, "20", [], ["200.00"]),
        ({"maximum": "0"}, "20", [], ["200.00", "-200.00"]),
        ({"maximum": "65"}, "20", ["half"], ["200.00", "-100.00", "-35.00"]),
        ({"maximum": "80"}, "20", ["half", "ten"], ["200.00", "-100.00", "-10.00", "-10.00"]),
        ({"minimum": "250"}, "20", [], ["200.00", "50.00"]),
        ({"minimum": "95"}, "20", ["half", "ten"], ["200.00", "-100.00", "-10.00", "5.00"]),
        ({"minimum": "5"}, "20", [], ["200.00"]),
        ({"minimum": "60", "maximum": "80"}, "20", [], ["200.00", "-120.00"]),
    ],
)
def test_discounts_then_maximum_then_minimum(options, quantity, codes, lines):
    assert lines_of(per_unit("10", **options), used(quantity), codes=codes) == lines


def test_their_lines_have_quantity_one_and_their_net_as_price():
    catalog = catalog_of({"c": per_unit("10", maximum="30", minimum="0")}, discounts=DISCOUNTS)
    bill = billed(catalog, used("20"), subscriptions=[held(discounts=["half", "ten"])])
    assert [(line.quantity, line.unit_price, line.usage_count) for line in bill.lines] == [
        *[(20, 10, 1), (1, -100, 0), (1, -10, 0), (1, -60, 0)],
    ]


def test_a_minimum_is_due_without_usage():
    assert lines_of(per_unit("10", minimum="5")) == ["5.00"]
    assert lines_of(matrix(("1", {"area": "eu"}), minimum="5")) == ["5.00"]


def test_the_minimum_line_carries_the_usage_of_a_charge_without_other_lines():
    bill = billed(catalog_of({"c": per_unit("0", minimum="5")}), used("3"))
    assert [(str(line.net), line.usage_count) for line in bill.lines] == [("5.00", 1)]


def test_a_minimum_is_cut_to_the_days_of_service():
    row = held(start="2013-02-04")
    usage = used("800", "2013-02-10T00:00")
    assert lines_of(per_unit("1", minimum="1000.00"), usage, rows=[row], period=FEBRUARY) == ["800.00", "92.86"]
    whole = per_unit("1", minimum="1000.00", proration="none")
    assert lines_of(whole, usage, rows=[row], period=FEBRUARY) == ["800.00", "200.00"]


def test_a_maximum_is_never_cut():
    assert lines_of(per_unit("1", maximum="50"), used("60", LATE), rows=[held(start="2013-01-11")]) == [
        "60.00",
        "-10.00",
    ]


def test_a_flat_charge_has_bounds_too():
    assert lines_of(flat("31", maximum="20")) == ["31.00", "-11.00"]
    assert lines_of(flat("31", minimum="40")) == ["31.00", "9.00"]


def test_a_minimum_of_negative_nets_reaches_it():
    assert lines_of(flat("-5", minimum="10")) == ["-5.00", "15.00"]


def test_what_was_billed_before_in_the_period_lowers_the_maximum():
    rows = changed(before=["half"], after=["half"])
    charge = per_unit("10", maximum="100")
    # 7 x 10 less 50 % = 35, then 20 x 10 less 50 % = 100, of which 65 are left
    assert lines_of(charge, used("7", EARLY), used("20", LATE), rows=rows) == [
        *["70.00", "-35.00"],
        *["200.00", "-100.00", "-35.00"],
    ]


def test_a_maximum_that_is_used_up_leaves_nothing():
    charge = per_unit("10", maximum="100")
    assert lines_of(charge, used("15", EARLY), used("2", LATE), rows=changed()) == [
        "150.00",
        "-50.00",
        "20.00",
        "-20.00",
    ]


def test_a_minimum_stays_within_the_room_of_the_maximum():
    charge = per_unit("10", minimum="60", maximum="60", proration="none")
    # the first row takes all 60, so the second owes nothing
    assert lines_of(charge, used("6", EARLY), rows=changed()) == ["60.00"]
    assert lines_of(charge, used("9", EARLY), rows=changed()) == ["90.00", "-30.00"]


def test_subscriptions_have_maxima_of_their_own():
    rows = [held(subscription_id="s"), held(subscription_id="t")]
    usage = [used("6"), used("6", subscription_id="t")]
    assert lines_of(per_unit("10", maximum="50"), *usage, rows=rows) == ["60.00", "-10.00"] * 2


def test_a_plan_change_begins_a_new_maximum():
    plans = {name: {"charges": {"c": per_unit("10", maximum="50")}} for name in ("p", "q")}
    rows = [held(end="2013-01-11"), held("q", "2013-01-11")]
    bill = billed(catalog_of(plans=plans), used("6", EARLY), used("6", LATE), subscriptions=rows)
    assert [net for _, net in nets(bill)] == ["60.00", "-10.00"] * 2


def test_versions_of_a_plan_share_the_maximum_of_the_period():
    plan = [
        {"valid_from": "2010-01-01", "charges": {"c": per_unit("10")}},
        {"valid_from": "2013-01-11", "charges": {"c": per_unit("10", maximum="50")}},
    ]
    bill = billed(catalog_of(plans={"p": plan}), used("3", EARLY), used("3", LATE))
    assert [net for _, net in nets(bill)] == ["30.00", "30.00", "-10.00"]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (["ten"], ["ten"], ["6.00", "-6.00", "8.00", "-4.00"]),
        (["ten"], [], ["6.00", "-6.00", "8.00"]),
        ([], ["ten"], ["6.00", "8.00", "-8.00"]),
        (["five"], ["ten"], ["6.00", "-5.00", "8.00", "-5.00"]),
        (["ten"], ["five"], ["6.00", "-6.00", "8.00"]),
        (["ten"], ["ten", "five"], ["6.00", "-6.00", "8.00", "-8.00"]),
    ],
)
def test_a_fixed_discount_is_given_once_a_period(before, after, lines):
    rows = changed(before=before, after=after)
    assert lines_of(per_unit("1"), used("6", EARLY), used("8", LATE), rows=rows) == lines


def test_a_fixed_discount_never_comes_off_a_negative_net():
    assert lines_of(flat("-5"), codes=["ten"]) == ["-5.00"]


def test_a_fixed_discount_is_of_each_charge_it_applies_to():
    catalog = catalog_of({"c": flat("31"), "d": flat("31")}, discounts=DISCOUNTS)
    assert nets(billed(catalog, subscriptions=[held(discounts=["ten"])])) == [
        *[("c", "31.00"), ("c", "-10.00")],
        *[("d", "31.00"), ("d", "-10.00")],
    ]
    assert nets(billed(catalog, subscriptions=[held(discounts=["five"])])) == [
        *[("c", "31.00"), ("c", "-5.00")],
        *[("d", "31.00")],
    ]


def test_bounds_are_of_rounded_nets():
    tiers = graduated(("1", "0.014", None), (None, "0.014", None), minimum="0.03")
    assert lines_of(tiers, used("2")) == ["0.01", "0.01", "0.01"]
