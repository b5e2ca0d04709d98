"""Reading only what is new: whatever happens to a source, raw rows are those that a read of all rows gives."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from billflow.errors import SettingsError
from billflow.lake.delivered import Delivered
from billflow.lake.staging import Staging
from billflow.lake.storage import LocalStorage
from billflow.settings import load_settings
from billflow.sources.delivering import RawTables, Read, deliver, segment_folder
from billflow.sources.drift import KnownColumns, columns_of
from billflow.sources.opening import Earlier, expressions_read, opened_deliveries
from billflow.sources.raw import ROW
from billflow_tests.servers.postgres import Postgres

HEAD = """
project: acme
currency: EUR
timezone: Europe/Vienna
seller: {name: Acme}
cycles: {c01: {day: 1}}
sources:
  - name: crm
    kind: files
    format: csv
    tables:
      customers: {path: crm.csv, columns: {account_id: id, name: id}}
      subscriptions: {path: crm.csv, columns: {subscription_id: id, account_id: id, plan: "'p'", start_date: since}}
"""
COLUMNS = {"usage_id": "id", "subscription_id": "line", "metric": "'kwh'", "quantity": "n", "event_time": "at"}


def write_project(folder: Path, source: Mapping[str, Any], **usage: Any) -> None:
    """A project with one source of usage."""
    tables = {"usage": {"columns": COLUMNS, **usage}}
    text = f"{HEAD}  - {json.dumps({'name': 'meters', **source, 'tables': tables})}\n"
    (folder / "billflow.yaml").write_text(text, encoding="utf-8")
    (folder / "crm.csv").write_text("id,since\n1,2024-01-01\n")


class Reader:
    """A project of one source of usage, read again and again."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder, self.runs = spark, folder, 0
        self.storage = LocalStorage(str(folder / "lake"))
        self.known: dict[str, Delivered] = {}
        self.columns: dict[str, KnownColumns] = {}

    def says(self, source: Mapping[str, Any], **usage: Any) -> "Reader":
        """Writes billflow.yaml anew."""
        write_project(self.folder, source, **usage)
        return self

    def read(self, *, whole: bool = False) -> Read:
        """Reads what is new, and compares all that stands then with what a read of all rows gives."""
        self.runs += 1
        settings, staging = load_settings(self.folder, {}), Staging.begin(self.storage, f"r{self.runs}")
        earlier = Earlier(self.storage, self.columns, self.known, whole)
        with opened_deliveries(self.spark, settings, earlier) as opened:
            usage = {one: found for one, found in opened.items() if one.source == "meters"}
            [(name, read)] = deliver(usage, staging).items()
        raw = RawTables(self.spark, staging).rows(name)
        [delivery] = usage
        with delivery.opened(self.spark) as (expected, *_):
            assert _texts(raw.drop(ROW)) == _texts(expected.drop(ROW))
        numbers = [row[ROW] for row in raw.select(ROW).collect()]
        assert len(set(numbers)) == len(numbers) == read.table.rows
        self._publish(name, read, KnownColumns(columns_of(raw), expressions_read(settings)[name]), staging)
        return read

    def _publish(self, name: str, read: Read, columns: KnownColumns, staging: Staging) -> None:
        self.known, self.columns = {name: read.table}, {name: columns}
        own = segment_folder(name, staging.run_id)
        if own in [one.path for one in read.table.segments]:
            self.storage.rename(staging.place(f"raw/{name}"), own)


def _texts(rows: DataFrame) -> Counter[str]:
    return Counter(str(sorted(row.asDict(recursive=True).items())) for row in rows.collect())


def told(read: Read) -> tuple[int, int, str]:
    """Rows read, rows kept, and why all were read."""
    return read.rows, read.kept, read.why_whole


# --- Databases ------------------------------------------------------------------------------------------------------

WATERMARK = {"column": "changed", "key": "id", "overlap": "10 minutes"}
TABLE = {"table": "used", "partition_by": "id"}
ANOTHER = "its mapping, its source or the version of billflow is another one"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    started = Postgres(tmp_path_factory.mktemp("postgres"))
    yield started
    started.stop()


@pytest.fixture
def used(server: Postgres) -> dict[str, str]:
    """The source, with 100 rows that have changed at 08:00 to 09:39."""
    server.do(
        "drop table if exists used",
        "create table used (id bigint, line text, n numeric(12,3), at timestamptz, changed timestamptz, no bigint)",
        "insert into used select g, 'l', g, '2024-01-01 00:00:00+00', "
        "timestamptz '2024-02-01 08:00:00+00' + (g - 1) * interval '1 minute', g from generate_series(1, 100) g",
    )
    return {"kind": "sql", "url": server.url}


