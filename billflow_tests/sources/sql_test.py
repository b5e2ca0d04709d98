"""Sources of kind `sql` read by Spark: in parts, at one moment, again after a lost connection, and without secrets."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from billflow.errors import PassingError, SettingsError
from billflow.lake.healing import taken
from billflow.lake.tables import write_plain
from billflow.mapping_options import Watermark
from billflow.settings import Settings, load_settings
from billflow.sources import parts, sql
from billflow.sources.database import Query
from billflow.sources.databases import fetched
from billflow.sources.deliveries import check_sources, deliveries, state
from billflow.sources.opening import opened_deliveries
from billflow.sources.parts import note_fetched_again
from billflow.sources.raw import CORRUPT, FILE, ROW, delivered_columns
from billflow_tests.servers.postgres import PASSWORD, Postgres
from billflow_tests.servers.processes import wait_until

PROJECT = """
project: acme
currency: EUR
timezone: Europe/Vienna
seller: {{name: Acme}}
cycles: {{c01: {{day: 1}}}}
sources:
  - name: crm
    kind: sql
    url: "{url}"
    timeout: {timeout}
    tables:
      customers: {{table: customer, columns: {{account_id: id, name: name}}}}
      subscriptions:
        query: "select id, id as customer, 'home' as plan, date '2024-01-01' as since from customer"
        columns: {{subscription_id: id, account_id: customer, plan: plan, start_date: since}}
      usage: {usage}
"""
USAGE = {
    "table": "usage",
    "partition_by": "id",
    "columns": {
        "usage_id": "id",
        "subscription_id": "customer",
        "metric": "'kwh'",
        "quantity": "kwh",
        "event_time": "at",
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    started = Postgres(tmp_path_factory.mktemp("postgres"))
    started.do(
        "create table customer (id bigint primary key, name text)",
        "insert into customer select g, 'Customer ' || g from generate_series(1, 9) g",
        "create table usage (id bigint primary key, customer bigint, kwh numeric(20,6), at timestamptz)",
        "insert into usage select g, g % 9 + 1, g / 7.0, timestamptz '2024-01-01 00:00:00+00' + g * interval '1 minute'"
        " from generate_series(1, 20000) g",
    )
    yield started
    started.stop()


def project(folder: Path, url: str, *, timeout: int = 600, **usage: Any) -> Settings:
    text = PROJECT.format(url=url, timeout=timeout, usage=json.dumps({**USAGE, **usage}))
    (folder / "billflow.yaml").write_text(text, encoding="utf-8")
    return load_settings(folder, {})


def delivered(settings: Settings, part: str = "usage") -> sql.SqlDelivery:
    """The delivery whose SELECT has `part`."""
    [found] = [
        one for one in deliveries(settings).values() if isinstance(one, sql.SqlDelivery) and part in one.query.select
    ]
    return found


def test_rows_are_read_in_parts_each_once(spark: SparkSession, server: Postgres, tmp_path: Path):
    with delivered(project(tmp_path, server.url)).opened(spark) as (rows, *_):
        assert delivered_columns(rows) == ["id", "customer", "kwh", "at"]
        assert rows.rdd.getNumPartitions() == spark.sparkContext.defaultParallelism == 2
        found = rows.selectExpr(
            "count(*) n", "count(distinct id) ids", f"count(distinct {ROW}) numbers", "sum(kwh) kwh", f"max({FILE}) f"
        ).first()
        kwh = sum((Decimal(at) / 7).quantize(Decimal("1E-6"), ROUND_HALF_UP) for at in range(1, 20001))
        assert found.asDict() == {"n": 20000, "ids": 20000, "numbers": 20000, "kwh": kwh, "f": "usage"}
        assert rows.where(f"{CORRUPT} is not null").count() == 0


def test_a_condition_is_the_databases(spark: SparkSession, server: Postgres, tmp_path: Path):
    """`ilike any` is PostgreSQL's own."""
    settings = project(tmp_path, server.url, where="kwh::text ilike any (array['1.%']) and id < 100")
    with delivered(settings).opened(spark) as (rows, *_):
        assert sorted(row["id"] for row in rows.select("id").collect()) == list(range(7, 14))


def test_only_the_columns_that_are_named_are_sent(spark: SparkSession, server: Postgres, tmp_path: Path):
    settings = project(tmp_path, server.url, only=["kwh", "id"], where="customer is not null and id between 1 and 9")
    with delivered(settings).opened(spark) as (rows, *_):
        assert delivered_columns(rows) == ["kwh", "id"]
        assert sorted(row["id"] for row in rows.collect()) == list(range(1, 10))


