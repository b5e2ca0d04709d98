"""An amount divided among rows in proportion to their weights, to the last minor unit (PRICING §3)."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.lake.schemas import MONEY

_UNITS = "decimal(38,0)"


def spread(
    rows: DataFrame, amount: str, weight: str, *, within: Sequence[str], order: Sequence[str], to: str
) -> DataFrame:
    """Adds `to`: the row's part of `amount` (one for all rows of `within`), to the minor unit that `digits` tells.

    Exact shares are rounded down; the units that are left over go to the largest remainders, then by `order`. Weights
    that sum to 0 say nothing: then all goes to the first row by `order`.
    """
    group, in_order = Window.partitionBy(*within), Window.partitionBy(*within).orderBy(*order)
    scale = F.pow(F.lit(10), F.col("digits")).cast("decimal(5,0)")
    counted = rows.withColumns(
        {"_whole": _units(F.col(amount), scale), "_weight": _units(F.coalesce(weight, F.lit(0)), scale)}
    )
    summed = counted.withColumn("_sum", F.sum("_weight").over(group).cast(_UNITS))
    sign = F.signum("_sum").cast("decimal(1,0)")
    product = F.try_multiply(F.col("_whole"), (F.col("_weight") * sign).cast(_UNITS))
    divided = summed.withColumns({"_product": product.cast(_UNITS), "_size": F.abs("_sum")})
    rest = F.when(F.col("_size") > 0, F.pmod(F.col("_product"), F.col("_size")))
    shares = divided.withColumn("_rest", rest).withColumn(
        "_share", F.try_divide(F.col("_product") - F.col("_rest"), F.col("_size")).cast(_UNITS)
    )
    left = F.col("_whole") - F.sum("_share").over(group)
    largest = Window.partitionBy(*within).orderBy(F.col("_rest").desc(), *order)
    ranked = shares.withColumns(
        {"_left": left, "_rank": F.row_number().over(largest), "_at": F.row_number().over(in_order)}
    )
    shared = F.col("_share") + F.when(F.col("_rank") <= F.col("_left"), F.lit(1)).otherwise(0).cast(_UNITS)
    alone = F.when(F.col("_at") == 1, F.col("_whole")).otherwise(F.lit(0).cast(_UNITS))
    part = F.when(F.col("_size") > 0, shared).otherwise(alone)
    return ranked.withColumn(to, F.try_divide(part.cast("decimal(30,0)"), scale).cast(MONEY)).drop(*_OWN)


_OWN = ("_whole", "_weight", "_sum", "_product", "_size", "_rest", "_share", "_left", "_rank", "_at")


def _units(amount: Column, scale: Column) -> Column:
    return F.try_multiply(amount.cast(MONEY), scale).cast(_UNITS)
