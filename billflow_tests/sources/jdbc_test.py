"""Sources of kind `jdbc` read by Spark from PostgreSQL and H2: exact values, parts, errors, and no secret shown."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from billflow.errors import PassingError, SettingsError
from billflow.lake.delivered import Delivered
from billflow.settings import Settings, load_settings
from billflow.sources.deliveries import check_sources, deliveries, state
from billflow.sources.increments import Known
from billflow.sources.jdbc import JdbcDelivery
from billflow.sources.opening import opened_deliveries
from billflow.sources.raw import CORRUPT, FILE, ROW, delivered_columns
from billflow_tests.servers import h2, postgres
from billflow_tests.servers.h2 import H2, drivers
from billflow_tests.servers.postgres import Postgres

assert h2.PASSWORD == postgres.PASSWORD
PASSWORD = h2.PASSWORD
PROJECT = """
project: acme
currency: EUR
timezone: Europe/Vienna
seller: {{name: Acme}}
cycles: {{c01: {{day: 1}}}}
sources:
  - name: crm
    kind: jdbc
    url: "{url}"
    user: {user}
    password: "{password}"
    tables:
      customers: {{table: customer, columns: {{account_id: id, name: name}}}}
      subscriptions:
        query: "select id, id as customer, 'home' as plan, date '2024-01-01' as since from customer"
        columns: {{subscription_id: id, account_id: customer, plan: plan, start_date: since}}
      usage: {usage}
"""
USAGE = {
    "table": "metered",
    "partition_by": "id",
    "columns": {
        "usage_id": "id",
        "subscription_id": "customer",
        "metric": "'kwh'",
        "quantity": "kwh",
        "event_time": "at",
    },
}
WALL_CLOCK = datetime(2024, 3, 31, 2, 30, 0, 123456)  # noqa: DTZ001  # there is no such hour in Vienna
TABLES = {
    "postgresql": (
        "create table customer (id bigint primary key, name text)",
        "insert into customer select g, 'Customer ' || g from generate_series(1, 9) g",
        """create table metered (id bigint primary key, customer bigint, kwh numeric(20,6), at timestamptz, served date,
        wall timestamp, exact numeric)""",
        """insert into metered select g, g % 9 + 1, g * 0.142857, timestamptz '2024-01-01' + g * interval '1 minute',
        date '2024-01-01' + g % 100, timestamp '2024-01-01' + g * interval '1 hour', g from generate_series(1, 5000) g""",
        "update metered set wall = null, served = null, exact = null where id % 10 = 0",
        """create table kinds (big bigint, n numeric(12,3), vague numeric, t text, d date, wall timestamp,
        at timestamptz, "Odd Name" text)""",
        """insert into kinds values (9007199254740993, 1.5, 0.000000000000000001, 'Ngọc', '2024-02-29',
        '2024-03-31 02:30:00.123456', '2024-01-01 10:00:00+02', 'y')""",
        "insert into kinds (big, vague, t) values (2, 0.0000000000000000001, 'too many digits'), (3, 'NaN', 'none')",
    ),
    "h2": (
        "create table customer (id bigint primary key, name varchar(99))",
        "insert into customer select x, 'Customer ' || x from system_range(1, 9)",
        """create table metered (id bigint primary key, customer bigint, kwh numeric(20,6),
        at timestamp(6) with time zone, served date, wall timestamp(6), exact numeric(60,30))""",
        """insert into metered select x, mod(x, 9) + 1, x * 0.142857,
        timestamp with time zone '2024-01-01 00:00:00+00' + x * interval '1' minute,
        date '2024-01-01' + cast(mod(x, 100) as integer), timestamp '2024-01-01 00:00:00' + x * interval '1' hour, x
        from system_range(1, 5000)""",
        "update metered set wall = null, served = null, exact = null where mod(id, 10) = 0",
        """create table kinds (big bigint, n money, vague decfloat, t nvarchar(20), d date, wall timestamp(6),
        at timestamp(6) with time zone, [Odd Name] varchar(9))""",
        """insert into kinds values (9007199254740993, 1.5, 0.000000000000000001, 'Ngọc', '2024-02-29',
        '2024-03-31 02:30:00.123456', '2024-01-01 10:00:00+02:00', 'y')""",
        "insert into kinds (big, vague, t) values (2, 1.5E-18, 'too many digits'), (3, 'NaN', 'none')",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def with_drivers(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The drivers come to a session that lives already; a project's come by spark.jars.packages when it starts."""
    for file in drivers(tmp_path_factory.mktemp("drivers")):
        spark.sql(f"ADD JAR {file}")


@pytest.fixture(scope="module", params=["postgresql", "h2"])
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[dict[str, str]]:
    """The keys of billflow.yaml that name it."""
    folder = tmp_path_factory.mktemp(request.param)
    started: Any = Postgres(folder) if request.param == "postgresql" else H2(folder)
    started.do(*TABLES[request.param])
    postgresql = f"jdbc:postgresql://127.0.0.1:{started.port}/dagster"
    yield (
        {"url": postgresql, "user": "dagster", "password": PASSWORD, "kind": "postgresql"}
        if request.param == "postgresql"
        else {"url": started.url, "user": "sa", "password": PASSWORD, "kind": "h2"}
    )
    started.stop()


