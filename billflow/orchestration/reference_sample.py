"""Rates a sample of a run's accounts again with `billflow.reference` and compares every line and total."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from billflow.billing.money import minor_digits
from billflow.lake import schemas
from billflow.orchestration.bill_run import BillRun
from billflow.reference import Bill, Subscription, UsageEvent, bill_account

SAMPLE = 25
"""Accounts rated twice in each run."""
MOST_EVENTS = 50_000
"""Events of an account that is rated twice: the reference is written to be read, not to be fast."""

Key = tuple[str, str]
ACCOUNT = ["system", "account_id"]


def disagreements(run: BillRun) -> tuple[list[str], int]:
    """(what differs, accounts compared). The sample changes with the month and is the same in every repetition."""
    accounts = _sampled(run).cache()
    bills = {key: _reference_bill(run, parts) for key, parts in _inputs(run, accounts).items()}
    lines = _grouped(_of(run.staged("invoice_lines", schemas.INVOICE_LINES).orderBy("line_no"), accounts))
    invoices = _grouped(_of(run.staged("invoices", schemas.INVOICES), accounts))
    problems = [
        problem for key, bill in bills.items() for problem in _differences(key, bill, invoices[key], lines[key])
    ]
    accounts.unpersist()
    return problems, len(bills)


def _sampled(run: BillRun) -> DataFrame:
    """Accounts that are not held, in an order that no one can steer, limited in events."""
    held = run.spark.read.schema(schemas.HELD).parquet(run.staging.uri("held"), run.staging.uri("held_late"))
    busy = run.usage().groupBy(*ACCOUNT).count().where(F.col("count") > MOST_EVENTS)
    open_accounts = run.accounts().join(held, ACCOUNT, "left_anti").join(busy, ACCOUNT, "left_anti")
    mixed = F.xxhash64("system", "account_id", F.lit(run.partition.month))
    return open_accounts.orderBy(mixed, *ACCOUNT).limit(SAMPLE).select(*ACCOUNT, "currency", "timezone")


def _of(rows: DataFrame, accounts: DataFrame) -> list[Row]:
    return rows.join(F.broadcast(accounts.select(*ACCOUNT)), ACCOUNT, "left_semi").collect()


def _grouped(rows: Iterable[Row]) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["system"], row["account_id"]].append(row)
    return groups


def _inputs(run: BillRun, accounts: DataFrame) -> dict[Key, tuple[Row, list[Row], list[Row]]]:
    subscriptions = _grouped(_of(run.subscriptions(), accounts))
    # Python would read a timestamp in this machine's own zone; microseconds since 1970 have none.
    usage = _grouped(_of(run.usage().withColumn("micros", F.unix_micros("event_time")), accounts))
    keyed = {(row["system"], row["account_id"]): row for row in accounts.collect()}
    return {key: (row, subscriptions[key], usage[key]) for key, row in keyed.items()}


def _reference_bill(run: BillRun, parts: tuple[Row, list[Row], list[Row]]) -> Bill | None:
    account, subscriptions, usage = parts
    return bill_account(
        run.catalog,
        run.period,
        timezone=account["timezone"],
        minor_digits=minor_digits(account["currency"]),
        subscriptions=[_subscription(row) for row in subscriptions],
        usage=[_event(row) for row in usage],
    )


def _subscription(row: Row) -> Subscription:
    names = ("subscription_id", "plan", "start_date", "end_date", "quantity")
    return Subscription(**{name: row[name] for name in names}, discounts=tuple(row["discounts"] or ()))


def _event(row: Row) -> UsageEvent:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["micros"])
    names = ("usage_id", "subscription_id", "metric", "quantity")
    return UsageEvent(**{name: row[name] for name in names}, event_time=instant, dimensions=row["dimensions"] or {})


_COMPARED = (
    "subscription_id",
    "plan",
    "charge",
    "period_start",
    "period_end",
    "quantity",
    "unit_price",
    "net",
    "tax_code",
    "tax_category",
    "tax_rate",
    "usage_count",
)


def _differences(key: Key, bill: Bill | None, invoices: list[Row], lines: list[Row]) -> list[str]:
    name = f"account {key[1]} of {key[0]}"
    if bill is None or not invoices:
        return [f"{name}: the reference {'bills' if bill else 'does not bill'} it"] if bill or invoices else []
    invoice = invoices[0]
    found = [
        f"{name}: {what} is {invoice[what]}, by the reference {getattr(bill, what)}"
        for what in ("kind", "net", "tax", "total")
        if invoice[what] != getattr(bill, what)
    ]
    expected = [tuple(getattr(line, what) for what in _COMPARED) for line in bill.lines]
    billed = [tuple(row[what] for what in _COMPARED) for row in lines]
    if expected != billed:
        found.append(f"{name}: lines differ: {_first_difference(billed, expected)}")
    return found


def _first_difference(billed: list[Any], expected: list[Any]) -> str:
    for ours, theirs in zip(billed, expected, strict=False):
        for what, one, other in zip(_COMPARED, ours, theirs, strict=True):
            if one != other:
                return f"{ours[2]}: {what} is {one}, by the reference {other}"
    return f"{len(billed)} lines, by the reference {len(expected)}"
