"""Documents of MongoDB (a stand-in, see `servers.mongo`): exact values, parts, filters, lists that unfold, errors."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId
from pyspark.sql import SparkSession

from billflow.errors import PassingError, SettingsError
from billflow.exact_json import exact_json
from billflow.mapping_options import Watermark
from billflow.settings import Settings, load_settings
from billflow.sources.deliveries import check_sources, deliveries, state
from billflow.sources.mapping import map_rows
from billflow.sources.mongodb import MongoDelivery, highest_of, key_ranges, newer, plain
from billflow.sources.opening import opened_deliveries
from billflow.sources.raw import CORRUPT, FILE, ROW, delivered_columns
from billflow_tests.servers.mongo import Mongo
from billflow_tests.sources.delivering_test import COLUMNS, Reader, told

PROJECT = """
project: acme
currency: EUR
timezone: Europe/Vienna
seller: {{name: Acme}}
cycles: {{c01: {{day: 1}}}}
sources:
  - name: app
    kind: mongodb
    url: "{url}"
    tables:
      customers: {{collection: people, columns: {{account_id: _id, name: name}}}}
      subscriptions:
        collection: people
        unfold: contracts
        columns: {{subscription_id: contracts.id, account_id: _id, plan: contracts.plan, start_date: contracts.since}}
      usage: {usage}
