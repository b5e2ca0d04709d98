"""Usage of a period, summed to what charges ask for. The only step that reads every event."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.pricebook import Pricebook
from billflow.catalog import Calendar, Window
from billflow.catalog.calendars import windows_of
from billflow.lake.schemas import QUANTITY

STRETCH = ("account_id", "system", "subscription_id", "subscription_start")
"""Names one row of `subscriptions`."""


def dimension_columns(pricebook: Pricebook) -> dict[str, Column]:
    """Dimension → its value for an event, NULL where no charge asks for that value.

    Calendars go by `local_time`. Values that no charge names are not told apart, so that groups stay few.
    """
    return {name: _dimension(pricebook, name) for name in pricebook.dimensions()}


def _dimension(pricebook: Pricebook, name: str) -> Column:
    if name in pricebook.catalog.calendars:
        years = range(pricebook.period.start.year, pricebook.period.end.year + 1)
        return calendar_name(pricebook.catalog.calendars[name], F.col("local_time"), years)
    value = F.col("dimensions")[name]
    return F.when(value.isin(pricebook.values(name)), value)


def calendar_name(calendar: Calendar, local: Column, years: Sequence[int]) -> Column:
    """The first name of `calendar` that has a window around the wall clock time `local`; NULL when none has."""
    named = [
        F.when(reduce(Column.__or__, [_inside(window, local, years) for window in windows_of(windows)]), F.lit(name))
        for name, windows in calendar.items()
    ]
    return F.coalesce(*named, F.lit(None).cast("string"))


def _inside(window: Window, local: Column, years: Sequence[int]) -> Column:
    minute = F.hour(local) * 60 + F.minute(local)
    conditions = [F.lit(True)]
    if window.days is not None:
        conditions.append(F.weekday(local).isin(sorted(window.days)))
    if window.months is not None:
        conditions.append((F.month(local) - 1).isin(sorted(window.months)))
    if window.hours is not None:
        spans = [(minute >= start) & (minute < stop) for start, stop in window.hours]
        conditions.append(reduce(Column.__or__, spans))
    if window.holidays is not None:
        conditions.append(F.to_date(local).isin(list(window.holiday_dates(years))))
    return reduce(Column.__and__, conditions)


def epoch(pricebook: Pricebook, day: Column) -> Column:
    """In which of the period's stretches of unchanged prices a local day lies."""
    later = pricebook.epochs[1:]
    return reduce(Column.__add__, [(day >= _day(begin)).cast("int") for begin in later], F.lit(0))


def _day(day: date) -> Column:
    return F.lit(day)


def keyed(usage: DataFrame, pricebook: Pricebook) -> DataFrame:
    """`usage` with the columns of `group_keys`."""
    dimensions = {f"_d_{name}": column for name, column in dimension_columns(pricebook).items()}
    counted = {"_counted": _counted(pricebook)} if pricebook.has("unique") else {}
    return usage.withColumns({"_epoch": epoch(pricebook, F.to_date("local_time")), **dimensions, **counted})


def group_keys(pricebook: Pricebook) -> list[str]:
    """What events are summed by."""
    counted = ["_counted"] if pricebook.has("unique") else []
    return [*STRETCH, "metric", "_epoch", *(f"_d_{name}" for name in pricebook.dimensions()), *counted]


def has_one_group_each(pricebook: Pricebook) -> bool:
    """Whether all events of a subscription row and metric are one group: whoever prices them prices all of them."""
    return len(pricebook.epochs) == 1 and not pricebook.dimensions() and not pricebook.has("unique")


def _counted(pricebook: Pricebook) -> Column:
    """The value of the dimension whose distinct values the event's metric counts."""
    return F.coalesce(
        *[
            F.when(F.col("metric") == metric, whole_dimension(pricebook, dimension))
            for metric, dimension in pricebook.counted_dimensions().items()
        ]
    )


def whole_dimension(pricebook: Pricebook, name: str) -> Column:
    """The value of a dimension or calendar for an event, whether or not a charge asks for it."""
    return _dimension(pricebook, name) if name in pricebook.catalog.calendars else F.col("dimensions")[name]


def grouped(usage: DataFrame, pricebook: Pricebook) -> DataFrame:
    """`group_keys`; quantity_sum, events, and as far as the catalogue needs them quantity_max, latest, and a sum for
    each kind of increments. No shuffle.
    """
    latest = F.max(F.struct("event_time", "usage_id", "quantity"))
    sums = [
        F.sum(incremented(F.col("quantity"), *steps)).alias(f"incremented_{at}")
        for at, steps in enumerate(pricebook.increments)
    ]
    keys = group_keys(pricebook)
    # A key that is the same for all keeps Spark from summing in one step: it would hash the sums once more.
    same = {"_epoch": F.lit(0)} if len(pricebook.epochs) == 1 else {}
    summed = (
        keyed(usage, pricebook)
        .groupBy(*[name for name in keys if name not in same])
        .agg(
            F.sum("quantity").alias("quantity_sum"),
            F.count(F.lit(1)).alias("events"),
            *([F.max("quantity").alias("quantity_max")] if _has_peaks(pricebook) else []),
            *([latest.alias("latest")] if pricebook.has("latest") else []),
            *sums,
        )
        .withColumns(same)
    )
    return summed.select(*keys, *[name for name in summed.columns if name not in keys])


def _has_peaks(pricebook: Pricebook) -> bool:
    return any(metric.aggregate == "max" for metric in pricebook.catalog.metrics.values())


def incremented(quantity: Column, first: Decimal, then: Decimal) -> Column:
    """An event's quantity rounded up: 0 stays 0, at least `first`, then whole steps of `then` (PRICING §1)."""
    beyond = (quantity - F.lit(first).cast(QUANTITY)) % F.lit(then).cast(QUANTITY)
    stepped = quantity + F.when(beyond == 0, F.lit(0).cast(QUANTITY)).otherwise(F.lit(then).cast(QUANTITY) - beyond)
    return F.when(quantity <= 0, quantity).when(quantity <= first, F.lit(first).cast(QUANTITY)).otherwise(stepped)


def in_groups(usage: DataFrame, groups: DataFrame, pricebook: Pricebook) -> DataFrame:
    """The events that make up `groups`, each with the `cause` of its group."""
    keys = group_keys(pricebook)
    renamed = groups.select("cause", *[F.col(name).alias(f"_key_{name}") for name in keys])
    # Plain equality where no NULL can be: only that keeps the layout by account.
    same = [
        F.col(key) == F.col(f"_key_{key}") if key in STRETCH else F.col(key).eqNullSafe(F.col(f"_key_{key}"))
        for key in keys
    ]
    return keyed(usage, pricebook).join(renamed, reduce(Column.__and__, same), "inner")
