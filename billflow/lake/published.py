"""The reading side: published tables by name in DuckDB, without Spark."""

from collections.abc import Iterable

import duckdb
from pyspark.sql.types import ArrayType, DataType, MapType, StructType, TimestampType

from billflow.lake.manifest import Manifest, TableRun
from billflow.lake.schemas import SCHEMAS
from billflow.lake.storage import Storage

_HIDDEN = {"documents": {"pdf"}}
"""Columns that a query does not show."""


def table_runs(manifest: Manifest, table: str) -> list[TableRun]:
    """The folders that make up a table now. Master data is the newest ingestion's; the rest is by partition."""
    if manifest.ingest and table in ("accounts", "subscriptions"):
        return [manifest.ingest.accounts if table == "accounts" else manifest.ingest.subscriptions]
    runs = [run for partition in manifest.partitions.values() for run in partition.tables.get(table, ())]
    if manifest.ingest and table == "quarantine" and "" in manifest.ingest.quarantine:
        runs.append(manifest.ingest.quarantine[""])
    return runs


def files(storage: Storage, runs: Iterable[TableRun]) -> list[str]:
    """The Parquet files of folders, as DuckDB and PyArrow open them."""
    names = ((run.path, name) for run in runs for name in storage.list(run.path))
    return [storage.file(f"{folder}/{name}") for folder, name in names if name.endswith(".parquet")]


def connect(storage: Storage, manifest: Manifest) -> duckdb.DuckDBPyConnection:
    """A connection in which every published table is a view; tables without rows are there too."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    if storage.filesystem is not None:
        connection.register_filesystem(storage.filesystem)
    for table, schema in SCHEMAS.items():
        connection.execute(_view(table, schema, files(storage, table_runs(manifest, table))))
    return connection


def _view(table: str, schema: StructType, found: list[str]) -> str:
    shown = [field for field in schema if field.name not in _HIDDEN.get(table, ())]
    if not found:
        columns = ", ".join(f'NULL::{_type(field.dataType)} AS "{field.name}"' for field in shown)
        return f"CREATE VIEW {table} AS SELECT {columns} WHERE false"
    columns = ", ".join(f'"{field.name}"::{_type(field.dataType)} AS "{field.name}"' for field in shown)
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in found)
    return f"CREATE VIEW {table} AS SELECT {columns} FROM read_parquet([{listed}], hive_partitioning=false)"


def _type(kind: DataType) -> str:
    """DuckDB's name of a Spark type. Times are shown without a zone: they are UTC."""
    if isinstance(kind, ArrayType):
        return f"{_type(kind.elementType)}[]"
    if isinstance(kind, MapType):
        return f"MAP({_type(kind.keyType)}, {_type(kind.valueType)})"
    names = {"string": "VARCHAR", "int": "INTEGER", "bigint": "BIGINT", "timestamp_ntz": "TIMESTAMP"}
    if isinstance(kind, TimestampType):
        return "TIMESTAMP"
    return names.get(kind.simpleString(), kind.simpleString())
