"""Fixed discounts, maxima and minima, of charges and of plans (PRICING §1.6).

A fixed discount and a maximum are one amount for the whole period: what earlier stretches of the same charge (before a
change of quantity, or under an earlier price) have used is gone. A minimum is cut to the days of its stretch.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.money import round_money, rounded_fraction
from billflow.billing.pricebook import Pricebook
from billflow.billing.usage import STRETCH
from billflow.lake.schemas import MONEY

CHARGE = [*STRETCH, "charge_id"]
SUBSCRIPTION = ["account_id", "system", "subscription_id", "plan"]
RESULTS = ("amount_off", "over", "under")
"""What is taken off, what is above the maximum and what is missing to the minimum, none of them negative."""

_ITEM = ("period_start", "subscription_start", "charge_id", "net", "off", "maximum", "least")
_STATE = (
    "struct<given:decimal(38,4),billed:decimal(38,4),done:array<struct<subscription_start:date,charge_id:int,"
    "amount_off:decimal(38,4),over:decimal(38,4),under:decimal(38,4)>>>"
)


def bounded(stretches: DataFrame, pricebook: Pricebook, *, series: Sequence[str]) -> DataFrame:
    """CHARGE and RESULTS of `stretches`: a row each, with net, off, maximum, minimum, prorated, period_start,
    period_end, period_days and digits. `series` names stretches that share their amounts, in order of time.
    """
    days = F.when(F.col("prorated"), F.datediff("period_end", "period_start")).otherwise(F.col("period_days"))
    least = F.try_multiply(F.col("minimum"), days.cast("decimal(10,0)"))
    minor = {
        "off": round_money(F.coalesce("off", F.lit(0)).cast(MONEY), F.col("digits"), pricebook.digits),
        "maximum": round_money(F.col("maximum"), F.col("digits"), pricebook.digits),
    }
    due = stretches.withColumns({"_minimum": least, **minor})
    rounded = rounded_fraction(due, "_minimum", "period_days", "digits", pricebook.digits, to="least")
    item = F.struct(*[F.col(name).cast(MONEY).alias(name) if name in _AMOUNTS else F.col(name) for name in _ITEM])
    listed = rounded.groupBy(*series).agg(F.array_sort(F.collect_list(item)).alias("_items"))
    nothing = F.struct(
        F.lit(0).cast(MONEY).alias("given"), F.lit(0).cast(MONEY).alias("billed"), F.array().alias("done")
    ).cast(_STATE)
    done = listed.withColumn("_done", F.explode(F.aggregate("_items", nothing, _next, lambda state: state["done"])))
    return done.select(
        "system",
        "account_id",
        "subscription_id",
        *[F.col(f"_done.{name}").alias(name) for name in ("subscription_start", "charge_id", *RESULTS)],
    )


_AMOUNTS = ("net", "off", "maximum", "least")


def _next(state: Column, one: Column) -> Column:
    none = F.lit(0).cast(MONEY)
    left = _not_negative(one["off"] - state["given"])
    off = F.when(one["net"] > 0, F.least(one["net"], left)).otherwise(none)
    discounted = one["net"] - off
    room = F.when(one["maximum"].isNotNull(), _not_negative(one["maximum"] - state["billed"]))
    over = F.when(discounted > room, discounted - room).otherwise(none)
    capped = discounted - over
    least = F.when(one["least"] > room, room).otherwise(one["least"])
    under = F.when(capped < least, least - capped).otherwise(none)
    result = F.struct(
        one["subscription_start"].alias("subscription_start"),
        one["charge_id"].alias("charge_id"),
        off.cast(MONEY).alias("amount_off"),
        over.cast(MONEY).alias("over"),
        under.cast(MONEY).alias("under"),
    )
    return F.struct(
        (state["given"] + off).alias("given"),
        (state["billed"] + capped + under).alias("billed"),
        F.array_append(state["done"], result).alias("done"),
    ).cast(_STATE)


def _not_negative(amount: Column) -> Column:
    return F.when(amount > 0, amount).otherwise(F.lit(0).cast(MONEY))
