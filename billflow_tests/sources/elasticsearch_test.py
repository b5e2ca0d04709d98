"""Documents of real OpenSearch and Elasticsearch nodes: exact values, one moment, parts, queries, errors, TLS."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from billflow.errors import PassingError, SettingsError
from billflow.settings import Settings, load_settings
from billflow.sources import elasticsearch
from billflow.sources.deliveries import check_sources, deliveries, state
from billflow.sources.elasticsearch import SearchDelivery, Slice
from billflow.sources.mapping import map_rows
from billflow.sources.opening import opened_deliveries
from billflow.sources.raw import CORRUPT, FILE, ROW, delivered_columns
from billflow.sources.search_server import Documents, SearchServer
from billflow_tests.servers.relay import certified, relayed
from billflow_tests.servers.search import SearchNode

pytestmark = pytest.mark.slow

PROJECT = """
project: acme
currency: EUR
timezone: Europe/Vienna
seller: {{name: Acme}}
cycles: {{c01: {{day: 1}}}}
sources:
  - name: app
    kind: elasticsearch
    url: "{url}"
    tables:
      customers: {{index: people, columns: {{account_id: _id, name: name}}}}
      subscriptions:
        index: people
        unfold: contracts
        columns: {{subscription_id: contracts.id, account_id: _id, plan: contracts.plan, start_date: contracts.since}}
      usage: {usage}
