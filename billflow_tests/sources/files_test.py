"""Files as they are delivered: csv by RFC 4180, exact json, parquet; and errors that name the file."""

import glob
import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from billflow.errors import PassingError, SettingsError
from billflow.settings import Settings
from billflow.sources.deliveries import check_sources, deliveries, mappings, state, undisturbed
from billflow.sources.files import FileDelivery
from billflow.sources.raw import CORRUPT, FILE, ROW, delivered_columns

WHERE = "billflow.yaml: sources.s"
Content = str | bytes | Callable[[Path], None]


def put(folder: Path, files: dict[str, Content]) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        if callable(content):
            content(folder / name)
        else:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def delivery(folder: Path, path: str, kind: str) -> FileDelivery:
    return FileDelivery("s", str(folder / path), kind, WHERE)


def as_delivered(spark: SparkSession, one: FileDelivery) -> DataFrame:
    with one.opened(spark) as (rows, *_):
        return rows


def read(spark: SparkSession, folder: Path, kind: str, files: dict[str, Content], path: str = "*") -> list[Any]:
    """Rows as dicts of what they hold; a row that does not parse as its text alone."""
    put(folder, files)
    rows = as_delivered(spark, delivery(folder, path, kind)).collect()
    assert len({row[ROW] for row in rows}) == len(rows)
    shown = sorted(rows, key=lambda row: row[ROW])
    return [row[CORRUPT] or {k: v for k, v in row.asDict().items() if k not in (ROW, FILE, CORRUPT)} for row in shown]


def names(*pairs: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [{"id": key, "name": name} for key, name in pairs]


CSV = [
    ("plain", "id,name\n1,Ann\n2,Bob\n", names(("1", "Ann"), ("2", "Bob"))),
    ("no last line break", "id,name\n1,Ann", names(("1", "Ann"))),
    ("CRLF", "id,name\r\n1,Ann\r\n2,Bob\r\n", names(("1", "Ann"), ("2", "Bob"))),
    ("quotes", 'id,name\n1,"Ann, ""the"" one"\n"2",Bob\n', names(("1", 'Ann, "the" one'), ("2", "Bob"))),
    ("a break in a field", 'id,name\n1,"Ann\nLee"\n2,Bob\n', names(("1", "Ann\nLee"), ("2", "Bob"))),
    ("empty is null", 'id,name\n1,\n2,""\n,Bob\n', names(("1", None), ("2", None), (None, "Bob"))),
    ("words for nothing", "id,name\n1,NULL\n2,null\n3,NaN\n", names(("1", "NULL"), ("2", "null"), ("3", "NaN"))),
    ("spaces are kept", "id,name\n1, Ann \n", names(("1", " Ann "))),
    ("a backslash is a letter", 'id,name\n1,a\\\n2,"b\\"\n', names(("1", "a\\"), ("2", "b\\"))),
    ("no comments", "id,name\n#1,Ann\n", names(("#1", "Ann"))),
    ("a quote inside", 'id,name\n1,5" pipe\n', names(("1", '5" pipe'))),
    ("byte order mark", "\ufeffid,name\n1,Zoë\n", names(("1", "Zoë"))),
    ("mark and quotes", '\ufeff"id","name"\r\n1,Ann\r\n', names(("1", "Ann"))),
    ("only a header", "id,name\n", []),
    ("too few fields", "id,name\n1\n2,Bob\n", ["1", *names(("2", "Bob"))]),
    ("too many fields", "id,name\n1,Ann,x\n2,Bob\n", ["1,Ann,x", *names(("2", "Bob"))]),
    ("empty lines", "id,name\n\n1,Ann\n\n", names(("1", "Ann"))),
]


@pytest.mark.parametrize(("text", "rows"), [case[1:] for case in CSV], ids=[case[0] for case in CSV])
def test_csv(spark: SparkSession, tmp_path: Path, text: str, rows: list[Any]) -> None:
    assert read(spark, tmp_path / "in", "csv", {"a.csv": text}) == rows


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("used (kWh),a.b", ["used (kWh)", "a.b"]),
        ("x=y;z, b", ["x=y;z", " b"]),
        ('"a,b","c\nd"', ["a,b", "c\nd"]),
        ("date,2013", ["date", "2013"]),
        ("with`tick,b", ["with`tick", "b"]),
        ("id,", ["id", ""]),
    ],
)
def test_csv_headers(spark: SparkSession, tmp_path: Path, header: str, columns: list[str]) -> None:
    put(tmp_path / "in", {"a.csv": f"{header}\n1,2\n"})
    rows = as_delivered(spark, delivery(tmp_path / "in", "a.csv", "csv"))
    assert delivered_columns(rows) == columns
    assert tuple(rows.collect()[0])[:2] == ("1", "2")


