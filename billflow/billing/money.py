"""Exact amounts: products and fractions rounded once, HALF_UP, to the currency's minor unit (PRICING §3)."""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce

from babel.numbers import get_currency_precision
from pyspark.sql import Column
from pyspark.sql import functions as F

from billflow.lake.schemas import MONEY

_COARSE = "decimal(38,18)"
"""Leaves a quotient by a whole number 15 digits before the point; a finer dividend would leave it 9."""


def minor_digits(currency: str) -> int:
    """Digits of a currency's minor unit (ISO 4217): JPY 0, EUR 2, KWD 3."""
    return get_currency_precision(currency)


def round_money(amount: Column, digits: Column, known: Iterable[int]) -> Column:
    """`amount` (any decimal) HALF_UP to `digits`, one of `known`, as decimal(38,4). Spark's round needs a literal."""
    choices = sorted(set(known))
    rounded = [F.when(digits == choice, F.round(amount, choice).cast(MONEY)) for choice in choices]
    return reduce(lambda left, right: F.coalesce(left, right), rounded)


def round_fraction(dividend: Column, divisor: Column, digits: Column, known: Iterable[int]) -> Column:
    """dividend / divisor (a positive whole number) HALF_UP to `digits`, as decimal(38,4), however near to a tie.

    Spark's quotient is itself rounded; where that makes or hides a tie, the exact remainder says so.
    """
    known = list(known)
    size = F.abs(dividend)
    nearest = round_money(quotient(size, divisor), digits, known)
    unit = reduce(
        lambda left, right: F.coalesce(left, right),
        [F.when(digits == choice, F.lit(Decimal(1).scaleb(-choice)).cast(MONEY)) for choice in known],
    )
    remainder = size - nearest * divisor
    tie = unit * divisor
    above = F.when(2 * remainder >= tie, unit).when(2 * remainder < -tie, -unit).otherwise(unit - unit)
    return (F.signum(dividend).cast("decimal(1,0)") * (nearest + above)).cast(MONEY)


def quotient(dividend: Column, divisor: Column) -> Column:
    """dividend / divisor to at least 18 digits, rounded."""
    return dividend.cast(_COARSE) / divisor
