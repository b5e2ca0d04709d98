"""The composition of a period's billing: holds, lines, taxes, invoices and unrated usage of one small world."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from billflow.billing.bills import only_add
from billflow.billing.period import ALL_STEPS, PeriodBilling
from billflow.lake import schemas, tables
from billflow_tests.billing.worlds import World, catalog, frame

PLANS = {
    "home": {"rent": {"model": "flat", "amount": "10.00", "tax": "std"}, "energy": {"model": "per_unit", "metric": "kwh", "unit_price": "0.25", "tax": "low"}},
    "yen": {"currency": "JPY", "charges": {"rent": {"model": "flat", "amount": "100", "tax": "std"}}},
    "taxless": {"rent": {"model": "flat", "amount": "1", "tax": "abroad"}},
}  # fmt: skip
TAXES = {"std": {"category": "S", "rate": "0.19"}, "low": {"category": "S", "rate": "0.07"}, "abroad": {"category": "S", "rate": "0.2", "country": "FR"}}  # fmt: skip


def small_world() -> World:
    world = World(catalog(PLANS, taxes=TAXES))
    for account in ("top", "child", "alone"):
        world.subscribe(account, "home")
    world.subscribe("yen", "yen")
    world.subscribe("taxless", "taxless")
    world.accounts[1]["invoiced_account_id"] = "top"
    for row in world.accounts:
        row["country"] = "DE"
    world.use("child", "4")
    world.use("alone", "2", metric="kw")
    world.adjustments.append({"adjustment_id": "a", "account_id": "top", "date": date(2026, 1, 5), "amount": Decimal(-3), "description": "Sorry", "tax": "std"})  # fmt: skip
    return world


@pytest.fixture(scope="module")
def billing(spark) -> PeriodBilling:
    return of_world(spark, small_world()).in_steps(ALL_STEPS)


def of_world(spark: SparkSession, world: World, **more: Any) -> PeriodBilling:
    accounts = [{"name": row["account_id"], "invoiced_account_id": row["account_id"], **row} for row in world.accounts]
    return PeriodBilling(
        world.pricebook,
        ("c01", world.month),
        accounts=frame(spark, accounts, schemas.ACCOUNTS),
        subscriptions=frame(spark, world.subscriptions, schemas.SUBSCRIPTIONS),
        usage=frame(spark, world.events, schemas.USAGE),
        adjustments=frame(spark, world.adjustments, schemas.ADJUSTMENTS) if world.adjustments else None,
        **more,
    )


def values(rows: DataFrame, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(_plain(row[name]) for name in names) for row in rows.orderBy("account_id", *names).collect()]


def _plain(value: Any) -> Any:
    return f"{value:.2f}" if isinstance(value, Decimal) else value


@pytest.mark.parametrize(
    ("made", "columns", "expected"),
    [
        ("held_before", "account_id rule", [("yen", "other_currency")]),
        ("held_late", "account_id rule", [("taxless", "no_tax_rate")]),
        (
            "lines",
            "account_id line_no service_account_id charge net",
            [
                ("alone", 1, "alone", "rent", "10.00"),
                ("top", 1, "top", "rent", "10.00"),
                ("top", 2, "top", "adjustment", "-3.00"),
                ("top", 3, "child", "rent", "10.00"),
                ("top", 4, "child", "energy", "1.00"),
            ],
        ),
        ("taxes", "account_id tax_rate base tax", [("alone", "0.19", "10.00", "1.90"), ("top", "0.07", "1.00", "0.07"), ("top", "0.19", "17.00", "3.23")]),
        ("invoices", "account_id net tax total", [("alone", "10.00", "1.90", "11.90"), ("top", "18.00", "3.30", "21.30")]),
        ("unrated", "account_id metric events quantity_sum", [("alone", "kw", 1, "2.00")]),
    ],
)  # fmt: skip
def test_of_a_period(billing, made, columns, expected):
    assert values(getattr(billing, made), *columns.split()) == expected


def test_frames_are_of_the_published_shapes(billing):
    shapes: Iterable[tuple[str, Any]] = [
        ("held_before", schemas.HELD),
        ("rated", schemas.CHARGES),
        ("lines", schemas.INVOICE_LINES),
        ("taxes", schemas.INVOICE_TAXES),
        ("invoices", schemas.INVOICES),
    ]
    for made, schema in shapes:
        assert tables.conformed(getattr(billing, made), schema).columns == schema.names


def test_differences_of_other_months_follow_the_lines_of_the_bill(spark):
    """They count towards the bill's tax and total; those of held accounts wait."""
    line = {"line_no": 1, "charge": "energy", "currency": "EUR", "net": Decimal("2.00"), "tax_code": "low", "tax_category": "S", "tax_rate": Decimal("0.07"), "difference_of": "2025-11"}  # fmt: skip
    late = frame(spark, [{"account_id": account, **line} for account in ("alone", "yen")], schemas.INVOICE_LINES)
    made = of_world(spark, small_world(), late=late).in_steps(ALL_STEPS)
    alone = made.lines.where("account_id in ('alone', 'yen')")
    assert values(alone, "line_no", "charge", "net") == [(1, "rent", "10.00"), (2, "energy", "2.00")]
    assert values(made.invoices.where("account_id = 'alone'"), "net", "tax", "total") == [("12.00", "2.04", "14.04")]


def test_ids_are_the_same_whether_or_not_a_bill_could_be_a_credit(spark):
    """Where nothing can be taken off, what a bill comes to is not worked out for its lines."""
    world = small_world()
    world.adjustments.clear()
    only_adds = of_world(spark, world).in_steps()
    more = of_world(spark, small_world()).in_steps()
    assert only_add(only_adds.pricebook)
    found = [
        {tuple(row) for row in one.lines.select("account_id", "invoice_id").collect()} for one in (only_adds, more)
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 2
