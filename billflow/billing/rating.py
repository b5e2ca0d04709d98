"""Which charges a subscription owes in a period, and for what quantity."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.pricebook import Pricebook
from billflow.billing.usage import STRETCH

PERCENT = "decimal(18,12)"

_OF_CHARGE = ("charge_id", "metric", "aggregate", "where", "first_epoch", "last_epoch")


def owed_charges(subscriptions: DataFrame, prices: DataFrame) -> DataFrame:
    """STRETCH, charge_id, metric, epochs, where, period_start and period_end of every charge in force.

    A subscription row owes a charge of its plan for the days on which both are in force.
    """
    slim = prices.select(
        "plan",
        *_OF_CHARGE,
        "window_start",
        "window_end",
        F.col("discounts").alias("charge_discounts"),
    )
    joined = subscriptions.withColumnRenamed("discounts", "subscription_discounts").join(
        F.broadcast(slim), "plan", "inner"
    )
    start = F.greatest("start_date", "window_start")
    end = F.least(F.coalesce("end_date", "window_end"), "window_end")
    dated = joined.withColumns({"period_start": start, "period_end": end})
    return dated.where(F.col("period_start") < F.col("period_end")).select(
        "system",
        "account_id",
        "subscription_id",
        F.col("start_date").alias("subscription_start"),
        *_OF_CHARGE,
        "period_start",
        "period_end",
        F.col("quantity").alias("subscription_quantity"),
        _discount_percent().alias("discount_percent"),
    )


def _discount_percent() -> Column:
    """The percentages of the subscription's discounts on the charge, added up, at most 100 (PRICING §1.6)."""
    codes = F.array_distinct(F.coalesce("subscription_discounts", F.array().cast("array<string>")))
    known = F.filter(codes, lambda code: F.map_contains_key("charge_discounts", code))
    total = F.aggregate(
        known,
        F.lit(0).cast(PERCENT),
        lambda so_far, code: (so_far + F.col("charge_discounts")[code]).cast(PERCENT),
    )
    return F.least(F.lit(100).cast(PERCENT), total)


def rated(owed: DataFrame, groups: DataFrame, pricebook: Pricebook) -> DataFrame:
    """`owed` with quantity (0 without events) and usage_count. One row per owed charge."""
    charge, usage = owed.alias("charge"), groups.alias("usage")
    matched = charge.join(usage, _prices(pricebook), "left")
    events = F.coalesce(F.sum("usage.events"), F.lit(0))
    quantity = (
        F.when(events == 0, F.lit(0).cast("decimal(38,12)"))
        .when(F.col("aggregate") == "count", events.cast("decimal(38,12)"))
        .when(F.col("aggregate") == "max", F.max("usage.quantity_max"))
        .otherwise(F.sum("usage.quantity_sum"))
    )
    keys = [*(f"charge.{name}" for name in STRETCH), "charge.charge_id", "charge.aggregate"]
    summed = matched.groupBy(*keys).agg(
        F.first("charge.period_start").alias("period_start"),
        F.first("charge.period_end").alias("period_end"),
        F.first("charge.subscription_quantity").alias("subscription_quantity"),
        F.first("charge.discount_percent").alias("discount_percent"),
        quantity.alias("quantity"),
        events.alias("usage_count"),
    )
    return summed.drop("aggregate")


def _prices(pricebook: Pricebook) -> Column:
    """Whether a charge prices a group of events."""
    same = [F.col(f"charge.{name}") == F.col(f"usage.{name}") for name in (*STRETCH, "metric")]
    in_force = F.col("usage._epoch").between(F.col("charge.first_epoch"), F.col("charge.last_epoch"))
    return reduce(Column.__and__, [*same, in_force, *(_allows(name) for name in pricebook.dimensions())])


def _allows(dimension: str) -> Column:
    allowed = F.col("charge.where")[dimension]
    return allowed.isNull() | F.coalesce(F.array_contains(allowed, F.col(f"usage._d_{dimension}")), F.lit(False))


def unrated(owed: DataFrame, groups: DataFrame, pricebook: Pricebook) -> DataFrame:
    """The groups of events that no charge prices."""
    return groups.alias("usage").join(owed.alias("charge"), _prices(pricebook), "left_anti")


def billed(owed: DataFrame, groups: DataFrame, pricebook: Pricebook) -> DataFrame:
    """The groups of events that at least one charge prices; each once, however many do."""
    return groups.alias("usage").join(owed.alias("charge"), _prices(pricebook), "left_semi")
