"""The reading side: published tables by name in DuckDB, without Spark."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import gettempdir

import duckdb
from pyspark.sql.types import ArrayType, DataType, MapType, StructType, TimestampType

from billflow.lake.manifest import BILLS, WHOLE_TABLES, Ingest, Manifest, PublishedPartition, TableRun
from billflow.lake.schemas import SCHEMAS
from billflow.lake.storage import Storage

_HIDDEN = {"documents": {"pdf", "payload"}}
"""Columns that a query does not show."""

UNRATED_FOLDERS = ("-unrated", "-late_unrated")
"""How folders of `quarantine` end that a bill run has written; the others are an ingestion's."""


def table_runs(manifest: Manifest, table: str) -> list[TableRun]:
    """The folders that make up a table now. What is not of one period is the newest ingestion's.

    Of corrections only the bills count: what they were billed from is in their partition's tables already.
    """
    if manifest.ingest and table in WHOLE_TABLES:
        whole = manifest.ingest.whole_tables().get(table)
        return [whole] if whole else []
    if manifest.ingest and table == "quarantine":
        return _quarantine(manifest.partitions, manifest.ingest)
    makers = [*manifest.partitions.values(), *(manifest.corrections.values() if table in BILLS else ())]
    return [run for one in makers for run in one.tables.get(table, ())]


def _quarantine(partitions: Mapping[str, PublishedPartition], ingest: Ingest) -> list[TableRun]:
    runs = [run for key, one in partitions.items() for run in quarantine_of(key, one, ingest)]
    return runs + [run for key, run in ingest.quarantine.items() if not key]


def quarantine_of(key: str, partition: PublishedPartition, ingest: Ingest | None) -> tuple[TableRun, ...]:
    """The folders of a partition's rows in quarantine.

    A confirmed month has no further run that would list what is delivered for it later: of its rows count those that
    the newest ingestion has found, as long as the sources deliver any of that month.
    """
    runs = partition.tables.get("quarantine", ())
    if ingest is None or not partition.is_confirmed or not (key in ingest.usage or key in ingest.quarantine):
        return runs
    newest = (ingest.quarantine[key],) if key in ingest.quarantine else ()
    return newest + tuple(run for run in runs if run.path.endswith(UNRATED_FOLDERS))


def files(storage: Storage, runs: Iterable[TableRun]) -> list[str]:
    """The Parquet files of folders, as DuckDB and PyArrow open them."""
    names = ((run.path, name) for run in runs for name in storage.list(run.path))
    return [storage.file(f"{folder}/{name}") for folder, name in names if name.endswith(".parquet")]


def connect(storage: Storage, manifest: Manifest, further: Iterable[str] = ()) -> duckdb.DuckDBPyConnection:
    """A connection in which every published table is a view; tables without rows are there too."""
    return connect_to(storage, {table: table_runs(manifest, table) for table in SCHEMAS}, further)


def connect_to(
    storage: Storage, tables: Mapping[str, Iterable[TableRun]], further: Iterable[str] = ()
) -> duckdb.DuckDBPyConnection:
    """A connection in which every table is a view on the folders given for it.

    `further` are statements that make views over them.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET temp_directory = $place", {"place": str(Path(gettempdir()) / "billflow-duckdb")})
    if storage.filesystem is not None:
        connection.register_filesystem(storage.filesystem)
    if further:
        # DuckDB opens the files of a view whenever one over it is made: they are made over empty tables first, and
        # open files only when they are asked for.
        for table, schema in SCHEMAS.items():
            connection.execute(_view(table, schema, []))
        for statement in further:
            connection.execute(statement)
    for table, schema in SCHEMAS.items():
        connection.execute(_view(table, schema, files(storage, tables.get(table, ()))))
    return connection


def _view(table: str, schema: StructType, found: list[str]) -> str:
    hidden = _HIDDEN.get(table, set())
    shown = {name: kind for name, kind in column_types(schema).items() if name not in hidden}
    return f"CREATE OR REPLACE VIEW {table} AS {rows_of(shown, found)}"


def column_types(schema: StructType) -> dict[str, str]:
    """Column → its type in DuckDB."""
    return {field.name: _type(field.dataType) for field in schema}


def rows_of(columns: Mapping[str, str], found: list[str]) -> str:
    """SQL that reads columns, each as the type given for it, from Parquet files; no rows when there are none."""
    if not found:
        return f"SELECT {_nothing(columns)}"
    shown = ", ".join(f'"{name}"::{kind} AS "{name}"' for name, kind in columns.items())
    rows = f"read_parquet([{', '.join(map(literal, found))}], hive_partitioning=false)"
    # Files may be of a version that did not have all columns yet.
    return f"SELECT {shown} FROM (SELECT * FROM {rows} UNION ALL BY NAME SELECT {_nothing(columns)})"


def _nothing(columns: Mapping[str, str]) -> str:
    return ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items()) + " WHERE false"


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


def literal(text: str | None) -> str:
    """A text, or NULL, as SQL writes it."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"