@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [("a.csv", "csv", 5), ("a.json", "json", 5), ("a.csv.gz", "csv", 50), ("a", "parquet", 50)],
)
def test_size_is_that_of_text(tmp_path: Path, name: str, kind: str, size: int) -> None:
    (tmp_path / name).write_bytes(b"12345")
    assert delivery(tmp_path, name, kind).size == size


def test_csv_gzip(spark: SparkSession, tmp_path: Path) -> None:
    packed = gzip.compress('\ufeffid,name\n1,"Ann\nLee"\n'.encode())
    assert read(spark, tmp_path / "in", "csv", {"a.csv.gz": packed, "b.csv": "id,name\n2,Bob\n"}) == names(
        ("1", "Ann\nLee"), ("2", "Bob")
    )


def test_csv_files_of_one_glob_may_differ_in_columns(spark: SparkSession, tmp_path: Path) -> None:
    files = {"a.csv": "id,name\n1,Ann\n", "b.csv": "name,id\nBob,2\n", "c.csv": "extra,name,id\nx,Cid,3\n"}
    found = sorted(read(spark, tmp_path / "in", "csv", files), key=lambda row: row["id"])
    assert found == [
        {"id": "1", "name": "Ann", "extra": None},
        {"id": "2", "name": "Bob", "extra": None},
        {"id": "3", "name": "Cid", "extra": "x"},
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('id,name\n1,Ann\n2,"Bob\n3,Cid\n', 3),
        ('id,name\n1,"Ann\nLee"\n2,"Bob\n3,Cid', 4),
        ('id,name\n1,5" pipe"\n2,"' + "Bob\n3," * 50_000, 3),
        ('id,"name\n1,Ann\n', 1),
    ],
    ids=["a row", "after a break in a field", "longer than a field may be", "the header"],
)
@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())], ids=["plain", "gzip"])
def test_csv_with_a_quote_never_closed_is_refused(
    spark: SparkSession, tmp_path: Path, text: str, line: int, pack: Callable[[str], bytes]
) -> None:
    name = "b.csv.gz" if pack("")[:2] == b"\x1f\x8b" else "b.csv"
    with pytest.raises(SettingsError, match=rf"{name}, line {line}: a quote is opened in this row and never closed"):
        read(spark, tmp_path / "in", "csv", {"a.csv": "id,name\n", name: pack(text)})


DECIMALS = [
    ("0.1", Decimal("0.1")),
    ("1e-7", Decimal("1e-7")),
    ("12345678901234567890", Decimal(12345678901234567890)),
    ("0.30000000000000000000001", Decimal("0.30000000000000000000001")),
    ("-0.0", Decimal(0)),
    ("17", 17),
    ("1E3", Decimal(1000)),
]


def quantities(*texts: str) -> str:
    return "".join(f'{{"q": {text}}}\n' for text in texts)


@pytest.mark.parametrize(("text", "number"), DECIMALS)
def test_json_numbers_are_exact(spark: SparkSession, tmp_path: Path, text: str, number: Any) -> None:
    [row] = read(spark, tmp_path / "in", "json", {"a.json": quantities(text)})
    assert row["q"] == number
    assert not isinstance(row["q"], float)