def test_a_database_is_read_from_its_watermark_on(
    spark: SparkSession, server: Postgres, used: dict[str, str], tmp_path: Path
) -> None:
    reader = Reader(spark, tmp_path).says(used, **TABLE, watermark=WATERMARK)
    assert told(reader.read()) == (100, 0, "nothing was read of it before")
    steps = [
        (
            "a new row, and a changed one",
            """insert into used values (101, 'l', 1, now(), '2024-02-01 10:00:00+00', 1);
            update used set n = 7.5, changed = '2024-02-01 10:01:00+00' where id = 3""",
            (13, 88, ""),
        ),
        (
            "one whose transaction has ended late, and one that has no time",
            "insert into used values (102, 'l', 2, now(), '2024-02-01 09:52:00+00', 2), (103, 'l', 3, now(), null, 3)",
            (4, 99, ""),
        ),
        (
            "a row that is gone",
            "delete from used where id = 50",
            (102, 0, "the source has 102 rows, and 103 were known"),
        ),
        ("a column more", "alter table used add note text", (102, 0, "its columns may have changed")),
    ]
    assert [(what, _after(server, statement, reader)) for what, statement, _ in steps] == [
        (what, expected) for what, _, expected in steps
    ]
    reader.says(used, **TABLE, watermark=WATERMARK, columns={**COLUMNS, "quantity": "n * 2"})
    assert told(reader.read()) == (102, 0, ANOTHER)
    assert told(reader.read()) == (4, 98, "")


def _after(server: Postgres, statement: str, reader: Reader) -> tuple[int, int, str]:
    server.do(statement)
    return told(reader.read())


def test_a_number_is_a_watermark_and_several_columns_are_a_key(
    spark: SparkSession, server: Postgres, used: dict[str, str], tmp_path: Path
) -> None:
    watermark = {"column": "no", "key": ["id", "line"], "overlap": 5}
    reader = Reader(spark, tmp_path).says(used, **TABLE, watermark=watermark)
    reader.read()
    server.do("insert into used values (100, 'other', 4, now(), now(), 101)")
    assert told(reader.read()) == (7, 94, "")
    server.do("update used set n = 9, no = 102 where line = 'other'", "update used set n = 8, no = 103 where id = 1")
    assert told(reader.read()) == (7, 94, "")


def test_rows_without_a_key_are_read_whole(spark: SparkSession, used: dict[str, str], tmp_path: Path) -> None:
    reader = Reader(spark, tmp_path).says(used, **TABLE, watermark="changed")
    assert [told(reader.read()) for _ in range(2)] == [(100, 0, "its mapping names no key beside a watermark")] * 2


def test_a_key_that_is_none_is_noticed(spark: SparkSession, used: dict[str, str], tmp_path: Path) -> None:
    reader = Reader(spark, tmp_path).says(used, **TABLE, watermark={**WATERMARK, "key": "line"})
    reader.read()
    assert told(reader.read()) == (100, 0, "the source has 100 rows, and 11 were known")


@pytest.mark.parametrize(
    ("watermark", "place", "what"),
    [
        ({"column": "nope", "key": "id"}, "column", "no column 'nope'"),
        ({"column": "changed", "key": "nope"}, "key", "no column 'nope'"),
        ({"column": "no", "key": "id"}, "overlap", "is a number"),
        ({"column": "no", "key": "id", "overlap": "1 hour"}, "overlap", "is a number"),
        ({"column": "line", "key": "id"}, "overlap", "is a text"),
    ],
)
def test_a_mistake_names_its_place(
    spark: SparkSession, used: dict[str, str], tmp_path: Path, watermark: dict[str, str], place: str, what: str
) -> None:
    reader = Reader(spark, tmp_path).says(used, **TABLE, watermark=watermark)
    with pytest.raises(SettingsError, match=what) as caught:
        reader.read()
    assert caught.value.where is not None
    assert caught.value.where.endswith(f".watermark.{place}")


def test_what_is_gone_from_the_lake_is_read_again(spark: SparkSession, used: dict[str, str], tmp_path: Path) -> None:
    reader = Reader(spark, tmp_path).says(used, **TABLE, watermark=WATERMARK)
    [segment] = reader.read().table.segments
    reader.storage.delete(segment.path)
    assert reader.read().why_whole == "what was read of it before is gone"


# --- Files ----------------------------------------------------------------------------------------------------------

ROWS = ("id", "line", "n", "at")


