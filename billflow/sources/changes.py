"""Feeds of changes (`changes` of a mapping): of rows with one key the last by their order is how things are.

A row says what there is now, or that it is gone; those before it are superseded, whatever they say and whenever they
are delivered. So a last row that breaks a rule is quarantined, and none stands in its place. The key is that of the
canonical table, in its system, or what `changes.key` gives, in its source; rows of one key and order must say the same,
and a deletion comes last of them.
"""

from dataclasses import replace

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.canonical import CANONICAL_TABLES
from billflow.sources.mapping import MALFORMED
from billflow.sources.verdicts import QUARANTINED, VERDICT, apply_rules, mapped_rules, rule

SUPERSEDED, DELETED = "superseded", "deleted"
"""Verdicts beside those of `verdicts`: a later row says how things are, or the last one says that they are gone."""

_CHANGED, _ORDER, _DELETED, _OWN_KEY = "_changed", "_order", "_deleted", "_key"


def as_changes(rows: DataFrame, table: str) -> DataFrame:
    """Mapped rows of a mapping with `changes`; `_changed` tells what each is a change of, and NULL in it that it does
    not say so.
    """
    canonical = CANONICAL_TABLES[table]
    parts = ("source", _OWN_KEY) if _OWN_KEY in rows.columns else ("system", *(canonical.change_key or canonical.key))
    # Its name first: what a source calls its rows is never an id of the canonical table.
    changed = F.array(F.lit(parts[-1]), *[F.expr(part).cast("string") for part in parts])
    return rows.withColumn(_CHANGED, changed).drop(_OWN_KEY)


def has_changes(rows: DataFrame) -> bool:
    """Whether a mapping with `changes` gave any of the rows."""
    return _CHANGED in rows.columns


def settle_changes(rows: DataFrame) -> DataFrame:
    """Rows with VERDICT: SUPERSEDED and DELETED ones, and deletions of nothing that can be told, which are QUARANTINED;
    NULL of those that are to be judged, changes or not.
    """
    is_change = F.col(_CHANGED).isNotNull() & ~F.col(MALFORMED)
    ordered = F.col(_ORDER).isNotNull()
    named = ~F.exists(_CHANGED, lambda part: part.isNull())
    is_placed, is_deletion = is_change & ordered & named, _is_deletion(rows)
    is_lost = is_change & is_deletion & ~(ordered & named)
    judged = apply_rules(
        rows,
        [
            *[replace(one, broken=one.broken & is_lost) for one in mapped_rules()],
            rule("missing_order", is_change & ~ordered, "it does not say when it changed among other changes"),
            rule("missing_key", is_change & ~named, "it does not say what it is a change of"),
        ],
    )
    # Rows without a place must not meet in one task: NULL is one key.
    alone = F.when(~is_placed, F.concat_ws("/", "_delivery", "_row"))
    latest_first = Window.partitionBy(_CHANGED, alone).orderBy(F.desc(_ORDER), F.desc(is_deletion))
    is_last = F.rank().over(latest_first) == 1
    settled = F.when(~is_last, SUPERSEDED).when(is_deletion, DELETED)
    return judged.withColumn(VERDICT, F.when(is_placed, settled).when(is_lost, QUARANTINED))


def _is_deletion(rows: DataFrame) -> Column:
    return F.coalesce(F.col(_DELETED), F.lit(False)) if _DELETED in rows.columns else F.lit(False)


def standing(settled: DataFrame) -> DataFrame:
    """The rows that are to be judged."""
    return settled.where(F.col(VERDICT).isNull()).drop(VERDICT)


def with_changes(judged: DataFrame, settled: DataFrame) -> DataFrame:
    """Judged rows, and those that need no more judging."""
    return judged.unionByName(settled.where(F.col(VERDICT).isNotNull()), allowMissingColumns=True)