def test_json_numbers_of_one_file_are_exact_together(spark: SparkSession, tmp_path: Path) -> None:
    rows = read(spark, tmp_path / "in", "json", {"a.json": quantities("0.1", "1e-7", "12345678901234567890")})
    assert [row["q"] for row in rows] == [Decimal("0.1"), Decimal("1e-7"), Decimal(12345678901234567890)]


@pytest.mark.parametrize("odd", ["1e-25", "1e40", "1e400", "123456789012345678901234567890123456789012345"])
def test_an_odd_json_number_changes_no_other(spark: SparkSession, tmp_path: Path, odd: str) -> None:
    """Its numbers are decimals, never doubles: one row out of range must not make the others inexact."""
    exact = "12345678901234567890.123"
    rows = read(spark, tmp_path / "in", "json", {"a.json": quantities(exact, odd)})
    assert len(rows) == 2
    assert Decimal(str(rows[0]["q"])) == Decimal(exact)


@pytest.mark.parametrize("odd", ['"abc"', '"NaN"', "true"])
def test_a_json_text_among_numbers_keeps_them_as_they_were_written(
    spark: SparkSession, tmp_path: Path, odd: str
) -> None:
    exact = ["12345678901234567890.123", "1e-7", "0.10"]
    rows = read(spark, tmp_path / "in", "json", {"a.json": quantities(*exact, odd)})
    assert [row["q"] for row in rows] == [*exact, odd.strip('"')]


TEXTS = [
    ("alone", '{"q":"007"}\n{"q":"7"}\n', ["007", "7"]),
    ("with zeros at the end", '{"q":"1.10"}\n{"q":"1.1"}\n', ["1.10", "1.1"]),
    ("beside numbers", '{"q":"007","n":1.5}\n{"q":"7","n":2}\n', ["007", "7"]),
    ("beside 1E1", '{"q":"007","n":1E1}\n{"q":"7","n":0.5}\n', ["007", "7"]),
    ("among numbers", '{"q":"0.10"}\n{"q":0.1}\n{"q":7}\n', ["0.10", "0.1", "7"]),
    ("longer than a number can be", f'{{"q":"{"0" * 40}1"}}\n', ["0" * 40 + "1"]),
    ("in an object", '{"q":{"id":"01067","n":0.5}}\n', [("01067", Decimal("0.5"))]),
    ("in a list", '{"q":["01","1"]}\n', [["01", "1"]]),
    ("in objects of a list", '{"q":[{"id":"01","n":0.25},{"id":"1","n":1}]}\n', [[("01", Decimal("0.25")), ("1", 1)]]),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_a_json_text_is_no_number_whatever_it_looks_like(
    spark: SparkSession, tmp_path: Path, text: str, expected: list[Any]
) -> None:
    assert [row["q"] for row in read(spark, tmp_path / "in", "json", {"a.json": text})] == expected


JSON = [
    ("CRLF and a mark", '\ufeff{"q":1}\r\n{"q":2}\r\n', [{"q": 1}, {"q": 2}]),
    ("empty lines", '{"q":1}\n\n  \n{"q":2}\n', [{"q": 1}, {"q": 2}]),
    ("null and absent", '{"q":1,"r":null}\n{"r":"x"}\n', [{"q": 1, "r": None}, {"q": None, "r": "x"}]),
    ("malformed", '{"q":1}\n{"q":\n{"q":2}\n', [{"q": 1}, '{"q":', {"q": 2}]),
    ("not an object", '{"q":1}\n"text"\n5\n', [{"q": 1}, '"text"', "5"]),
    ("not a number", '{"q":1}\n{"q":NaN}\n', [{"q": 1}, '{"q":NaN}']),
    ("only malformed", '{"q":\nx\n', ['{"q":', "x"]),
    ("nothing", "", []),
    ("a break in a text", '{"q":"a\\nb"}\n', [{"q": "a\nb"}]),
]


@pytest.mark.parametrize(("text", "rows"), [case[1:] for case in JSON], ids=[case[0] for case in JSON])
def test_json(spark: SparkSession, tmp_path: Path, text: str, rows: list[Any]) -> None:
    assert read(spark, tmp_path / "in", "json", {"a.json": text}) == rows


@pytest.mark.xfail(strict=True, reason="Spark takes keys that differ only in case for one column")
def test_json_keys_in_other_letters(spark: SparkSession, tmp_path: Path) -> None:
    test_json(spark, tmp_path, '{"q":1}\n{"Q":2}\n', [{"q": 1}, {"q": 2}])


def test_json_files_may_differ_in_keys(spark: SparkSession, tmp_path: Path) -> None:
    files = {"a.json": '{"q":1}\n', "b.json.gz": gzip.compress(b'{"q":1.5,"z":"x"}\n')}
    found = read(spark, tmp_path / "in", "json", files)
    assert sorted((row["q"], row["z"] or "") for row in found) == [(1, ""), (Decimal("1.5"), "x")]


TIME = datetime.fromisoformat("2013-01-01T10:00:00.123456")


def table(**columns: pa.Array) -> Callable[[Path], None]:
    return lambda path: pq.write_table(pa.table(columns), path)


def times(unit: str, zone: str | None = None) -> pa.Array:
    return pa.array([TIME.replace(tzinfo=UTC) if zone else TIME], pa.timestamp(unit, zone)).cast(
        pa.timestamp(unit, zone), safe=False
    )


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (times("us"), "timestamp_ntz"),
        (times("us", "UTC"), "timestamp"),
        (times("us", "Australia/Sydney"), "timestamp"),
        (pa.array([TIME.date()]), "date"),
        (pa.array([Decimal("0.1")]), "decimal(1,1)"),
        (pa.array([1], pa.int32()), "int"),
        (pa.array(["a"]).dictionary_encode(), "string"),
        (pa.array([{"a": 1}]), "struct<a:bigint>"),
        (times("ns"), "timestamp_ntz"),
        (times("ns", "UTC"), "timestamp"),
    ],
    ids=lambda given: str(given.type) if isinstance(given, pa.Array) else given,
)
def test_parquet_types(spark: SparkSession, tmp_path: Path, column: pa.Array, kind: str) -> None:
    """Nanoseconds too: they are what pandas writes."""
    put(tmp_path / "in", {"a.parquet": table(x=column)})
    rows = as_delivered(spark, delivery(tmp_path / "in", "a.parquet", "parquet"))
    assert rows.schema["x"].dataType.simpleString() == kind
    assert rows.count() == 1


