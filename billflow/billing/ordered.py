"""Charges whose events must be looked at in order of time: pools, allowances of a matrix, events with bounds.

Order is (event_time, usage_id); in it every event raises what its subscription has used, and uses up the allowance
(PRICING §1, §2). No loop: running sums, and the difference that each event makes to them.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.matching import OF_USAGE, matched
from billflow.billing.matrix import with_cell
from billflow.billing.pricebook import Pricebook
from billflow.billing.quantities import DIVISOR, converted, rounded_units
from billflow.billing.usage import STRETCH, incremented, keyed
from billflow.lake.schemas import QUANTITY

CHARGE = (*STRETCH, "charge_id")
MEMBER = (*CHARGE, "cell")
EVENT_AMOUNT = "decimal(38,24)"

_TERMS = (
    "charge_id",
    "multiply",
    "divide",
    "rounding",
    "included",
    "pool",
    "prorated",
    "rate",
    "fixed_fee",
    "free_events",
    "event_minimum",
    "event_maximum",
)


def in_order(owed: DataFrame, usage: DataFrame, pricebook: Pricebook) -> DataFrame:
    """MEMBER with used_units / used_divisor, left to pay for, and event_amount / used_divisor of events with bounds."""
    spark = owed.sparkSession
    terms = F.broadcast(pricebook.frame(spark).where("in_order").select(*_TERMS))
    ordered = owed.where("in_order").join(terms, "charge_id", "inner")
    pooled = ordered.withColumns({"_sharer": _sharer(pricebook), "_own": _own()})
    events = _events(pooled, usage, pricebook)
    if _spans_hierarchies(pricebook):  # the one shuffle of usage
        events = events.repartition("invoiced_account_id")
    used = _beyond_allowance(_running(events).join(_allowances(pooled), POOL, "inner"))
    priced = used.withColumn("_amount", _event_amount())
    return (
        priced.groupBy(*MEMBER, "invoiced_account_id")
        .agg(
            _whole_sum("_beyond").alias("used_units"),
            F.first("_divisor").cast(QUANTITY).alias("used_divisor"),
            _whole_sum("_amount").alias("event_amount"),
        )
        .drop("invoiced_account_id")
    )


def _whole_sum(name: str) -> Column:
    """The sum, NULL when a row's amount does not fit: no event is left out in silence."""
    return F.when(F.count(name) == F.count(F.lit(1)), F.try_sum(name))


POOL = ["invoiced_account_id", "system", "charge_id", "_sharer", "_own"]
"""Names whose events use up one allowance."""


def _spans_hierarchies(pricebook: Pricebook) -> bool:
    return any(rate.pool == "hierarchy" for rate in pricebook.rates)


def _sharer(pricebook: Pricebook) -> Column:
    """The account whose subscriptions share, or the one that gets their bill; a plain column keeps the layout."""
    if not _spans_hierarchies(pricebook):
        return F.col("account_id")
    return F.when(F.col("pool") == "hierarchy", F.col("invoiced_account_id")).otherwise(F.col("account_id"))


def _own() -> Column:
    """The subscription row that shares with none; empty in a pool."""
    row = F.concat_ws("|", "subscription_start", "subscription_id")
    return F.when(F.col("pool").isNull(), row).otherwise(F.lit(""))


def _allowances(ordered: DataFrame) -> DataFrame:
    """POOL with `_allowance` / `_days`: the sum of the members' included units, each cut to its days of service."""
    days = F.when(F.col("prorated"), F.datediff("period_end", "period_start")).otherwise(F.col("period_days"))
    included = F.coalesce(F.first("included"), F.lit(0).cast(QUANTITY))
    return (
        ordered.where(F.col("metric").isNotNull())
        .groupBy(*POOL)
        .agg(
            F.try_multiply(included, F.sum(days).cast(DIVISOR)).alias("_allowance"),
            F.first("period_days").cast(DIVISOR).alias("_days"),
        )
    )