def project(folder: Path, server: dict[str, str], **usage: Any) -> Settings:
    text = PROJECT.format(**server, usage=json.dumps({**USAGE, **usage}))
    (folder / "billflow.yaml").write_text(text, encoding="utf-8")
    return load_settings(folder, {})


def delivered(settings: Settings, part: str = "metered") -> JdbcDelivery:
    """The delivery whose SELECT has `part`."""
    [found] = [one for one in deliveries(settings).values() if isinstance(one, JdbcDelivery) and part in one.select]
    return found


def lower(row: Any) -> dict[str, Any]:
    """A row whose names are lower: H2 folds them up."""
    return {name.lower(): value for name, value in row.asDict().items()}


def test_values_are_exact_and_wall_clocks_stay(spark: SparkSession, server: dict[str, str], tmp_path: Path) -> None:
    settings = project(tmp_path, server, table="kinds", partition_by=None)
    with delivered(settings, "kinds").opened(spark) as (rows, *_):
        found = [lower(row) for row in rows.orderBy("big").selectExpr("*", "cast(at as string) as instant").collect()]
    first = found[2]
    assert {name: first[name] for name in ("big", "t", "d", "wall", "instant", "odd name", CORRUPT)} == {
        "big": 9007199254740993,
        "t": "Ngọc",
        "d": date(2024, 2, 29),
        "wall": WALL_CLOCK,
        "instant": "2024-01-01 08:00:00",
        "odd name": "y",
        CORRUPT: None,
    }
    assert (first["n"], first["vague"]) == (Decimal("1.5"), Decimal("1E-18"))
    assert [json.loads(row[CORRUPT]).get("t") or json.loads(row[CORRUPT])["T"] for row in found[:2]] == [
        "too many digits",
        "none",
    ]


CUT_BY = ["id", "kwh", "at", "served", "wall", "exact"]


@pytest.mark.parametrize("column", CUT_BY)
def test_rows_are_read_in_parts_each_once(
    spark: SparkSession, server: dict[str, str], tmp_path: Path, column: str
) -> None:
    with delivered(project(tmp_path, server, partition_by=column)).opened(spark) as (rows, *_):
        assert [name.lower() for name in delivered_columns(rows)] == [
            "id",
            "customer",
            "kwh",
            "at",
            "served",
            "wall",
            "exact",
        ]
        sizes = [len(part) for part in rows.select("id").rdd.glom().collect()]
        found = rows.selectExpr(
            "count(*) n", "count(distinct id) ids", f"count(distinct {ROW}) numbers", "sum(kwh) kwh", f"max({FILE}) f"
        ).first()
        assert rows.where(f"{CORRUPT} is not null").count() == 0
    assert len(sizes) == spark.sparkContext.defaultParallelism == 2
    assert min(sizes) > 500
    whole = {"n": 5000, "ids": 5000, "numbers": 5000, "kwh": sum(range(5001)) * Decimal("0.142857"), "f": "metered"}
    assert found.asDict() == whole


def test_a_query_and_a_condition_are_the_databases(spark: SparkSession, server: dict[str, str], tmp_path: Path) -> None:
    own = {"postgresql": "id::text ~ '^7'", "h2": "id in (select top 3 [ID] from metered where id > 69 order by id)"}
    settings = project(
        tmp_path, server, table=None, query="select id, kwh from metered where id < 80;", where=own[server["kind"]]
    )
    with delivered(settings).opened(spark) as (rows, *_):
        found = sorted(row[0] for row in rows.collect())
    assert found == ([7, *range(70, 80)] if server["kind"] == "postgresql" else [70, 71, 72])


def test_only_the_columns_that_are_named_are_sent(spark: SparkSession, server: dict[str, str], tmp_path: Path) -> None:
    settings = project(tmp_path, server, only=["kwh", "id"], where="wall is not null and id < 10")
    with delivered(settings).opened(spark) as (rows, *_):
        assert [name.lower() for name in delivered_columns(rows)] == ["kwh", "id"]
        assert sorted(row[1] for row in rows.collect()) == list(range(1, 10))


def test_no_rows_have_columns(spark: SparkSession, server: dict[str, str], tmp_path: Path) -> None:
    with delivered(project(tmp_path, server, where="id < 0")).opened(spark) as (rows, *_):
        assert (rows.count(), len(delivered_columns(rows))) == (0, 7)


def test_only_a_watermark_tells_whether_rows_have_changed(server: dict[str, str], tmp_path: Path) -> None:
    assert state(project(tmp_path, server)) is None
    before = delivered(project(tmp_path, server, watermark="at")).state()
    assert before is not None
    assert before[-2:] == ["5000", "2024-01-04 11:20:00"]
    fewer = delivered(project(tmp_path, server, watermark="AT", where="id < 4999")).state()
    assert fewer is not None
    assert fewer[-2:] == ["4998", "2024-01-04 11:18:00"]


