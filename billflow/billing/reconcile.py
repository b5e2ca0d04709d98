"""Do the books balance? Each function gives what breaks a law of PRICING.md: `key` and `problem`. No row is good."""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.differences import is_own
from billflow.billing.invoices import currency_digits


def _problems(rows: DataFrame, key: Column, *texts: Column | str) -> DataFrame:
    parts = [
        F.lit(text) if isinstance(text, str) else F.coalesce(text.cast("string"), F.lit("nothing")) for text in texts
    ]
    return rows.select(key.alias("key"), F.concat(*parts).alias("problem"))


def inconsistent_lines(lines: DataFrame, currencies: Iterable[str]) -> DataFrame:
    """Lines whose quantity × unit price misses their net by more than half a minor unit plus 10⁻⁹ of it (§3)."""
    half_unit = F.pow(F.lit(10), -currency_digits(currencies)) / 2
    product = F.try_multiply(F.col("quantity"), F.col("unit_price"))
    off = F.abs(product - F.col("net")).cast("decimal(38,18)")
    share = F.abs("net") * F.lit("0.000000001").cast("decimal(10,9)")
    allowed = (half_unit.cast("decimal(10,6)") + share).cast("decimal(38,18)")
    wrong = lines.where(F.coalesce(off > allowed, F.lit(True)))
    key = F.concat_ws("/", "invoice_id", "line_no")
    return _problems(wrong, key, F.col("quantity"), " × ", F.col("unit_price"), " is not ", F.col("net"))


def unbalanced_invoices(invoices: DataFrame, lines: DataFrame, taxes: DataFrame) -> DataFrame:
    """Invoices whose net is not Σ lines, whose tax is not Σ groups, or whose total is not net + tax."""
    by = ["system", "account_id", "invoice_id"]
    of_lines = lines.groupBy(*by).agg(F.sum("net").alias("_lines"))
    of_taxes = taxes.groupBy(*by).agg(F.sum("base").alias("_bases"), F.sum("tax").alias("_taxes"))
    joined = invoices.join(of_lines, by, "full").join(of_taxes, by, "full")
    balanced = (
        (F.col("net") == F.col("_lines"))
        & (F.col("net") == F.col("_bases"))
        & (F.col("tax") == F.col("_taxes"))
        & (F.col("total") == F.col("net") + F.col("tax"))
    )
    wrong = joined.where(~F.coalesce(balanced, F.lit(False)))
    sums = (
        " net ",
        F.col("net"),
        " of lines ",
        F.col("_lines"),
        ", tax ",
        F.col("tax"),
        " of groups ",
        F.col("_taxes"),
    )
    return _problems(wrong, F.col("invoice_id"), *sums, ", total ", F.col("total"))


def wrong_taxes(taxes: DataFrame, lines: DataFrame, currencies: Iterable[str]) -> DataFrame:
    """Tax groups that are not what their lines come to, or of which there are none.

    round(Σ nets × rate); where prices include tax, round(Σ gross × rate / (1 + rate)) more, which is Σ (gross − net).
    """
    by = ["system", "account_id", "invoice_id", "tax_category", "tax_rate"]
    plain = F.coalesce(F.sum(F.when(F.col("gross").isNull(), F.col("net"))), F.lit(0)).cast("decimal(38,4)")
    whole = F.coalesce(F.sum("gross"), F.lit(0)).cast("decimal(38,4)")
    inside = F.coalesce(F.sum(F.col("gross") - F.col("net")), F.lit(0)).cast("decimal(38,4)")
    # A line that corrects another month brings the part of that bill's tax that fell to it: less than a minor unit off.
    corrected = F.count(F.when(~is_own() & F.col("gross").isNotNull(), F.lit(1))).cast("decimal(18,0)")
    sums = lines.groupBy(*by, "currency").agg(
        F.sum("net").alias("_base"),
        plain.alias("_plain"),
        whole.alias("_gross"),
        inside.alias("_inside"),
        corrected.alias("_corrected"),
    )
    joined = sums.join(taxes.drop("currency"), by, "full")
    # Not the rounding that billing uses: whole minor units, cut off after half of one is added.
    unit = F.pow(F.lit(10), currency_digits(currencies)).cast("decimal(4,0)")
    one = F.lit(1).cast("decimal(1,0)")
    # Of the tax inside multiplied out, so that nothing is divided: |2·(tax·(1+rate) − gross·rate)| ≤ 1+rate
    off = F.abs(F.col("_inside") * (one + F.col("tax_rate")) - F.col("_gross") * F.col("tax_rate")) * unit * 2
    minor = F.floor(F.abs(F.col("_plain") * F.col("tax_rate")) * unit + F.lit("0.5").cast("decimal(2,1)"))
    of_plain = F.signum("_plain").cast("decimal(1,0)") * minor
    right = (
        ((F.col("tax") - F.col("_inside")) * unit == of_plain)
        & (off <= (one + F.col("tax_rate")) * (one + F.col("_corrected") * 2))
        & (F.col("base") == F.col("_base"))
    )
    wrong = joined.where(~F.coalesce(right, F.lit(False)))
    key = F.concat_ws("/", "invoice_id", "tax_category", F.col("tax_rate").cast("string"))
    return _problems(wrong, key, F.col("_base"), " taxed ", F.col("tax"), " on ", F.col("base"))


def fully_priced(charges: DataFrame, lines: DataFrame) -> DataFrame:
    """Accounts whose charges counted other events than their lines show: a charge with events always has a line."""
    by = ["system", "account_id"]
    priced = charges.groupBy(*by).agg(F.sum("usage_count").alias("_charged"))
    served = lines.withColumn("account_id", F.coalesce("service_account_id", "account_id"))
    shown = served.groupBy(*by).agg(F.sum("usage_count").alias("_shown"))
    joined = priced.join(shown, by, "full").na.fill(0, ["_charged", "_shown"])
    wrong = joined.where(F.col("_charged") != F.col("_shown"))
    return _problems(
        wrong, F.concat_ws("/", *by), F.col("_charged"), " events in charges, ", F.col("_shown"), " on lines"
    )
