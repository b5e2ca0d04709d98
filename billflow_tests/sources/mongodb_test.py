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
from billflow.settings import Settings, load_settings
from billflow.sources.deliveries import check_sources, deliveries, state
from billflow.sources.mapping import map_rows
from billflow.sources.mongodb import MongoDelivery, key_ranges, plain
from billflow.sources.opening import opened_deliveries
from billflow.sources.raw import CORRUPT, FILE, ROW, delivered_columns
from billflow_tests.servers.mongo import Mongo

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
