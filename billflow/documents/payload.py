"""Everything that one document prints, as one JSON a row: bills, lines, taxes, accounts and usage joined and grouped.

Groups and joins begin with (system, account_id), by which the lake's tables are bucketed: no shuffle there.
"""

from collections.abc import Collection, Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.whole_bills import of_invoiced_accounts
from billflow.catalog import Catalog
from billflow.settings import Settings

VERSION = 1
MOST_RECORDS = 400
"""A meter or line with more records in the period is printed day by day."""

ACCOUNT = ("system", "account_id")
BILL = (*ACCOUNT, "invoice_id")
METER = (*BILL, "subscription_id", "metric")

SELLER = ("name", "street", "city", "postcode", "country", "tax_id", "iban", "bic", "payment_url", "email")
CUSTOMER = ("account_id", "name", "street", "city", "postcode", "country", "tax_id")
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
TAX = ("tax_category", "tax_rate", "base", "tax")


def invoice_payloads(
    invoices: DataFrame,
    lines: DataFrame,
    taxes: DataFrame,
    accounts: DataFrame,
    usage: DataFrame,
    seller: Mapping[str, str],
    *,
    units: Mapping[str, str],
    daily_max_metrics: Collection[str] = (),
) -> DataFrame:
    """One row an invoice: invoice_id, payload, cycle, month.

    The tables are as published (CONTRACT §4), each with system and account_id; `usage` also has `local_time`, the wall
    clock time in the account's zone. `seller` has the keys of `SELLER`, each optional; `units` are by metric.

    The payload (version 1) is `{version, language, currency, seller, customer, invoice, lines, taxes, usage}`. Numbers
    are strings, exact; dates are ISO; `period_end` is the first day not in it; lines are in order of `line_no`.

    Usage of the invoice's period is itemised by subscription and metric: every record, in order of (local_time,
    usage_id), of at most 400; of more, one row a local day with the number of readings and their sum, or their highest
    for `daily_max_metrics`. A row is `[time, detail, quantity]`; the detail of a record is the values of its
    dimensions, in order of the dimensions' names. What takes an invoice back itemises nothing.

    Invoices of a correction may have the columns CORRECTION too; `invoice` has them then.

    What prints a payload also takes the keys `history` and `days`: see `pictures.Album`.
    """
    lines_of = _collected(lines, "lines", "line_no", LINE)
    taxes_of = _collected(taxes, "taxes", "tax_category", TAX)
    usage_of = itemised_usage(invoices, usage, units=units, daily_max_metrics=daily_max_metrics)
    customers = accounts.select(*ACCOUNT, "language", _texts(CUSTOMER).alias("customer"))
    head = (*HEAD, *(name for name in CORRECTION if name in invoices.columns))
    bills = invoices.select(*BILL, "cycle", "month", "currency", _texts(head).alias("invoice"))
    joined = (
        bills.join(customers, list(ACCOUNT), "left")
        .join(lines_of, list(BILL), "left")
        .join(taxes_of, list(BILL), "left")
        .join(usage_of, list(BILL), "left")
    )
    parts = F.struct(
        F.lit(VERSION).alias("version"),
        "language",
        "currency",
        _seller(seller).alias("seller"),
        "customer",
        "invoice",
        *[F.coalesce(name, F.array()).alias(name) for name in ("lines", "taxes", "usage")],
    )
    payload = F.to_json(parts, {"ignoreNullFields": "false"})
    return joined.select("invoice_id", payload.alias("payload"), "cycle", "month")


def payloads_of_bills(tables: Mapping[str, DataFrame], settings: Settings, catalog: Catalog) -> DataFrame:
    """The payloads of published tables: invoices, invoice_lines, invoice_taxes, and accounts and usage of their period.

    Usage of accounts that get no bill of their own is itemised on the bill that it is on.
    """
    return invoice_payloads(
        invoices=tables["invoices"],
        lines=tables["invoice_lines"],
        taxes=tables["invoice_taxes"],
        accounts=tables["accounts"],
        usage=of_invoiced_accounts(tables["usage"], tables["accounts"]),
        seller={name: value for name, value in settings.seller.model_dump().items() if value is not None},
        units={name: metric.unit or "" for name, metric in catalog.metrics.items()},
        daily_max_metrics={name for name, metric in catalog.metrics.items() if metric.aggregate == "max"},
    )