def test_rows_that_come_while_it_is_read_are_not_seen(spark: SparkSession, server: Postgres, tmp_path: Path):
    with delivered(project(tmp_path, server.url)).opened(spark) as (rows, *_):
        server.do("insert into usage values (20001, 1, 1, now())")
        try:
            assert rows.count() == 20000
        finally:
            server.do("delete from usage where id = 20001")


def test_no_plan_shows_the_password(spark: SparkSession, server: Postgres, tmp_path: Path, capfd):
    settings = project(tmp_path, server.url)
    with delivered(settings).opened(spark) as (rows, *_):
        rows.explain("extended")
        plan = rows._jdf.queryExecution().toString()
        assert "billflow_" in plan
        shown = [plan, capfd.readouterr().out, repr(delivered(settings)), repr(settings), settings.model_dump_json()]
        assert not [text for text in shown if PASSWORD in text]


SLOW = "select g as id, 1 as customer, 1.5 as kwh, now() as at, pg_sleep(0.6)::text from generate_series(1, 6) g"
FETCHING = "pg_stat_activity where state = 'active' and query like 'COPY%pg_sleep%' and pid <> pg_backend_pid()"


def test_a_lost_connection_is_made_again_and_no_row_comes_twice(
    spark: SparkSession, server: Postgres, tmp_path: Path
) -> None:
    settings = project(tmp_path, server.url, table=None, query=SLOW, partition_by=None)
    note_fetched_again()
    taken()
    with delivered(settings, "pg_sleep").opened(spark) as (rows, *_), meanwhile(lambda: cut(server)) as cuts:
        assert [row["id"] for row in rows.select("id").collect()] == [1, 2, 3, 4, 5, 6]
    assert cuts == [1]
    note_fetched_again()
    [again] = taken()
    assert (again.kind, again.times, again.waited) == ("part of a source fetched again", 1, 0.5)
    assert again.where == f"sources.crm ({server.url.replace(PASSWORD, '…')})"
    assert "terminating connection" in again.what
    assert PASSWORD not in again.model_dump_json()


def test_a_table_that_is_locked_is_not_waited_for_for_ever(server: Postgres, tmp_path: Path) -> None:
    settings = project(tmp_path, server.url, timeout=1)
    with locked(server), pytest.raises(PassingError, match="says nothing for 1 s") as caught:
        check_sources(settings)
    assert PASSWORD not in str(caught.value)


def test_a_source_is_asked_again_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FIRST_PAUSE", 0.01)
    taken()
    away = project(tmp_path, "postgresql://u:secret@127.0.0.1:1/x")
    with pytest.raises(PassingError, match=r"does not answer.* \(tried 4 times\)"):
        parts.tried(lambda: check_sources(away), "source asked again", patience=60)
    assert [(one.kind, one.times) for one in taken()] == [("source asked again", 3)]
    with pytest.raises(PassingError, match=r"does not answer(?!.*tried)"):
        parts.tried(lambda: check_sources(away), "source asked again", patience=0)
    assert taken() == []


LOCKED = "pg_locks where relation = 'usage'::regclass and mode = 'AccessExclusiveLock' and granted"


@contextmanager
def locked(server: Postgres) -> Iterator[None]:
    """Somebody is at work on the table."""

    def hold() -> None:
        with suppress(RuntimeError):  # it is ended
            server.do("begin", "lock table usage", "select pg_sleep(600)")

    holder = threading.Thread(target=hold)
    holder.start()
    wait_until(lambda: bool(one(server, f"select pid::bigint as pid from {LOCKED}")), "the table is locked")
    try:
        yield
    finally:
        one(server, f"select pg_terminate_backend(pid)::int::bigint as pid from {LOCKED}")
        holder.join()


@pytest.mark.slow
def test_a_server_that_dies_is_told_without_its_password(spark: SparkSession, tmp_path: Path) -> None:
    server = Postgres(tmp_path)
    settings = project(tmp_path, server.url, table=None, query=SLOW, partition_by=None)
    one = delivered(settings, "pg_sleep")
    with (
        pytest.raises(PassingError) as caught,
        one.opened(spark) as (rows, *_),
        meanwhile(lambda: killed(server)),
        one.readable(),
    ):
        write_plain(rows, str(tmp_path / "raw"))
    assert caught.value.where.startswith(f"{tmp_path}/billflow.yaml: sources.crm")
    assert PASSWORD not in str(caught.value)
    with pytest.raises(PassingError, match="does not answer"):
        check_sources(settings)


@contextmanager
def meanwhile(done: Callable[[], int]) -> Iterator[list[int]]:
    """`done` in another thread, as soon as a part is being fetched; what it gave."""
    given: list[int] = []
    thread = threading.Thread(target=lambda: given.append(done()))
    thread.start()
    yield given
    thread.join()


