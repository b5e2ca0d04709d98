"""Rows written to real databases: new and changed ones, exact values, one moment for readers, and what is refused."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from billflow.errors import CheckFailedError, PassingError, SettingsError
from billflow.sink_settings import Outgoing
from billflow.sinks import sql
from billflow.sinks.databases import target_of
from billflow.sinks.outgoing import Rows, outgoing_rows
from billflow_tests.servers.mariadb import MariaDb
from billflow_tests.servers.postgres import PASSWORD, Postgres

LINES = "invoice_id string, line_no int, description string, net decimal(38,12), period_start date, cycle string, month string"
WHERE = "sinks.crm.tables.invoice_lines"
KEY = "c01|2026-05"


class File:
    """SQLite, as the servers are."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "crm.db"
        self.url = f"sqlite:///{self.path}"

    def do(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            for one in statements:
                connection.execute(one)
            connection.commit()

    def stop(self) -> None:
        self.path.unlink(missing_ok=True)


@pytest.fixture(scope="module", params=[Postgres, MariaDb, File], ids=["postgresql", "mariadb", "sqlite"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    started = request.param(tmp_path_factory.mktemp(request.param.__name__.lower()))
    yield started
    started.stop()


@pytest.fixture
def read(server: Any) -> Callable[[str], list[tuple[Any, ...]]]:
    def rows(select: str) -> list[tuple[Any, ...]]:
        with target_of(server.url).connected(server.url) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(select)
            return [tuple(row) for row in cursor.fetchall()]

    return rows


def line(invoice: str, no: int, net: str, text: str | None = "Rent", month: str = "2026-05") -> tuple[Any, ...]:
    return (invoice, no, text, Decimal(net), date(2026, 5, 1), "c01", month)


def lines(
    spark: SparkSession, *rows: tuple[Any, ...], wanted: Outgoing | None = None, table: str | None = None
) -> Rows:
    made: DataFrame = spark.createDataFrame(list(rows), LINES)
    wanted = wanted or Outgoing(table=table)
    return outgoing_rows(made.repartition(3), "invoice_lines", wanted, WHERE)


def write(rows: Rows, server: Any, *, drafts: bool = False) -> int:
    [count] = sql.write_tables([rows], server.url, KEY, replaces=("c01", "2026-05") if drafts else None)
    return count


def texts(rows: list[tuple[Any, ...]]) -> list[tuple[str | None, ...]]:
    return sorted(tuple(None if one is None else str(one) for one in row) for row in rows)


def test_a_table_is_made_and_written_again_without_a_change(spark, server, read):
    rows = lines(spark, line("i1", 1, "0.000000000001"), line("i1", 2, "-12345678901234.5", None), table="made")
    assert [write(rows, server), write(rows, server)] == [2, 2]
    found = read("SELECT invoice_id, line_no, description, net, period_start FROM made ORDER BY line_no")
    assert [Decimal(str(row[3])) for row in found] == [Decimal("0.000000000001"), Decimal("-12345678901234.5")]
    assert texts([(row[0], row[1], row[2], row[4]) for row in found]) == [
        ("i1", "1", "Rent", "2026-05-01"),
        ("i1", "2", None, "2026-05-01"),
    ]


def test_rows_change_and_what_others_keep_there_stays(spark, server, read):
    server.do(
        "CREATE TABLE old_lines (inv varchar(40), no integer, amount decimal(12, 2), printed varchar(9), "
        "PRIMARY KEY (inv, no))",
        "INSERT INTO old_lines VALUES ('i1', 1, 7, 'yes'), ('older', 1, 3, 'yes')",
    )
    columns = {"inv": "invoice_id", "no": "line_no", "amount": "net"}
    wanted = Outgoing(table="old_lines", columns=columns)
    assert write(lines(spark, line("i1", 1, "8.10"), line("i2", 1, "9"), wanted=wanted), server) == 2
    found = read("SELECT inv, no, amount, printed FROM old_lines")
    assert sorted((row[0], row[1], Decimal(str(row[2])), row[3]) for row in found) == [
        ("i1", 1, Decimal("8.10"), "yes"),
        ("i2", 1, Decimal(9), None),
        ("older", 1, Decimal(3), "yes"),
    ]


def test_drafts_that_are_no_more_go_and_those_of_other_months_stay(spark, server, read):
    other = line("o", 1, "1", month="2026-04")
    write(lines(spark, line("i1", 1, "1"), line("i1", 2, "2"), other, table="drafts"), server, drafts=True)
    write(lines(spark, line("i1", 1, "5"), line("i3", 1, "3"), table="drafts"), server, drafts=True)
    found = read("SELECT invoice_id, line_no, month FROM drafts")
    assert texts(found) == [("i1", "1", "2026-05"), ("i3", "1", "2026-05"), ("o", "1", "2026-04")]


@pytest.mark.parametrize("text", ["O'Hara; DROP TABLE x", 'say "hi" \\ %s', "東京 Łódź 😀", "two\nlines\t", ""])
def test_texts_are_what_they_were(spark, server, read, text):
    write(lines(spark, line("t", 1, "1", text), table="texts"), server)
    assert read("SELECT description FROM texts") == [(text,)]


def test_many_rows_each_once(spark, server, read):
    made = spark.range(2_500).selectExpr(
        "concat('i', id) as invoice_id", "1 as line_no", "'x' as description", "cast(id as decimal(38,12)) as net",
        "date'2026-05-01' as period_start", "'c01' as cycle", "'2026-05' as month",
    )  # fmt: skip
    rows = outgoing_rows(made, "invoice_lines", Outgoing(table="many"), WHERE)
    assert write(rows, server) == 2_500
    found = read("SELECT count(*), count(DISTINCT invoice_id), sum(net) FROM many")[0]
    assert [Decimal(str(one)) for one in found] == [2_500, 2_500, 3_123_750]


def test_nothing_is_left_beside_the_table(spark, server, read):
    write(lines(spark, line("i1", 1, "1"), table="alone"), server)
    named = (
        "SELECT name FROM sqlite_master"
        if isinstance(server, File)
        else "SELECT table_name FROM information_schema.tables"
    )
    assert [row for row in read(named) if str(row[0]).startswith("billflow_")] == []


def test_no_rows_are_no_rows(spark, server, read):
    empty = outgoing_rows(spark.createDataFrame([], LINES), "invoice_lines", Outgoing(table="none"), WHERE)
    assert write(empty, server) == 0
    assert read("SELECT * FROM none") == []


def test_rows_that_are_not_told_apart_change_nothing(spark, server, read):
    server.do("CREATE TABLE loose (invoice_id varchar(40), line_no integer, net decimal(12, 2))")
    server.do("INSERT INTO loose VALUES ('i1', 1, 7)")
    wanted = Outgoing(table="loose", columns={name: name for name in ("invoice_id", "line_no", "net")})
    with pytest.raises((CheckFailedError, SettingsError)) as told:
        write(lines(spark, line("i1", 1, "8"), wanted=wanted), server)
    assert "unique" in str(told.value).lower()
    assert texts(read("SELECT invoice_id, net FROM loose"))[0][0] == "i1"
    assert len(read("SELECT * FROM loose")) == 1


@pytest.mark.parametrize(
    ("column", "kind", "row"),
    [
        ("net", "decimal(5, 2)", line("i2", 1, "12345.67")),
        ("description", "varchar(5)", line("i2", 1, "1", "a long text")),
    ],
)
def test_a_value_that_does_not_fit_changes_nothing(spark, server, read, column, kind, row):
    if isinstance(server, File):
        pytest.skip("SQLite takes everything everywhere")
    server.do(
        f"CREATE TABLE narrow_{column} (invoice_id varchar(40), line_no integer, {column} {kind}, "
        "PRIMARY KEY (invoice_id, line_no))"
    )
    wanted = Outgoing(table=f"narrow_{column}", columns={name: name for name in ("invoice_id", "line_no", column)})
    with pytest.raises(SettingsError, match="refuses"):
        write(lines(spark, line("i1", 1, "1"), row, wanted=wanted), server)
    assert read(f"SELECT * FROM narrow_{column}") == []


def test_digits_that_would_be_lost_change_nothing(spark, server, read):
    if isinstance(server, File):
        pytest.skip("SQLite keeps what it is given")
    server.do(
        "CREATE TABLE rounded (invoice_id varchar(40), line_no integer, net decimal(12, 2), "
        "PRIMARY KEY (invoice_id, line_no))"
    )
    wanted = Outgoing(table="rounded", columns={name: name for name in ("invoice_id", "line_no", "net")})
    with pytest.raises(CheckFailedError, match="exactly"):
        write(lines(spark, line("i1", 1, "1.005"), wanted=wanted), server)
    assert read("SELECT * FROM rounded") == []
    rounds = Outgoing(table="rounded", columns={**(wanted.columns or {}), "net": "cast(net as decimal(12,2))"})
    assert write(lines(spark, line("i1", 1, "1.005"), wanted=rounds), server) == 1


def test_keys_that_differ_in_capitals_are_two(spark, server, read):
    assert write(lines(spark, line("ch_3Ab", 1, "1"), line("ch_3aB", 1, "2"), table="capitals"), server) == 2
    assert texts(read("SELECT invoice_id FROM capitals")) == [("ch_3Ab",), ("ch_3aB",)]


def test_keys_that_a_table_takes_for_one_change_nothing(spark, server, read):
    if isinstance(server, Postgres):
        pytest.skip("PostgreSQL tells capitals apart")
    collation = "NOCASE" if isinstance(server, File) else "utf8mb4_general_ci"
    server.do(
        f"CREATE TABLE folded (invoice_id varchar(40) COLLATE {collation}, line_no integer, net decimal(12, 2), "
        "PRIMARY KEY (invoice_id, line_no))"
    )
    wanted = Outgoing(table="folded", columns={name: name for name in ("invoice_id", "line_no", "net")})
    with pytest.raises(CheckFailedError, match="capitals"):
        write(lines(spark, line("ch_3Ab", 1, "1"), line("ch_3aB", 1, "2"), wanted=wanted), server)
    assert read("SELECT * FROM folded") == []


def test_true_and_false(spark, server, read):
    columns = {"invoice_id": "invoice_id", "line_no": "line_no", "free": "net = 0"}
    wanted = Outgoing(table="flags", columns=columns)
    assert write(lines(spark, line("i1", 1, "0"), line("i2", 1, "2"), wanted=wanted), server) == 2
    assert [int(row[0]) for row in read("SELECT free FROM flags ORDER BY invoice_id")] == [1, 0]


def test_tables_that_refer_to_each_other_are_written_at_once(spark, server, read):
    server.do(
        "CREATE TABLE parent (invoice_id varchar(40) PRIMARY KEY, cycle varchar(9), month varchar(9))",
        "CREATE TABLE child (invoice_id varchar(40) REFERENCES parent (invoice_id), line_no integer, cycle varchar(9), "
        "month varchar(9), PRIMARY KEY (invoice_id, line_no))",
    )

    def both(*rows: tuple[Any, ...]) -> list[int]:
        parent = Outgoing(table="parent", columns={name: name for name in ("invoice_id", "cycle", "month")})
        child = Outgoing(table="child", columns={**(parent.columns or {}), "line_no": "line_no"})
        made = spark.createDataFrame(list(rows), LINES)
        tables = [outgoing_rows(made, "invoices", parent, WHERE), outgoing_rows(made, "invoice_lines", child, WHERE)]
        return sql.write_tables(tables, server.url, KEY, replaces=("c01", "2026-05"))

    assert both(line("i1", 1, "1"), line("i2", 1, "1")) == [2, 2]
    assert both(line("i2", 1, "1"), line("i3", 1, "1")) == [2, 2]
    assert texts(read("SELECT invoice_id FROM child")) == [("i2",), ("i3",)]
    assert texts(read("SELECT invoice_id FROM parent")) == [("i2",), ("i3",)]


def test_tasks_that_write_at_once_do_not_wait_for_each_other(spark, server):
    made = spark.range(4_000).selectExpr(
        "concat('i', id) as invoice_id", "1 as line_no", "'x' as description", "cast(id as decimal(38,12)) as net",
        "date'2026-05-01' as period_start", "'c01' as cycle", "'2026-05' as month",
    )  # fmt: skip
    rows = outgoing_rows(made.repartition(8), "invoice_lines", Outgoing(table="at_once"), WHERE)
    assert [write(rows, server) for _ in range(2)] == [4_000, 4_000]


def test_names_with_capitals(spark, tmp_path_factory):
    server = Postgres(tmp_path_factory.mktemp("capitals"))
    try:
        server.do("CREATE SCHEMA ar", 'CREATE SCHEMA "Ar"')
        for table in ("AR.Bill", '"Ar"."Bill"'):
            rows = lines(spark, line("i1", 1, "1"), table=table)
            assert [write(rows, server) for _ in range(2)] == [1, 1]
    finally:
        server.stop()


def test_a_column_that_is_not_there_is_told(spark, server):
    server.do("CREATE TABLE few (invoice_id varchar(40), line_no integer, PRIMARY KEY (invoice_id, line_no))")
    wanted = Outgoing(table="few", columns={name: name for name in ("invoice_id", "line_no", "net")})
    with pytest.raises(SettingsError, match="no column net"):
        write(lines(spark, line("i1", 1, "1"), wanted=wanted), server)


def test_a_password_that_is_wrong_is_not_shown(spark, server):
    if isinstance(server, File):
        pytest.skip("a file has no password")
    url = server.url.replace(PASSWORD, "guessed-wrong")
    with pytest.raises(SettingsError) as told:
        sql.write_tables([lines(spark, line("i1", 1, "1"))], url, KEY, replaces=None)
    assert "guessed-wrong" not in str(told.value)


def test_a_server_that_is_away_passes(spark):
    url = "postgresql://billing:of-nobody@127.0.0.1:1/billing"
    with pytest.raises(PassingError) as told:
        sql.write_tables([lines(spark, line("i1", 1, "1"))], url, KEY, replaces=None)
    assert "of-nobody" not in str(told.value)


def test_readers_see_the_state_before_until_all_is_there(spark, server, read, monkeypatch):
    rows = lines(spark, line("i1", 1, "1"), line("i2", 1, "1"), table="seen")
    write(rows, server)
    seen = []
    brought = sql._brought

    def looked_at(*given: Any) -> int:
        count = brought(*given)
        seen.extend(read("SELECT count(*) FROM seen"))
        return count

    monkeypatch.setattr(sql, "_brought", looked_at)
    assert write(lines(spark, line("i3", 1, "1"), table="seen"), server, drafts=True) == 1
    assert [int(row[0]) for row in seen] == [2]
    assert texts(read("SELECT invoice_id FROM seen")) == [("i3",)]


def test_an_attempt_that_is_repeated_brings_no_row_twice(spark, server, read):
    rows = lines(spark, line("i1", 1, "1"), table="again")
    write(rows, server)
    target, stage = target_of(server.url), "billflow_again"
    with target.connected(server.url) as connection:
        target.stage(connection, rows, stage, target.types(connection, "again"))
        connection.commit()
    batches = [batch for batch in rows.as_texts().toArrow().to_batches() if batch.num_rows]
    assert [sql._bring(server.url, stage, "0", batches) for _ in range(2)] == [1, 1]
    assert [int(row[0]) for row in read(f"SELECT count(*) FROM {stage}")] == [1]
    server.do(f"DROP TABLE {stage}")
