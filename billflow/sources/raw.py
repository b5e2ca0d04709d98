"""Raw tables: rows as their source delivers them, with columns of ours beside."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

ROW, FILE, CORRUPT = "_row", "_file", "_corrupt"
"""Columns that a raw table has beside the delivered ones: row number, file or table, text of a malformed row."""

_AT, _LATER = "_segment", "_later"
_BITS = 53
"""Numbers of one segment's rows stay below 2**53: Spark numbers 2**33 rows in each of 2**20 tasks."""


def delivered_columns(raw: DataFrame) -> list[str]:
    """The columns as delivered, without ours."""
    return [name for name in raw.columns if name not in (ROW, FILE, CORRUPT)]


def column_of(raw: DataFrame, name: str) -> Column:
    """A column of a raw table, or a field of one (`tags.tier`)."""
    is_column = name.lower() in (one.lower() for one in raw.columns)
    return F.col("`" + name.replace("`", "``") + "`") if is_column else F.col(name)


def together(segments: Sequence[DataFrame], key: Sequence[str]) -> DataFrame:
    """The rows of all segments, the oldest of which comes first, numbered anew; with a key those that stand.

    Of rows with one key those of the newest segment stand, all of them. Segments have the same columns.
    """
    placed = [_placed(rows, at) for at, rows in enumerate(segments)]
    whole = reduce(DataFrame.unionByName, placed)
    if not key or len(placed) == 1:
        return whole.drop(_AT)
    names = [f"_key{at}" for at in range(len(key))]
    keys = [column_of(whole, one).alias(name) for one, name in zip(key, names, strict=True)]
    newer = reduce(DataFrame.unionByName, placed[1:]).select(*keys, F.col(_AT).alias(_LATER))
    same = [column_of(whole, one) == F.col(name) for one, name in zip(key, names, strict=True)]
    replaced = reduce(Column.__and__, [*same, F.col(_AT) < F.col(_LATER)])
    return whole.join(newer, replaced, "left_anti").drop(_AT)


def _placed(rows: DataFrame, at: int) -> DataFrame:
    return rows.withColumns({ROW: F.col(ROW) + F.lit(at << _BITS), _AT: F.lit(at)})