"""
USAGE = {
    "index": "meters",
    "unfold": "readings",
    "columns": {
        "usage_id": "concat_ws('-', _id, readings.no)",
        "subscription_id": "meter",
        "metric": "'kwh'",
        "quantity": "readings.kwh",
        "event_time": "readings.at",
        "dimensions": "map('zone', place.zone)",
    },
}


@pytest.fixture(scope="module", params=["opensearch", "elasticsearch"])
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchNode]:
    started = SearchNode(tmp_path_factory.mktemp(request.param), request.param)
    people = {
        "A1": '{"name": "Ngọc", "contracts": [{"id": "S1", "plan": "home", "since": "2024-01-01"}]}',
        "A2": '{"name": "Bo", "contracts": []}',
        "A3": '{"name": "Cy"}',
    }
    started.make("people", people)
    started.make("meters", {f"m{number}": meter(number) for number in range(41)}, shards=3, meter="keyword")
    started.make("broken", {"1": '{"readings": "none"}'})
    started.make("usage-1", {f"{number}": f'{{"no": {number}}}' for number in range(60)}, shards=3)
    started.make("usage-2", {f"{number}": f'{{"no": {100 + number}}}' for number in range(40)}, shards=2)
    started.make("nothing", {})
    yield started
    started.stop()


def meter(number: int) -> str:
    """JSON that no double can hold."""
    at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    zone = '"north"' if number % 4 else "null"
    readings = f"""[{{"no": {2**53 + 1}, "kwh": 0.000000000001, "at": "{at:%Y-%m-%dT%H:%M:%SZ}"}},
        {{"no": 2, "kwh": {number}.50, "at": "{at:%Y-%m-%dT%H}:15:00.007+01:00"}}]"""
    text = f'{{"meter": "M{number}", "no": {number}, "place": {{"zone": {zone}}}, "readings": {readings}}}'
    return " ".join(text.split())


def project(folder: Path, url: str, **usage: Any) -> Settings:
    text = PROJECT.format(url=url, usage=json.dumps({**USAGE, **usage}))
    (folder / "billflow.yaml").write_text(text, encoding="utf-8")
    return load_settings(folder, {})


def delivered(settings: Settings, index: str = "meters") -> SearchDelivery:
    found = [one for one in deliveries(settings).values() if isinstance(one, SearchDelivery)]
    return next(one for one in found if one.documents.index == index)


def test_documents_are_rows_with_all_their_digits(spark: SparkSession, node: SearchNode, tmp_path: Path) -> None:
    with delivered(project(tmp_path, node.url)).opened(spark) as (rows, *_):
        assert delivered_columns(rows) == ["_id", "_index", "meter", "no", "place", "readings"]
        found = {row["_id"]: row for row in rows.collect()}
    assert len(found) == 41
    assert {(row[FILE], row["_index"], row[CORRUPT]) for row in found.values()} == {("meters", "meters", None)}
    assert len({row[ROW] for row in found.values()}) == 41
    small, other = found["m7"]["readings"]
    assert (small["no"], small["kwh"]) == (2**53 + 1, Decimal("0.000000000001"))
    assert (other["at"], other["kwh"]) == ("2024-01-01T07:15:00.007+01:00", Decimal("7.5"))


def test_lists_unfold_to_usage(spark: SparkSession, node: SearchNode, tmp_path: Path) -> None:
    settings = project(tmp_path, node.url)
    mapping = settings.sources[0].mappings("usage")[0]
    with delivered(settings).opened(spark) as (rows, *_):
        mapped = map_rows(rows, mapping, "usage", timezone="Europe/Vienna", where="y")
        found = {row["usage_id"]: row for row in mapped.collect()}
    assert len(found) == 82
    assert sum(row["quantity"] for row in found.values()) == sum(range(41)) + 41 * Decimal("0.500000000001")
    one = found["m1-2"]
    assert (one["subscription_id"], one["dimensions"]) == ("M1", {"zone": "north"})
    assert one["event_time"] == datetime(2024, 1, 1, 0, 15, 0, 7000)  # noqa: DTZ001  # UTC, as Spark's session has it


def test_customers_with_empty_and_missing_lists(spark: SparkSession, node: SearchNode, tmp_path: Path) -> None:
    settings = project(tmp_path, node.url)
    with opened_deliveries(spark, settings) as opened:
        [people] = [found.frame for one, found in opened.items() if "people" in one.sample()]
        counts = [
            map_rows(people, mapping, table, timezone="Europe/Vienna", where="y").count()
            for table in ("customers", "subscriptions")
            for mapping in settings.sources[0].mappings(table)
        ]
    assert counts == [3, 1]


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("size", [2, 7, 1000])
def test_slices_have_each_document_once(node: SearchNode, count: int, size: int) -> None:
    """Five shards in two indices, whose documents have the same numbers; a page may be smaller than there are shards."""
    documents = Documents(node.url, "usage-*", "{}", "y")
    with SearchServer(documents) as server:
        server.found(size=0)
        with server.moment() as moment:
            slices = [Slice(documents, moment, part, count) for part in range(count)]
            found = [[hit["_source"]["no"] for page in one.hits(server, size) for hit in page] for one in slices]
    assert sorted(number for part in found for number in part) == [*range(60), *range(100, 140)]
    assert count == 7 or all(found)


@pytest.mark.parametrize("size", [2, 3, 7])
def test_documents_of_one_id_that_are_routed_apart_are_all_there(node: SearchNode, size: int) -> None:
    """Each of three shards gets its own documents 0 to 9, which have the same numbers."""
    index = f"routed-{size}"
    node.make(index, {}, shards=3)
    shard_of = {route: node.ask("GET", f"{index}/_search_shards?routing={route}")["shards"] for route in "abcdefgh"}
    for route in {shards[0][0]["shard"]: route for route, shards in shard_of.items()}.values():
        lines = [f'{{"index": {{"_id": "{n}", "routing": "{route}"}}}}\n{{"no": "{route}{n}"}}\n' for n in range(10)]
        assert not node.ask("POST", f"{index}/_bulk?refresh=true", "".join(lines))["errors"]
    count = node.ask("GET", f"{index}/_count")["count"]
    assert count > 10
    documents = Documents(node.url, index, "{}", "y")
    with SearchServer(documents) as server:
        server.found(size=0)
        with server.moment() as moment:
            found = [hit["_source"]["no"] for page in Slice(documents, moment).hits(server, size) for hit in page]
    assert len(found) == len(set(found)) == count


def test_rows_that_come_while_it_is_read_are_not_seen(
    spark: SparkSession, node: SearchNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elasticsearch, "_PAGE", 20)
    settings = project(
        tmp_path, node.url, unfold=None, columns={**USAGE["columns"], "usage_id": "_id"}, index="usage-*"
    )
    found = SearchServer.moment

    @contextmanager
    def then_changed(server: SearchServer) -> Iterator[str]:
        with found(server) as moment:
            node.add("usage-1", {"3": '{"no": 999}', "late": '{"no": 1000}'})
            node.ask("DELETE", "usage-2/_doc/7?refresh=true")
            yield moment

    monkeypatch.setattr(SearchServer, "moment", then_changed)
    with delivered(settings, "usage-*").opened(spark) as (rows, *_):
        assert rows.rdd.getNumPartitions() == spark.sparkContext.defaultParallelism == 2
        assert sorted(row["no"] for row in rows.select("no").collect()) == [*range(60), *range(100, 140)]
    node.ask("DELETE", "usage-1/_doc/late?refresh=true")
    node.add("usage-1", {"3": '{"no": 3}'})
    node.add("usage-2", {"7": '{"no": 107}'})


def test_a_query_is_the_engines(spark: SparkSession, node: SearchNode, tmp_path: Path) -> None:
    chosen = {
        "bool": {
            "filter": [{"range": {"readings.at": {"gte": "2024-01-02"}}}, {"range": {"readings.kwh": {"lt": 30.75}}}],
            "must": {"exists": {"field": "place.zone"}},
        }
    }
    with delivered(project(tmp_path, node.url, where=chosen)).opened(spark) as (rows, *_):
        assert sorted(row["no"] for row in rows.collect()) == [n for n in range(24, 41) if n % 4]


def test_only_the_fields_that_are_named_are_sent(spark: SparkSession, node: SearchNode, tmp_path: Path) -> None:
    settings = project(tmp_path, node.url, only=["no", "place.zone"], where={"range": {"no": {"gte": 39}}})
    with delivered(settings).opened(spark) as (rows, *_):
        assert delivered_columns(rows) == ["_id", "_index", "no", "place"]
        assert {row["no"]: row["place"] for row in rows.collect()}[39] == ("north",)


def test_no_documents_have_no_columns(spark: SparkSession, node: SearchNode, tmp_path: Path) -> None:
    with delivered(project(tmp_path, node.url, index="nothing"), "nothing").opened(spark) as (rows, *_):
        assert delivered_columns(rows) == []
        assert rows.where(f"{CORRUPT} is null").count() == 0


def test_a_watermark_tells_whether_documents_have_changed(node: SearchNode, tmp_path: Path) -> None:
    assert state(project(tmp_path, node.url)) is None
    one = delivered(project(tmp_path, node.url, watermark="no"))
    before = one.state()
    assert before is not None
    assert before[-2:] == [41, "40"]
    assert one.state() == before
    node.add("meters", {"new": '{"no": 9007199254740993}'})
    assert one.state()[-2:] == [42, "9007199254740993"]
    node.ask("DELETE", "meters/_doc/new?refresh=true")
    assert one.state() == before
    assert delivered(project(tmp_path, node.url, watermark="meter")).state()[-1] == "M9"
    with pytest.raises(SettingsError, match="no document of meters has the field 'nope'"):
        delivered(project(tmp_path, node.url, watermark="nope")).state()


def test_a_lost_connection_is_made_again_and_no_row_comes_twice(
    spark: SparkSession, node: SearchNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay cuts two connections while pages are asked for."""
    monkeypatch.setattr(elasticsearch, "_PAGE", 20)
    changed = {"unfold": None, "index": "usage-*", "columns": {**USAGE["columns"], "usage_id": "_id"}}
    with relayed(node.port) as (port, cuts):
        settings = project(tmp_path, node.url.replace(str(node.port), str(port)), **changed)
        one = delivered(settings, "usage-*")
        one.check()
        monkeypatch.setattr(SearchServer, "moment", cutting(cuts, SearchServer.moment))
        with one.opened(spark) as (rows, *_):
            assert sorted(row["no"] for row in rows.select("no").collect()) == [*range(60), *range(100, 140)]
    assert cuts == []


