"""A confirmed invoice taken back, and what its replacement takes over from it (PRICING §5).

A confirmed invoice never changes: a reversal has all of it negative, and a new invoice rates its month again. So all
that was ever billed for the month is what it comes to now. Late usage of the month that other bills have billed is on
the new invoice, which knows all usage: it comes back there.
"""

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.differences import REVERSAL, negated
from billflow.billing.invoices import invoice_id, kind
from billflow.lake.schemas import COUNT, INVOICE_LINES, INVOICE_TAXES, INVOICES, MONEY, TEXT, WHOLE


def reversal_number(corrections: int) -> int:
    """The correction number of a bill's next reversal, after so many corrections: 1, 3, 5, …"""
    return 2 * corrections + 1


def replacement_number(corrections: int) -> int:
    """The correction number of the bill that follows it: 2, 4, 6, …"""
    return 2 * corrections + 2


def reversed_invoices(invoices: DataFrame, number: int) -> DataFrame:
    """INVOICES that take others back, as drafts: amounts negative, `corrects` the invoice; the sum decides the kind."""
    amounts = {name: (-F.col(name)).cast(MONEY) for name in ("net", "tax", "total")}
    back = invoices.withColumn("corrects", F.col("invoice_id")).withColumns(amounts)
    kinds = back.withColumn("kind", kind(F.col("total")))
    own = {"invoice_number": F.lit(None).cast(TEXT), "status": F.lit("draft")}
    return kinds.withColumns({**own, "invoice_id": invoice_id(F.col("kind"), number)}).select(*INVOICES.names)


def reversed_lines(lines: DataFrame, reversals: DataFrame) -> DataFrame:
    """INVOICE_LINES of reversals (INVOICES with `corrects`): all lines of those invoices, taken back."""
    return _of_reversals(lines.withColumns(_taken_back()), reversals).select(*INVOICE_LINES.names)


def reversed_taxes(taxes: DataFrame, reversals: DataFrame) -> DataFrame:
    """INVOICE_TAXES of reversals: the same groups, not worked out again."""
    amounts = {name: (-F.col(name)).cast(MONEY) for name in ("base", "tax")}
    return _of_reversals(taxes.withColumns(amounts), reversals).select(*INVOICE_TAXES.names)


def late_lines(original: DataFrame, elsewhere: DataFrame, month: str) -> DataFrame:
    """INVOICE_LINES of other bills' months on a replacement, in order, for `PeriodBilling.late`.

    Differences of other months on `original` stay as they are. Those of its own `month` on other bills, `elsewhere`,
    come back: the new bill rates all usage of the month.
    """
    kept = original.where(F.col("difference_of") != month)
    back = elsewhere.where(F.col("difference_of") == month).withColumns(_taken_back())
    order = Window.partitionBy("system", "account_id").orderBy("difference_of", "month", "line_no")
    return kept.unionByName(back).withColumn("line_no", F.row_number().over(order).cast(WHOLE))


def issued(invoices: DataFrame, corrects: str, day: date, payment_terms_days: int) -> DataFrame:
    """INVOICES as they are issued on a day in place of another one."""
    dates = {"issue_date": F.lit(day), "due_date": F.lit(day + timedelta(days=payment_terms_days))}
    return invoices.withColumns({**dates, "corrects": F.lit(corrects)})


def _taken_back() -> dict[str, Column]:
    return {**negated(), "usage_count": F.lit(0).cast(COUNT), "line_type": F.lit(REVERSAL)}


def _of_reversals(rows: DataFrame, reversals: DataFrame) -> DataFrame:
    new = reversals.select(F.col("corrects").alias("invoice_id"), F.col("invoice_id").alias("_new_id"))
    return rows.join(new, "invoice_id", "inner").withColumn("invoice_id", F.col("_new_id")).drop("_new_id")
