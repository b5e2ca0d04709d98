"""DuckDB as the best engine of one machine: the base in its own tables, the bills in Parquet files."""

import os
from pathlib import Path

import duckdb

from billflow.bench.base import PERIOD_END, PERIOD_START, Base
from billflow.bench.resources import Meter, Spent
from billflow.bench.rivals.script import statements
from billflow.bench.tariff import tariff
from billflow.bench.totals import totals_of
from billflow.bench.way import Billed


def load(base: Base, database: Path) -> Spent:
    """Copies the base into a new database file."""
    meter = Meter(os.getpid())
    with meter.measured(), duckdb.connect(str(database)) as connection:
        for table in ("customers", "subscriptions", "usage"):
            with meter.step(table):
                connection.execute(f"CREATE TABLE {table} AS FROM read_parquet({base.files(table)})")
        for table, rows in tariff(base.folder).items():
            connection.register("given", rows)
            connection.execute(f"CREATE TABLE {table} AS FROM given")
    return meter.spent


def bill(database: Path, folder: Path) -> Billed:
    """Bills the base's month into three Parquet files in `folder`."""
    folder.mkdir(exist_ok=True)
    meter = Meter(os.getpid())
    with duckdb.connect(str(database)) as connection:
        with meter.measured():
            given = {"period_start": PERIOD_START, "period_end": PERIOD_END, "folder": folder}
            for step, statement in statements("duckdb_sets", **given):
                with meter.step(step):
                    connection.execute(statement)
        totals = totals_of(lambda sql: connection.execute(sql).fetchone() or (), "('0x' || {})::BIGINT")
    return Billed(meter.spent, totals, sum(file.stat().st_size for file in folder.iterdir()))
