"""billflow's way: the assets of its bill run without documents, in a process of its own, as `billflow run` has them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb

from billflow.bench.base import CYCLE, MONTH, Base
from billflow.bench.resources import Meter, Spent
from billflow.bench.totals import Totals, totals_of
from billflow.bench.way import Billed
from billflow.errors import RunFailedError
from billflow.lake import published
from billflow.lake.manifest import read_manifest
from billflow.lake.session import living_session
from billflow.lake.storage import LocalStorage
from billflow.orchestration.launching import dagster_home, execute, open_instance
from billflow.orchestration.partitions import Partition
from billflow.settings import load_settings
from billflow.sources.sessions import started

INGESTION = ("raw", "canonical")
"""Steps that are paid once, as usage arrives."""
_NOT_MEASURED = ("documents", "published_documents")
_TABLES = ("invoices", "invoice_lines", "invoice_taxes")
_JOB = "bench"


@dataclass(frozen=True)
class OwnRun:
    """One run: the start of Spark, the ingestion (or finding it done), and the bill run after it."""

    started: Spent
    ingested: Spent
    billed: Billed


def bill(base: Base) -> OwnRun:
    """Bills the base's month. The first run of a lake ingests, later ones find the sources unchanged."""
    with _project(base.folder):
        meter = Meter(os.getpid())
        with meter.measured():
            with meter.step("Spark starts"):
                _ = living_session() or started(load_settings(base.folder))
            _run(base.folder, meter)
    spent = meter.spent
    ingested = spent.steps["raw"] + spent.steps["canonical"]
    session = spent.steps.pop("Spark starts")
    ingested.steps = {name: spent.steps.pop(name) for name in INGESTION}
    return OwnRun(session, ingested, Billed(spent - session - ingested, _totals(base), _written(base)))


def _run(folder: Path, meter: Meter) -> None:
    from billflow.definitions import build_definitions  # it reads the project when it is imported

    without = dg.AssetSelection.assets(*_NOT_MEASURED)
    definitions = build_definitions()
    bill_run = definitions.resolve_job_def("bill_run").asset_layer.executable_asset_keys
    job = dg.define_asset_job(_JOB, selection=dg.AssetSelection.assets(*bill_run) - without)
    told = {"started": meter.begin, "done": meter.end}
    with open_instance(dagster_home(folder)) as instance:
        outcome = execute(
            dg.Definitions.merge(definitions, dg.Definitions(jobs=[job])),
            instance,
            Partition(CYCLE, MONTH),
            lambda step, state: told[state](step) if state in told else None,
            job_name=_JOB,
        )
    if outcome.exit_code:
        raise RunFailedError("; ".join(outcome.reasons), where=str(folder), remedy="see the error")


@contextmanager
def _project(folder: Path) -> Iterator[None]:
    """What `billflow.definitions` looks at."""
    before = os.environ.get("BILLFLOW_PROJECT")
    os.environ["BILLFLOW_PROJECT"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("BILLFLOW_PROJECT") if before is None else os.environ.update(BILLFLOW_PROJECT=before)


def open_lake_of(base: Base) -> duckdb.DuckDBPyConnection:
    """The published tables by name."""
    storage = _storage(base)
    return published.connect(storage, read_manifest(storage))


def _storage(base: Base) -> LocalStorage:
    return LocalStorage(str(base.folder / "lake"))


def _totals(base: Base) -> Totals:
    with open_lake_of(base) as connection:
        return totals_of(lambda sql: connection.execute(sql).fetchone() or (), "('0x' || {})::BIGINT")


def _written(base: Base) -> int:
    storage = _storage(base)
    runs = [run for table in _TABLES for run in published.table_runs(read_manifest(storage), table)]
    return sum(Path(file).stat().st_size for file in published.files(storage, runs))
