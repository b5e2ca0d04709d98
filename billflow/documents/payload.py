"""Everything that one document prints, as one JSON a row: bills, lines, taxes, accounts and usage joined and grouped.

Groups and joins begin with (system, account_id), by which the lake's tables are bucketed: no shuffle there.
"""

from collections.abc import Collection, Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.whole_bills import has_hierarchies, of_invoiced_accounts
from billflow.catalog import Catalog
from billflow.documents.consolidated import LISTS, consolidated_lists
from billflow.documents.history import Metrics, highest, history_by_account, lookup, named, plain_number
from billflow.documents.schemas import VERSION
from billflow.lake import schemas
from billflow.settings import Settings

MOST_RECORDS = 400
"""A meter or line with more records in the period is printed day by day."""
READINGS = "readings"
"""What stands for the dimensions of a day: the number of its records."""

ACCOUNT = ("account_id", "system")
BILL = (*ACCOUNT, "invoice_id")
METER = (*BILL, "subscription_id", "metric")

PARTY = ("name", "street", "city", "postcode", "country", "tax_id", "email")
SELLER = (*PARTY, "iban", "bic", "payment_url", "contact", "phone", "endpoint", "endpoint_scheme")
CUSTOMER = ("account_id", "segment", *PARTY, "endpoint", "endpoint_scheme", "buyer_reference")
HEAD = (
    "invoice_id",
    "invoice_number",
    "kind",
    "status",
    "corrects",
    "period_start",
    "period_end",
    "issue_date",
    "due_date",
    "net",
    "tax",
    "total",
)
CORRECTION = ("correction", "corrects_number", "correction_reason")
"""Of invoices of a correction: whether it `takes_back` or `replaces` an invoice, the number of that, and why."""
LINE = (
    "line_no",
    "service_account_id",
    "subscription_id",
    "section",
    "description",
    "period_start",
    "period_end",
    "quantity",
    "unit",
    "unit_price",
    "net",
    "tax_category",
    "tax_rate",
)
TAX = ("tax_category", "tax_rate", "base", "tax", "reason")


def invoice_payloads(
    invoices: DataFrame,
    lines: DataFrame,
    taxes: DataFrame,
    accounts: DataFrame,
    usage: DataFrame,
    seller: Mapping[str, str],
    *,
    metrics: Metrics,
    members: DataFrame | None = None,
    history: DataFrame | None = None,
    consolidated: DataFrame | None = None,
) -> DataFrame:
    """One row an invoice: invoice_id, payload, cycle, month.

    The tables are as published (CONTRACT §4), each with system and account_id; `usage` also has `local_time`, the wall
    clock time in the account's zone. `seller` has the keys of `SELLER`, each optional; `metrics` are the catalogue's;
    `members` are as `members_of` gives them, `history` is as `history.usage_history` gives it, `consolidated` as
    `consolidated.consolidated_lists` gives it: the payload has its lists then.

    The payload (version 2) is `{version, language, currency, seller, customer, members, invoice, lines, taxes, usage,
    history}`.
    Numbers are strings, exact; dates are ISO; `period_end` is the first day not in it; lines are in order of `line_no`.
    `members` are the other accounts that the bill is for: `{account_id, name}`.

    Usage of the invoice's period is itemised by subscription and metric: every record, in order of (local_time,
    usage_id), of at most 400; of more, one row a local day with the number of readings and what the metric makes of
    them: their sum, their highest, the last one, or how many different values of its dimension there are. A row is
    `[time, quantity, …]`, followed by a value for each of the `dimensions` that any record of the subscription and
    metric has, in order of their names; the number of readings is one of a day.
    What takes an invoice back itemises nothing and has no history.

    Invoices of a correction may have the columns CORRECTION too; `invoice` has them then.
    """
    lines_of = _collected(lines, "lines", "line_no", LINE)
    taxes_of = _collected(taxes, "taxes", "tax_category", TAX)
    usage_of = itemised_usage(invoices, usage, metrics=metrics)
    joined = (
        _heads(invoices, accounts)
        .join(lines_of, list(BILL), "left")
        .join(taxes_of, list(BILL), "left")
        .join(usage_of, list(BILL), "left")
    )
    joined = joined.join(members, list(ACCOUNT), "left") if members else joined.withColumn("members", F.array())
    joined = _with_history(joined, history and history_by_account(history, metrics))
    further = LISTS if consolidated else ()
    joined = joined.join(consolidated, list(BILL), "left") if consolidated else joined
    parts = F.struct(
        F.lit(VERSION).alias("version"),
        "language",
        "currency",
        _seller(seller).alias("seller"),
        "customer",
        F.coalesce("members", F.array()).alias("members"),
        "invoice",
        *[F.coalesce(name, F.array()).alias(name) for name in ("lines", "taxes", "usage", "history", *further)],
    )
    payload = F.to_json(parts, {"ignoreNullFields": "false"})
    return joined.select("invoice_id", payload.alias("payload"), "cycle", "month")


