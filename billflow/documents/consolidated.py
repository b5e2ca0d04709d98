"""What a customer's document shows beside its own charges: all bills of the customer, and other systems' lines."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.consolidation import BILL, rounded_money

_DOCUMENT = ("system", "account_id", "invoice_id")
LISTS = ("consolidated", "other_bills")


def consolidated_lists(tables: Mapping[str, DataFrame], seller: str) -> DataFrame:
    """One row a document that shows others: system, account_id, invoice_id and the two LISTS.

    `tables` are invoices, bills, consolidated_bills and consolidated_items. An element of `consolidated` is a document
    of the customer, this one first: `{biller, document, account_id, issue_date, currency, net, tax, total}`; one of
    `other_bills` is a line: `{bill, description, quantity, unit_price, net, currency}`, without tax. `biller` is the
    seller or the other system.
    """
    customers = tables["consolidated_bills"].select("customer_id", "shown_on").distinct()
    shown_on = tables["invoices"].select(*_DOCUMENT).withColumnRenamed("invoice_id", "shown_on")
    places = customers.join(shown_on, "shown_on", "inner").select(
        "customer_id", *[F.col(name).alias(f"_{name}") for name in ("system", "account_id")], F.col("shown_on")
    )
    items = tables["consolidated_items"].drop("cycle", "month").join(places, "customer_id", "inner")
    documents = _listed(_documents(items, tables["invoices"], seller), "consolidated")
    lines = _listed(_lines(items, tables["bills"]), "other_bills")
    both = documents.join(lines, ["_system", "_account_id", "shown_on"], "left")
    return both.select(
        F.col("_system").alias("system"),
        F.col("_account_id").alias("account_id"),
        F.col("shown_on").alias("invoice_id"),
        *LISTS,
    )


def _listed(rows: DataFrame, name: str) -> DataFrame:
    """The `row` of each document that shows them, in order of `at`."""
    ordered = F.transform(F.array_sort(F.collect_list(F.struct("at", "row"))), lambda one: one["row"])
    return rows.groupBy("_system", "_account_id", "shown_on").agg(ordered.alias(name))


def _documents(items: DataFrame, invoices: DataFrame, seller: str) -> DataFrame:
    numbers = invoices.select(F.col("invoice_id").alias("document_id"), "invoice_number")
    named = items.join(numbers, "document_id", "left")
    own = F.col("item") != BILL
    row = {
        "biller": F.when(own, F.lit(seller)).otherwise(F.col("system")),
        "document": F.coalesce("invoice_number", "document_id"),
        **{name: F.col(name) for name in ("account_id", "issue_date", "currency", "net", "tax", "total")},
    }
    other = F.when(F.col("document_id") == F.col("shown_on"), 0).when(own, 1).otherwise(2)
    order = F.struct(other.alias("own"), "issue_date", "system", "document_id", "account_id")
    return named.select("_system", "_account_id", "shown_on", order.alias("at"), _texts(row).alias("row"))


def _lines(items: DataFrame, bills: DataFrame) -> DataFrame:
    key = ["system", "account_id", "bill_id", "issue_date", "currency"]
    theirs = items.where(F.col("item") == BILL).withColumnRenamed("document_id", "bill_id").drop("net", "tax", "total")
    lines = bills.withColumn("net", rounded_money(F.col("amount"))).join(theirs, key, "inner")
    row = {
        "bill": F.concat_ws(" · ", "system", "bill_id"),
        **{name: F.col(name) for name in ("description", "quantity", "unit_price", "net", "currency")},
    }
    order = F.struct("issue_date", "system", "bill_id", "account_id", "line_no")
    return lines.select("_system", "_account_id", "shown_on", order.alias("at"), _texts(row).alias("row"))


def _texts(columns: Mapping[str, Column]) -> Column:
    return F.struct(*[value.cast("string").alias(name) for name, value in columns.items()])