"""
USAGE = {
    "collection": "meters",
    "unfold": "readings",
    "columns": {
        "usage_id": "concat_ws('-', _id, readings.no)",
        "subscription_id": "meter",
        "metric": "'kwh'",
        "quantity": "readings.kwh",
        "event_time": "readings.at",
        "dimensions": "map('zone', zone)",
    },
}
FIRST_SECOND = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongo]:
    started = Mongo(tmp_path_factory.mktemp("mongo"))
    people = [
        {"_id": "A1", "name": "Ngọc", "contracts": [{"id": "S1", "plan": "home", "since": "2024-01-01"}]},
        {"_id": "A2", "name": "Bo", "contracts": []},
        {"_id": "A3", "name": "Cy"},
    ]
    started.app.people.insert_many(people)
    started.app.meters.insert_many([meter(number) for number in range(40)])
    started.app.meters.insert_one({**meter(40), "_id": "by hand"})
    started.app.broken.insert_one({"_id": 1, "readings": "none"})
    yield started
    started.stop()


def meter(number: int) -> dict[str, Any]:
    made = FIRST_SECOND + timedelta(hours=number)
    readings = [
        {"no": Int64(2**53 + 1), "kwh": Decimal128("0.000000000001"), "at": made},
        {"no": 2, "kwh": Decimal128(f"{number}.50"), "at": made + timedelta(minutes=15, milliseconds=7)},
    ]
    key = ObjectId(f"{int(made.timestamp()):08x}{number:016x}")
    return {"_id": key, "meter": f"M{number}", "zone": "north" if number % 4 else None, "readings": readings}


def project(folder: Path, url: str, **usage: Any) -> Settings:
    text = PROJECT.format(url=url, usage=json.dumps({**USAGE, **usage}))
    (folder / "billflow.yaml").write_text(text, encoding="utf-8")
    return load_settings(folder, {})


def delivered(settings: Settings, collection: str = "meters") -> MongoDelivery:
    found = [one for one in deliveries(settings).values() if isinstance(one, MongoDelivery)]
    return next(one for one in found if one.documents.collection == collection)


def test_documents_are_rows_with_all_their_digits(spark: SparkSession, server: Mongo, tmp_path: Path) -> None:
    with delivered(project(tmp_path, server.url)).opened(spark) as (rows, *_):
        assert delivered_columns(rows) == ["_id", "meter", "readings", "zone"]
        found = {row["meter"]: row for row in rows.collect()}
    assert len(found) == 41
    assert {row[FILE] for row in found.values()} == {"meters"}
    assert len({row[ROW] for row in found.values()}) == 41
    assert found["M40"]["_id"] == "by hand"
    small, other = found["M7"]["readings"]
    assert (small["no"], small["kwh"]) == (2**53 + 1, Decimal("0.000000000001"))
    assert (other["at"], other["kwh"]) == ("2024-01-01T07:15:00.007Z", Decimal("7.5"))


def test_lists_unfold_to_usage(spark: SparkSession, server: Mongo, tmp_path: Path) -> None:
    settings = project(tmp_path, server.url)
    mapping = settings.sources[0].mappings("usage")[0]
    with delivered(settings).opened(spark) as (rows, *_):
        mapped = map_rows(rows, mapping, "usage", timezone="Europe/Vienna", where="y")
        found = mapped.orderBy("event_time", "usage_id").collect()
    assert len(found) == 82
    assert sum(row["quantity"] for row in found) == sum(Decimal(f"{n}.5") for n in range(41)) + 41 * Decimal("1E-12")
    assert found[1].asDict() | {"usage_id": "", "_row": 0} == {
        "usage_id": "",
        "subscription_id": "M0",
        "metric": "kwh",
        "quantity": Decimal("0.500000000000"),
        "event_time": datetime(2024, 1, 1, 0, 15, 0, 7000),  # noqa: DTZ001  # UTC, as Spark's session has it
        "arrived_at": None,
        "dimensions": {},
        "replaces": None,
        "_row": 0,
        "_file": "meters",
        "_failed": [],
        "_malformed": False,
    }


def test_customers_with_empty_and_missing_lists(spark: SparkSession, server: Mongo, tmp_path: Path) -> None:
    settings = project(tmp_path, server.url)
    with opened_deliveries(spark, settings) as opened:
        assert sorted(one.documents.collection for one in opened if isinstance(one, MongoDelivery)) == [
            "meters",
            "people",
        ]
        [people] = [found.frame for one, found in opened.items() if "people" in one.sample()]
        counts = [
            map_rows(people, mapping, table, timezone="Europe/Vienna", where="y").count()
            for table in ("customers", "subscriptions")
            for mapping in settings.sources[0].mappings(table)
        ]
    assert counts == [3, 1]


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_parts_have_each_document_once(server: Mongo, parts: int) -> None:
    filters = key_ranges(server.app.meters, {}, parts)
    found = [[one["meter"] for one in server.app.meters.find(one_filter)] for one_filter in filters]
    assert len(filters) == parts + 1
    assert sorted(name for part in found for name in part) == sorted(f"M{number}" for number in range(41))
    assert found[-1] == ["M40"]
    assert all(found)


def test_a_filter_is_mongodbs(spark: SparkSession, server: Mongo, tmp_path: Path) -> None:
    chosen = {
        "readings.at": {"$gte": {"$date": "2024-01-02T00:00:00Z"}},
        "zone": {"$ne": None},
        "readings.no": {"$gt": 1.5},
    }
    with delivered(project(tmp_path, server.url, where=chosen)).opened(spark) as (rows, *_):
        assert sorted(row["meter"] for row in rows.collect()) == sorted(
            f"M{number}" for number in range(24, 41) if number % 4
        )


def test_only_the_fields_that_are_named_are_sent(spark: SparkSession, server: Mongo, tmp_path: Path) -> None:
    settings = project(tmp_path, server.url, only=["meter", "readings.no"], where={"zone": "north"})
    with delivered(settings).opened(spark) as (rows, *_):
        assert delivered_columns(rows) == ["_id", "meter", "readings"]
        assert [one.asDict() for one in rows.where("meter = 'M7'").collect()[0]["readings"]] == [
            {"no": 2**53 + 1},
            {"no": 2},
        ]


def test_no_documents_have_no_columns(spark: SparkSession, server: Mongo, tmp_path: Path) -> None:
    with delivered(project(tmp_path, server.url, collection="nothing"), "nothing").opened(spark) as (rows, *_):
        assert delivered_columns(rows) == []
        assert rows.where(f"{CORRUPT} is null").count() == 0


def test_only_lists_unfold(spark: SparkSession, server: Mongo, tmp_path: Path) -> None:
    settings = project(tmp_path, server.url, collection="broken")
    told = "'readings' is not a column with lists: it is string"
    with pytest.raises(SettingsError, match=told) as caught, opened_deliveries(spark, settings):
        pass
    assert caught.value.where.endswith("sources.app.tables.usage.unfold")


def test_a_mistake_and_a_server_that_is_away(server: Mongo, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the database refuses"):
        check_sources(project(tmp_path, server.url, where={"$nope": 1}))
    away = "mongodb://app:secret@127.0.0.1:1/app?serverSelectionTimeoutMS=200"
    with pytest.raises(PassingError, match="the database does not answer") as caught:
        check_sources(project(tmp_path, away))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [("mongodb://u:secret@db", "names no database"), ("http://u:secret@db/x", "must begin with mongodb")],
)
def test_a_url_that_is_none_is_not_shown(tmp_path: Path, url: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        project(tmp_path, url)
    assert "secret" not in str(caught.value)


def test_a_watermark_tells_whether_documents_have_changed(server: Mongo, tmp_path: Path) -> None:
    assert state(project(tmp_path, server.url)) is None
    one = delivered(project(tmp_path, server.url, watermark="meter"))
    before = one.state()
    assert one.state() == before
    server.app.meters.insert_one({**meter(41), "meter": "Z"})
    assert one.state() != before
    server.app.meters.delete_one({"meter": "Z"})
    assert one.state() == before


NOON = datetime(2024, 2, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("overlap", "highest", "lowest"),
    [
        ("90 minutes", NOON, NOON - timedelta(minutes=90)),
        (None, NOON, NOON - timedelta(hours=1)),
        ("2", 10, 8),
        ("2.5", Int64(10), 7),
        ("2.5", Decimal128("10.25"), Decimal128("7.75")),
        ("2", 10.5, 8.5),
        ("0", "z", "z"),
    ],
)
def test_newer(overlap: str | None, highest: Any, lowest: Any) -> None:
    watermark = Watermark(column="changed.at", key="_id", overlap=overlap)
    kept = highest_of({"changed": {"at": highest}}, watermark, "y")
    assert newer(watermark, kept) == {"$or": [{"changed.at": {"$gte": lowest}}, {"changed.at": None}]}


def test_newer_than_nothing() -> None:
    watermark = Watermark(column="at", key="_id")
    assert [highest_of(one, watermark, "y") for one in (None, {}, {"at": None})] == [None] * 3
    assert newer(watermark, None) == {}


def test_only_documents_that_are_new_or_changed_are_read(spark: SparkSession, server: Mongo, tmp_path: Path) -> None:
    changing, watermark = server.app.changing, {"column": "changed.at", "key": "_id", "overlap": "2 minutes"}

    def value(minute: int) -> datetime:
        return NOON + timedelta(minutes=minute)

    changing.insert_many([{"_id": at, "kwh": at, "changed": {"at": value(at)}} for at in range(1, 11)])
    columns = {**COLUMNS, "usage_id": "_id", "subscription_id": "_id", "quantity": "kwh", "event_time": "'2024-01-01'"}
    reader = Reader(spark, tmp_path)
    reader.says({"kind": "mongodb", "url": server.url}, collection="changing", watermark=watermark, columns=columns)
    assert told(reader.read()) == (10, 0, "nothing was read of it before")
    changing.update_one({"_id": 3}, {"$set": {"kwh": 33, "changed": {"at": value(11)}}})
    changing.insert_many([{"_id": 11, "kwh": 1, "changed": {"at": value(12)}}, {"_id": 12, "kwh": 1}])
    assert told(reader.read()) == (6, 6, "")
    changing.delete_one({"_id": 5})
    assert told(reader.read()) == (11, 0, "the source has 11 rows, and 12 were known")


def test_a_watermark_of_another_type_is_told(spark: SparkSession, server: Mongo, tmp_path: Path) -> None:
    settings = project(tmp_path, server.url, watermark={"column": "meter", "key": "_id"})
    with pytest.raises(SettingsError, match="'meter' is a text") as caught, delivered(settings).opened(spark):
        pass
    assert caught.value.where == f"{tmp_path}/billflow.yaml: sources.app.watermark.overlap"


def test_what_json_does_not_have_is_text() -> None:
    found = exact_json(
        plain({"a": float("nan"), "b": Decimal128("Infinity"), "c": 1e22, "d": b"\x00\xff", "e": None, "f": 0.1})
    )
    assert json.loads(found, parse_float=str, parse_int=str) == {
        "a": "NaN",
        "b": "Infinity",
        "c": "10000000000000000000000",
        "d": "00ff",
        "e": None,
        "f": "0.1",
    }
