"""All customers of a comparison as one file, however many: in parts by Spark, put together by DuckDB."""

from pathlib import Path
from uuid import uuid4

from pyspark.sql import DataFrame

from billflow.insights.table_file import write_file
from billflow.lake import published, tables
from billflow.lake.manifest import TableRun
from billflow.lake.staging import Staging
from billflow.lake.storage import Storage


def write_customers(customers: DataFrame, storage: Storage, target: Path) -> int:
    """Writes rows with system, account_id and difference to a CSV or Parquet file, the largest first; how many.

    The parts are staged in the lake, where all executors can write, and removed at the end.
    """
    staging = Staging.begin(storage, f"compare-{uuid4()}")
    try:
        tables.write_plain(customers, staging.uri("customers"))
        parts = published.files(storage, [TableRun(path=staging.place("customers"), rows=0)])
        return _joined(storage, parts, target)
    finally:
        storage.delete(staging.folder)


def _joined(storage: Storage, parts: list[str], target: Path) -> int:
    listed = ", ".join(map(published.literal, parts))
    rows = f"SELECT * FROM read_parquet([{listed}]) ORDER BY abs(difference) DESC, system, account_id"
    return write_file(published.connect_to(storage, {}), rows, target)
