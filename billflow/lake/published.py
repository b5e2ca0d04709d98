"""The reading side: published tables by name in DuckDB, without Spark."""

from collections.abc import Iterable

import duckdb
from pyspark.sql.types import ArrayType, DataType, MapType, StructField, StructType, TimestampType

from billflow.lake.manifest import WHOLE_TABLES, Manifest, TableRun
from billflow.lake.schemas import SCHEMAS
from billflow.lake.storage import Storage

_HIDDEN = {"documents": {"pdf"}}
"""Columns that a query does not show."""


def table_runs(manifest: Manifest, table: str) -> list[TableRun]:
    """The folders that make up a table now. What is not of one period is the newest ingestion's."""
    if manifest.ingest and table in WHOLE_TABLES:
        whole = manifest.ingest.whole_tables().get(table)
        return [whole] if whole else []
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
        return f"CREATE VIEW {table} AS SELECT {_nulls(shown)} WHERE false"
    columns = ", ".join(f'"{field.name}"::{_type(field.dataType)} AS "{field.name}"' for field in shown)
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in found)
    rows = f"read_parquet([{listed}], hive_partitioning=false)"
    if table in WHOLE_TABLES:  # the ingestion may be of a version that did not have all columns yet
        rows = f"(SELECT * FROM {rows} UNION ALL BY NAME SELECT {_nulls(shown)} WHERE false)"
    return f"CREATE VIEW {table} AS SELECT {columns} FROM {rows}"


def _nulls(fields: Iterable[StructField]) -> str:
    return ", ".join(f'NULL::{_type(field.dataType)} AS "{field.name}"' for field in fields)


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
