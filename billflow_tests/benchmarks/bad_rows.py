"""Bad rows of each kind in files of each format: which are found in one ingestion, and replayed in the next."""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from billflow.catalog import load_catalog
from billflow.lake.healing import taken
from billflow.lake.manifest import Ingest, TableRun
from billflow.lake.staging import Staging
from billflow.lake.storage import LocalStorage
from billflow.settings import load_settings
from billflow.sources.delivering import deliver
from billflow.sources.ingestion import Ingestion
from billflow.sources.opening import opened_deliveries
from billflow.sources.sessions import started
from billflow_tests.benchmarks.faults_bench import Outcome
from billflow_tests.benchmarks.raw_reading import CATALOG, HEAD

Row = dict[str, Any]
FORMATS = ("csv", "json", "parquet")
_GOOD = 2_000
"""Rows of each format that nothing is wrong with."""
_USAGE = {"usage_id": "id", "subscription_id": "line", "metric": "what", "quantity": "n", "event_time": "at"}

BREAKS: Mapping[str, tuple[str, Callable[[Row], list[Row]]]] = {
    "a number that is none": ("mapping_failed", lambda row: [{**row, "n": "many"}]),
    "a time that is none": ("invalid_time", lambda row: [{**row, "at": "soon"}]),
    "a row without its key": ("missing_key", lambda row: [{**row, "id": None}]),
    "an unknown subscription": ("unknown_subscription", lambda row: [{**row, "line": "nobody"}]),
    "an unknown metric": ("unknown_metric", lambda row: [{**row, "what": "calls?"}]),
    "two rows of one key that differ": ("duplicate_key", lambda row: [row, {**row, "n": "7"}]),
}
"""What is done to a row, and the rule that must tell."""


def _row(number: str, at: str = "2026-05-02 10:00:00") -> Row:
    return {"id": number, "line": "1", "what": "calls", "n": "1.5", "at": at}


def _write(file: Path, rows: list[Row]) -> None:
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in _row("")])), file)
    elif file.suffix == ".json":
        file.write_text("\n".join(map(json.dumps, rows)))
    else:
        with file.open("w", newline="") as opened:
            writer = csv.DictWriter(opened, list(_row("")))
            writer.writeheader()
            writer.writerows(rows)


@dataclass
class Seen:
    """Of one ingestion: key → rules of quarantine, the good keys by month, and what was done by itself."""

    quarantine: list[tuple[str | None, list[str]]]
    good: dict[str, str]
    duplicates: int
    healed: dict[str, int]