def itemised_usage(
    invoices: DataFrame,
    usage: DataFrame,
    *,
    units: Mapping[str, str],
    daily_max_metrics: Collection[str] = (),
) -> DataFrame:
    """One row an invoice with usage: system, account_id, invoice_id, usage (an array, by subscription and metric).

    An element is `{subscription_id, metric, unit, daily, aggregate, records, rows}`; see `invoice_payloads`.
    """
    highest = F.col("metric").isin(list(daily_max_metrics))
    rows = _shown_rows(_billed_usage(invoices, usage), highest)
    in_order = F.array_sort(F.collect_list(F.struct("slot", "usage_id", "detail", "quantity")))
    meters = rows.groupBy(*METER, "records").agg(in_order.alias("shown"))
    group = F.struct(
        "subscription_id",
        "metric",
        _lookup(units, F.col("metric")).alias("unit"),
        (F.col("records") > MOST_RECORDS).alias("daily"),
        F.when(highest, "max").otherwise("sum").alias("aggregate"),
        "records",
        F.transform("shown", lambda row: _row(row, F.col("records") > MOST_RECORDS)).alias("rows"),
    )
    return meters.groupBy(*BILL).agg(F.array_sort(F.collect_list(group)).alias("usage"))


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


def _shown_rows(records: DataFrame, highest: Column) -> DataFrame:
    """The rows to print: records as they are, or the days of those subscriptions that have too many."""
    daily = F.col("records") > MOST_RECORDS
    midnight = F.to_date("local_time").cast("timestamp_ntz")
    slots = records.select(
        *METER,
        "records",
        "quantity",
        F.when(daily, midnight).otherwise(F.col("local_time")).alias("slot"),
        F.when(~daily, F.col("usage_id")).alias("usage_id"),
        F.when(~daily, _detail(F.col("dimensions"))).alias("detail"),
    )
    quantity = F.when(highest, F.max("quantity")).otherwise(F.sum("quantity"))
    return (
        slots.groupBy(*METER, "records", "slot", "usage_id", "detail")
        .agg(quantity.alias("quantity"), F.count("*").alias("readings"))
        .select(
            *METER,
            "records",
            "slot",
            "usage_id",
            F.coalesce("detail", F.col("readings").cast("string")).alias("detail"),
            "quantity",
        )
    )


def _row(row: Column, daily: Column) -> Column:
    time = row["slot"].cast("string")
    shown = F.when(daily, F.substring(time, 1, 10)).otherwise(F.substring(time, 1, 16))
    return F.array(shown, row["detail"], plain_number(row["quantity"]))


def _detail(dimensions: Column) -> Column:
    names = F.array_sort(F.map_keys(dimensions))
    values = F.transform(names, lambda name: dimensions[name])
    return F.coalesce(F.array_join(values, " · "), F.lit(""))


def plain_number(quantity: Column) -> Column:
    """A decimal with a fraction as text, without trailing zeros."""
    return F.rtrim(F.rtrim(quantity.cast("string"), F.lit("0")), F.lit("."))


def _collected(rows: DataFrame, name: str, order: str, columns: Collection[str]) -> DataFrame:
    """The rows of each invoice as one array `name` of structs, in the order of column `order`, then of all columns."""
    ordered = F.array_sort(F.collect_list(F.struct(F.col(order).alias("_order"), _texts(columns).alias("_row"))))
    texts = F.transform(ordered, lambda element: element["_row"])
    return rows.groupBy(*BILL).agg(texts.alias(name))


def _texts(columns: Collection[str]) -> Column:
    return F.expr(f"struct({', '.join(f'cast({column} as string) as {column}' for column in columns)})")


def _seller(seller: Mapping[str, str]) -> Column:
    return F.struct(*[F.lit(seller.get(key)).cast("string").alias(key) for key in SELLER])


def _lookup(texts: Mapping[str, str], key: Column) -> Column:
    pairs = [F.lit(part) for pair in texts.items() for part in pair]
    return F.create_map(*pairs)[key] if pairs else F.lit(None).cast("string")
