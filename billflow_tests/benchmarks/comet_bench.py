"""One bill run by PySpark as pinned, by another PySpark, and by that one with Apache DataFusion Comet.

python -m billflow_tests.benchmarks.comet_bench --other PYTHON --comet JAR [--customers N] [--runs N]

PYTHON is that of a virtual environment with PySpark 4.1, billflow (`pip install --no-deps -e .`) and what else billflow
needs; JAR is Maven Central's org.apache.datafusion:comet-spark-spark4.1_2.13. The base is ingested once; then the ways
take turns, each run in a process of its own. Seconds are medians; invoices, lines and taxes are compared row by row.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from pyspark.sql.pandas import types

from billflow.bench.base import Base, write_base

_TABLES = ("invoices", "invoice_lines", "invoice_taxes")
_COMET = {
    "spark.plugins": "org.apache.spark.CometPlugin",
    "spark.shuffle.manager": "org.apache.spark.sql.comet.execution.shuffle.CometShuffleManager",
    "spark.comet.enabled": "true",
    # Rates and tiers are such tables: without it, the plan that prices them leaves Comet at once.
    "spark.comet.exec.localTableScan.enabled": "true",
    "spark.memory.offHeap.enabled": "true",
    "spark.memory.offHeap.size": "4g",
}


@dataclass
class Way:
    """A Python with its PySpark, the project's settings of it, and what its runs took."""

    name: str
    python: str
    spark: Mapping[str, str] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)

    def bill(self, base: Base) -> None:
        """One more run."""
        project = base.folder / "billflow.yaml"
        plain = project.read_text().split("\nspark: ")[0]
        project.write_text(f"{plain}\nspark: {json.dumps(dict(self.spark))}\n")
        command = [self.python, __file__, "--one", str(base.folder), "--customers", str(base.customers)]
        command += ["--kept", str(self.kept(base))]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        self.runs.append(json.loads(told.splitlines()[-1]))  # Comet speaks before

    def kept(self, base: Base) -> Path:
        """Where the tables of its last run are."""
        return base.folder / self.name.replace(" ", "-")

    def median(self, of: Callable[[dict[str, Any]], float]) -> float:
        return statistics.median(map(of, self.runs))


def bill_once(base: Base, kept: Path) -> None:
    """Prints what a run took, as JSON, and keeps its tables."""
    _know_time_zones()
    from billflow.bench import own

    run = own.bill(base)
    kept.mkdir(exist_ok=True)
    with own.open_lake_of(base) as lake:
        for table in _TABLES:
            lake.execute(f"COPY {table} TO '{kept / table}.parquet'")
    print(json.dumps(asdict(run.billed.spent)))


def _know_time_zones() -> None:
    """PySpark 4.1 cannot be told a schema's time zone; it is UTC there."""
    as_it_is = types.to_arrow_schema
    if "timezone" in signature(as_it_is).parameters:
        return

    def in_utc(*given: Any, **named: Any) -> Any:
        return as_it_is(*given, **{name: value for name, value in named.items() if name != "timezone"})

    types.to_arrow_schema = in_utc


def differing(one: Path, other: Path, table: str) -> int:
    """Rows that only one of them has, as often as it has them more."""
    left, right = (f"FROM '{folder / table}.parquet'" for folder in (one, other))
    either = f"({left} EXCEPT ALL {right}) UNION ALL ({right} EXCEPT ALL {left})"
    with duckdb.connect() as connection:
        return len(connection.execute(either).fetchall())


def show(ways: Sequence[Way], base: Base) -> None:
    """Tables as Markdown: seconds, then rows that differ from the first way's."""
    print(f"| CPU seconds | {' | '.join(way.name for way in ways)} |\n|---|{'---:|' * len(ways)}")
    for step in ways[0].runs[0]["steps"]:
        show_row(step, ways, cpu_of(step))
    show_row("**all**", ways, lambda run: run["cpu_seconds"])
    show_row("seconds", ways, lambda run: run["seconds"])
    show_row("peak memory, MiB", ways, lambda run: run["peak_mebibytes"])
    for table in _TABLES:
        counts = [differing(ways[0].kept(base), way.kept(base), table) for way in ways]
        print(f"| rows of {table} that differ | {' | '.join(map(str, counts))} |")


def cpu_of(step: str) -> Callable[[dict[str, Any]], float]:
    return lambda run: float(run["steps"][step]["cpu_seconds"])


def show_row(what: str, ways: Sequence[Way], of: Callable[[dict[str, Any]], float]) -> None:
    print(f"| {what} | {' | '.join(f'{way.median(of):.1f}' for way in ways)} |")


def compare(other: str, jar: Path, customers: int, runs: int) -> None:
    comet = {**_COMET, "spark.jars": str(jar), "spark.driver.extraClassPath": str(jar)}
    ways = [Way("as pinned", sys.executable), Way("other", other), Way("other with Comet", other, comet)]
    with TemporaryDirectory(prefix="billflow-comet-") as scratch:
        base = write_base(Path(scratch) / "project", customers)
        Way("ingestion", sys.executable).bill(base)
        for _ in range(runs):
            for way in ways:
                way.bill(base)
        show(ways, base)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", help="the other environment's python")
    parser.add_argument("--comet", type=Path, help="Comet's jar for it")
    parser.add_argument("--customers", type=int, default=250_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--kept", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        bill_once(Base(given.one, given.customers), given.kept)
    elif given.other and given.comet:
        compare(given.other, given.comet.absolute(), given.customers, given.runs)
    else:
        parser.error("both --other and --comet are needed")


if __name__ == "__main__":
    main()
