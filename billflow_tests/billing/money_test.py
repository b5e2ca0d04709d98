"""Amounts rounded once, against Python's own decimals."""

from decimal import ROUND_HALF_UP, Context, Decimal

from pyspark.sql import SparkSession
from pyspark.sql.types import DecimalType, IntegerType, LongType, StructField, StructType

from billflow.billing.money import rounded_fraction
from billflow.lake.local_rows import local_rows

_WIDE = Context(prec=80)
_AMOUNTS = [
    # Just below a tie, with more digits than the 34 to which Spark's minus and abs round.
    "12345678901234.124999999999999999999999",
    "12345678901234.125000000000000000000000",
    "9999999999999.994999999999999999999999",
    "0.004999999999999999999999",
    "0.005000000000000000000000",
    "0",
]


def test_amounts_of_both_signs_are_rounded_alike(spark: SparkSession) -> None:
    given = [
        (Decimal(f"{sign}{amount}"), divisor, digits)
        for amount in _AMOUNTS
        for sign in ("", "-")
        for divisor in (1, 3, 31)
        for digits in (0, 2, 3)
    ]
    assert rounded(spark, given) == [_expected(*one) for one in given]


def test_what_does_not_fit_is_nothing(spark: SparkSession) -> None:
    """To the whole unit up, and times the divisor again, it has fifteen digits before the point."""
    assert rounded(spark, [(Decimal("99999999999999.5"), 31, 0), (Decimal("-99999999999999.5"), 31, 0)]) == [None, None]


def rounded(spark: SparkSession, given: list[tuple[Decimal, int, int]]) -> list[Decimal | None]:
    kinds = {"dividend": DecimalType(38, 24), "divisor": LongType(), "digits": IntegerType()}
    rows = local_rows(spark, given, StructType([StructField(name, kind) for name, kind in kinds.items()]))
    found = rounded_fraction(rows, "dividend", "divisor", "digits", [0, 2, 3], to="net").collect()
    return [row["net"] for row in found]


def _expected(dividend: Decimal, divisor: int, digits: int) -> Decimal:
    return _WIDE.divide(dividend, Decimal(divisor)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, _WIDE)
