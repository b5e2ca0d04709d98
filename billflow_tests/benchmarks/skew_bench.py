"""What one account with very many events costs: the same number of usage rows, spread evenly or heaped on one account.

python -m billflow_tests.benchmarks.skew_bench [--customers N] [--heaped N] [--runs N]

By default a sixth of all usage is the first account's, as two million rows among a million customers with twelve each
would be. Each base is ingested and billed in a process of its own; seconds and CPU seconds are medians of the runs.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from billflow.bench import own
from billflow.bench.base import READINGS, Base, write_base
from billflow.bench.bill_runs import in_own_process
from billflow.bench.own import OwnRun
from billflow.bench.resources import Spent


def heap_up(base: Base, heaped: int) -> None:
    """Makes the usage of the first customers that of the first one, until it has so many rows."""
    with duckdb.connect() as connection:
        for file in map(Path, base.files("usage")):
            even = file.rename(base.folder / "even.parquet")
            connection.execute(
                f"COPY (SELECT * REPLACE (CASE WHEN subscription_id <= {heaped // READINGS} THEN 1 ELSE subscription_id "
                f"END AS subscription_id) FROM '{even}') TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
            )
            even.unlink()


def measured(scratch: Path, name: str, customers: int, heaped: int, runs: int) -> list[OwnRun]:
    """So many runs, each of a new base."""
    found = []
    for turn in range(runs):
        base = write_base(scratch / f"{name}-{turn}", customers)
        if heaped:
            heap_up(base, heaped)
        found.append(in_own_process(own.bill, base))
    return found


def shown(name: str, runs: Sequence[OwnRun], even: Sequence[OwnRun], of: Callable[[OwnRun], Spent]) -> str:
    """A row of the table, with the ratios to the even base."""
    parts = []
    for what in ("seconds", "cpu_seconds"):
        spent, usual = (statistics.median(getattr(of(run), what) for run in some) for some in (runs, even))
        parts.append(f"{spent:.1f} | {spent / usual:.2f}")
    return f"| {name} | {' | '.join(parts)} |"


def main() -> None:
    """Prints a table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=250_000)
    parser.add_argument("--heaped", type=int, help="rows of the first account; by default a sixth of all")
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args()
    heaped = given.heaped or given.customers * READINGS // 6
    with TemporaryDirectory(prefix="billflow-skew-") as scratch:
        even, skewed = (
            measured(Path(scratch), name, given.customers, rows, given.runs)
            for name, rows in (("even", 0), ("heaped", heaped))
        )
    print("| | seconds | ratio | CPU seconds | ratio |\n|---|---:|---:|---:|---:|")
    for name, runs in (("even", even), (f"{heaped:,} rows on one account", skewed)):
        print(shown(f"ingestion, {name}", runs, even, lambda run: run.ingested))
        print(shown(f"bill run, {name}", runs, even, lambda run: run.billed.spent))


if __name__ == "__main__":
    main()
