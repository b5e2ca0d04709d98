"""Accounts whose bill is held back."""

from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession

from billflow.billing.holds import holds
from billflow.lake import schemas
from billflow_tests.billing.worlds import World, catalog, frame

PLAN = {"home": {"rent": {"model": "flat", "amount": "1", "tax": "std"}}}


@pytest.mark.parametrize(
    ("account", "found"),
    [
        ({}, []),
        ({"parent_account_id": "top", "invoiced_account_id": "top"}, []),
        ({"parent_account_id": "x", "hierarchy_problem": "x is not there"}, [("hierarchy", "x is not there")]),
    ],
)
def test_accounts_without_a_top_are_held(spark: SparkSession, account: dict[str, Any], found: Any) -> None:
    world = World(catalog(PLAN))
    row = {"account_id": "1", "currency": "EUR", "timezone": "UTC", **account}
    accounts = frame(spark, [row], schemas.ACCOUNTS)
    subscription = {"subscription_id": "s", "account_id": "1", "plan": "home", "start_date": date(2020, 1, 1)}
    subscriptions = frame(spark, [subscription], schemas.SUBSCRIPTIONS)
    held = holds(accounts, subscriptions, world.pricebook.frame(spark), world.pricebook)
    assert [(one.rule, one.reason) for one in held.collect()] == found


@pytest.mark.parametrize("billed", ["1", "2"])
def test_accounts_with_a_final_bill_of_another_cycle_are_held(spark: SparkSession, billed: str) -> None:
    world = World(catalog(PLAN))
    row = {"account_id": "1", "currency": "EUR", "timezone": "UTC"}
    bill = {"account_id": billed, "cycle": "c7", "month": "2026-05", "period_end": date(2026, 6, 7)}
    held = holds(
        frame(spark, [row], schemas.ACCOUNTS),
        frame(spark, [], schemas.SUBSCRIPTIONS),
        world.pricebook.frame(spark),
        world.pricebook,
        billed_elsewhere=frame(spark, [bill], schemas.INVOICES),
    )
    reason = "its bill of cycle c7 for 2026-05 is final, and for days of this period, too: those before 2026-06-07"
    assert [(one.rule, one.reason) for one in held.collect()] == ([("cycle_changed", reason)] if billed == "1" else [])