WATERMARKS = {
    "at": ("10 minutes", 11),
    "wall": ("3 hours", 4 + 500),  # and those that have none
    "served": ("0", 100 + 500),
    "id": ("5", 6),
    "exact": ("5", 6 + 500),
}


@pytest.mark.parametrize("column", WATERMARKS)
def test_what_is_newer_than_a_watermark_is_asked_of_the_database(
    spark: SparkSession, server: dict[str, str], tmp_path: Path, column: str
) -> None:
    overlap, expected = WATERMARKS[column]
    usage = delivered(project(tmp_path, server, watermark={"column": column, "key": "id", "overlap": overlap}))
    with usage.opened(spark) as whole:
        assert whole.total == whole.rows.count() == 5000
    known = Known(Delivered(segments=(), rows=5000, highest=whole.highest), whole.rows)
    with usage.opened(spark, known) as newer:
        assert (newer.rows.count(), newer.total, newer.highest) == (expected, 5000, whole.highest)
        plan = newer.rows._jdf.queryExecution().toString()
    # What comes as text, because Spark would round it, is compared here.
    assert ("GreaterThanOrEqual" in plan.partition("PushedFilters")[2]) == (column != "exact")


MISTAKES = {
    "a table that is not there": ({"table": "nope"}, "(?i)the database refuses: .*nope"),
    "a condition that is no SQL": ({"where": "id ="}, "the database refuses"),
    "a column to cut by that is not there": ({"partition_by": "nope"}, "no column 'nope'"),
    "a column to cut by that has texts": (
        {"table": "customer", "partition_by": "name"},
        "cannot be cut by '(?i:name)'",
    ),
    "two columns of one name": (
        {"table": None, "query": "select id, id from metered"},
        "(?i)(two columns of one|duplicate)",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_its_place(spark: SparkSession, server: dict[str, str], tmp_path: Path, mistake: str) -> None:
    changed, told = MISTAKES[mistake]
    settings = project(tmp_path, server, **changed)
    with pytest.raises(SettingsError, match=told) as caught, opened_deliveries(spark, settings):
        pass
    assert caught.value.where.startswith(f"{tmp_path}/billflow.yaml: sources.crm")


def test_no_secret_is_shown(spark: SparkSession, server: dict[str, str], tmp_path: Path, capfd: Any) -> None:
    settings = project(tmp_path, server)
    usage = delivered(settings)
    with usage.opened(spark) as (rows, *_):
        rows.explain("extended")
        plan = rows._jdf.queryExecution().toString()
    assert "JDBCRelation" in plan
    told = delivered(settings, "SELECT * FROM customer").sample()
    assert re.search(r"^customer of jdbc:.*: id=1, name=Customer 1$", told, re.IGNORECASE)
    with pytest.raises(SettingsError, match="the database refuses") as refused:
        check_sources(project(tmp_path, {**server, "password": "a wrong secret"}))
    with pytest.raises(PassingError, match="does not answer") as away:
        check_sources(project(tmp_path, {**server, "url": re.sub(r":\d+/", ":1/", server["url"])}))
    shown = [
        plan,
        told,
        capfd.readouterr().out,
        repr(usage),
        repr(settings),
        settings.model_dump_json(),
        str(refused.value),
        str(away.value),
    ]
    assert not [text for text in shown for secret in (PASSWORD, "a wrong secret") if secret in text]


ALONE = """
import sys
from pathlib import Path
from billflow.errors import BillflowError
from billflow.settings import load_settings
from billflow.sources.deliveries import deliveries

for folder in sys.argv[1:]:
    one = next(one for one in deliveries(load_settings(Path(folder), {})).values() if "kinds" in one.select)
    try:
        with one.opened(one.session()) as (rows, *_), one.readable():
            print([str(row[1]) for row in rows.where("big > 9").collect()])
    except BillflowError as error:
        print(type(error).__name__, error.what, error.where)
"""


@pytest.mark.slow
def test_a_fresh_process_brings_the_driver_and_its_zone_changes_no_wall_clock(
    server: dict[str, str], tmp_path: Path
) -> None:
    """Java's zone would be Vienna's; and what fails on an executor is told as the database tells it."""
    queries = ["select big, wall from kinds", "select big, wall, 1 / (big - big) as wrong from kinds"]
    folders = [tmp_path / str(number) for number in range(2)]
    for folder, query in zip(folders, queries, strict=True):
        folder.mkdir()
        project(folder, server, table=None, query=query, partition_by=None)
        jars = ",".join(drivers(tmp_path))
        with (folder / "billflow.yaml").open("a") as file:
            file.write(f'spark: {{master: "local[1]", spark.driver.memory: 1g, spark.jars: "{jars}"}}\n')
    command = [sys.executable, "-c", ALONE, *map(str, folders)]
    environment = {**os.environ, "TZ": "Europe/Vienna"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    clocks, failed = done.stdout.strip().splitlines()[-2:]
    assert clocks == f"['{WALL_CLOCK}']"
    assert failed.startswith("SettingsError the database refuses: ")
    assert "ivision by zero" in failed
    assert PASSWORD not in done.stdout + done.stderr