def busy(server: Postgres) -> None:
    wait_until(lambda: bool(one(server, f"select pid::bigint as pid from {FETCHING}")), "a part is fetched")


def cut(server: Postgres) -> int:
    """Ends the connections that fetch; how many there were."""
    busy(server)
    return len(one(server, f"select pg_terminate_backend(pid)::int::bigint as pid from {FETCHING}"))


def killed(server: Postgres) -> int:
    busy(server)
    server.stop()
    return 1


def one(server: Postgres, select: str) -> list[Any]:
    query = Query(server.url, select)
    schema = pa.schema([("pid", pa.int64()), (CORRUPT, pa.string())])
    return [row for batch in fetched(query, schema) for row in batch.to_pylist()]


MISTAKES = {
    "a table that is not there": ({"table": "nope"}, "nope"),
    "a condition that is no SQL": ({"where": "id ="}, "refuses"),
    "a column to cut by that is not there": ({"partition_by": "nope"}, "no column 'nope'"),
    "two columns of one name": ({"table": None, "query": "select id, id from usage"}, "two columns of one name: id"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_its_place(spark: SparkSession, server: Postgres, tmp_path: Path, mistake: str) -> None:
    changed, told = MISTAKES[mistake]
    settings = project(tmp_path, server.url, **changed)
    with pytest.raises(SettingsError, match=re.escape(told)) as caught, opened_deliveries(spark, settings):
        pass
    assert caught.value.where.startswith(f"{tmp_path}/billflow.yaml: sources.crm")


def test_only_a_watermark_tells_whether_rows_have_changed(server: Postgres, tmp_path: Path) -> None:
    assert state(project(tmp_path, server.url)) is None
    settings = project(tmp_path, server.url, watermark="at")
    usage = delivered(settings)
    before = usage.state()
    assert usage.state() == before
    server.do("insert into usage values (20001, 1, 1, '2030-01-01')")
    assert usage.state() != before
    server.do("delete from usage where id = 20001")
    assert usage.state() == before


@pytest.mark.parametrize("told_last", [True, False])
def test_mappings_that_read_the_same_rows_share_their_watermark(tmp_path: Path, told_last: bool) -> None:
    keyed = {**USAGE, "watermark": {"column": "at", "key": "id"}}
    mappings = [USAGE, {**USAGE, "watermark": "at"}, USAGE]
    mappings.insert(len(mappings) if told_last else 0, keyed)
    text = PROJECT.format(url="postgresql://db/x", timeout=600, usage=json.dumps(mappings))
    (tmp_path / "billflow.yaml").write_text(text, encoding="utf-8")
    assert delivered(load_settings(tmp_path, {})).watermark == Watermark(column="at", key="id")


def test_a_sample_shows_a_row_and_no_password(server: Postgres, tmp_path: Path) -> None:
    told = delivered(project(tmp_path, server.url), '"customer"').sample()
    assert told == f"customer of {server.url.replace(PASSWORD, '…')}: id=1, name=Customer 1"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("oracle://u:secret@db/x", "the url must begin with one of postgresql://"),
        ("postgresql://u:secret@db", "the url names no database"),
        ("postgresql://u:secret@db:port/x", "this is not a url"),
        ("u:secret@db/x", "the url must begin with"),
    ],
)
def test_a_url_that_is_none_is_not_shown(tmp_path: Path, url: str, told: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(told)) as caught:
        project(tmp_path, url)
    assert "secret" not in str(caught.value)
    assert caught.value.where == f"{tmp_path / 'billflow.yaml'}: sources[0].url"


@pytest.mark.parametrize(
    ("watermark", "place", "told"),
    [
        ({"column": "at"}, ".key", "the key 'key' is missing"),
        ({"column": "at", "key": []}, ".key", "at least 1"),
        ({"column": "at", "key": "id", "overlap": "soon"}, ".overlap", "'soon': not an overlap"),
        ({"column": "at", "key": "id", "overlap": "1 month"}, ".overlap", "'1 month': not an overlap"),
        ({"column": "at", "key": "id", "lag": 1}, ".lag", "unknown key 'lag'"),
        (["at"], "", "['at']"),
    ],
)
def test_a_watermark_that_is_none(tmp_path: Path, watermark: Any, place: str, told: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(told)) as caught:
        project(tmp_path, "postgresql://db/x", watermark=watermark)
    assert caught.value.where == f"{tmp_path / 'billflow.yaml'}: sources[0].tables.usage.watermark{place}"


def test_a_query_names_its_columns_itself(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a query names its columns itself"):
        project(tmp_path, "postgresql://db/x", table=None, query="select 1", only=["id"])


def test_either_a_table_or_a_query(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="give either table or query"):
        project(tmp_path, "postgresql://db/x", query="select 1")