def _heads(invoices: DataFrame, accounts: DataFrame) -> DataFrame:
    """Each invoice with its own texts and its customer's."""
    customers = accounts.select(*ACCOUNT, "language", _texts(CUSTOMER).alias("customer"))
    head = (*HEAD, *(name for name in CORRECTION if name in invoices.columns))
    bills = invoices.select(
        *BILL, "cycle", "month", "currency", _texts(head).alias("invoice"), _takes_back(invoices).alias("takes_back")
    )
    return bills.join(customers, list(ACCOUNT), "left")


def _with_history(bills: DataFrame, history: DataFrame | None) -> DataFrame:
    if history is None:
        return bills.withColumn("history", F.array())
    joined = bills.join(history, list(ACCOUNT), "left")
    return joined.withColumn("history", F.when(~F.col("takes_back"), F.col("history")))


def members_of(accounts: DataFrame) -> DataFrame:
    """The accounts whose charges are on another one's bill: system, account_id (of that one), members.

    An element is `{account_id, name}`.
    """
    others = accounts.where(F.col("invoiced_account_id") != F.col("account_id"))
    member = F.struct("account_id", "name")
    grouped = others.groupBy("system", "invoiced_account_id").agg(F.array_sort(F.collect_list(member)).alias("members"))
    return grouped.withColumnRenamed("invoiced_account_id", "account_id")


def payloads_of_bills(tables: Mapping[str, DataFrame], settings: Settings, catalog: Catalog) -> DataFrame:
    """The payloads of published tables: invoices, invoice_lines, invoice_taxes, and accounts, usage and usage_history
    of their period.

    Usage of accounts that get no bill of their own is itemised on the bill that it is on. With consolidated_bills,
    consolidated_items and bills each customer's bills are listed on one of them.
    """
    consolidated = None
    if "consolidated_bills" in tables:
        consolidated = consolidated_lists(tables, settings.seller.name)
    accounts, usage = tables["accounts"], tables["usage"]
    hierarchies = has_hierarchies(accounts)  # most bases have none: each account has its own bill
    return invoice_payloads(
        invoices=tables["invoices"],
        lines=tables["invoice_lines"],
        taxes=tables["invoice_taxes"],
        accounts=accounts,
        usage=of_invoiced_accounts(usage, accounts) if hierarchies else usage,
        seller={name: value for name, value in settings.seller.model_dump().items() if value is not None},
        metrics=catalog.metrics,
        members=members_of(accounts) if hierarchies else None,
        history=tables.get("usage_history"),
        consolidated=consolidated,
    )


def itemised_usage(
    invoices: DataFrame,
    usage: DataFrame,
    *,
    metrics: Metrics,
) -> DataFrame:
    """One row an invoice with usage: system, account_id, invoice_id, usage (an array, by subscription and metric).

    An element is `{subscription_id, metric, name, unit, daily, aggregate, daily_by, records, dimensions, rows}`; see
    `invoice_payloads`.
    """
    rows = _shown_rows(_billed_usage(invoices, usage), metrics)
    in_order = F.array_sort(F.collect_list(F.struct("slot", "usage_id", "dimensions", "quantity")))
    meters = rows.groupBy(*METER, "records").agg(in_order.alias("shown")).withColumn("names", _names(F.col("shown")))
    group = F.struct(
        "subscription_id",
        "metric",
        *named(metrics),
        (F.col("records") > MOST_RECORDS).alias("daily"),
        _aggregate(metrics).alias("aggregate"),
        _aggregate(metrics).alias("daily_by"),  # not told by `aggregate`: kept records have that beside sums of days
        "records",
        F.col("names").alias("dimensions"),
        F.transform("shown", lambda row: _row(row, F.col("records") > MOST_RECORDS, F.col("names"))).alias("rows"),
    )
    return meters.groupBy(*BILL).agg(F.array_sort(F.collect_list(group)).alias("usage"))


def _aggregate(metrics: Metrics) -> Column:
    """How a row's metric makes one quantity of many: by their `sum`, unless the catalogue says something else."""
    others = {code: one.aggregate for code, one in metrics.items() if one.aggregate in ("max", "unique", "latest")}
    return F.coalesce(lookup(others), F.lit("sum"))