def _events(ordered: DataFrame, usage: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Each event beside each charge that prices it in order: a row with `_quantity` and `cell`."""
    columns = [*OF_USAGE, *(f"_d_{name}" for name in pricebook.dimensions())]
    events = keyed(usage, pricebook).select(*columns, "usage_id", "event_time", F.col("quantity").alias("_measured"))
    counting = ordered.where(F.col("metric").isNotNull())
    priced = with_cell(matched(counting, events, pricebook, "inner"), pricebook)
    rounded = [
        F.when(F.col("increments") == at, incremented(F.col("_measured"), *steps))
        for at, steps in enumerate(pricebook.increments)
    ]
    counted = F.when(F.col("aggregate") == "count", F.lit(1).cast(QUANTITY))
    return priced.where(F.col("cell").isNotNull()).withColumn(
        "_quantity", F.coalesce(counted, *rounded, F.col("_measured"))
    )


def _running(events: DataFrame) -> DataFrame:
    """Adds `_delta` / `_divide`, by how much an event raises its member's rounded total, and its `_number`."""
    so_far = Window.partitionBy(*MEMBER, "invoiced_account_id").orderBy("event_time", "usage_id")
    summed = events.withColumns(
        {
            "_after": F.sum("_quantity").over(so_far.rowsBetween(Window.unboundedPreceding, 0)),
            "_number": F.row_number().over(so_far),
        }
    )
    exact = F.col("rounding") == "none"
    after, before = converted(F.col("_after")), converted(F.col("_after") - F.col("_quantity"))
    raised = F.try_subtract(rounded_units(after), rounded_units(before))
    delta = F.when(exact, converted(F.col("_quantity"))).otherwise(raised)
    return summed.withColumns({"_delta": delta, "_divide": F.when(exact, F.col("divide")).otherwise(1).cast(DIVISOR)})


def _beyond_allowance(events: DataFrame) -> DataFrame:
    """Adds `_beyond` / `_divisor`: the part of each event that the allowance does not cover."""
    so_far = Window.partitionBy(*POOL).orderBy("event_time", "usage_id", "cell")
    total = F.sum("_delta").over(so_far.rowsBetween(Window.unboundedPreceding, 0))
    scaled = events.withColumn("_total", F.try_multiply(total, F.col("_days")))
    free = F.try_multiply(F.col("_allowance"), F.col("_divide"))
    own = F.try_multiply(F.col("_delta"), F.col("_days"))
    after, before = _above(F.col("_total"), free), _above(F.try_subtract(F.col("_total"), own), free)
    divisor = (F.col("_divide") * F.col("_days")).cast(DIVISOR)
    return scaled.withColumns({"_beyond": F.try_subtract(after, before).cast(QUANTITY), "_divisor": divisor})


def _above(total: Column, free: Column) -> Column:
    above = F.try_subtract(total, free)
    return F.when(above < 0, F.lit(0).cast(QUANTITY)).otherwise(above.cast(QUANTITY))


def _event_amount() -> Column:
    """What an event with bounds costs, over `_divisor`: nothing while events are free, else rate × value + fee."""

    def over_divisor(amount: Column) -> Column:
        return F.try_multiply(amount, F.col("_divisor")).cast(EVENT_AMOUNT)

    share = F.try_multiply(F.col("rate"), F.col("_beyond")).cast(EVENT_AMOUNT)
    plain = F.try_add(share, over_divisor(F.col("fixed_fee")))
    low, high = over_divisor(F.col("event_minimum")), over_divisor(F.col("event_maximum"))
    bounded = F.when(plain < low, low).when(plain > high, high).otherwise(plain)
    free = F.when(F.col("_number") <= F.col("free_events"), F.lit(0).cast(EVENT_AMOUNT))
    return F.when(F.col("rate").isNotNull(), F.coalesce(free, bounded))
