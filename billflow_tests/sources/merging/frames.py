"""Accounts, pairs and written frames for tests of merging."""

from collections.abc import Iterable
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from billflow.lake import schemas
from billflow.lake.local_rows import local_rows


def frame(spark: SparkSession, schema: StructType, rows: Iterable[dict[str, Any]]) -> DataFrame:
    """Rows that name only what matters."""
    return local_rows(spark, [tuple(row.get(name) for name in schema.names) for row in rows], schema)


def accounts(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    """ACCOUNTS; what a row leaves out is the same for all."""
    usual = {"system": "a", "name": "N", "cycle": "c01"}
    return frame(spark, schemas.ACCOUNTS, [{**usual, **row} for row in rows])


def pairs(spark: SparkSession, found: Iterable[tuple[Any, ...]], *names: str, **kinds: Any) -> DataFrame:
    """Tuples with these columns, text unless said otherwise."""
    return local_rows(spark, list(found), schemas.columns(**{name: kinds.get(name, schemas.TEXT) for name in names}))


def kept(rows: DataFrame) -> DataFrame:
    """Computed once, as a bill run keeps a frame by writing it."""
    return rows.localCheckpoint()
