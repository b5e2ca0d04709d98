"""Random accounts under random catalogues, rated by Spark and by the independent rater in plain Python: every line of
every bill is the same. A world is one catalogue of a dozen plans or more; `pytest -m slow` tries many and says how many.
"""

from collections import Counter, defaultdict
from typing import Any

import pytest

from billflow.billing.money import minor_digits
from billflow.catalog import TaxPayer
from billflow.reference import Adjustment, BilledAhead, Line, Member, Subscription, UsageEvent, bill_family
from billflow_tests.billing.random_worlds import random_world
from billflow_tests.billing.worlds import World

COMPARED = (
    "service_account_id",
    "subscription_id",
    "plan",
    "charge",
    "period_start",
    "period_end",
    "quantity",
    "unit_price",
    "net",
    "gross",
    "tax_code",
    "tax_category",
    "tax_rate",
    "usage_count",
)


def member(world: World, account: dict[str, Any]) -> Member:
    def own(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row["account_id"] == account["account_id"]]

    def made(kind: Any, row: dict[str, Any]) -> Any:
        return kind(**{name: row.get(name) for name in kind.__dataclass_fields__})

    return Member(
        account["account_id"],
        account["timezone"],
        [made(Subscription, {**row, "discounts": tuple(row["discounts"])}) for row in own(world.subscriptions)],
        [made(UsageEvent, row) for row in own(world.events)],
        [made(Adjustment, row) for row in own(world.adjustments)],
    )


def ahead(row: dict[str, Any]) -> BilledAhead:
    names = ("subscription_id", "plan", "charge", "period_start", "period_end")
    quantity, account = row["subscription_quantity"], row["account_id"]
    return BilledAhead(**{name: row[name] for name in names}, quantity=quantity, service_account_id=account)


def expected_lines(world: World, top: dict[str, Any]) -> list[Line]:
    family = [row for row in world.accounts if row.get("invoiced_account_id", row["account_id"]) == top["account_id"]]
    bill = bill_family(
        world.catalog,
        world.period,
        members=[member(world, row) for row in sorted(family, key=lambda row: row is not top)],
        payer=TaxPayer(*(top.get(name) for name in ("country", "postcode", "segment", "tax_id"))),
        minor_digits=minor_digits(world.currency),
        in_project_currency=world.currency == world.settings.currency,
        billed_ahead=[
            ahead(row) for row in world.billed_ahead if row["account_id"] in {one["account_id"] for one in family}
        ],
    )
    return list(bill.lines) if bill else []


def tried(spark, world: World) -> Counter[str]:
    """Compares a world's bills line by line; how much there was of what."""
    billed = defaultdict(list)
    for row in world.lines(spark).orderBy("account_id", "line_no").collect():
        billed[row["account_id"]].append({name: row[name] for name in (*COMPARED, "line_type")})
    counted: Counter[str] = Counter({"plans": len(world.catalog.plans), "usage": len(world.events)})
    for top in world.accounts:
        if top.get("invoiced_account_id", top["account_id"]) == top["account_id"]:
            expected = [{name: getattr(line, name) for name in COMPARED} for line in expected_lines(world, top)]
            found = billed.pop(top["account_id"], [])
            bare = [{name: line[name] for name in COMPARED} for line in found]
            assert bare == expected, top["account_id"]
            counted.update({"bills": bool(expected), "all lines": len(expected)})
            counted.update(line["line_type"] for line in found)
    assert not billed
    return counted


@pytest.mark.parametrize("seed", [3, *[pytest.param(seed, marks=pytest.mark.slow) for seed in (5, 12)]])
def test_every_line_agrees(spark, seed):
    assert tried(spark, random_world(seed))["all lines"] > 300


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_every_line_of_a_thousand_plans_agrees(spark):
    total: Counter[str] = Counter()
    for seed in range(100, 107):
        total.update(tried(spark, random_world(seed, accounts=400, plans=150)))
    print(dict(total))  # noqa: T201  # `pytest -s` shows how many were tried
    assert total["plans"] >= 1000
    kinds = ("flat", "units", "fee", "volume", "volume_fee", "packages", "paid_events", "events", "percent_off")
    kinds += ("amount_off", "maximum", "minimum", "plan_maximum", "plan_minimum", "adjustment")
    kinds += ("invoice_discount", "invoice_minimum")
    assert {kind: total[kind] for kind in kinds if total[kind] < 20} == {}
