"""Exact amounts: products and fractions rounded once, HALF_UP, to the currency's minor unit (PRICING §3)."""

from collections.abc import Collection
from decimal import Decimal

from babel.numbers import get_currency_precision
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.lake.schemas import MONEY

_EXACT = "decimal(38,24)"
"""Holds the product of two decimal(38,12) whole, up to 14 digits before the point."""
_COARSE = "decimal(38,18)"
"""Leaves a quotient by a whole number 15 digits before the point; a finer dividend would leave it 9."""


def minor_digits(currency: str) -> int:
    """Digits of a currency's minor unit (ISO 4217): JPY 0, EUR 2, KWD 3."""
    return get_currency_precision(currency)


def round_money(amount: Column, digits: Column, known: Collection[int]) -> Column:
    """`amount` (any decimal) HALF_UP to `digits`, one of `known`, as decimal(38,4). Spark's round needs a literal."""
    rounded = [F.when(digits == choice, F.round(amount, choice).cast(MONEY)) for choice in sorted(known)]
    return F.coalesce(*rounded)


def quotient(dividend: Column, divisor: Column) -> Column:
    """dividend / divisor (a whole number) to at least 18 digits, rounded."""
    return dividend.cast(_COARSE) / divisor


def rounded_fraction(
    rows: DataFrame, dividend: str, divisor: str, digits: str, known: Collection[int], *, to: str
) -> DataFrame:
    """Adds `to`: dividend / divisor (a positive whole number) HALF_UP to `digits`, as decimal(38,4).

    Spark's quotient is itself rounded; where that makes or hides a tie, the exact remainder says so.
    """
    size, minor = F.abs(F.col(dividend)), F.col(digits)
    unit = F.coalesce(*[F.when(minor == choice, F.lit(Decimal(1).scaleb(-choice)).cast(MONEY)) for choice in known])
    nearest = round_money(quotient(size, F.col(divisor)), minor, known)
    near = rows.withColumns({"_nearest": nearest, "_unit": unit})
    # Both sides are of one type: comparing unlike decimals would round the finer one first.
    rest = near.withColumn("_rest", ((size - F.col("_nearest") * F.col(divisor)) * 2).cast(_EXACT))
    tie = (F.col("_unit") * F.col(divisor)).cast(_EXACT)
    correction = F.when(F.col("_rest") >= tie, 1).when(F.col("_rest") < -tie, -1).otherwise(0)
    exact = rest.withColumn("_exact", F.col("_nearest") + F.col("_unit") * correction.cast("decimal(1,0)"))
    signed = F.when(F.col(dividend) < 0, -F.col("_exact")).otherwise(F.col("_exact"))
    return exact.withColumn(to, signed.cast(MONEY)).drop("_nearest", "_unit", "_rest", "_exact")
