"""Which price of a matrix an event falls to: the one that fits and names most dimensions (PRICING §2)."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.pricebook import Pricebook
from billflow.billing.rates import EVERY_CELL
from billflow.lake.local_rows import local_rows
from billflow.lake.schemas import TEXT, WHOLE, columns


def with_cell(matched: DataFrame, pricebook: Pricebook) -> DataFrame:
    """`matched` (charges beside their usage, as `billing.rating` joins them) with `cell`.

    0 for a charge that is no matrix, the position of the price for one that is, EVERY_CELL for the row that prints what
    belongs to no price; NULL where there is no usage or no price fits it.
    """
    if not pricebook.cells:
        return matched.withColumn("cell", F.lit(0))
    looked_up, found = matched, []
    # Those with most dimensions first: the first that is found decides.
    for at, names in enumerate(sorted(pricebook.cells, key=lambda names: (-len(names), names))):
        lookup = F.broadcast(_lookup(matched, pricebook, names, at))
        keys = (f"_charge{at}", *(f"_key{at}_{name}" for name in names))
        looked_up = looked_up.join(lookup, _same(names, at), "left").drop(*keys)
        found.append(f"_cell{at}")
    priced = F.when(F.col("usage_metric").isNotNull(), F.coalesce(*found, "default_cell"))
    cell = F.when(~F.col("is_matrix"), F.lit(0)).when(F.col("metric").isNull(), F.lit(EVERY_CELL)).otherwise(priced)
    return looked_up.withColumn("cell", cell).drop(*found)


def _lookup(priced: DataFrame, pricebook: Pricebook, names: tuple[str, ...], at: int) -> DataFrame:
    """(charge_id, a value of each dimension) → cell."""
    rows = [(charge_id, *values, cell) for charge_id, values, cell in pricebook.cells[names]]
    keys = {f"_key{at}_{name}": TEXT for name in names}
    schema = columns(**{f"_charge{at}": WHOLE, **keys, f"_cell{at}": WHOLE})
    return local_rows(priced.sparkSession, rows, schema)


def _same(names: tuple[str, ...], at: int) -> Column:
    keys = [F.col(f"_d_{name}") == F.col(f"`_key{at}_{name}`") for name in names]
    return reduce(Column.__and__, keys, F.col("charge_id") == F.col(f"_charge{at}"))
