"""Charges beside the usage that they may price: metric, days and `where`."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.pricebook import Pricebook
from billflow.billing.usage import STRETCH

OF_USAGE = (*STRETCH, "metric", "_epoch")
"""Columns that usage and charges share: beside a charge, usage has them as `usage_…`."""


def matched(owed: DataFrame, usage: DataFrame, pricebook: Pricebook, how: str) -> DataFrame:
    """`owed` beside `usage` (events or groups of them, as `billing.usage.keyed` has them) that it may price.

    What remains is whether a price of a matrix fits. In a left join `usage_metric` is NULL where there is none.
    """
    renamed = usage.withColumnsRenamed({name: f"usage_{name}" for name in OF_USAGE})
    return owed.join(renamed, _prices(pricebook), how)


def priced(usage: DataFrame, owed: DataFrame, pricebook: Pricebook, how: str) -> DataFrame:
    """`usage` that some of `owed` may price ("left_semi"), or none may ("left_anti")."""
    renamed = usage.withColumnsRenamed({name: f"usage_{name}" for name in OF_USAGE})
    found = renamed.join(owed, _prices(pricebook), how)
    return found.withColumnsRenamed({f"usage_{name}": name for name in OF_USAGE})


def _prices(pricebook: Pricebook) -> Column:
    same = [F.col(name) == F.col(f"usage_{name}") for name in (*STRETCH, "metric")]
    in_force = F.col("usage__epoch").between(F.col("first_epoch"), F.col("last_epoch"))
    return reduce(Column.__and__, [*same, in_force, *(_allows(name) for name in pricebook.dimensions())])


def _allows(dimension: str) -> Column:
    allowed = F.col("where")[dimension]
    return allowed.isNull() | F.coalesce(F.array_contains(allowed, F.col(f"_d_{dimension}")), F.lit(False))
