"""Exact amounts: products and fractions rounded once, HALF_UP, to the currency's minor unit (PRICING §3)."""

from collections.abc import Collection
from decimal import Decimal
from typing import cast

from babel.numbers import get_currency_precision
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DecimalType

from billflow.lake.schemas import MONEY

_COARSE = "decimal(38,12)"
_WHOLE = "decimal(18,0)"
"""Of these types a quotient has 20 digits after the point and 18 before it; a finer dividend would leave it fewer."""


def minor_digits(currency: str) -> int:
    """Digits of a currency's minor unit (ISO 4217): JPY 0, EUR 2, KWD 3."""
    return get_currency_precision(currency)


def round_money(amount: Column, digits: Column, known: Collection[int]) -> Column:
    """`amount` (any decimal) HALF_UP to `digits`, one of `known`, as decimal(38,4). Spark's round needs a literal."""
    rounded = [F.when(digits == choice, F.round(amount, choice).cast(MONEY)) for choice in sorted(known)]
    return F.coalesce(*rounded)


def quotient(dividend: Column, divisor: Column) -> Column:
    """dividend / divisor (a whole number) to 20 digits, rounded; NULL where it does not fit."""
    return F.try_divide(dividend.cast(_COARSE), divisor.cast(_WHOLE))


def fraction(dividend: Column, divisor: Column) -> Column:
    """dividend / divisor (a whole number) to 12 digits at least; nothing is divided by 1."""
    return F.when(divisor == 1, dividend.cast(_COARSE)).otherwise(quotient(dividend, divisor).cast(_COARSE))


def rounded_fraction(
    rows: DataFrame, dividend: str, divisor: str, digits: str, known: Collection[int], *, to: str
) -> DataFrame:
    """Adds `to`: dividend / divisor (a positive whole number) HALF_UP to `digits`, as decimal(38,4).

    Spark's quotient is itself rounded; where that makes or hides a tie, the exact remainder says so. NULL where an
    amount does not fit.
    """
    # Both sides of each comparison are of one type: comparing unlike decimals would round the finer one first.
    exact_kind = _with_minor_units(cast("DecimalType", rows.schema[dividend].dataType))
    size, minor, whole = _size(dividend).try_cast(exact_kind), F.col(digits), F.col(divisor).cast(_WHOLE)
    unit = F.coalesce(*[F.when(minor == choice, F.lit(Decimal(1).scaleb(-choice)).cast(MONEY)) for choice in known])
    itself = F.col(divisor) == 1  # the cheap way for most lines
    nearest = F.when(itself, round_money(size, minor, known)).otherwise(
        round_money(quotient(size, whole), minor, known)
    )
    near = rows.withColumns({"_nearest": nearest, "_unit": unit, "_whole": F.when(~itself, whole)})
    multiple = F.try_multiply(F.col("_nearest"), F.col("_whole")).try_cast(exact_kind)
    rest = near.withColumn("_rest", F.try_multiply(F.try_subtract(size, multiple), F.lit(2)).try_cast(exact_kind))
    tie = F.try_multiply(F.col("_unit"), F.col("_whole")).try_cast(exact_kind)
    correction = F.when(F.col("_rest") >= tie, 1).when(F.col("_rest") < -tie, -1).when(F.col("_rest") < tie, 0)
    corrected = F.col("_nearest") + F.col("_unit") * correction.cast("decimal(1,0)")
    exact = rest.withColumn("_exact", F.when(itself, F.col("_nearest")).otherwise(corrected))
    signed = F.when(F.col(dividend) < 0, -F.col("_exact")).otherwise(F.col("_exact"))
    return exact.withColumn(to, signed.cast(MONEY)).drop("_nearest", "_unit", "_rest", "_exact", "_whole")


def _size(amount: str) -> Column:
    """`amount` without its sign. Spark's own minus and `abs` round what has more than 34 digits to 34."""
    return F.when(F.col(amount) < 0, F.try_subtract(F.lit(0), F.col(amount))).otherwise(F.col(amount))


def _with_minor_units(kind: DecimalType) -> DecimalType:
    return kind if kind.scale >= MONEY.scale else DecimalType(38, MONEY.scale)
