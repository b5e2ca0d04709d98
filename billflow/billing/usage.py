"""Usage of a period, summed to what charges ask for. The only step that reads every event."""

from collections.abc import Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.pricebook import Pricebook
from billflow.catalog import Calendar, Window
from billflow.catalog.calendars import windows_of

STRETCH = ("system", "account_id", "subscription_id", "subscription_start")
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


def grouped(usage: DataFrame, pricebook: Pricebook) -> DataFrame:
    """STRETCH, metric, _epoch and one column per dimension; quantity_sum, quantity_max, events. No shuffle."""
    dimensions = dimension_columns(pricebook)
    keyed = usage.withColumns({"_epoch": epoch(pricebook, F.to_date("local_time")), **_prefixed(dimensions)})
    return keyed.groupBy(*group_keys(pricebook)).agg(
        F.sum("quantity").alias("quantity_sum"),
        F.max("quantity").alias("quantity_max"),
        F.count(F.lit(1)).alias("events"),
    )


def group_keys(pricebook: Pricebook) -> list[str]:
    """What events are summed by."""
    return [*STRETCH, "metric", "_epoch", *(f"_d_{name}" for name in pricebook.dimensions())]


def _prefixed(dimensions: dict[str, Column]) -> dict[str, Column]:
    return {f"_d_{name}": column for name, column in dimensions.items()}


def in_groups(usage: DataFrame, groups: DataFrame, pricebook: Pricebook) -> DataFrame:
    """The events that make up `groups` (rows of `grouped`)."""
    keyed = usage.withColumns(
        {"_epoch": epoch(pricebook, F.to_date("local_time")), **_prefixed(dimension_columns(pricebook))}
    )
    same = [keyed[name].eqNullSafe(groups[name]) for name in group_keys(pricebook)]
    return keyed.join(groups, reduce(Column.__and__, same), "left_semi")
