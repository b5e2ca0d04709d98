"""Ten questions over two years of published bills: by `billflow query`, and by PostgreSQL with the same tables."""

import os
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from billflow import insights
from billflow.bench import own
from billflow.bench.answers import Answered, answers, check_answers
from billflow.bench.base import Base, write_base
from billflow.bench.bill_runs import Bench, postgres_of
from billflow.bench.history import MONTHS, publish_history
from billflow.bench.resources import Meter
from billflow.bench.rivals import published_postgres
from billflow.errors import MachineError
from billflow.lake import published
from billflow.lake.manifest import read_manifest
from billflow.lake.storage import open_lake
from billflow.settings import load_settings

_TABLES = ("accounts", "invoices", "invoice_lines", "invoice_taxes")


@dataclass(frozen=True)
class Asked:
    """Two years of so many customers; `postgres` is None where it is `missing`, for that reason."""

    customers: int
    rows: dict[str, int]
    """Of each table."""
    billflow: Answered
    postgres: Answered | None
    missing: str = ""


def ask_both(customers: int, bench: Bench) -> Asked:
    """CheckFailedError when an answer differs; the files stay then."""
    folder, told = bench.scratch / str(customers), f"{customers:,} customers"
    folder.mkdir()
    bench.shown(f"{told}: one month is billed")
    base = write_base(folder / "project", customers)
    bench.apart(own.bill, base)
    bench.shown(f"{told}: the {MONTHS - 1} months before it are published")
    bench.apart(publish_history, base)
    found = of_both(base, folder, bench)
    rmtree(folder)
    return found


def of_both(base: Base, folder: Path, bench: Bench) -> Asked:
    """Both sides' answers about what is published of a base; a server's files go to `folder`."""
    bench.shown(f"{base.customers:,} customers: billflow answers")
    mine = bench.apart(answer, base, bench.runs)
    bench.shown(f"{base.customers:,} customers: PostgreSQL loads and answers")
    theirs, missing = _of_postgres(base, folder, bench)
    if theirs:
        check_answers(mine, theirs, str(folder))
    return Asked(base.customers, _rows(base), mine, theirs, missing)


def answer(base: Base, runs: int) -> Answered:
    """As `billflow query` does: DuckDB over the lake's Parquet files."""
    storage = open_lake(load_settings(base.folder))
    opening, meter = Meter(os.getpid()), Meter(os.getpid())
    with opening.measured():
        manifest = read_manifest(storage)
        connection = insights.connect(storage, manifest)
    with connection, meter.measured():
        seconds, rows = answers(lambda sql: connection.execute(sql).fetchall(), runs)
    files = published.files(storage, [run for table in _TABLES for run in published.table_runs(manifest, table)])
    return Answered(opening.spent, meter.spent, seconds, rows, sum(Path(file).stat().st_size for file in files))


def _of_postgres(base: Base, folder: Path, bench: Bench) -> tuple[Answered | None, str]:
    try:
        with postgres_of(bench, folder) as postgres:
            return published_postgres.answer(postgres, base, bench.runs), ""
    except MachineError as problem:
        return None, problem.what


def _rows(base: Base) -> dict[str, int]:
    manifest = read_manifest(open_lake(load_settings(base.folder)))
    return {table: sum(run.rows for run in published.table_runs(manifest, table)) for table in _TABLES}
