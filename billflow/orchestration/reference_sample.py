"""Rates a sample of a run's accounts again with `billflow.reference` and compares every line and total."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from billflow.billing.money import minor_digits
from billflow.catalog import TaxPayer
from billflow.lake import schemas
from billflow.lake.local_rows import local_rows
from billflow.lake.small_tables import kept_small
from billflow.orchestration.bill_run import BillRun
from billflow.reference import Adjustment, Bill, BilledAhead, Member, Subscription, UsageEvent, bill_family

SAMPLE = 25
"""Accounts rated twice in each run."""
CANDIDATES = (100, 10_000)
"""So many are looked at for it, and more only where too many of them have more events than are rated twice."""
MOST_EVENTS = 50_000
"""Events of an account that is rated twice: the reference is written to be read, not to be fast."""

MOST_NAMES = 256
"""Accounts that are looked up by name; more are joined (`spark.sql.parquet.pushdown.inFilterThreshold`)."""

Key = tuple[str, str]
ACCOUNT = ["account_id", "system"]
_TOPS = schemas.columns(account_id=schemas.TEXT, system=schemas.TEXT)


def disagreements(run: BillRun) -> tuple[list[str], int]:
    """(what differs, bills compared). The sample changes with the month and is the same in every repetition."""
    tops, members = _sampled(run)
    found = _read(
        {
            "lines": (run.staged("invoice_lines", schemas.INVOICE_LINES), tops),
            "invoices": (run.staged("invoices", schemas.INVOICES), tops),
            **_inputs(run, members),
        }
    )
    lines = {key: sorted(rows, key=lambda row: row["line_no"]) for key, rows in found["lines"].items()}
    bills = _reference_bills(run, members.collect(), found)
    problems = [
        problem
        for key, bill in bills.items()
        for problem in _differences(key, bill, found["invoices"].get(key, []), lines.get(key, []))
    ]
    return problems, len(bills)


def _sampled(run: BillRun) -> tuple[DataFrame, DataFrame]:
    """The accounts whose bills are rated twice, and their members: the first candidates without too many events."""
    for most in CANDIDATES:
        found = _candidates(run, most).collect()
        members = kept_small(_members(run, local_rows(run.spark, found, _TOPS)))
        busy = _busy(run, members)
        chosen = [row for row in found if (row["system"], row["account_id"]) not in busy]
        if len(chosen) >= SAMPLE or len(found) < most:
            break
    tops = local_rows(run.spark, chosen[:SAMPLE], _TOPS)
    return tops, kept_small(_of_tops(members, tops))


def _candidates(run: BillRun, most: int) -> DataFrame:
    """Accounts that get a bill and are not held, in an order that no one can steer."""
    held = run.spark.read.schema(schemas.HELD).parquet(run.staging.uri("held"), run.staging.uri("held_late"))
    own = run.accounts().where(F.col("invoiced_account_id") == F.col("account_id")).select(*ACCOUNT)
    mixed = F.xxhash64("system", "account_id", F.lit(run.partition.month))
    return own.join(held, ACCOUNT, "left_anti").orderBy(mixed, *ACCOUNT).limit(most)


def _busy(run: BillRun, members: DataFrame) -> set[Key]:
    """Those whose members have too many events together."""
    events = _near(run.staged("usage_groups", schemas.USAGE_SUMS), members)
    owned = events.join(F.broadcast(members.select(*ACCOUNT, "invoiced_account_id")), ACCOUNT, "inner")
    summed = owned.groupBy("system", "invoiced_account_id").agg(F.sum("events").alias("events"))
    return {
        (row["system"], row["invoiced_account_id"]) for row in summed.where(F.col("events") > MOST_EVENTS).collect()
    }


_OF_EVENT = ("usage_id", "subscription_id", "metric", "quantity", "dimensions")
_OF_ACCOUNT = ("currency", "timezone", "country", "postcode", "segment", "tax_id", "invoiced_account_id")


def _members(run: BillRun, tops: DataFrame) -> DataFrame:
    """The accounts whose bills go to `tops`: those themselves and their children."""
    return _of_tops(run.accounts(), tops).select(*ACCOUNT, *_OF_ACCOUNT)


def _of_tops(accounts: DataFrame, tops: DataFrame) -> DataFrame:
    invoiced = tops.select("system", F.col("account_id").alias("invoiced_account_id"))
    return accounts.join(F.broadcast(invoiced), ["system", "invoiced_account_id"], "left_semi")


def _of(rows: DataFrame, accounts: DataFrame) -> list[Row]:
    """The rows of `accounts`, of which there are few."""
    return _near(rows, accounts).join(F.broadcast(accounts.select(*ACCOUNT)), ACCOUNT, "left_semi").collect()


def _near(rows: DataFrame, accounts: DataFrame) -> DataFrame:
    """`rows`, which are sorted by account: by names in the query Spark finds the pages that may have them.

    Accounts of other systems may have the same names.
    """
    names = {row["account_id"] for row in accounts.select("account_id").collect()}
    return rows.where(F.col("account_id").isin(*names)) if len(names) <= MOST_NAMES else rows


def _grouped(rows: Iterable[Row]) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["system"], row["account_id"]].append(row)
    return groups


def _inputs(run: BillRun, members: DataFrame) -> dict[str, tuple[DataFrame, DataFrame]]:
    """What the reference rates, each with the accounts whose rows it needs."""
    # Python would read a timestamp in this machine's own zone; microseconds since 1970 have none. No
    # column that is not used: each is a value of Python's for every event.
    usage = run.usage().select(*ACCOUNT, *_OF_EVENT, F.unix_micros("event_time").alias("micros"))
    found = {"subscriptions": run.subscriptions(), "usage": usage, "adjustments": run.adjustments()}
    if (ahead := run.billed_ahead()) is not None:  # the lines of the bills before for days of this period, by member
        found["ahead"] = ahead.withColumn("account_id", F.col("service_account_id"))
    return {name: (rows, members) for name, rows in found.items()}


def _read(wanted: Mapping[str, tuple[DataFrame, DataFrame]]) -> dict[str, dict[Key, list[Row]]]:
    """The rows of a few accounts, by account: Spark plans each query for longer than it reads, so all at once."""
    with ThreadPoolExecutor(len(wanted)) as pool:
        rows = {name: pool.submit(_of, frame, accounts) for name, (frame, accounts) in wanted.items()}
        return {name: _grouped(one.result()) for name, one in rows.items()}


def _reference_bills(
    run: BillRun, members: Sequence[Row], found: Mapping[str, Mapping[Key, list[Row]]]
) -> dict[Key, Bill | None]:
    subscriptions, usage, adjustments = (found[name] for name in ("subscriptions", "usage", "adjustments"))
    ahead = found.get("ahead", {})
    families: dict[Key, list[Row]] = defaultdict(list)
    for row in members:
        families[row["system"], row["invoiced_account_id"]].append(row)

    def member(row: Row) -> Member:
        key = (row["system"], row["account_id"])
        return Member(
            account_id=row["account_id"],
            timezone=row["timezone"],
            subscriptions=[_subscription(one) for one in subscriptions.get(key, ())],
            usage=[_event(one) for one in usage.get(key, ())],
            adjustments=[_adjustment(one) for one in adjustments.get(key, ())],
        )

    return {
        key: _reference_bill(run, key[1], rows, [member(row) for row in rows], ahead) for key, rows in families.items()
    }


def _reference_bill(
    run: BillRun, top: str, rows: list[Row], members: list[Member], ahead: Mapping[Key, list[Row]]
) -> Bill | None:
    account = next(row for row in rows if row["account_id"] == top)
    return bill_family(
        run.catalog,
        run.period,
        members=sorted(members, key=lambda one: one.account_id != top),
        payer=TaxPayer(**{name: account[name] for name in ("country", "postcode", "segment", "tax_id")}),
        minor_digits=minor_digits(account["currency"]),
        in_project_currency=account["currency"] == run.settings.currency,
        billed_ahead=[_ahead(line) for row in rows for line in ahead.get((row["system"], row["account_id"]), ())],
    )


def _ahead(row: Row) -> BilledAhead:
    names = ("subscription_id", "plan", "charge", "period_start", "period_end", "service_account_id")
    return BilledAhead(**{name: row[name] for name in names}, quantity=row["subscription_quantity"])


def _adjustment(row: Row) -> Adjustment:
    return Adjustment(**{name: row[name] for name in ("adjustment_id", "date", "amount", "description", "tax")})


def _subscription(row: Row) -> Subscription:
    names = ("subscription_id", "plan", "start_date", "end_date", "quantity")
    return Subscription(**{name: row[name] for name in names}, discounts=tuple(row["discounts"] or ()))


def _event(row: Row) -> UsageEvent:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["micros"])
    values = {name: row[name] for name in _OF_EVENT} | {"dimensions": row["dimensions"] or {}}
    return UsageEvent(**values, event_time=instant)


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
    "service_account_id",
    "gross",
)


def _differences(key: Key, bill: Bill | None, invoices: list[Row], lines: list[Row]) -> list[str]:
    name = f"account {key[1]} of {key[0]}"
    own = [row for row in lines if row["difference_of"] is None]
    # Differences of confirmed months are none of the reference's; a bill of nothing else has no lines of its own.
    billed_at_all = bool(invoices) and (bool(own) or not lines)
    if bill is None or not billed_at_all:
        return [f"{name}: the reference {'bills' if bill else 'does not bill'} it"] if bill or billed_at_all else []
    found = [
        f"{name}: {what} is {amount}, by the reference {getattr(bill, what)}"
        for what, amount in _amounts(invoices[0], own, len(lines)).items()
        if amount != getattr(bill, what)
    ]
    expected = [tuple(getattr(line, what) for what in _COMPARED) for line in bill.lines]
    billed = [tuple(row[what] for what in _COMPARED) for row in own]
    if expected != billed:
        found.append(f"{name}: lines differ: {_first_difference(billed, expected)}")
    return found


def _amounts(invoice: Row, own: list[Row], lines: int) -> dict[str, Any]:
    """What the reference must come to. Its tax is rounded with that of other months' lines where there are some."""
    if len(own) < lines:
        return {"net": sum((row["net"] for row in own), Decimal(0))}
    return {what: invoice[what] for what in ("kind", "net", "tax", "total")}


def _first_difference(billed: list[Any], expected: list[Any]) -> str:
    for ours, theirs in zip(billed, expected, strict=False):
        for what, one, other in zip(_COMPARED, ours, theirs, strict=True):
            if one != other:
                return f"{ours[2]}: {what} is {one}, by the reference {other}"
    return f"{len(billed)} lines, by the reference {len(expected)}"
