"""Every line of random bills, over all price models and options, is explained down to its net."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema

from billflow.insights.adjusting import EXPLAINED
from billflow.insights.explanation import PublishedInvoice, explanation
from billflow.insights.family import TABLES, Family
from billflow.insights.recomputed import Recomputed
from billflow.lake.manifest import AccountCounts, PublishedPartition
from billflow.lake.schemas import INVOICES, SCHEMAS
from billflow_tests.billing.random_worlds import random_world
from billflow_tests.billing.worlds import World

NOTHING = AccountCounts(accounts=0, invoiced=0, without_lines=0, held=0)
PARTITION = PublishedPartition(
    run_id="r", status="draft", period_start="", period_end="", counts=NOTHING, totals={}, tables={}
)


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as the lake has them, with all columns."""
    schema = to_arrow_schema(SCHEMAS[name], timezone="UTC")
    full = [{"system": "default", "source": "s", **row} for row in rows]
    for row in full:
        if "dimensions" in row:
            row["dimensions"] = list(row["dimensions"].items())
    return pa.Table.from_pylist([{column: row.get(column) for column in schema.names} for row in full], schema)


def family(world: World, top: str) -> Family:
    members = [one for one in world.accounts if one.get("invoiced_account_id", one["account_id"]) == top]
    ids = [one["account_id"] for one in members]
    rows = {
        "accounts": members,
        "subscriptions": world.subscriptions,
        "usage": world.events,
        "adjustments": world.adjustments,
    }
    own = {name: [row for row in rows[name] if row["account_id"] in ids] for name in TABLES}
    ordered = tuple(sorted(ids, key=lambda one: (one != top, one)))
    return Family("default", top, ordered, {name: table(name, own[name]) for name in TABLES})


@pytest.fixture(scope="module")
def bills(spark) -> list[tuple[PublishedInvoice, Recomputed]]:
    """The bills of two worlds, as Spark makes them."""
    found = []
    for seed in (1, 2):
        world = random_world(seed)
        by_account: dict[str, list[dict[str, Any]]] = {}
        for row in world.lines(spark).orderBy("account_id", "line_no").collect():
            by_account.setdefault(row["account_id"], []).append(row.asDict())
        for account, lines in by_account.items():
            bill = Recomputed(world.catalog, world.period, family(world, account), lines, world.currency)
            invoice = dict.fromkeys(INVOICES.names)
            found.append((PublishedInvoice(invoice, lines, [], PARTITION), bill))
    return found


def explained(bills: list[tuple[PublishedInvoice, Recomputed]]) -> list[dict[str, Any]]:
    return [line for published, bill in bills for line in explanation(published, bill, None, 3)["lines"]]


def test_every_line_agrees(bills):
    for published, bill in bills:
        document = explanation(published, bill, None, 3)
        assert (document["agrees"], document["differences"]) == (True, [])


def test_the_steps_end_at_the_net(bills):
    lines = explained(bills)
    assert len(lines) > 400
    for line in lines:
        assert line["steps"][-1]["value"] == line["net"], line


def test_every_kind_of_line_has_steps(bills):
    counted = Counter(line["line_type"] for line in explained(bills))
    assert set(counted) >= {"flat", "units", "fee", "volume", "packages", "events", "paid_events", *EXPLAINED}


def test_usage_stands_behind_its_lines(bills):
    lines = [line for line in explained(bills) if line["usage_count"] and line["usage"]]
    assert len(lines) > 50
    for line in lines:
        usage = line["usage"]
        assert len(usage["records"]) + usage["more"] == usage["count"]
        assert usage["count"] <= line["usage_count"]
        assert all(record["local_time"] for record in usage["records"])
        window = line["window"]
        days = {record["local_time"][:10] for record in usage["records"]}
        assert all(str(window["start"]) <= day < str(window["end"]) for day in days)


@pytest.mark.parametrize(
    ("column", "value"), [("net", Decimal("123456.78")), ("quantity", Decimal(7777)), ("tax_rate", Decimal("0.77"))]
)
def test_a_line_that_was_changed_is_found(bills, column, value):
    published, bill = bills[0]
    changed = [{**line, column: value} if line["line_no"] == 2 else line for line in published.lines]
    other = Recomputed(bill.catalog, bill.period, bill.family, changed, bill.project_currency)
    document = explanation(PublishedInvoice(published.invoice, changed, [], PARTITION), other, 2, 3)
    assert not document["agrees"]
    assert [text for text in document["lines"][0]["differences"] if text.startswith(f"{column} is {value}")]


def test_a_line_that_is_gone_is_found(bills):
    published, bill = bills[0]
    rest = list(published.lines[:-1])
    other = Recomputed(bill.catalog, bill.period, bill.family, rest, bill.project_currency)
    assert "is not on the bill" in explanation(PublishedInvoice(published.invoice, rest, [], PARTITION), other, None, 3)["differences"][0]  # fmt: skip