class Rows:
    """A project with usage in files of each format."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs = folder, 0
        usage = "\n".join(
            f"        - {{path: 'in/*.{kind}', format: {kind}, columns: {json.dumps(_USAGE)}}}" for kind in FORMATS
        )
        (folder / "catalog").mkdir(parents=True)
        (folder / "in").mkdir()
        (folder / "catalog" / "catalog.yaml").write_text(CATALOG)
        source = "  - name: meters\n    kind: files\n    format: csv\n    tables:\n      usage:\n"
        (folder / "billflow.yaml").write_text(f"{HEAD}{source}{usage}\n")
        (folder / "customers.csv").write_text("id,name\n1,Ann\n")
        (folder / "lines.csv").write_text("id,since\n1,2026-01-01\n")
        self.settings = load_settings(folder, {})
        self.before: Ingest | None = None

    def put(self, name: str, rows: Callable[[str], list[Row]]) -> None:
        """Writes a file of each format."""
        for kind in FORMATS:
            _write(self.folder / "in" / f"{name}.{kind}", rows(kind))

    def ingested(self, spark: SparkSession) -> Seen:
        taken()
        self.runs += 1
        staging = Staging.begin(LocalStorage(self.settings.lake_root), f"r{self.runs}")
        with opened_deliveries(spark, self.settings) as opened:
            deliver(opened, staging)
        catalog = load_catalog(self.folder / "catalog")
        report = Ingestion(spark, self.settings, catalog, staging, 2, self.before).run()
        bad = spark.read.schema("key string, rules array<string>").parquet(staging.uri("quarantine")).collect()
        good = spark.read.parquet(staging.uri("usage")).select("usage_id", "month").collect()
        self.before = _of_quarantine(staging, len(bad))
        return Seen(
            [(row["key"], list(row["rules"])) for row in bad],
            {row["usage_id"]: str(row["month"]) for row in good},
            int(report["usage"].get("duplicate", {"rows": "0"})["rows"]),
            {one.where: one.times for one in taken()},
        )


def _of_quarantine(staging: Staging, rows: int) -> Ingest:
    none = TableRun(path="none", rows=0)
    quarantine = {"": TableRun(path=staging.place("quarantine"), rows=rows)}
    return Ingest(
        fingerprint="",
        run_id="r",
        raw={},
        accounts=none,
        subscriptions=none,
        usage={},
        quarantine=quarantine,
        report={},
    )


def _numbers(what: str, kind: str, times: int) -> list[str]:
    return [f"{kind}-{what.replace(' ', '-')}-{at}" for at in range(times)]


def bad_rows(folder: Path, times: int) -> dict[str, Outcome]:
    """Each kind of bad row so many times in each format, and files that come again or out of order."""
    project = Rows(folder)
    project.put("good", lambda kind: [_row(one) for one in _numbers("good", kind, _GOOD)])
    spark = started(project.settings)
    clean = project.ingested(spark)
    outcomes = {"nothing (rows)": Outcome(len(FORMATS) * _GOOD, len(clean.quarantine) + len(clean.healed), 0, 0)}
    project.put("bad", lambda kind: [row for one in _broken(kind, times) for row in one])
    bad = project.ingested(spark)
    project.put("bad", lambda kind: [_row(one) for what in BREAKS for one in _numbers(what, kind, times)])
    mended = project.ingested(spark)
    for what, (rule, _) in BREAKS.items():
        outcomes[what] = _of_rows(what, rule, times, bad, mended)
    needless = len(bad.quarantine) - sum(one.found for what, one in outcomes.items() if what in BREAKS)
    outcomes["good rows beside bad ones"] = Outcome(len(FORMATS) * _GOOD, needless, 0, 0)
    for at in range(times):
        project.put(f"again{at}", lambda kind: [_row(one) for one in _numbers("good", kind, 100)])
        project.put(f"older{at}", lambda kind, at=at: [_row(f"{kind}-{at}-old", "2026-04-02 10:00:00")])  # type: ignore[misc]
    late = project.ingested(spark)
    again, files = late.duplicates // 100, len(FORMATS) * times
    unchanged = all(late.good.get(key) == month for key, month in mended.good.items())
    outcomes["a file that comes twice"] = Outcome(files, again, again if unchanged else 0, 0)
    older = sum(month == "2026-04" for month in late.good.values())
    outcomes["a file of an older month that comes late"] = Outcome(files, older, older, 0)
    return outcomes


def _broken(kind: str, times: int) -> list[list[Row]]:
    return [breaks(_row(one)) for what, (_, breaks) in BREAKS.items() for one in _numbers(what, kind, times)]


def _of_rows(what: str, rule: str, times: int, bad: Seen, mended: Seen) -> Outcome:
    """A row without its key is known by its rule alone, and no record can tell that it was mended."""
    numbers = [one for kind in FORMATS for one in _numbers(what, kind, times)]
    keys = [None] * len(numbers) if rule == "missing_key" else numbers
    found = [key for key, rules in bad.quarantine if key in keys and rule in rules]
    recorded = mended.healed == {"usage": (len(BREAKS) - 1) * len(numbers)}
    replayed = [one for one in numbers if recorded and one in mended.good]
    return Outcome(len(numbers), len(found), len(replayed), len(found))