def test_a_moment_that_is_lost_is_worth_another_try(node: SearchNode) -> None:
    documents = Documents(node.url, "meters", "{}", "y")
    with SearchServer(documents) as server:
        server.found(size=0)
        with server.moment() as moment:
            pass
        with pytest.raises(PassingError, match="search_context_missing_exception"):
            next(Slice(documents, moment).hits(server))


MISTAKES = {
    "an index that is not there": ({"index": "nope"}, "404 index_not_found_exception: no such index"),
    "a query that is none": ({"where": {"nope": {}}}, "400 parsing_exception: unknown query"),
    "a list that is none": ({"index": "broken"}, "'readings' is not a column with lists: it is string"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_its_place(spark: SparkSession, node: SearchNode, tmp_path: Path, mistake: str) -> None:
    changed, told = MISTAKES[mistake]
    settings = project(tmp_path, node.url, **changed)
    with pytest.raises(SettingsError) as caught, opened_deliveries(spark, settings):
        pass
    assert told in str(caught.value)
    assert caught.value.where.startswith(f"{tmp_path}/billflow.yaml: sources.app")


def test_no_error_plan_or_sample_shows_the_password(spark: SparkSession, node: SearchNode, tmp_path: Path) -> None:
    settings = project(tmp_path, node.url)
    people = delivered(settings, "people")
    assert people.sample().startswith(f"people of http://bill:…@127.0.0.1:{node.port}: {{")
    with people.opened(spark) as (rows, *_):
        plan = rows._jdf.queryExecution().toString()
    wrong = project(tmp_path, node.url.replace("p%C3%A1ss", "other"))
    with pytest.raises(SettingsError, match="the database refuses: 401 Unauthorized") as refused:
        check_sources(wrong)
    with pytest.raises(PassingError, match="does not answer") as away:
        check_sources(project(tmp_path, node.url.replace(str(node.port), "1")))
    shown = [
        plan,
        people.sample(),
        repr(people),
        repr(settings),
        settings.model_dump_json(),
        *map(str, (refused.value, away.value)),
    ]
    assert not [text for text in shown for secret in ("%C3", "páss", "other%20word", "other word") if secret in text]


def test_certificates_are_checked(node: SearchNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = certified(tmp_path)
    with relayed(node.port, authority) as (port, _):
        settings = project(tmp_path, node.url.replace("http:", "https:").replace(str(node.port), str(port)))
        with pytest.raises(SettingsError, match=r"no trusted connection: .*CERTIFICATE_VERIFY_FAILED") as caught:
            check_sources(settings)
        assert "REQUESTS_CA_BUNDLE" in caught.value.remedy
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
        check_sources(settings)


def cutting(cuts: list[int], moment: Any) -> Any:
    """From a point in time on, two connections are cut."""

    @contextmanager
    def opened(server: SearchServer) -> Iterator[str]:
        with moment(server) as found:
            cuts.extend([1, 1])
            yield found

    return opened
