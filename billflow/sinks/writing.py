"""A month's published bills, written to every sink of a project."""

from collections.abc import Iterator

from pyspark.sql import SparkSession

from billflow.lake.manifest import Manifest, PublishedPartition, TableRun, read_manifest
from billflow.lake.published import table_runs
from billflow.lake.schemas import SCHEMAS
from billflow.lake.storage import Storage
from billflow.lake.tables import read_runs
from billflow.settings import Settings
from billflow.sink_settings import Sink, SinkTable, SqlSink
from billflow.sinks import mongodb, sql
from billflow.sinks.outgoing import Rows, outgoing_rows
from billflow.sources.sql import url_of

ORDER: tuple[SinkTable, ...] = ("payments", "documents", "invoice_taxes", "invoice_lines", "invoices")
"""Invoices are last: who sees one sees its lines."""


def write_back(spark: SparkSession, storage: Storage, settings: Settings, key: str) -> dict[str, dict[str, int]]:
    """Writes what is published of a partition (`c01|2026-05`) and its corrections; rows by sink and table.

    A sink without `drafts` gets none before they are confirmed, and is left out. PassingError when a database does not
    answer, SettingsError when it refuses, CheckFailedError when not all rows are there afterwards; what was written
    before stays, and all of it may be written again.
    """
    manifest = read_manifest(storage)
    partition = manifest.partitions.get(key)
    if partition is None:
        return {}
    wanted = [sink for sink in settings.sinks if sink.drafts or partition.is_confirmed]
    return {sink.name: dict(_written(spark, storage, settings, key, sink)) for sink in wanted}


def check_sink(settings: Settings, sink: Sink) -> str:
    """Connects to a sink, for `doctor`."""
    url = url_of(settings, sink.url)
    if isinstance(sink, SqlSink):
        return sql.check(url, _where(sink))
    return mongodb.check(url, _where(sink))


def _written(
    spark: SparkSession, storage: Storage, settings: Settings, key: str, sink: Sink
) -> Iterator[tuple[str, int]]:
    manifest, url = read_manifest(storage), url_of(settings, sink.url)
    partition = manifest.partitions[key]
    cycle, _, month = key.partition("|")
    for table in (name for name in ORDER if name in sink.tables):
        rows = _rows(spark, storage, sink, table, _runs(manifest, partition, key, table))
        replaces = (cycle, month) if sink.drafts and table != "payments" else None
        if isinstance(sink, SqlSink):
            yield table, sql.write_rows(rows, url, key, replaces=replaces)
        else:
            yield table, mongodb.write_rows(rows, url, f"{key} {manifest.version}", replaces=replaces)


def _runs(manifest: Manifest, partition: PublishedPartition, key: str, table: str) -> list[TableRun]:
    if table == "payments":
        return table_runs(manifest, table)
    made = [partition, *manifest.corrections_of(key).values()]
    return [run for one in made for run in one.tables.get(table, ())]


def _rows(spark: SparkSession, storage: Storage, sink: Sink, table: SinkTable, runs: list[TableRun]) -> Rows:
    frame = read_runs(spark, storage, runs, SCHEMAS[table])
    return outgoing_rows(frame, table, sink.tables[table], f"{_where(sink)}.tables.{table}")


def _where(sink: Sink) -> str:
    return f"sinks.{sink.name}"
