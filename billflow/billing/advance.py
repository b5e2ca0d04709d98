"""Days that were billed in advance and are not served: they come back on the next bill (PRICING §4)."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.discounts import with_discounts
from billflow.billing.parts import FLAT
from billflow.billing.pricebook import Pricebook
from billflow.billing.rates import BACK
from billflow.lake import schemas
from billflow.lake.schemas import MONEY

SUBSCRIPTION = ["account_id", "system", "subscription_id", "plan"]


def credits_of_advance(
    billed: DataFrame, subscriptions: DataFrame, prices: DataFrame, pricebook: Pricebook
) -> DataFrame:
    """CHARGES of negative quantity for the days of `billed`, the last bills' lines, that no subscription row serves.

    A row serves such days when it began before the period: what begins within it is billed for itself. The percentage
    that was off comes off again; fixed discounts are not given back.
    """
    period = pricebook.period
    ahead = billed.where((F.col("line_type") == FLAT) & (F.col("period_start") >= period.start)).select(
        "system",
        F.col("service_account_id").alias("account_id"),
        "subscription_id",
        "subscription_start",
        "plan",
        "charge",
        "price_from",
        "period_start",
        "period_end",
        (-F.col("subscription_quantity")).alias("subscription_quantity"),
    )
    rates = prices.where(F.col("due") == BACK).select(
        "plan", "charge", "price_from", "charge_id", "due", "prorated", "discounts"
    )
    priced = ahead.join(F.broadcast(rates), ["plan", "charge", "price_from"], "inner")
    known = priced.join(_serving(subscriptions, pricebook), SUBSCRIPTION, "left")
    discounted = with_discounts(known, pricebook).withColumn("discount_amount", F.lit(0).cast(MONEY))
    until = F.greatest("period_start", F.least("period_end", F.coalesce("_until", "period_start")))
    unserved = (until < F.col("period_end")) & (F.col("prorated") | (until == F.col("period_start")))
    back = discounted.where(unserved).withColumn("period_start", until)
    none = {name: F.lit(0) for name in ("cell", "quantity", "usage_count")}
    empty = {name: F.lit(None) for name in ("used_units", "used_divisor", "event_amount")}
    shaped = back.withColumns({**none, **empty})
    return shaped.select(*[F.col(field.name).cast(field.dataType).alias(field.name) for field in schemas.CHARGES])


def _serving(subscriptions: DataFrame, pricebook: Pricebook) -> DataFrame:
    """SUBSCRIPTION with `_until`, the first day that rows begun before the period do not serve, and their discounts."""
    whole = Window.partitionBy("account_id", "system", "subscription_id")
    dated = subscriptions.withColumn("first_start", F.min("start_date").over(whole))
    far = F.lit("9999-12-31").cast("date")
    return (
        dated.where(F.col("start_date") < pricebook.period.start)
        .groupBy(*SUBSCRIPTION)
        .agg(
            F.max(F.coalesce("end_date", far)).alias("_until"),
            F.max_by("discounts", "start_date").alias("subscription_discounts"),
            F.first("first_start").alias("first_start"),
        )
    )