def test_parquet_files_may_have_further_columns(spark: SparkSession, tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "a.parquet": table(q=pa.array([1])),
        "b.parquet": table(z=pa.array(["x"]), q=pa.array([2])),
    }
    found = sorted(read(spark, tmp_path / "in", "parquet", files), key=lambda row: row["q"])
    assert found == [{"q": 1, "z": None}, {"q": 2, "z": "x"}]


def cut_short(path: Path) -> None:
    pq.write_table(pa.table({"x": list(range(10_000))}), path)
    path.write_bytes(path.read_bytes()[:-100])


LONG = "id,name\n" + "".join(f"{number},name {number * 7919}\n" for number in range(20_000))
UNREADABLE = [
    ("csv", "a.csv", ""),
    ("csv", "a.csv", "id,id\n1,2\n"),
    ("csv", "a.csv", "id,ID\n1,2\n"),
    ("csv", "a.csv", "id,name\n1,Zoë\n".encode("latin-1")),
    ("csv", "a.csv", gzip.compress(b"id,name\n1,Ann\n")),
    ("csv", "a.csv.gz", b"id,name\n1,Ann\n"),
    ("csv", "a.csv.gz", gzip.compress(b"id,name\n1,Ann\n")[:15]),
    ("csv", "a.csv.gz", gzip.compress(LONG.encode())[:-5000]),
    ("csv", "a.csv", table(x=pa.array([1]))),
    ("json", "a.json.gz", gzip.compress(quantities(*map(str, range(20_000))).encode())[:-2000]),
    ("parquet", "a.parquet", cut_short),
    ("parquet", "a.parquet", "id,name\n1,Ann\n"),
    ("parquet", "a.parquet", b""),
]


