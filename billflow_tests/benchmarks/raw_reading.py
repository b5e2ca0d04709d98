"""A project of one source, whose raw rows are read as a bill run reads them, with Dagster's retries."""

import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg

from billflow.lake.healing import taken
from billflow.lake.manifest import Ingest, Manifest, TableRun, commit, read_manifest
from billflow.lake.staging import Staging
from billflow.lake.storage import LocalStorage
from billflow.orchestration.assets import ingestion
from billflow.orchestration.project import Project
from billflow_tests.benchmarks.faults_bench import Outcome

ROWS = 20_000
_KEY = "c01|2026-05"
HEAD = """
project: faults
currency: EUR
timezone: UTC
seller: {name: Faults}
cycles: {c01: {day: 1}}
spark: {master: "local[2]"}
sources:
  - name: crm
    kind: files
    format: csv
    tables:
      customers: {path: customers.csv, columns: {account_id: id, name: name}}
      subscriptions: {path: lines.csv, columns: {subscription_id: id, account_id: id, plan: "'p'", start_date: since}}
"""
_COLUMNS = "{usage_id: id, subscription_id: line, metric: \"'calls'\", quantity: n, event_time: at}"
CATALOG = "metrics: {calls: {aggregate: sum}}\nplans: {p: {charges: {c: {model: flat, amount: '1', tax: none}}}}\n"


def of_server(port: int, password: str) -> str:
    url = f"postgresql://dagster:{password}@127.0.0.1:{port}/dagster"
    usage = f"{{table: calls, partition_by: id, columns: {_COLUMNS}}}"
    return f'{HEAD}  - {{name: meters, kind: sql, timeout: 5, url: "{url}", tables: {{usage: {usage}}}}}\n'


def of_files(pattern: str, kind: str) -> str:
    usage = f'{{path: "{pattern}", columns: {_COLUMNS}}}'
    return f"{HEAD}  - {{name: meters, kind: files, format: {kind}, tables: {{usage: {usage}}}}}\n"


class Reader:
    """A project of one source, and its raw rows as a bill run reads them."""

    def __init__(self, folder: Path, sources: str) -> None:
        self.folder, self.told, self.healed = folder, "", ""
        (folder / "catalog").mkdir(parents=True)
        (folder / "billflow.yaml").write_text(sources)
        (folder / "catalog" / "catalog.yaml").write_text(CATALOG)
        (folder / "customers.csv").write_text("id,name\nl,Ann\n")
        (folder / "lines.csv").write_text("id,since\nl,2026-01-01\n")
        self.storage = LocalStorage(str(folder / "lake"))

    def read(self) -> int:
        """Rows that came; -1 when the run failed, and `told` why. `healed` is the table that the UI shows."""
        taken()
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        with dg.DagsterInstance.ephemeral() as instance:
            result = dg.materialize(
                [ingestion.raw],
                instance=instance,
                resources={"project": Project(folder=str(self.folder))},
                tags={"dagster/partition": _KEY},
                run_config=quiet,
                raise_on_error=False,
            )
        if not result.success:
            [failed] = result.get_step_failure_events()
            self.told, self.healed = str(failed.step_failure_data.user_failure_data or failed), ""
            return -1
        [made] = result.asset_materializations_for_node("raw")
        shown = made.metadata.get("healed by itself")
        self.healed, self.told = str(shown.value) if shown else "", ""
        return int(str(made.metadata["dagster/row_count"].value)) - 2  # a customer, and what he has

    def publish_columns(self) -> None:
        """Makes what the last run has read that of a published ingestion, with which the next one is compared."""
        [run] = self.storage.list("_staging")
        noted = Staging(self.storage, run).noted("raw")
        none = TableRun(path="none", rows=0)
        ingest = Ingest(
            fingerprint="before",
            run_id=run,
            raw={},
            accounts=none,
            subscriptions=none,
            usage={},
            quarantine={},
            report={},
            **noted["read"],
        )
        commit(self.storage, Manifest(version=read_manifest(self.storage).version + 1, ingest=ingest))


Fault = Callable[[Reader, Random], Any]


def outcome(name: str, reader: Callable[[], Reader], fault: Fault, times: int, seed: int) -> Outcome:
    """A fault that is done to a source before, or while, it is read."""
    healed, told, lot = 0, 0, Random(f"{seed}{name}")
    for _ in range(times):
        one = reader()
        undo = fault(one, lot)
        rows = one.read()
        if undo:
            undo()
        healed += rows == ROWS and bool(one.healed)
        told += rows == -1 and "→" in one.told
        print(f"{name}: {rows} rows; {one.healed.rpartition('---|')[2]}{one.told}", file=sys.stderr, flush=True)
    return Outcome(times, healed + told, healed, told)
