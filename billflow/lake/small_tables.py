"""Tables of a few rows, what one bill is made of: to and from Spark, and written without it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from billflow.lake.local_rows import local_rows
from billflow.lake.manifest import TableRun
from billflow.lake.schemas import SCHEMAS
from billflow.lake.storage import Storage

_FILE = "part-00000.parquet"


def arrow_rows(table: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows in the columns of a published table; those that they leave out are NULL."""
    schema = to_arrow_schema(SCHEMAS[table], timezone="UTC")
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)


def frame_of(spark: SparkSession, table: str, rows: pa.Table) -> DataFrame:
    """Rows as a frame, in the types of the published table."""
    schema = SCHEMAS[table]
    # An Arrow table without rows may have no chunks either, whose types PySpark does not tell.
    return spark.createDataFrame(rows, schema) if rows.num_rows else local_rows(spark, [], schema)


def kept_small(frame: DataFrame) -> DataFrame:
    """A frame of a few rows, computed now and then part of the plans that use it: Spark drops what joins an empty one.

    Of one bill a quarter faster than a checkpoint, which is a stage of each job that reads it.
    """
    return frame.sparkSession.createDataFrame(frame.toArrow(), frame.schema)


def write_small(storage: Storage, folder: str, table: str, rows: pa.Table) -> TableRun:
    """Writes rows as the one file of a folder, in the types of the published table."""
    buffer = pa.BufferOutputStream()
    pq.write_table(_typed(table, rows), buffer)
    storage.write(f"{folder}/{_FILE}", buffer.getvalue().to_pybytes())
    return TableRun(path=folder, rows=rows.num_rows)


def _typed(table: str, rows: pa.Table) -> pa.Table:
    schema = to_arrow_schema(SCHEMAS[table], timezone="UTC")
    return rows.select(schema.names).cast(schema)