def write(folder: Path, name: str, *rows: tuple[str, ...], head: tuple[str, ...] = ROWS) -> None:
    """A file of the format that its name says."""
    file = folder / "in" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    records = [dict(zip(head, row, strict=True)) for row in rows]
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records, pa.schema([(one, pa.string()) for one in head])), file)
    elif file.suffix == ".json":
        file.write_text("".join(f"{json.dumps(one)}\n" for one in records))
    else:
        file.write_text("\n".join(map(",".join, [head, *rows])) + "\n")


def day(number: int, n: str = "1.5") -> list[tuple[str, ...]]:
    return [(f"{number}-{at}", "l", n, f"2024-01-{number:02} 0{at}:00:00") for at in range(3)]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_only_new_and_changed_files_are_read(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    reader = Reader(spark, tmp_path).says({"kind": "files", "format": kind}, path=f"in/**/*.{kind}")
    for number in (1, 2, 3):
        write(tmp_path, f"{number}.{kind}", *day(number))
    assert told(reader.read()) == (9, 0, "nothing was read of it before")
    assert told(reader.read()) == (0, 9, "")
    write(tmp_path, f"4 new+%.{kind}", *day(4))
    assert told(reader.read()) == (3, 9, "")
    write(tmp_path, f"2.{kind}", *day(2, "2.5"), *day(5))
    assert told(reader.read()) == (6, 9, "")
    write(tmp_path, f"deep/3.{kind}", *day(6))
    (tmp_path / f"in/4 new+%.{kind}").unlink()
    assert told(reader.read()) == (3, 12, "")
    (tmp_path / f"in/3.{kind}").unlink()
    assert told(reader.read()) == (12, 0, "its columns may have changed")  # who knows which file had which column
    assert told(reader.read(whole=True)) == (12, 0, "it was asked for")


def test_files_of_one_name_in_several_folders(spark: SparkSession, tmp_path: Path) -> None:
    reader = Reader(spark, tmp_path).says({"kind": "files", "format": "csv"}, path="in/**/*.csv")
    for number in (1, 2, 3):
        write(tmp_path, f"{number}/day.csv", *day(number))
    reader.read()
    write(tmp_path, "2/day.csv", *day(2, "7"))
    assert told(reader.read()) == (9, 0, "")


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (("id", "line", "n", "at", "note"), "its columns may have changed"),
        (("at", "n", "line", "id"), ""),
        (("id", "n", "at"), ""),
    ],
)
def test_columns_of_new_files(spark: SparkSession, tmp_path: Path, head: tuple[str, ...], why: str) -> None:
    reader = Reader(spark, tmp_path).says({"kind": "files", "format": "csv"}, path="in/*.csv")
    write(tmp_path, "1.csv", *day(1))
    reader.read()
    write(tmp_path, "2.csv", tuple("1" for _ in head), head=head)
    assert reader.read().why_whole == why


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ('{"id": 2, "n": 1.5}', ""),
        ('{"id": 2, "n": 1, "tags": {"a": "x"}}', "its columns may have changed"),  # 1 is a whole number
        ('{"id": 2, "n": 10.25, "tags": {"a": "x"}}', ""),
        ('{"id": 2, "n": 10.255}', "its columns may have changed"),
        ('{"id": "two"}', "its columns may have changed"),
        ('{"id": 3, "n": null, "tags": {"b": "x", "a": null}}', ""),
        ('{"id": 3, "tags": {"c": "x"}}', "its columns may have changed"),
        ("{broken", ""),
    ],
)
def test_numbers_and_fields_of_new_json(spark: SparkSession, tmp_path: Path, lines: str, why: str) -> None:
    columns = {**COLUMNS, "subscription_id": "id", "event_time": "'2024-01-01'"}
    reader = Reader(spark, tmp_path).says({"kind": "files", "format": "json"}, path="in/*.json", columns=columns)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.json").write_text('{"id": 1, "n": 100.25, "tags": {"a": "x", "b": "y"}}\n')
    reader.read()
    (tmp_path / "in" / "2.json").write_text(f"{lines}\n")
    assert reader.read().why_whole == why


def test_after_many_pieces_all_is_read(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billflow.sources.increments.MOST_SEGMENTS", 3)
    reader = Reader(spark, tmp_path).says({"kind": "files", "format": "csv"}, path="in/*.csv")
    reasons = []
    for number in range(1, 6):
        write(tmp_path, f"{number}.csv", *day(number))
        reasons.append(reader.read().why_whole)
    assert reasons == ["nothing was read of it before", "", "", "it is in 3 pieces", ""]
