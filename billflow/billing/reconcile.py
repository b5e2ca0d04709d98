"""Do the books balance? Each function gives what breaks a law of PRICING.md: `key` and `problem`. No row is good."""

from collections.abc import Iterable
from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.differences import is_own
from billflow.billing.money import minor_digits

ACCOUNT = ["account_id", "system"]
INVOICE = [*ACCOUNT, "invoice_id"]
PAIR = [*INVOICE, "tax_category", "tax_rate"]
"""Names a tax group of an invoice."""


def _problems(rows: DataFrame, key: Column, *texts: Column | str) -> DataFrame:
    parts = [
        F.lit(text) if isinstance(text, str) else F.coalesce(text.cast("string"), F.lit("nothing")) for text in texts
    ]
    return rows.select(key.alias("key"), F.concat(*parts).alias("problem"))


def doubtful_accounts(
    lines: DataFrame, charges: DataFrame, currencies: Iterable[str], *, hierarchies: bool
) -> DataFrame:
    """account_id, system of accounts that `inconsistent_lines` or `fully_priced` find something of.

    Lines are read once for it; in a month without defects nothing else needs to be looked at. `hierarchies`: whether
    some account's lines are on another one's bill. If not nothing is shuffled, and a line that is on another bill is a
    defect.
    """
    wrong = _misses_net(currencies)
    if hierarchies:
        lines = lines.withColumn("account_id", _served())
    else:
        wrong |= is_own() & (_served() != F.col("account_id"))
    judged = lines.withColumns({"_own": F.when(is_own(), F.col("usage_count")), "_wrong": wrong.cast("int")})
    shown = judged.groupBy(*ACCOUNT).agg(F.sum("_own").alias("_shown"), F.sum("_wrong").alias("_wrong"))
    priced = charges.groupBy(*ACCOUNT).agg(F.sum("usage_count").alias("_charged"))
    joined = priced.hint("shuffle_hash").join(shown, ACCOUNT, "full").na.fill(0, ["_charged", "_shown", "_wrong"])
    return joined.where((F.col("_charged") != F.col("_shown")) | (F.col("_wrong") > 0)).select(*ACCOUNT)


def _served() -> Column:
    return F.coalesce("service_account_id", "account_id")


def inconsistent_lines(lines: DataFrame, currencies: Iterable[str]) -> DataFrame:
    """Lines whose quantity × unit price misses their net by more than half a minor unit plus 10⁻⁹ of it (§3)."""
    wrong = lines.where(_misses_net(currencies))
    key = F.concat_ws("/", "invoice_id", "line_no")
    return _problems(wrong, key, F.col("quantity"), " × ", F.col("unit_price"), " is not ", F.col("net"))


def _misses_net(currencies: Iterable[str]) -> Column:
    halves = [
        F.when(F.col("currency") == currency, F.lit(Decimal(5).scaleb(-minor_digits(currency) - 1)))
        for currency in sorted(currencies)
    ]
    product = F.try_multiply(F.col("quantity"), F.col("unit_price"))
    off = F.coalesce(_misses_by(product), _misses_by(_product_of_parts()))
    share = F.abs("net") * F.lit("0.000000001").cast("decimal(10,9)")
    allowed = (F.coalesce(*halves).cast("decimal(10,6)") + share).cast("decimal(38,18)")
    return F.coalesce(off > allowed, F.lit(True))


def _misses_by(product: Column) -> Column:
    return F.abs(F.try_subtract(product, F.col("net"))).cast("decimal(38,18)")


def _product_of_parts() -> Column:
    """The product of lines so large that its 24 digits after the point leave too few before it: to 12 digits."""
    whole = F.col("quantity").cast("decimal(38,0)")
    rest = F.try_subtract(F.col("quantity"), whole).cast("decimal(13,12)")
    parts = (F.try_multiply(part, F.col("unit_price")).cast("decimal(38,12)") for part in (whole, rest))
    return F.try_add(*parts)


def tally(invoices: DataFrame, lines: DataFrame, taxes: DataFrame, currencies: Iterable[str]) -> DataFrame:
    """One row: `doubtful` and `groups`. Lines are read once for it, and nothing is shuffled.

    `doubtful` is the number of invoices that `unbalanced_invoices` or `wrong_taxes` tell something of; of these only a
    tax group without any line is not seen, and `groups` is the number of those with lines: all of them, if all is well.
    """
    # From the lines, for a full join has no layout by account any more.
    joined = _tax_sums(lines).join(taxes.drop("currency").hint("shuffle_hash"), PAIR, "left")
    pairs = joined.withColumn("_wrong", (~_is_taxed_right(currencies)).cast("int"))
    sums = pairs.groupBy(*INVOICE).agg(
        *_of_pairs(),
        F.sum("_base").alias("_lines"),
        F.sum("_wrong").alias("_wrong"),
        F.count("tax").alias("_groups"),
    )
    bills = invoices.hint("shuffle_hash").join(sums, INVOICE, "full")
    doubtful = ~_is_balanced() | F.coalesce(F.col("_wrong") > 0, F.lit(True))
    return bills.agg(F.count_if(doubtful).alias("doubtful"), F.coalesce(F.sum("_groups"), F.lit(0)).alias("groups"))


