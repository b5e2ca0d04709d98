"""Which discounts of a subscription count for a charge, and together for how much (PRICING §1.6)."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.pricebook import Pricebook
from billflow.billing.rates import AHEAD
from billflow.lake.schemas import MONEY

PERCENT = "decimal(18,12)"


def with_discounts(owed: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Adds discount_percent (added up, at most 100) and discount_amount to charges that begin on `period_start`.

    `owed` has the charge's `discounts`, first_start and subscription_discounts.
    """
    if not any(rate.discounts for rate in pricebook.rates):
        none = {"discount_percent": F.lit(0).cast(PERCENT), "discount_amount": F.lit(0).cast(MONEY)}
        return owed.withColumns(none)
    period = pricebook.period
    number = F.lit(period.number) + F.when(F.col("due") == AHEAD, 1).otherwise(0)
    codes = F.array_distinct(F.coalesce("subscription_discounts", F.array().cast("array<string>")))
    found = F.filter(
        F.transform(codes, lambda code: F.col("discounts")[code]),
        lambda one: one.isNotNull() & in_force(one, F.col("period_start"), F.col("first_start"), number, period.day),
    )
    percent = _summed(F.transform(found, lambda one: one["percent"]), PERCENT)
    amount = _summed(F.transform(found, lambda one: one["amount"]), MONEY.simpleString())
    return owed.withColumns({"discount_percent": F.least(F.lit(100).cast(PERCENT), percent), "discount_amount": amount})


def _summed(numbers: Column, kind: str) -> Column:
    none = F.lit(0).cast(kind)
    return F.aggregate(numbers, none, lambda so_far, one: (so_far + F.coalesce(one, none)).cast(kind))


def in_force(
    discount: Column | Mapping[str, Column], day: Column, first_start: Column, number: Column, begins: int
) -> Column:
    """Whether a discount counts on a day of the period of that `number`, in a cycle whose periods begin on `begins`.

    Of the periods that it lasts for the first is the one in which it has begun, and so has the subscription.
    """
    begun = F.greatest(first_start, discount["valid_from"])
    counted = number - period_number(begun, begins)
    within = discount["periods"].isNull() | (counted < discount["periods"])
    return (discount["valid_from"] <= day) & (day < discount["valid_to"]) & within


def period_number(day: Column, begins: int) -> Column:
    """Months since year 0 of the period that a day lies in, in a cycle whose periods begin on that day of the month."""
    first = F.least(F.lit(begins), F.dayofmonth(F.last_day(day)))
    return F.year(day) * 12 + F.month(day) - F.when(F.dayofmonth(day) < first, 1).otherwise(0)
