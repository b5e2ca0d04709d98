"""The asset `raw`: what it reads of each source, and how it tells that."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from billflow.lake.manifest import Ingest, Manifest, TableRun, commit, read_manifest
from billflow.lake.staging import Staging
from billflow.lake.storage import LocalStorage
from billflow.orchestration.assets import ingestion
from billflow.orchestration.project import Project
from billflow.sources.delivering import delivered, segment_folder

FILES = {
    "billflow.yaml": """
project: acme
currency: EUR
timezone: UTC
seller: {name: Acme}
cycles: {c01: {day: 1}}
sources:
  - name: crm
    kind: files
    format: csv
    tables:
      customers: {path: customers.csv, columns: {account_id: id, name: id}}
      subscriptions: {path: customers.csv, columns: {subscription_id: id, account_id: id, plan: "'p'", start_date: day}}
  - name: meters
    kind: files
    format: csv
    tables:
      usage: {path: in/*.csv, columns: {usage_id: id, subscription_id: line, metric: "'kwh'", quantity: n, event_time: at}}
""",
    "catalog/all.yaml": "metrics: {kwh: {aggregate: sum}}\nplans: {p: {charges: {c: {model: flat, amount: '1', tax: none}}}}\n",
    "customers.csv": "id,day\nl,2026-01-01\n",
    "in/1.csv": "id,line,n,at\n1,l,1,2026-05-01\n2,l,1,2026-05-01\n",
}


class Reading:
    """A project whose raw rows are read as a bill run reads them, and published with nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.storage = folder, LocalStorage(str(folder / "lake"))
        for name, text in FILES.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)

    def read(self, **config: Any) -> dict[str, Any]:
        """The metadata of the asset."""
        options: dict[str, Any] = {"ops": {"raw": {"config": config}}} if config else {}
        with dg.DagsterInstance.ephemeral() as instance:
            result = dg.materialize(
                [ingestion.raw],
                instance=instance,
                resources={"project": Project(folder=str(self.folder))},
                tags={"dagster/partition": "c01|2026-05"},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}, **options},
            )
        [made] = result.asset_materializations_for_node("raw")
        self._publish(Staging(self.storage, result.run_id))
        return {name: value.value for name, value in made.metadata.items()}

    def _publish(self, staging: Staging) -> None:
        noted = staging.noted("raw")
        if not noted["reused"]:
            raw, none = delivered(staging), TableRun(path="none", rows=0)
            for name, table in raw.items():
                if table.segments[-1].path == segment_folder(name, staging.run_id):
                    self.storage.rename(staging.place(f"raw/{name}"), table.segments[-1].path)
            ingest = Ingest(
                fingerprint=noted["fingerprint"],
                run_id=staging.run_id,
                raw=raw,
                accounts=none,
                subscriptions=none,
                usage={},
                quarantine={},
                report={},
                **noted["read"],
            )
            commit(self.storage, Manifest(version=read_manifest(self.storage).version + 1, ingest=ingest))
        self.storage.delete(staging.folder)


def told(metadata: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Source → what is said of how it was read."""
    records, _ = metadata["how each was read"]
    rows = [tuple(record.data.values()) for record in records]
    return {str(delivery).partition("-")[0]: tuple(how) for delivery, *how in rows}


@pytest.mark.usefixtures("spark")
def test_raw_tells_how_each_source_was_read(tmp_path: Path) -> None:
    reading = Reading(tmp_path)
    first = "nothing was read of it before"
    assert told(reading.read()) == {"crm": ("whole", "1", "0", first), "meters": ("whole", "2", "0", first)}
    (tmp_path / "in" / "2.csv").write_text("id,line,n,at\n3,l,1,2026-05-02\n")
    found = reading.read()
    assert told(found) == {"crm": ("what is new", "0", "1", ""), "meters": ("what is new", "1", "2", "")}
    assert (found["dagster/row_count"], found["unchanged"]) == (4, False)
    unchanged = reading.read()
    assert (unchanged["dagster/row_count"], unchanged["unchanged"]) == (4, True)
    asked = "it was asked for"
    assert told(reading.read(whole=True)) == {"crm": ("whole", "1", "0", asked), "meters": ("whole", "3", "0", asked)}