def unbalanced_invoices(invoices: DataFrame, lines: DataFrame, taxes: DataFrame) -> DataFrame:
    """Invoices whose net is not Σ lines, whose tax is not Σ groups, or whose total is not net + tax."""
    of_lines = lines.groupBy(*INVOICE).agg(F.sum("net").alias("_lines"))
    of_taxes = taxes.groupBy(*INVOICE).agg(*_of_pairs())
    joined = invoices.join(of_lines, INVOICE, "full").join(of_taxes, INVOICE, "full")
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
    return _problems(joined.where(~_is_balanced()), F.col("invoice_id"), *sums, ", total ", F.col("total"))


def _of_pairs() -> tuple[Column, Column]:
    return F.sum("base").alias("_bases"), F.sum("tax").alias("_taxes")


def _is_balanced() -> Column:
    balanced = (
        (F.col("net") == F.col("_lines"))
        & (F.col("net") == F.col("_bases"))
        & (F.col("tax") == F.col("_taxes"))
        & (F.col("total") == F.col("net") + F.col("tax"))
    )
    return F.coalesce(balanced, F.lit(False))


def wrong_taxes(taxes: DataFrame, lines: DataFrame, currencies: Iterable[str]) -> DataFrame:
    """Tax groups that are not what their lines come to, or of which there are none.

    round(Σ nets × rate); where prices include tax, round(Σ gross × rate / (1 + rate)) more, which is Σ (gross − net).
    """
    joined = _tax_sums(lines).join(taxes.drop("currency"), PAIR, "full")
    key = F.concat_ws("/", "invoice_id", "tax_category", F.col("tax_rate").cast("string"))
    wrong = joined.where(~_is_taxed_right(currencies))
    return _problems(wrong, key, F.col("_base"), " taxed ", F.col("tax"), " on ", F.col("base"))


def _tax_sums(lines: DataFrame) -> DataFrame:
    # Where no price includes tax `gross` is NULL on every line: sums of what is there are sums of nothing then.
    nothing = F.lit(0).cast("decimal(38,4)")
    gross = F.coalesce(F.sum("gross"), nothing)
    net_of_gross = F.coalesce(F.sum(F.when(F.col("gross").isNotNull(), F.col("net"))), nothing)
    # A line that corrects another month brings the part of that bill's tax that fell to it: less than a minor unit off.
    corrected = F.count(F.when(~is_own() & F.col("gross").isNotNull(), F.lit(1))).cast("decimal(18,0)")
    return lines.groupBy(*PAIR, "currency").agg(
        F.sum("net").alias("_base"),
        (F.sum("net") - net_of_gross).cast("decimal(38,4)").alias("_plain"),
        gross.cast("decimal(38,4)").alias("_gross"),
        (gross - net_of_gross).cast("decimal(38,4)").alias("_inside"),
        corrected.alias("_corrected"),
    )


def _is_taxed_right(currencies: Iterable[str]) -> Column:
    # Not the rounding that billing uses: whole minor units, cut off after half of one is added.
    units = [
        F.when(F.col("currency") == currency, F.lit(Decimal(10) ** minor_digits(currency)))
        for currency in sorted(currencies)
    ]
    unit = F.coalesce(*units).cast("decimal(4,0)")
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
    return F.coalesce(right, F.lit(False))


def fully_priced(charges: DataFrame, lines: DataFrame) -> DataFrame:
    """Accounts whose charges counted other events than their lines show: a charge with events always has a line."""
    priced = charges.groupBy(*ACCOUNT).agg(F.sum("usage_count").alias("_charged"))
    shown = lines.withColumn("account_id", _served()).groupBy(*ACCOUNT).agg(F.sum("usage_count").alias("_shown"))
    joined = priced.join(shown, ACCOUNT, "full").na.fill(0, ["_charged", "_shown"])
    wrong = joined.where(F.col("_charged") != F.col("_shown"))
    key = F.concat_ws("/", "system", "account_id")
    return _problems(wrong, key, F.col("_charged"), " events in charges, ", F.col("_shown"), " on lines")