@pytest.mark.parametrize(("kind", "name", "content"), UNREADABLE)
def test_a_file_that_cannot_be_read_is_named(
    spark: SparkSession, tmp_path: Path, kind: str, name: str, content: Content
) -> None:
    with pytest.raises(SettingsError) as caught, delivery(tmp_path / "in", name, kind).readable():
        read(spark, tmp_path / "in", kind, {name: content})
    assert str(tmp_path / "in" / name) in str(caught.value)
    assert caught.value.where.startswith(WHERE)
    assert caught.value.remedy


def test_parquet_files_that_do_not_fit_together_are_a_mistake(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read as parquet"):
        read(
            spark,
            tmp_path / "in",
            "parquet",
            {"a.parquet": table(x=pa.array([1])), "b.parquet": table(x=pa.array(["a"]))},
        )


NAMES = ["my file.csv", "Zoë.csv", "100%.csv", "a+b.csv", "f[1].csv", "f{1}.csv", "a,b.csv"]


@pytest.mark.parametrize("name", NAMES)
def test_files_may_have_any_name(spark: SparkSession, tmp_path: Path, name: str) -> None:
    put(tmp_path / "in", {name: "id\n1\n"})
    [row] = as_delivered(spark, delivery(tmp_path / "in", "*.csv", "csv")).collect()
    assert (row["id"], row[FILE]) == ("1", name)


@pytest.mark.parametrize("folder", ["my project", "acme [old]", "a{b}", "it's", "50%"])
def test_a_project_may_be_in_any_folder(spark: SparkSession, tmp_path: Path, folder: str) -> None:
    put(tmp_path / folder, {"a.csv": "id\n1\n"})
    place = Path(glob.escape(str(tmp_path / folder)))  # as deliveries of a project have it
    assert as_delivered(spark, delivery(place, "a.csv", "csv")).count() == 1


class TestFilesOf:
    @pytest.fixture
    @staticmethod
    def folder(tmp_path: Path) -> Path:
        put(tmp_path, {"b.csv": "", "a.csv": "", "a.json": "", ".hidden.csv": "", "_SUCCESS": ""})
        put(tmp_path / "deep", {"c.csv": ""})
        put(tmp_path / "deep" / "er", {"d.csv": ""})
        return tmp_path

    @pytest.mark.parametrize(
        ("path", "found"),
        [
            ("a.csv", ["a.csv"]),
            ("*.csv", ["a.csv", "b.csv"]),
            ("[ab].csv", ["a.csv", "b.csv"]),
            ("deep", ["deep/c.csv", "deep/er/d.csv"]),
            ("**/*.csv", ["a.csv", "b.csv", "deep/c.csv", "deep/er/d.csv"]),
            ("*/*.csv", ["deep/c.csv"]),
        ],
    )
    def test_paths_globs_and_folders(self, folder: Path, path: str, found: list[str]) -> None:
        assert [str(file.relative_to(folder)) for file in delivery(folder, path, "csv").files()] == found

    @pytest.mark.parametrize("path", ["nope.csv", "*.xml", "nowhere/*", "_SUCCESS"])
    def test_no_file_is_there(self, folder: Path, path: str) -> None:
        with pytest.raises(SettingsError) as caught:
            delivery(folder, path, "csv").files()
        assert caught.value.where == WHERE
        assert str(folder / path) in caught.value.what
        assert caught.value.remedy


COLUMNS = {
    "customers": {"account_id": "id", "name": "name"},
    "subscriptions": {"subscription_id": "id", "account_id": "id", "plan": "'p'", "start_date": "d"},
}


def settings(folder: Path, second: str = "c.csv") -> Settings:
    """A source that delivers customers and subscriptions."""
    tables = {
        "customers": {"path": "c.csv", "columns": COLUMNS["customers"]},
        "subscriptions": [{"path": second, "format": "csv", "columns": COLUMNS["subscriptions"]}],
    }
    source = {"name": "s", "kind": "files", "format": "csv", "tables": tables}
    return Settings.model_validate(
        {
            "folder": folder,
            "project": "p",
            "currency": "AUD",
            "timezone": "UTC",
            "seller": {"name": "S"},
            "cycles": {"c01": {"day": 1}},
            "sources": [source],
        }
    )


class TestDeliveries:
    def test_a_file_that_feeds_two_tables_is_delivered_once(self, tmp_path: Path) -> None:
        assert len(deliveries(settings(tmp_path))) == 1
        assert len(deliveries(settings(tmp_path, "s.csv"))) == 2

    def test_mappings_are_in_the_order_of_the_file(self, tmp_path: Path) -> None:
        found = [(source.name, table, mapping.path) for source, table, mapping in mappings(settings(tmp_path, "s.csv"))]
        assert found == [("s", "customers", "c.csv"), ("s", "subscriptions", "s.csv")]

    def test_paths_start_at_the_project(self, tmp_path: Path) -> None:
        paths = {delivery.path for delivery in deliveries(settings(tmp_path, "file:///data/s.csv")).values()}
        assert paths == {str(tmp_path / "c.csv"), "/data/s.csv"}

    def test_checking_names_what_is_missing(self, tmp_path: Path) -> None:
        put(tmp_path, {"c.csv": "id,name\n"})
        check_sources(settings(tmp_path))
        with pytest.raises(SettingsError, match=r"no file is there: .*/s\.csv") as caught:
            check_sources(settings(tmp_path, "s.csv"))
        assert caught.value.where == f"{tmp_path / 'billflow.yaml'}: sources.s"


class TestState:
    def changed(self, folder: Path, change: Callable[[], Any]) -> bool:
        before = state(settings(folder, "*.csv"))
        change()
        return state(settings(folder, "*.csv")) != before

    @pytest.fixture
    @staticmethod
    def folder(tmp_path: Path) -> Path:
        put(tmp_path, {"c.csv": "id,name\n1,Ann\n", "s.csv": "id,d\n"})
        return tmp_path

    def test_nothing(self, folder: Path) -> None:
        assert not self.changed(folder, (folder / "c.csv").read_text)

    def test_a_files_content(self, folder: Path) -> None:
        assert self.changed(folder, lambda: (folder / "c.csv").write_text("id,name\n1,Bob\n"))

    def test_a_file_more(self, folder: Path) -> None:
        assert self.changed(folder, lambda: (folder / "t.csv").write_text("id,d\n"))

    def test_a_file_less(self, folder: Path) -> None:
        assert self.changed(folder, (folder / "s.csv").unlink)

    def test_a_file_that_is_no_source(self, folder: Path) -> None:
        assert not self.changed(folder, lambda: (folder / "notes.txt").write_text("x"))


class TestUndisturbed:
    @pytest.fixture
    @staticmethod
    def folder(tmp_path: Path) -> Path:
        put(tmp_path, {"c.csv": "id,name\n1,Ann\n", "s.csv": "id,d\n"})
        return tmp_path

    @pytest.mark.parametrize("ends", [None, SettingsError("damaged")], ids=["read", "damaged"])
    @pytest.mark.parametrize(
        "change", [lambda file: file.write_text("id,name\n1,Bob\n"), Path.unlink], ids=["changed", "gone"]
    )
    def test_a_file_that_changes_may_be_whole_the_next_time(
        self, folder: Path, change: Callable[[Path], Any], ends: Exception | None
    ) -> None:
        with pytest.raises(PassingError, match=r"c.csv has changed while it was read"):
            self._read(folder, change, ends)

    def _read(self, folder: Path, change: Callable[[Path], Any], ends: Exception | None) -> None:
        with undisturbed(settings(folder)):
            change(folder / "c.csv")
            if ends:
                raise ends

    def test_files_that_come_disturb_nobody_and_errors_stay_what_they_are(self, folder: Path) -> None:
        with undisturbed(settings(folder, "*.csv")):
            (folder / "t.csv").write_text("id,d\n")
        with pytest.raises(SettingsError, match="damaged"), undisturbed(settings(folder)):
            raise SettingsError("damaged")
