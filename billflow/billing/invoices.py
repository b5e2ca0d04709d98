"""From lines to invoices: taxes by group, totals, stable ids (PRICING §3, §5)."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from decimal import Decimal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.money import minor_digits, round_money
from billflow.billing.taxes import Reasons
from billflow.catalog import BillingPeriod
from billflow.lake.schemas import MONEY, RATE, TEXT

ACCOUNT = ("account_id", "system")
FIRST_INVOICE = 0
"""Correction number of a bill that corrects none."""


def tax_groups(
    lines: DataFrame, currencies: Iterable[str], by: Iterable[str] = ACCOUNT, further: Iterable[Column] = ()
) -> DataFrame:
    """`by`, currency, tax_category, tax_rate, base, tax and what is `further` found of each group.

    round(Σ nets of the pair × rate), not per line; where prices include tax, what is in them.
    """
    # Where no price includes tax `gross` is NULL on every line: sums of what is there are sums of nothing then.
    nothing = F.lit(0).cast(MONEY)
    net_of_gross = F.coalesce(F.sum(F.when(F.col("gross").isNotNull(), F.col("net"))), nothing)
    groups = lines.groupBy(*by, "currency", "tax_category", "tax_rate").agg(
        F.sum("net").cast(MONEY).alias("base"),
        (F.sum("net") - net_of_gross).cast(MONEY).alias("_plain"),
        (F.coalesce(F.sum("gross"), nothing) - net_of_gross).cast(MONEY).alias("_inside"),
        *further,
    )
    digits = currency_digits(currencies)
    known = [minor_digits(currency) for currency in currencies]
    tax = round_money(F.col("_plain") * F.col("tax_rate"), digits, known) + F.col("_inside")
    return groups.withColumn("tax", tax.cast(MONEY)).drop("_plain", "_inside")


def currency_digits(currencies: Iterable[str]) -> Column:
    """Digits of the minor unit of column `currency`."""
    pairs = [F.lit(part) for currency in sorted(currencies) for part in (currency, minor_digits(currency))]
    return F.create_map(*pairs)[F.col("currency")]


def with_invoice_id(
    lines: DataFrame, total: Column, cycle: str, month: str, correction: int = FIRST_INVOICE
) -> DataFrame:
    """`lines` with invoice_id, cycle and month: the `total` decides the kind of the document."""
    placed = lines.withColumns({"cycle": F.lit(cycle), "month": F.lit(month)})
    return placed.withColumn("invoice_id", invoice_id(kind(total), correction))


def with_total(lines: DataFrame, groups: Collection[tuple[str, Decimal]], currencies: Iterable[str]) -> DataFrame:
    """`lines` with `_total`, what their account owes; (tax_category, tax_rate) of all taxed lines are in `groups`."""
    whole, plain = Window.partitionBy(*ACCOUNT), F.col("gross").isNull()
    digits, known = currency_digits(currencies), [minor_digits(currency) for currency in currencies]
    gross = F.coalesce(F.sum(F.coalesce("gross", "net")).over(whole), F.lit(0)).cast(MONEY)
    total = gross
    for category, rate in groups:
        own = plain & (F.col("tax_category") == category) & (F.col("tax_rate") == F.lit(rate))
        base = F.coalesce(F.sum(F.when(own, F.col("net"))).over(whole), F.lit(0)).cast(MONEY)
        total = total + round_money(base * F.lit(rate).cast(RATE), digits, known)
    return lines.withColumn("_total", total)


def with_joined_total(lines: DataFrame, currencies: Iterable[str]) -> DataFrame:
    """As `with_total`, of any taxes: `lines` are computed twice if they are not kept."""
    groups = tax_groups(lines, currencies).groupBy(*ACCOUNT)
    return lines.join(groups.agg(F.sum(F.col("base") + F.col("tax")).alias("_total")), list(ACCOUNT), "inner")


def kind(total: Column) -> Column:
    """A draft whose total is negative becomes a credit note."""
    return F.when(total < 0, "credit_note").otherwise("invoice")


def invoice_id(kind_: Column, correction: int = FIRST_INVOICE) -> Column:
    """The same system, account, cycle, month, kind and correction number give the same id in every run.

    96 bits of SHA-256 over the parts, each with its length, so that no two different lists read alike.
    """
    parts = [F.col("system"), F.col("account_id"), F.col("cycle"), F.col("month"), kind_, F.lit(str(correction))]
    texts = [F.concat(F.length(part).cast("string"), F.lit(":"), part) for part in parts]
    return F.substring(F.sha2(F.concat(*texts), 256), 1, 24)


def invoice_taxes(lines: DataFrame, currencies: Iterable[str], reasons: Reasons) -> DataFrame:
    """INVOICE_TAXES of lines that have an invoice_id; of several `reasons` in a group the first is told."""
    numbered = lines.withColumn("_reason", reasons.number)
    by = (*ACCOUNT, "invoice_id", "cycle", "month")
    groups = tax_groups(numbered, currencies, by, [F.min("_reason").alias("_reason")])
    texts = F.array(*map(F.lit, reasons.texts)).cast("array<string>")
    return groups.withColumn("reason", texts[F.col("_reason")]).drop("_reason")


def invoices(taxes: DataFrame, period: BillingPeriod, payment_terms_days: int) -> DataFrame:
    """INVOICES as drafts, from the tax groups of `invoice_taxes`: every line is in one of them."""
    sums = taxes.groupBy(*ACCOUNT, "invoice_id", "cycle", "month", "currency").agg(
        F.sum("base").cast(MONEY).alias("net"), F.sum("tax").cast(MONEY).alias("tax")
    )
    total = (F.col("net") + F.col("tax")).cast(MONEY)
    return sums.withColumns(
        {
            "total": total,
            "kind": kind(total),
            "invoice_number": F.lit(None).cast(TEXT),
            "status": F.lit("draft"),
            "corrects": F.lit(None).cast(TEXT),
            "period_start": F.lit(period.start),
            "period_end": F.lit(period.end),
            "issue_date": F.lit(period.issue_date),
            "due_date": F.lit(period.issue_date + timedelta(days=payment_terms_days)),
        }
    )
