"""Everything that one document prints, as one JSON a row: bills, lines, taxes, accounts and usage joined and grouped.

Groups and joins begin with (system, account_id), by which the lake's tables are bucketed: no shuffle there.
"""

from collections.abc import Collection, Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

VERSION = 1
MOST_RECORDS = 400
"""Of a subscription and metric; with more records in the period they are printed day by day."""

ACCOUNT = ("system", "account_id")
BILL = (*ACCOUNT, "invoice_id")
METER = (*BILL, "subscription_id", "metric")

SELLER = ("name", "street", "city", "postcode", "country", "tax_id", "iban", "email")
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
    dimensions, in order of the dimensions' names. A credit note that corrects an invoice itemises nothing.
    """
    lines_of = _collected(lines, "lines", "line_no", LINE)
    taxes_of = _collected(taxes, "taxes", "tax_category", TAX)
    usage_of = itemised_usage(invoices, usage, units=units, daily_max_metrics=daily_max_metrics)
    customers = accounts.select(*ACCOUNT, "language", _texts(CUSTOMER).alias("customer"))
    bills = invoices.select(*BILL, "cycle", "month", "currency", _texts(HEAD).alias("invoice"))
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
    daily = F.col("records") > MOST_RECORDS
    billed = _billed_usage(invoices, usage)
    meters = _meters(billed, highest)
    itemised = _itemised(billed, meters.where(~daily))
    group = F.struct(
        "subscription_id",
        "metric",
        _lookup(units, F.col("metric")).alias("unit"),
        daily.alias("daily"),
        F.when(highest, "max").otherwise("sum").alias("aggregate"),
        "records",
        F.coalesce("record_rows", "day_rows").alias("rows"),
    )
    both = meters.join(itemised, list(METER), "left")
    return both.groupBy(*BILL).agg(F.array_sort(F.collect_list(group)).alias("usage"))


def _billed_usage(invoices: DataFrame, usage: DataFrame) -> DataFrame:
    """Records within the period of their account's invoice."""
    corrects_only = (F.col("kind") == "credit_note") & F.col("corrects").isNotNull()
    periods = invoices.where(~corrects_only).select(*BILL, "period_start", "period_end")
    # Few invoices beside many records: hash the invoices, so that the records need not be sorted for the join.
    joined = usage.join(periods.hint("shuffle_hash"), list(ACCOUNT), "inner")
    day = F.to_date("local_time")
    return joined.where((day >= F.col("period_start")) & (day < F.col("period_end"))).withColumn("day", day)


def _meters(billed: DataFrame, highest: Column) -> DataFrame:
    """One row a subscription and metric: how many `records` it has, and its days as `day_rows`.

    Most meters need no more than this, and sums by hash cost far less than sorting every record.
    """
    quantity = F.when(highest, F.max("quantity")).otherwise(F.sum("quantity"))
    days = billed.groupBy(*METER, "day").agg(F.count("*").alias("readings"), quantity.alias("quantity"))
    row = F.array(F.col("day").cast("string"), F.col("readings").cast("string"), plain_number(F.col("quantity")))
    return days.groupBy(*METER).agg(
        F.sum("readings").alias("records"), F.array_sort(F.collect_list(row)).alias("day_rows")
    )


def _itemised(billed: DataFrame, meters: DataFrame) -> DataFrame:
    """The records of few enough `meters` as `record_rows`."""
    wanted = billed.join(meters.select(*METER).hint("shuffle_hash"), list(METER), "left_semi")
    time = F.substring(F.col("local_time").cast("string"), 1, 16)
    row = F.array(time, _detail(F.col("dimensions")), plain_number(F.col("quantity")))
    in_order = F.array_sort(F.collect_list(F.struct("local_time", "usage_id", row.alias("row"))))
    return wanted.groupBy(*METER).agg(F.transform(in_order, lambda record: record["row"]).alias("record_rows"))


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
