"""Charges in advance and what comes back of them, by Spark and by the reference: February 2026, 28 days, March 31."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest

from billflow_tests.billing.reference_agreement_test import expected_lines
from billflow_tests.billing.worlds import World, catalog

RENT = {"model": "flat", "amount": "28.00", "when": "advance", "tax": "none"}
PLANS = {
    "rent": {"rent": RENT},
    "raised": [
        {"charges": {"rent": RENT}},
        {"valid_from": "2026-02-15", "charges": {"rent": {**RENT, "amount": "56.00"}}},
    ],
    "whole": {"rent": {**RENT, "proration": "none"}},
}
FEBRUARY, MARCH = (date(2026, 2, 1), date(2026, 3, 1)), (date(2026, 3, 1), date(2026, 4, 1))
BEFORE, WITHIN, AFTER = date(2025, 6, 1), date(2026, 2, 8), date(2026, 3, 5)

CASES = {
    # name: (plan, rows (start, end, quantity, discounts), billed ahead (start, end, price_from, quantity), (net, period_start) …)
    "goes on": ("rent", [(BEFORE, None, 1, [])], [(*FEBRUARY, None, 1)], [("28.00", MARCH[0])]),
    "begins within": ("rent", [(WITHIN, None, 1, [])], [], [("21.00", WITHIN), ("28.00", MARCH[0])]),
    "begins on the first": ("rent", [(FEBRUARY[0], None, 1, [])], [], [("28.00", FEBRUARY[0]), ("28.00", MARCH[0])]),
    "begins after": ("rent", [(AFTER, None, 1, [])], [], []),
    "ended, known before": ("rent", [(BEFORE, WITHIN, 1, [])], [(FEBRUARY[0], WITHIN, None, 1)], []),
    "ends within": ("rent", [(BEFORE, WITHIN, 2, [])], [(*FEBRUARY, None, 2)], [("-42.00", WITHIN)]),
    "gone": ("rent", [(AFTER, None, 1, [])], [(*FEBRUARY, None, 1)], [("-28.00", FEBRUARY[0])]),
    "more seats": (
        "rent",
        [(BEFORE, WITHIN, 1, []), (WITHIN, None, 3, [])],
        [(*FEBRUARY, None, 1)],
        [("-21.00", WITHIN), ("63.00", WITHIN), ("84.00", MARCH[0])],
    ),
    "discounted": (
        "rent",
        [(BEFORE, WITHIN, 1, ["half"])],
        [(*FEBRUARY, None, 1)],
        [("-21.00", WITHIN), ("10.50", WITHIN)],
    ),
    "two prices": (
        "raised",
        [(BEFORE, date(2026, 2, 22), 1, [])],
        [(FEBRUARY[0], date(2026, 2, 15), None, 1), (date(2026, 2, 15), FEBRUARY[1], date(2026, 2, 15), 1)],
        [("-14.00", date(2026, 2, 22))],
    ),
    "whole, a day served": ("whole", [(BEFORE, date(2026, 2, 2), 1, [])], [(*FEBRUARY, None, 1)], []),
    "whole, none served": ("whole", [(BEFORE, FEBRUARY[0], 1, [])], [(*FEBRUARY, None, 1)], [("-28.00", FEBRUARY[0])]),
}


@pytest.fixture(scope="module")
def world() -> World:
    made = World(catalog(PLANS, discounts={"half": {"percent": "50"}}), month="2026-02")
    for name, (plan, rows, billed, _) in CASES.items():
        for start, end, quantity, discounts in rows:
            made.subscribe(name, plan, start_date=start, end_date=end, quantity=Decimal(quantity), discounts=discounts)
        for start, end, price_from, quantity in billed:
            made.billed_ahead.append(
                {
                    "account_id": name,
                    "subscription_id": f"{name}-1",
                    "subscription_start": rows[0][0],
                    "plan": plan,
                    "charge": "rent",
                    "price_from": price_from or date(1, 1, 1),
                    "period_start": start,
                    "period_end": end,
                    "subscription_quantity": Decimal(quantity),
                }
            )
    return made


@pytest.fixture(scope="module")
def billed(spark, world) -> dict:
    found = defaultdict(list)
    for row in world.lines(spark).orderBy("account_id", "line_no").collect():
        found[row["account_id"]].append((row["net"], row["period_start"]))
    return found


@pytest.mark.parametrize("name", CASES)
def test_by_spark(billed, name):
    assert billed[name] == [(Decimal(net), start) for net, start in CASES[name][3]]


@pytest.mark.parametrize("name", CASES)
def test_by_the_reference(world, name):
    top = next(account for account in world.accounts if account["account_id"] == name)
    assert [(line.net, line.period_start) for line in expected_lines(world, top)] == [
        (Decimal(net), start) for net, start in CASES[name][3]
    ]
