"""The least that a bill run takes in Spark: its usage added up, its tables read once and written, nothing worked out.

python -m billflow_tests.benchmarks.floor_bench [--customers N] [--runs N]

A base is billed, as `billflow bench bill-run` does it. Then, in a process of its own, the month's usage is added up by
subscription, and the published lines, taxes and invoices are read and written again, in the layout and with the options
of a bill run: once to make Java warm, and as often as told. Seconds and CPU seconds are medians.
"""

import argparse
import os
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.bench import own
from billflow.bench.base import CYCLE, MONTH, Base, write_base
from billflow.bench.bill_runs import in_own_process
from billflow.bench.resources import Meter, Spent
from billflow.lake import schemas, tables
from billflow.lake.manifest import PublishedPartition, read_manifest
from billflow.lake.storage import Storage, open_lake
from billflow.settings import load_settings
from billflow.sources.sessions import started

WRITTEN = ("invoice_lines", "invoice_taxes", "invoices")
KEY = f"{CYCLE}|{MONTH}"


def floor(base: Base, runs: int) -> dict[str, Spent]:
    """Step → what it took, the middle of so many runs of a base that is billed."""
    settings = load_settings(base.folder)
    spark, storage = started(settings), open_lake(settings)
    month = read_manifest(storage).partitions[KEY]
    rounds = [_round(spark, storage, month, base.folder / "floor") for _ in range(runs + 1)][1:]
    spark.stop()
    return {step: _median([one[step] for one in rounds]) for step in rounds[0]}


def _round(spark: SparkSession, storage: Storage, month: PublishedPartition, folder: Path) -> dict[str, Spent]:
    meter = Meter(os.getpid())
    with meter.measured():
        for step, work in _steps(spark, storage, month, folder):
            with meter.step(step):
                work()
    return meter.spent.steps


def _steps(
    spark: SparkSession, storage: Storage, month: PublishedPartition, folder: Path
) -> Iterator[tuple[str, Callable[[], object]]]:
    def read(table: str) -> DataFrame:
        return tables.read_runs(spark, storage, month.tables[table], schemas.SCHEMAS[table])

    sums = read("usage").groupBy("account_id", "subscription_id", "metric").agg(F.sum("quantity"), F.count("usage_id"))
    yield "usage added up", lambda: sums.write.format("noop").mode("overwrite").save()
    for table in WRITTEN:
        rows, buckets = read(table), month.tables[table][0].buckets
        yield f"{table} read and written", partial(tables.write_bucketed, rows, (folder / table).as_uri(), buckets)


def _median(found: list[Spent]) -> Spent:
    cpu = [one.cpu_seconds for one in found if one.cpu_seconds is not None]
    return Spent(statistics.median(one.seconds for one in found), statistics.median(cpu) if cpu else None)


def main() -> None:
    """Prints a table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=250_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with TemporaryDirectory(prefix="billflow-floor-") as scratch:
        base = write_base(Path(scratch) / "base", given.customers)
        in_own_process(own.bill, base)
        billed = in_own_process(own.bill, base).billed.spent
        found = in_own_process(floor, base, given.runs)
    whole = sum(found.values(), Spent(0.0, 0.0))
    print(f"{given.customers:,} customers\n\n| | seconds | CPU seconds |\n|---|---:|---:|")
    for name, spent in {**found, "together": whole, "the bill run": billed}.items():
        print(f"| {name} | {spent.seconds:.1f} | {spent.cpu_seconds or 0:.1f} |")


if __name__ == "__main__":
    main()
