"""The maximum and minimum of a plan over all its charges: spread over taxes by net (PRICING §1.6)."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.allocation import spread
from billflow.billing.bounds import CHARGE, SUBSCRIPTION, bounded
from billflow.billing.parts import PLAN_MAXIMUM, PLAN_MINIMUM
from billflow.billing.pricebook import Pricebook
from billflow.billing.usage import STRETCH
from billflow.lake.schemas import MONEY, QUANTITY

PLAN = [*STRETCH, "price_from"]
TAX = ["tax_category", "tax_rate"]


def with_plan_bounds(lines: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Gives the parts of plans' bounds their net; `lines` have their tax. One line a tax category and rate stays."""
    if not any(rate.of_plan for rate in pricebook.rates):
        return lines
    plan, group = Window.partitionBy(*PLAN), Window.partitionBy(*PLAN, *TAX)
    of_charges = F.when(~F.col("of_plan"), F.col("net"))
    summed = lines.withColumns(
        {
            "_plan_net": F.coalesce(F.sum(of_charges).over(plan), F.lit(0)).cast(MONEY),
            "_group_net": F.coalesce(F.sum(of_charges).over(group), F.lit(0)).cast(MONEY),
            "_bears": F.count(F.when(of_charges != 0, 1)).over(Window.partitionBy(*PLAN, "tax_code")) > 0,
            "_group_bears": F.count(F.when(of_charges != 0, 1)).over(group) > 0,
            "_billed": F.count(F.when(of_charges != 0, 1)).over(plan) > 0,
        }
    )
    amounts = summed.join(_amounts(summed, pricebook), CHARGE, "left")
    # Without any line the plan's first charge says which tax the minimum bears.
    of_first = ~F.col("_billed") & (F.col("tax_code") == F.col("first_tax"))
    # A part stands for its group: one of the taxes that come to one category and rate.
    same = Window.partitionBy(*PLAN, "kind", *TAX).orderBy(~F.col("_bears"), ~of_first, "tax_code")
    stands = F.col("of_plan") & (F.row_number().over(same) == 1)
    amount = F.when(F.col("kind") == PLAN_MAXIMUM, -F.col("over")).when(F.col("kind") == PLAN_MINIMUM, F.col("under"))
    marked = amounts.withColumns({"_stands": stands, "_amount": F.coalesce(amount, F.lit(0)).cast(MONEY)}).withColumns(
        {
            "_spread": F.when(F.col("_stands"), F.col("_amount")),
            "_weight": F.when(F.col("_stands"), F.col("_group_net")),
        }
    )
    first = F.when(of_first | F.col("_group_bears"), 0).otherwise(1)
    ordered = marked.withColumn("_first", first)
    within = [*PLAN, "kind", "_stands"]
    parted = spread(ordered, "_spread", "_weight", within=within, order=["_first", *TAX, "tax_code"], to="_part")
    net = F.when(F.col("_stands"), F.col("_part")).when(F.col("of_plan"), F.lit(0).cast(MONEY)).otherwise(F.col("net"))
    price = F.when(F.col("of_plan"), net.cast(QUANTITY)).otherwise(F.col("unit_price"))
    named = F.when(F.col("of_plan"), F.col("kind")).otherwise(F.col("charge"))
    # The maximum before the minimum, and each in the order of its taxes, as bills number their lines.
    position = F.when(F.col("of_plan"), (F.col("kind") == PLAN_MINIMUM).cast("int")).otherwise(F.col("position"))
    columns = {"net": net.cast(MONEY), "unit_price": price, "charge": named, "position": position}
    return parted.withColumns(columns).drop(*_OWN)


_OWN = (
    "_plan_net",
    "_group_net",
    "_bears",
    "_group_bears",
    "_billed",
    "over",
    "under",
    "amount_off",
    "_stands",
    "_amount",
    "_spread",
    "_weight",
    "_first",
    "_part",
)


def _amounts(summed: DataFrame, pricebook: Pricebook) -> DataFrame:
    kept = ("period_start", "period_end", "period_days", "prorated", "digits", "minimum", "maximum")
    stretches = (
        summed.where("of_plan")
        .groupBy(*CHARGE, "plan")
        .agg(
            F.first("_plan_net").alias("net"),
            F.lit(0).cast(MONEY).alias("off"),
            *[F.first(name).alias(name) for name in kept],
        )
    )
    return bounded(stretches, pricebook, series=SUBSCRIPTION)
