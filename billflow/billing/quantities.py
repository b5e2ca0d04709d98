"""From what was measured to what is paid for: another unit, whole units, less what is included (PRICING §1).

Quantities stay exact fractions, `units` / `divisor` with a whole divisor, until a line rounds them once.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.pricebook import Pricebook
from billflow.lake.schemas import QUANTITY

DIVISOR = "decimal(18,0)"


def converted(quantity: Column) -> Column:
    """`quantity` × multiply: the numerator, over `divide`, of the quantity in the charge's unit."""
    return F.try_multiply(quantity, F.col("multiply").cast(DIVISOR)).cast(QUANTITY)


def rounded_units(numerator: Column) -> Column:
    """`numerator` / `divide` as a whole number, rounded as `rounding` says; as it is where that is `none`."""
    divide = F.col("divide").cast(DIVISOR)
    rest = numerator % divide
    whole = F.try_divide(numerator - rest, divide).cast(QUANTITY)
    up = F.when(F.col("rounding") == "up", rest > 0).when(F.col("rounding") == "half_up", rest * 2 >= divide)
    return F.when(F.col("rounding") == "none", numerator).otherwise(
        whole + F.when(up, F.lit(1)).otherwise(0).cast(QUANTITY)
    )


def billable(rated: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Adds `units` / `divisor`: the quantity that the price model gets. NULL where it does not fit decimal(38,12)."""
    if not pricebook.divides:
        return rated.withColumns({"units": F.col("quantity"), "divisor": F.lit(1).cast(DIVISOR)})
    units = rounded_units(converted(F.col("quantity")))
    divisor = F.when(F.col("rounding") == "none", F.col("divide")).otherwise(1).cast(DIVISOR)
    days = F.datediff("period_end", "period_start")
    cut = F.col("prorated") & (days < F.col("period_days"))
    exact = rated.withColumns(
        {
            "_units": units,
            "_divisor": divisor,
            "_served": F.when(cut, days).otherwise(1).cast(DIVISOR),
            "_days": F.when(cut, F.col("period_days")).otherwise(1).cast(DIVISOR),
        }
    )
    free = F.try_multiply(F.col("included"), F.try_multiply(F.col("_divisor"), F.col("_served"))).cast(QUANTITY)
    left = F.try_subtract(F.try_multiply(F.col("_units"), F.col("_days")).cast(QUANTITY), free)
    beyond = F.when(left < 0, F.lit(0).cast(QUANTITY)).otherwise(left)
    has_free = F.col("included").isNotNull()
    own_units = F.when(has_free, beyond).otherwise(F.col("_units"))
    own_divisor = F.when(has_free, (F.col("_divisor") * F.col("_days")).cast(DIVISOR)).otherwise(F.col("_divisor"))
    in_order = F.col("used_divisor").isNotNull()
    return exact.withColumns(
        {
            "units": F.when(in_order, F.col("used_units")).otherwise(own_units),
            "divisor": F.when(in_order, F.col("used_divisor").cast(DIVISOR)).otherwise(own_divisor),
        }
    ).drop("_units", "_divisor", "_served", "_days")
