"""`status` and `query`: what reads the lake, without starting Spark."""

import csv
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import click
import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from billflow import insights
from billflow.cli.output import open_output
from billflow.errors import BrokenManifestError, UsageError
from billflow.exact_json import exact_json
from billflow.lake import published
from billflow.lake.healed import healed
from billflow.lake.manifest import Ingest, NumberRange, PublishedPartition, read_manifest
from billflow.lake.retention import readable_runs
from billflow.lake.storage import Storage, open_lake
from billflow.settings import Retention, find_project, load_settings


def open_tables(project: str | None) -> duckdb.DuckDBPyConnection:
    """The project's published tables and the views over them."""
    settings = load_settings(find_project(project))
    storage = open_lake(settings)
    return insights.connect(storage, read_manifest(storage), settings.dunning)


@click.command()
@click.pass_obj
def status(project: str | None) -> None:
    """Cycles and months: draft, confirmed, held and why."""
    settings = load_settings(find_project(project))
    storage = open_lake(settings)
    manifest = read_manifest(storage)
    console = open_output()
    if not manifest.partitions:
        console.print("nothing is published yet; `billflow run --cycle C --month YYYY-MM` bills a month")
        _print_healed(console, storage)
        return
    table = Table(
        "cycle", "month", "status", "invoices", "total", "PDFs", "without lines", "held", "quarantine", "numbers"
    )
    for key, partition in sorted(manifest.partitions.items()):
        table.add_row(*key.split("|"), *_status_of(key, partition, manifest.ingest))
    console.print(table)
    for key, made in manifest.corrections.items():
        if made.correction:
            why = f"for invoice {made.correction.number}: {made.correction.reason}"
            console.print(f"{key}: {numbers_of(made)} {why}", markup=False)
    for line in _older_runs(storage, settings.retention):
        console.print(line, markup=False)
    connection = published.connect(storage, manifest)
    held = connection.execute(
        "SELECT cycle, month, rule, count(*), min(account_id), arg_min(reason, account_id) "
        "FROM held GROUP BY ALL ORDER BY ALL"
    )
    for cycle, month, rule, count, account, reason in held.fetchall():
        console.print(f"{cycle}|{month}: {count:,} held, {rule}; account {account}: {reason}", markup=False)
    unrated = connection.execute(
        "SELECT cycle, month, count(*) FROM quarantine "
        "WHERE \"table\" = 'usage' AND list_contains(rules, 'unrated') GROUP BY ALL ORDER BY ALL"
    )
    for cycle, month, count in unrated.fetchall():
        why = f"billflow leakage --cycle {cycle} --month {month}"
        console.print(f"{cycle}|{month}: {count:,} unrated usage events; why: {why}", markup=False)
    for mended, count in (manifest.ingest.mended if manifest.ingest else {}).items():
        console.print(
            f"{mended}: {count:,} rows that were in quarantine are good since the last ingestion", markup=False
        )
    for delivery, columns in (manifest.ingest.new_columns if manifest.ingest else {}).items():
        console.print(f"{delivery}: new in the source: {', '.join(columns)}", markup=False)
    _print_healed(console, storage)


_NEWEST = 10
"""Records of what was healed that are listed."""


def _print_healed(console: Console, storage: Storage) -> None:
    for one in healed(storage, newest=_NEWEST):
        what = "; ".join(map(str, one.actions))
        console.print(f"{one.at:%Y-%m-%d %H:%M} {one.key or one.by}: healed by itself: {what}", markup=False)


def _older_runs(storage: Storage, retention: Retention) -> Iterator[str]:
    try:
        for older in readable_runs(storage, retention):
            stays = f"run {older.partition.run_id}, replaced {older.replaced:%Y-%m-%d}, stays readable"
            yield f"{older.key}: {stays} ({retention})"
    except BrokenManifestError as problem:  # what is published is in the newest one
        yield f"which older runs stay readable is not known: {problem}"


def _status_of(key: str, partition: PublishedPartition, ingest: Ingest | None) -> list[str]:
    tables = {**partition.tables, "quarantine": published.quarantine_of(key, partition, ingest)}
    rows = {name: sum(run.rows for run in runs) for name, runs in tables.items()}
    totals = ", ".join(f"{currency} {sums['total']}" for currency, sums in partition.totals.items())
    numbers = (rows.get("documents", 0), partition.counts.without_lines, rows["held"], rows["quarantine"])
    shown = (f"{number:,}" for number in numbers)
    return [partition.status, f"{partition.counts.invoiced:,}", totals, *shown, numbers_of(partition)]


def numbers_of(partition: PublishedPartition) -> str:
    """First and last legal number of each series of a confirmed partition; empty for a draft."""
    given = partition.confirmation.numbers.values() if partition.confirmation else ()
    return ", ".join(_range(one) for one in given)


def _range(numbers: NumberRange) -> str:
    ends = (numbers.first_number, numbers.last_number)
    return ends[0] if numbers.first == numbers.last else f"{ends[0]} – {ends[1]}"


@click.command()
@click.argument("sql")
@click.option("--format", "shape", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.pass_obj
def query(project: str | None, sql: str, shape: str) -> None:
    """SQL (DuckDB) over the published tables, and open_items, balances, ageing, dunning and leakage, by name."""
    connection = open_tables(project)
    try:
        _PRINTERS[shape](connection, sql)
    except duckdb.Error as error:
        raise UsageError(
            str(error).strip(), where="query", remedy='`billflow query "show tables"` lists the tables'
        ) from None


def _print_table(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    result = connection.execute(sql)
    table = Table(*[column[0] for column in result.description or []])
    for row in _rows(result):
        table.add_row(*[escape(shown_text(value)) for value in row])
    open_output().print(table)


def _print_csv(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    result = connection.execute(sql)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([column[0] for column in result.description or []])
    for row in _rows(result):
        writer.writerow([shown_text(value) for value in row])


def _print_json(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """An array of objects; decimals keep all their digits, as JSON numbers."""
    result = connection.execute(sql)
    names = [json.dumps(column[0], ensure_ascii=False) for column in result.description or []]
    objects = (
        "{" + ",".join(f"{name}:{exact_json(value)}" for name, value in zip(names, row, strict=True)) + "}"
        for row in _rows(result)
    )
    sys.stdout.write("[" + ",\n ".join(objects) + "]\n")


_PRINTERS = {"table": _print_table, "csv": _print_csv, "json": _print_json}


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while chunk := result.fetchmany(1000):
        yield from chunk


def shown_text(value: Any) -> str:
    """A value as a table or csv shows it."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)
