"""Usage by account, metric and month: what a bill shows of the year before it."""

from collections.abc import Iterable, Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.layout import looked_up
from billflow.billing.whole_bills import has_hierarchies, of_invoiced_accounts
from billflow.catalog import Catalog, Metric
from billflow.lake import schemas

MONTHS_BACK = 12
FEWEST = 2
"""Months of a metric that are worth a chart."""

Metrics = Mapping[str, Metric]

_ACCOUNT = ("account_id", "system")
_KEY = (*_ACCOUNT, "metric", "usage_month")


def usage_history(
    months: Mapping[str, DataFrame],
    accounts: DataFrame,
    catalog: Catalog,
    kept: Iterable[DataFrame] = (),
    *,
    buckets: int | None = None,
) -> DataFrame:
    """USAGE_HISTORY of the given months (name → its usage), under the accounts that get the bills.

    `kept` are such rows that are added up already: by an earlier bill run, or by `of_sums`. Metrics that are summed or
    counted add up, of those billed by their highest the highest counts. Distinct values and last values say nothing
    over several subscriptions, so such metrics are left out, as are accounts not given. `buckets` as in `looked_up`.
    """
    here = looked_up(accounts.select(*_ACCOUNT), buckets)
    frames = [rows.select(*_KEY, "quantity", "events") for rows in kept]
    for month, usage in months.items():
        each = {"quantity_sum": F.col("quantity"), "quantity_max": F.col("quantity"), "events": F.lit(1)}
        frames.append(of_sums(usage.withColumns(each), month, catalog))
    found = reduce(DataFrame.unionByName, frames).join(here, list(_ACCOUNT), "left_semi")
    if not has_hierarchies(accounts):
        return found
    invoiced = of_invoiced_accounts(found, accounts).groupBy(*_KEY)
    return invoiced.agg(*_sums(catalog.metrics, added="quantity", highest_of="quantity"))


def of_sums(sums: DataFrame, month: str, catalog: Catalog) -> DataFrame:
    """The columns of USAGE_HISTORY but cycle and month, of a month's USAGE_SUMS, under their own accounts."""
    shown = [name for name, metric in catalog.metrics.items() if metric.aggregate in ("max", "sum", "count")]
    each = sums.where(F.col("metric").isin(shown)).groupBy(*_ACCOUNT, "metric")
    summed = each.agg(*_sums(catalog.metrics, added="quantity_sum", highest_of="quantity_max"))
    return summed.withColumn("usage_month", F.lit(month)).select(*_KEY, "quantity", "events")


def _sums(metrics: Metrics, *, added: str, highest_of: str) -> tuple[Column, Column]:
    peak = F.col("metric").isin(highest(metrics))
    quantity = F.when(peak, F.max(highest_of)).otherwise(F.sum(added))
    return quantity.cast(schemas.QUANTITY).alias("quantity"), F.sum("events").alias("events")


def history_by_account(history: DataFrame, metrics: Metrics) -> DataFrame:
    """The payload's `history` of each account: system, account_id, history (an array, most events first).

    An element is `{metric, name, unit, months}`, its months pairs of month and quantity in order. Metrics billed by
    their highest come after those that add up; those of fewer than two months are left out.
    """
    pairs = F.array_sort(F.collect_list(F.struct("usage_month", plain_number(F.col("quantity")).alias("quantity"))))
    each = history.groupBy(*_ACCOUNT, "metric").agg(F.sum("events").alias("events"), pairs.alias("months"))
    months = F.transform("months", lambda month: F.array(month["usage_month"], month["quantity"]))
    element = F.struct("metric", *named(metrics), months.alias("months"))
    last = F.col("metric").isin(highest(metrics)).alias("_last")
    ordered = F.struct(last, (-F.col("events")).alias("_order"), "metric", element.alias("_element"))
    several = each.where(F.size("months") >= FEWEST)
    listed = several.groupBy(*_ACCOUNT).agg(F.array_sort(F.collect_list(ordered)).alias("listed"))
    return listed.select(*_ACCOUNT, F.transform("listed", lambda one: one["_element"]).alias("history"))


def plain_number(quantity: Column) -> Column:
    """A decimal with a fraction as text, without trailing zeros."""
    return F.rtrim(F.rtrim(quantity.cast("string"), F.lit("0")), F.lit("."))


def highest(metrics: Metrics) -> list[str]:
    """The metrics that are billed by their highest."""
    return [name for name, metric in metrics.items() if metric.aggregate == "max"]


def named(metrics: Metrics) -> tuple[Column, Column]:
    """`name` (NULL where the catalogue gives none) and `unit` (empty without one) of a row's metric."""
    names = {code: metric.name for code, metric in metrics.items() if metric.name}
    units = {code: metric.unit or "" for code, metric in metrics.items()}
    return lookup(names).alias("name"), lookup(units).alias("unit")


def lookup(texts: Mapping[str, str]) -> Column:
    """The text of a row's metric, NULL for one that has none."""
    key = F.col("metric")
    pairs = [F.lit(part) for pair in texts.items() for part in pair]
    return F.create_map(*pairs)[key] if pairs else F.lit(None).cast("string")