def _billed_usage(invoices: DataFrame, usage: DataFrame) -> DataFrame:
    """Records within their invoice's period, and how many `records` there are of the same subscription and metric."""
    periods = invoices.where(~_takes_back(invoices)).select(*BILL, "period_start", "period_end")
    # Few invoices beside many records: hash the invoices, so that the records need not be sorted for the join.
    joined = usage.join(periods.hint("shuffle_hash"), list(ACCOUNT), "inner")
    day = F.to_date("local_time")
    within = (day >= F.col("period_start")) & (day < F.col("period_end"))
    return joined.where(within).withColumn("records", F.count("*").over(Window.partitionBy(*METER)))


def _takes_back(invoices: DataFrame) -> Column:
    """Whether an invoice is the negative of another one; a credit note that corrects one, where nothing tells."""
    if "correction" in invoices.columns:
        return F.col("correction") == "takes_back"
    return (F.col("kind") == "credit_note") & F.col("corrects").isNotNull()


def _shown_rows(records: DataFrame, metrics: Metrics) -> DataFrame:
    """The rows to print: records as they are, or the days of those subscriptions that have too many."""
    daily = F.col("records") > MOST_RECORDS
    midnight = F.to_date("local_time").cast("timestamp_ntz")
    entries = F.array_sort(F.map_entries(F.coalesce("dimensions", F.create_map().cast("map<string,string>"))))
    slots = records.select(
        *METER,
        "records",
        "quantity",
        F.struct("event_time", F.col("usage_id").alias("id")).alias("at"),
        F.col("dimensions")[lookup(_counted(metrics))].alias("counted_value"),
        F.when(daily, midnight).otherwise(F.col("local_time")).alias("slot"),
        F.when(~daily, F.col("usage_id")).alias("usage_id"),
        F.when(~daily, entries).alias("dimensions"),
    )
    counted = F.array(F.struct(F.lit(READINGS).alias("key"), F.count("*").cast("string").alias("value")))
    return (
        slots.groupBy(*METER, "records", "slot", "usage_id", "dimensions")
        .agg(_quantity_of_slot(metrics).alias("quantity"), counted.alias("counted"))
        .select(
            *METER, "records", "slot", "usage_id", F.coalesce("dimensions", "counted").alias("dimensions"), "quantity"
        )
    )


def _counted(metrics: Metrics) -> dict[str, str]:
    """Metric → the dimension whose different values it counts."""
    return {code: one.of for code, one in metrics.items() if one.of is not None}


def _quantity_of_slot(metrics: Metrics) -> Column:
    """What a record, or a day, shows as its quantity: as the metric makes one of many."""
    daily, code = F.col("records") > MOST_RECORDS, F.col("metric")
    latest = [name for name, one in metrics.items() if one.aggregate == "latest"]
    found = F.when(code.isin(highest(metrics)), F.max("quantity"))
    if latest:
        found = found.when(code.isin(latest), F.max_by("quantity", "at"))
    if counted := list(_counted(metrics)):
        different = F.size(F.collect_set("counted_value"))  # a distinct count would read the records twice
        found = found.when(daily & code.isin(counted), different.cast(schemas.QUANTITY))
    return found.otherwise(F.sum("quantity"))


def _names(shown: Column) -> Column:
    """The names of all dimensions that any of the rows has, in order."""
    each = F.transform(shown, lambda row: F.transform(row["dimensions"], lambda entry: entry["key"]))
    return F.array_sort(F.array_distinct(F.flatten(each)))


def _row(row: Column, daily: Column, names: Column) -> Column:
    time = row["slot"].cast("string")
    shown = F.when(daily, F.substring(time, 1, 10)).otherwise(F.substring(time, 1, 16))
    known = F.map_from_entries(row["dimensions"])
    values = F.transform(names, lambda name: F.coalesce(known[name], F.lit("")))
    return F.concat(F.array(shown, plain_number(row["quantity"])), values)


def _collected(rows: DataFrame, name: str, order: str, columns: Collection[str]) -> DataFrame:
    """The rows of each invoice as one array `name` of structs, in the order of column `order`, then of all columns."""
    ordered = F.array_sort(F.collect_list(F.struct(F.col(order).alias("_order"), _texts(columns).alias("_row"))))
    texts = F.transform(ordered, lambda element: element["_row"])
    return rows.groupBy(*BILL).agg(texts.alias(name))


def _texts(columns: Collection[str]) -> Column:
    return F.expr(f"struct({', '.join(f'cast({column} as string) as {column}' for column in columns)})")


def _seller(seller: Mapping[str, str]) -> Column:
    return F.struct(*[F.lit(seller.get(key)).cast("string").alias(key) for key in SELLER])
