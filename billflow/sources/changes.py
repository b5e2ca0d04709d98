"""Feeds of changes (`changes` of a mapping): of rows with one key the last by their order is how things are.

A row says what there is now, or that it is gone; those before it are superseded, whatever they say and whenever they
are delivered. So a last row that breaks a rule is quarantined, and none stands in its place. The key is that of the
canonical table, in its system; rows of one key and order must say the same, and a deletion comes last of them.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.sources.mapping import MALFORMED
from billflow.sources.verdicts import REASONS, RULES, VERDICT, apply_rules, rule

SUPERSEDED, DELETED = "superseded", "deleted"
"""Verdicts beside those of `verdicts`: a later row says how things are, or the last one says that they are gone."""

_IS_CHANGE, _ORDER, _DELETED = "_is_change", "_order", "_deleted"


def as_changes(rows: DataFrame) -> DataFrame:
    """Mapped rows of a mapping with `changes`."""
    return rows.withColumn(_IS_CHANGE, F.lit(True))


def has_changes(rows: DataFrame) -> bool:
    """Whether a mapping with `changes` gave any of the rows."""
    return _IS_CHANGE in rows.columns


def settle_changes(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """Rows with VERDICT: SUPERSEDED and DELETED ones; NULL of those that are to be judged, changes or not."""
    is_change = F.coalesce(F.col(_IS_CHANGE), F.lit(False))
    unordered = is_change & F.col(_ORDER).isNull() & ~F.col(MALFORMED)
    judged = apply_rules(
        rows, [rule("missing_order", unordered, "it does not say when it changed among other changes")]
    )
    is_placed = is_change & F.col(_ORDER).isNotNull() & ~F.col(MALFORMED)
    for name in key:
        is_placed &= F.col(name).isNotNull()
    # Rows without a place must not meet in one task: NULL is one key.
    alone = F.when(~is_placed, F.concat_ws("/", "_delivery", "_row"))
    latest_first = Window.partitionBy("system", *key, alone).orderBy(F.desc(_ORDER), F.desc(_is_deletion(rows)))
    is_last = F.rank().over(latest_first) == 1
    settled = F.when(~is_last, SUPERSEDED).when(_is_deletion(rows), DELETED)
    return judged.withColumn(VERDICT, F.when(is_placed, settled))


def _is_deletion(rows: DataFrame) -> Column:
    return F.coalesce(F.col(_DELETED), F.lit(False)) if _DELETED in rows.columns else F.lit(False)


def standing(settled: DataFrame) -> DataFrame:
    """The rows that are to be judged."""
    return settled.where(F.col(VERDICT).isNull()).drop(VERDICT)


def with_changes(judged: DataFrame, settled: DataFrame) -> DataFrame:
    """Judged rows, and those that need no more judging."""
    nothing = F.array().cast("array<string>")
    rest = settled.where(F.col(VERDICT).isNotNull()).withColumns({RULES: nothing, REASONS: nothing})
    return judged.unionByName(rest, allowMissingColumns=True)
