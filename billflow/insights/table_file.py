"""A query's rows as one CSV or Parquet file."""

from pathlib import Path

import duckdb

from billflow.lake.published import literal

FORMATS = {".csv": "csv, HEADER", ".parquet": "parquet"}
"""How a file's name ends → how DuckDB writes it."""


def write_file(connection: duckdb.DuckDBPyConnection, select: str, target: Path) -> int:
    """Writes what a query gives, in its order; how many rows."""
    written = connection.execute(f"COPY ({select}) TO {literal(str(target))} (FORMAT {FORMATS[target.suffix]})")
    row = written.fetchone()
    return int(row[0]) if row else 0
