"""Rows a second and core from databases into Parquet, beside Spark's own JDBC in the same session.

python -m billflow_tests.benchmarks.sources_bench [--rows N] [--runs N]

Both read a usage table in as many parts as there are cores, by ranges of its key. Needs PostgreSQL, MariaDB and Maven.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from billflow.lake.session import start_session
from billflow.settings import load_settings
from billflow.sources.deliveries import deliveries
from billflow_tests.servers.mariadb import PASSWORD as MARIADB_PASSWORD
from billflow_tests.servers.mariadb import MariaDb
from billflow_tests.servers.maven import jars
from billflow_tests.servers.postgres import PASSWORD, Postgres

TABLES = {
    "PostgreSQL": """create table metered as select g as id, g % 100000 as customer, (g / 7.0)::numeric(20,6) as kwh,
        timestamptz '2026-01-01' + g * interval '1 second' as at, 'zone ' || g % 9 as zone
        from generate_series(1, {rows}) g; alter table metered add primary key (id)""",
    "MariaDB": """create table metered (id bigint primary key) as select seq as id, seq % 100000 as customer,
        cast(seq / 7.0 as decimal(20, 6)) as kwh, timestamp '2026-01-01 00:00:00' + interval seq second as at,
        concat('zone ', seq % 9) as zone from seq_1_to_{rows}""",
}
PROJECT = """
project: bench
currency: EUR
timezone: UTC
seller: {{name: Bench}}
cycles: {{c01: {{day: 1}}}}
sources:
  - name: meters
    kind: sql
    url: "{url}"
    tables:
      customers: {mapping}
      subscriptions: {mapping}
"""
DRIVERS = {"postgresql": "org.postgresql.Driver", "mysql": "org.mariadb.jdbc.Driver"}
COLUMNS = {"account_id": "id", "name": "zone", "subscription_id": "id", "plan": "zone", "start_date": "at"}


def ours(spark: SparkSession, folder: Path, url: str) -> Callable[[str], None]:
    tables = {
        table: json.dumps(
            {"table": "metered", "partition_by": "id", "columns": {name: COLUMNS[name] for name in names}}
        )
        for table, names in {
            "c": ("account_id", "name"),
            "s": ("subscription_id", "account_id", "plan", "start_date"),
        }.items()
    }
    text = PROJECT.format(url=url, mapping="{}").replace("customers: {}", f"customers: {tables['c']}")
    (folder / "billflow.yaml").write_text(text.replace("subscriptions: {}", f"subscriptions: {tables['s']}"))
    [delivery] = deliveries(load_settings(folder, {})).values()

    def read(target: str) -> None:
        with delivery.opened(spark) as (rows, *_):
            rows.write.parquet(target)

    return read


def by_jdbc(spark: SparkSession, url: str, user: str, password: str, rows: int) -> Callable[[str], None]:
    def read(target: str) -> None:
        found: DataFrame = (
            spark.read.format("jdbc")
            .options(url=url, driver=DRIVERS[url.split(":")[1]], dbtable="metered", user=user, password=password)
            .options(fetchsize=10_000)
            .options(partitionColumn="id", lowerBound=1, upperBound=rows)
            .options(numPartitions=spark.sparkContext.defaultParallelism)
            .load()
        )
        found.write.parquet(target)

    return read


def measured(spark: SparkSession, read: Callable[[str], None], target: str, rows: int, runs: int) -> float:
    """Rows a second and core, the median; the first run only warms up."""
    seconds = []
    for number in range(runs + 1):
        started = time.perf_counter()
        read(f"{target}-{number}")
        seconds.append(time.perf_counter() - started)
        assert spark.read.parquet(f"{target}-{number}").count() == rows
    return rows / statistics.median(seconds[1:]) / spark.sparkContext.defaultParallelism


@contextmanager
def servers(folder: Path, rows: int) -> Iterator[dict[str, Any]]:
    folder.chmod(0o755)
    postgres, mariadb = Postgres(folder), MariaDb(folder)
    try:
        postgres.do(*TABLES["PostgreSQL"].format(rows=rows).split("; "))
        mariadb.do(TABLES["MariaDB"].format(rows=rows))
        yield {
            "PostgreSQL": (postgres, f"jdbc:postgresql://127.0.0.1:{postgres.port}/dagster", "dagster", PASSWORD),
            "MariaDB": (
                mariadb,
                f"jdbc:mysql://127.0.0.1:{mariadb.port}/billing?permitMysqlScheme",
                "billing",
                MARIADB_PASSWORD,
            ),
        }
    finally:
        postgres.stop()
        mariadb.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with TemporaryDirectory() as name, servers(Path(name), options.rows) as started:
        folder = Path(name)
        drivers = jars(Path(__file__).parent / "rivals" / "jdbc" / "pom.xml", folder / "jdbc.classpath")
        properties = {"spark.jars": drivers.replace(":", ",")}
        with start_session("sources_bench", "local[*]", properties, folder) as spark:
            print(f"{options.rows:,} rows{'':22}{'rows a second and core':>24}{'ratio':>7}")
            for database, (server, url, user, password) in started.items():
                jdbc = by_jdbc(spark, url, user, password, options.rows)
                rival = measured(spark, jdbc, f"{folder}/{database}-jdbc", options.rows, options.runs)
                own = ours(spark, folder, server.url)
                found = measured(spark, own, f"{folder}/{database}-own", options.rows, options.runs)
                print(f"{database + ', billflow':34}{found:24,.0f}{1:7.2f}")
                print(f"{database + ', Spark JDBC':34}{rival:24,.0f}{rival / found:7.2f}", flush=True)


if __name__ == "__main__":
    main()
