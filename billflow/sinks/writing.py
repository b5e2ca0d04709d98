"""A month's published bills, written to every sink of a project."""

from pyspark.sql import SparkSession

from billflow.lake.manifest import Manifest, TableRun, is_correction, read_manifest
from billflow.lake.published import table_runs
from billflow.lake.schemas import SCHEMAS
from billflow.lake.storage import Storage
from billflow.lake.tables import read_runs
from billflow.settings import Settings
from billflow.sink_settings import Sink, SinkTable, SqlSink
from billflow.sinks import mongodb, sql
from billflow.sinks.outgoing import Rows, outgoing_rows
from billflow.sources.sql import url_of

ORDER: tuple[SinkTable, ...] = ("invoices", "invoice_lines", "invoice_taxes", "documents", "payments")
"""Tables that others refer to come first."""


def write_back(spark: SparkSession, storage: Storage, settings: Settings, key: str) -> dict[str, dict[str, int]]:
    """Writes what is published of a partition (`c01|2026-05`) and its corrections, and all payments; or of one
    correction (`c01|2026-05#1`) its bills. Rows by sink and table.

    A sink without `drafts` gets none before they are confirmed, and is left out. PassingError when a database does not
    answer, SettingsError when it refuses, CheckFailedError when not all rows are there afterwards; what was written
    before stays, and all of it may be written again.
    """
    manifest = read_manifest(storage)
    made = manifest.at(key)
    if made is None:
        return {}
    wanted = [sink for sink in settings.sinks if sink.drafts or made.is_confirmed]
    return {sink.name: _written(spark, storage, settings, (manifest, key), sink) for sink in wanted}


def check_sink(settings: Settings, sink: Sink) -> str:
    """Connects to a sink, for `doctor`."""
    url = url_of(settings, sink.url)
    if isinstance(sink, SqlSink):
        return sql.check(url, _where(sink))
    return mongodb.check(url, _where(sink))


def _written(
    spark: SparkSession, storage: Storage, settings: Settings, published: tuple[Manifest, str], sink: Sink
) -> dict[str, int]:
    (manifest, key), url = published, url_of(settings, sink.url)
    chosen = [table for table in ORDER if table in sink.tables and not (table == "payments" and is_correction(key))]
    tables = [_rows(spark, storage, sink, table, _runs(manifest, key, table)) for table in chosen]
    replaces = _place(key) if sink.drafts and not is_correction(key) else None
    if isinstance(sink, SqlSink):
        counts = sql.write_tables(tables, url, key, replaces=replaces)
    else:
        counts = mongodb.write_tables(tables, url, f"{key} {manifest.version}", replaces=replaces)
    return dict(zip(chosen, counts, strict=True))


def _place(key: str) -> tuple[str, str]:
    cycle, _, month = key.partition("|")
    return cycle, month


def _runs(manifest: Manifest, key: str, table: str) -> list[TableRun]:
    if table == "payments":
        return table_runs(manifest, table)
    own = manifest.at(key)
    made = [*([own] if own else []), *manifest.corrections_of(key).values()]
    return [run for one in made for run in one.tables.get(table, ())]


def _rows(spark: SparkSession, storage: Storage, sink: Sink, table: SinkTable, runs: list[TableRun]) -> Rows:
    frame = read_runs(spark, storage, runs, SCHEMAS[table])
    return outgoing_rows(frame, table, sink.tables[table], f"{_where(sink)}.tables.{table}")


def _where(sink: Sink) -> str:
    return f"sinks.{sink.name}"
