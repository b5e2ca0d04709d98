"""What reading only what is new spares: rows that PostgreSQL sends, bytes that are written, CPU of both.

python -m billflow_tests.benchmarks.increments_bench [--rows N] [--runs N]

A table is read whole, then again and again with one row in a hundred changed, and at last with one row deleted. CPU
seconds are those of all processes of billflow (Python and Spark), and of the server. Needs PostgreSQL.
"""

import argparse
import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pyspark.sql import SparkSession

from billflow.lake.delivered import Delivered
from billflow.lake.staging import Staging
from billflow.lake.storage import LocalStorage
from billflow.settings import load_settings
from billflow.sources.delivering import RawTables, deliver, segment_folder
from billflow.sources.opening import Earlier, opened_deliveries
from billflow.sources.sessions import started
from billflow_tests.servers.postgres import Postgres
from billflow_tests.sources.delivering_test import write_project

_TICKS = os.sysconf("SC_CLK_TCK")
_TABLE = """create table used as select g as id, 'line-' || g % 50000 as line, (g / 7.0)::numeric(12,3) as n,
    timestamptz '2026-01-01' + g * interval '2 seconds' as at, md5(g::text) as note,
    timestamptz '2026-01-01' + g * interval '1 second' as changed from generate_series(1, {rows}) g;
    alter table used add primary key (id); create index on used (changed)"""
_CHANGE = """update used set n = n + 1, changed = (select max(changed) from used) + interval '1 hour' + id * interval
    '1 millisecond' where id % 100 = {number}"""


class Cost(NamedTuple):
    """Of one read of the source; `again` is billflow's CPU for reading all raw rows from the lake once."""

    rows: int
    megabytes: float
    own: float
    server: float
    again: float


def cpu(root: int) -> float:
    """CPU seconds of a process, of all that it has started, and of those of them that have ended."""
    found = {root}
    stats = [file.read_text().rpartition(")") for file in Path("/proc").glob("[0-9]*/stat")]
    parents = {int(head.split(" ")[0]): tail.split() for head, _, tail in stats}
    for _ in range(5):  # generations
        found |= {pid for pid, fields in parents.items() if int(fields[1]) in found}
    return sum(int(ticks) for pid in found for ticks in parents[pid][11:15]) / _TICKS


class Measured:
    """A project over the table, read again and again."""

    def __init__(self, spark: SparkSession, folder: Path, server: Postgres) -> None:
        self.spark, self.server, self.settings = spark, server, load_settings(folder, {})
        self.storage, self.runs = LocalStorage(str(folder / "lake")), 0
        self.known: dict[str, Delivered] = {}

    def read(self, *, whole: bool = False) -> Cost:
        self.runs += 1
        before = cpu(os.getpid()), cpu(self.server.server.process.pid)
        staging = Staging.begin(self.storage, f"r{self.runs}")
        earlier = Earlier(self.storage, {}, self.known, whole)
        with opened_deliveries(self.spark, self.settings, earlier) as opened:
            [(name, read)] = deliver({one: it for one, it in opened.items() if one.source == "meters"}, staging).items()
        own, server = cpu(os.getpid()) - before[0], cpu(self.server.server.process.pid) - before[1]
        place = Path(self.storage.root) / staging.place(f"raw/{name}")
        written = sum(file.stat().st_size for file in place.glob("*.parquet")) / 1e6
        done = cpu(os.getpid())
        RawTables(self.spark, staging).rows(name).write.format("noop").mode("overwrite").save()
        again = cpu(os.getpid()) - done
        self.known = {name: read.table}
        self.storage.rename(staging.place(f"raw/{name}"), segment_folder(name, staging.run_id))
        return Cost(read.rows, written, own, server, again)


@contextmanager
def measuring(rows: int) -> Iterator[Measured]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = Postgres(folder)
        server.do(*_TABLE.format(rows=rows).split("; "))
        watermark = {"column": "changed", "key": "id", "overlap": "10 minutes"}
        write_project(folder, {"kind": "sql", "url": server.url}, table="used", partition_by="id", watermark=watermark)
        spark = started(load_settings(folder, {}))
        try:
            yield Measured(spark, folder, server)
        finally:
            spark.stop()
            server.stop()


def show(what: str, costs: list[Cost]) -> None:
    one = Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))
    print(
        f"{what:22}{one.rows:12,.0f}{one.megabytes:12.2f}{one.own:14.1f}{one.server:14.2f}{one.again:14.1f}", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with measuring(options.rows) as project:
        print(
            f"{'median':22}{'rows sent':>12}{'MB written':>12}{'billflow, s':>14}{'server, s':>14}{'raw again, s':>14}"
        )
        project.read()  # which warms up
        show("all rows", [project.read(whole=True) for _ in range(options.runs)])
        changed = []
        for number in range(options.runs):
            project.server.do(_CHANGE.format(number=number))
            changed.append(project.read())
        show("1 % changed", changed)
        project.server.do("delete from used where id = 77")
        show("a row deleted", [project.read()])


if __name__ == "__main__":
    main()
