"""Values and streams of a real Redis: exact values, parts, what is no row, errors."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from billflow.errors import PassingError, SettingsError
from billflow.settings import Settings, load_settings
from billflow.sources.deliveries import check_sources, deliveries, state
from billflow.sources.mapping import map_rows
from billflow.sources.raw import CORRUPT, FILE, ROW, delivered_columns
from billflow.sources.redis import RedisDelivery, fetched, parts_of
from billflow_tests.servers.redis import PASSWORD, RedisServer

PROJECT = """
project: acme
currency: EUR
timezone: Europe/Vienna
seller: {{name: Acme}}
cycles: {{c01: {{day: 1}}}}
sources:
  - name: counters
    kind: redis
    url: "{url}"
    tables:
      customers: {{keys: "customer:*", columns: {{account_id: "substring_index(_key, ':', -1)", name: name}}}}
      subscriptions:
        keys: "customer:*"
        where: plan is not null
        columns: {{subscription_id: line, account_id: "substring_index(_key, ':', -1)", plan: plan, start_date: since}}
      usage: {usage}
"""
USAGE = {
    "stream": "calls",
    "columns": {
        "usage_id": "_id",
        "subscription_id": "line",
        "metric": "'minutes'",
        "quantity": "minutes",
        "event_time": "at",
    },
}
STREAM = [(f"{1_704_067_200_000 + number * 60_000}-{number % 3}", number) for number in range(2_500)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    started = RedisServer(tmp_path_factory.mktemp("redis"))
    client = started.client
    client.hset("customer:A1", mapping={"name": "Ngọc", "line": "S1", "plan": "home", "since": "2024-01-01"})
    client.hset("customer:A2", mapping={"name": "Bo"})
    for key, number in STREAM:
        client.xadd("calls", {"line": f"S{number}", "minutes": f"{number}.10", "at": "2024-01-05T10:00:00"}, id=key)
    client.set("json:1", '{"n": 12345678901234567890.123456789, "big": 9007199254740993, "list": [{"x": 1}]}')
    client.rpush("json:many", *(json.dumps({"n": number}) for number in range(1_500)))
    client.set("json:broken", "{no json")
    client.set("json:number", "17")
    for number in range(3_000):
        client.hset(f"many:{number}", mapping={"n": number})
    client.sadd("set:1", "a")
    yield started
    started.stop()


def project(folder: Path, url: str, **usage: Any) -> Settings:
    chosen = {**USAGE, **usage}
    if "keys" in usage:
        del chosen["stream"]
    (folder / "billflow.yaml").write_text(PROJECT.format(url=url, usage=json.dumps(chosen)), encoding="utf-8")
    return load_settings(folder, {})


def delivered(settings: Settings, shown: str = "calls") -> RedisDelivery:
    found = [one for one in deliveries(settings).values() if isinstance(one, RedisDelivery)]
    return next(one for one in found if one.entries.shown == shown)


def test_entries_of_a_stream_are_usage(spark: SparkSession, server: RedisServer, tmp_path: Path) -> None:
    settings = project(tmp_path, server.url)
    mapping = settings.sources[0].mappings("usage")[0]
    with delivered(settings).opened(spark) as (rows, *_):
        assert delivered_columns(rows) == ["_id", "at", "line", "minutes"]
        mapped = map_rows(rows, mapping, "usage", timezone="Europe/Vienna", where="y").collect()
    assert sorted(row["usage_id"] for row in mapped) == sorted(key for key, _ in STREAM)
    assert sum(row["quantity"] for row in mapped) == sum(Decimal(f"{number}.1") for _, number in STREAM)
    assert {row["event_time"] for row in mapped} == {datetime(2024, 1, 5, 9, 0)}  # noqa: DTZ001  # UTC


def test_hashes_are_rows_with_their_keys(spark: SparkSession, server: RedisServer, tmp_path: Path) -> None:
    settings = project(tmp_path, server.url)
    with delivered(settings, "customer:*").opened(spark) as (rows, *_):
        of_table = {
            table: map_rows(rows, mapping, table, timezone="Europe/Vienna", where="y").collect()
            for table in ("customers", "subscriptions")
            for mapping in settings.sources[0].mappings(table)
        }
    assert {(row["account_id"], row["name"]) for row in of_table["customers"]} == {("A1", "Ngọc"), ("A2", "Bo")}
    assert [(row["subscription_id"], row["account_id"]) for row in of_table["subscriptions"]] == [("S1", "A1")]


def test_texts_and_lists_are_json_with_all_digits(spark: SparkSession, server: RedisServer, tmp_path: Path) -> None:
    with delivered(project(tmp_path, server.url, keys="json:*"), "json:*").opened(spark) as (rows, *_):
        found = rows.collect()
    whole = {row["_key"]: row for row in found if row["_key"]}
    assert len(found) == 1_503
    assert whole["json:1"]["n"] == Decimal("12345678901234567890.123456789")
    assert (whole["json:1"]["big"], whole["json:1"]["list"][0]["x"]) == (9_007_199_254_740_993, 1)
    assert sum(row["n"] for row in found if row["n"] is not None and row["_key"] == "json:many") == sum(range(1_500))
    assert sorted(row[CORRUPT] for row in found if row[CORRUPT]) == ["17", "{no json"]
    assert ({row[FILE] for row in found}, len({row[ROW] for row in found})) == ({"json:*"}, 1_503)


@pytest.mark.parametrize("parts", [1, 2, 7])
@pytest.mark.parametrize("shown", ["calls", "many:*"])
def test_parts_have_each_entry_once(server: RedisServer, tmp_path: Path, shown: str, parts: int) -> None:
    usage = {} if shown == "calls" else {"keys": shown}
    entries = delivered(project(tmp_path, server.url, **usage), shown).entries
    found = [
        [json.loads(text) for batch in fetched(part) for text in batch.column(0).to_pylist()]
        for part in parts_of(server.client, entries, parts)
    ]
    assert len(found) == parts
    assert all(found)
    keys = sorted(one["_id" if shown == "calls" else "_key"] for part in found for one in part)
    assert keys == sorted(key for key, _ in STREAM) if shown == "calls" else sorted(f"many:{n}" for n in range(3_000))


def test_a_stream_tells_whether_it_has_changed(server: RedisServer, tmp_path: Path) -> None:
    one = delivered(project(tmp_path, server.url))
    before = one.state()
    assert one.state() == before
    server.client.xadd("calls", {"line": "x"}, id="1704067200000000-0")
    assert one.state() != before
    server.client.xdel("calls", "1704067200000000-0")
    assert one.state() != before  # what went may have been in the middle
    assert state(project(tmp_path, server.url)) is None  # of keys only reading tells


def test_nothing_is_no_rows(spark: SparkSession, server: RedisServer, tmp_path: Path) -> None:
    delivery = delivered(project(tmp_path, server.url, keys="nobody:*"), "nobody:*")
    assert delivery.sample() == f"nobody:* of redis://:…@127.0.0.1:{server.port}/0: nothing yet"
    with delivery.opened(spark) as (rows, *_):
        assert rows.count() == 0


def test_mistakes_and_a_server_that_is_away(server: RedisServer, tmp_path: Path) -> None:
    check_sources(project(tmp_path, server.url))
    for usage, told in (
        ({"stream": "nobody"}, "the database refuses: no such key"),
        ({"stream": "customer:A1"}, "the database refuses: WRONGTYPE"),
        ({"keys": "set:*"}, "the key 'set:1' is a set; hashes, texts and lists are read"),
    ):
        with pytest.raises(SettingsError, match=told) as refused:
            check_sources(project(tmp_path, server.url, **usage))
        assert PASSWORD not in str(refused.value)
    with pytest.raises(SettingsError, match="the database refuses: ") as refused:
        check_sources(project(tmp_path, server.url.replace(PASSWORD, "wrong-secret")))
    with pytest.raises(PassingError, match="the database does not answer") as caught:
        check_sources(project(tmp_path, "redis://:wrong-secret@127.0.0.1:1/0"))
    assert "wrong-secret" not in f"{caught.value} {refused.value}"


def test_a_key_that_is_no_row_stops_a_part(spark: SparkSession, server: RedisServer, tmp_path: Path) -> None:
    delivery = delivered(project(tmp_path, server.url, keys="set:*"), "set:*")
    with pytest.raises(SettingsError, match="the key 'set:1' is a set"), delivery.opened(spark):
        pass


@pytest.mark.parametrize(
    ("url", "usage", "told"),
    [
        ("http://:secret@db", {}, "must begin with redis://"),
        ("redis://db/0?password=secret", {}, "write the password before the host"),
        ("redis://:secret@db/0", {"keys": "a", "stream": "b"}, "give either keys or stream"),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, url: str, usage: dict[str, str], told: str) -> None:
    text = PROJECT.format(url=url, usage=json.dumps({**USAGE, **usage}))
    (tmp_path / "billflow.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=told) as caught:
        load_settings(tmp_path, {})
    assert "secret" not in str(caught.value)
