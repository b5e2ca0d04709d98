"""Databases as they are: types, parts, and what is told when one refuses or is away. PostgreSQL, MariaDB and SQLite."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from billflow.errors import BillflowError, PassingError, SettingsError
from billflow.sources.database import Query
from billflow.sources.database_kinds import database_of
from billflow.sources.database_parts import conditions
from billflow.sources.databases import fetched
from billflow_tests.servers.mariadb import MariaDb
from billflow_tests.servers.postgres import PASSWORD, Postgres

KINDS = ("postgresql", "mariadb", "sqlite")
DAY, WALL_CLOCK, INSTANT = (
    date(2024, 2, 29),
    datetime(2024, 3, 31, 2, 30, 0, 123456),  # noqa: DTZ001  # a wall clock
    datetime(2024, 1, 1, 8, tzinfo=UTC),
)

TABLES = {
    "postgresql": (
        "create sequence numbers",
        "create type mood as enum ('good', 'bad')",
        """create table kinds(i int, big bigint, n numeric(12,3), any_number numeric, f float8, t text, c char(3),
        flag boolean, d date, wall timestamp, at timestamptz, doc jsonb, u uuid, tags text[], m mood, clock time,
        cash money, "Odd Name" text)""",
        """insert into kinds values (1, 9007199254740993, 1.5, 0.000000000000000001, 1.1, 'Ngọc', 'ab', true,
        '2024-02-29', '2024-03-31 02:30:00.123456', '2024-01-01 10:00:00+02', '{"a": 1}',
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', array['x', null], 'good', '10:00', 12.5, 'y')""",
        "insert into kinds (i) values (null)",
        "insert into kinds (i, any_number) values (3, 'NaN')",
    ),
    "mariadb": (
        """create table kinds(i int, big bigint unsigned, n decimal(12,3), f double, t text, flag boolean, d date,
        wall datetime(6), at timestamp null, doc json, m enum('good', 'bad'), clock time, `Odd Name` varchar(9))""",
        "set time_zone = '+02:00'",
        """insert into kinds values (1, 9007199254740993, 1.5, 1.1, 'Ngọc', true, '2024-02-29',
        '2024-03-31 02:30:00.123456', '2024-01-01 10:00:00', '{"a": 1}', 'good', '10:00', 'y')""",
        "insert into kinds (i) values (null)",
        "insert into kinds (i, big) values (3, 18446744073709551615)",
    ),
    "sqlite": (
        """create table kinds(i integer, big bigint, n decimal(12,3), any_number numeric, f real, t text, d date,
        "Odd Name" varchar(9))""",
        "insert into kinds values (1, 9007199254740993, 1.5, 0.1, 1.1, 'Ngọc', '2024-02-29', 'y')",
        "insert into kinds (i) values (null)",
        "insert into kinds (i, big) values (3, 'many')",
    ),
}
FIRST = {
    "postgresql": {
        "i": 1,
        "big": 9007199254740993,
        "n": Decimal("1.500"),
        "any_number": Decimal("1E-18"),
        "f": 1.1,
        "t": "Ngọc",
        "c": "ab",
        "flag": True,
        "d": DAY,
        "wall": WALL_CLOCK,
        "at": INSTANT,
        "doc": '{"a": 1}',
        "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "tags": ["x", None],
        "m": "good",
        "clock": "10:00:00",
        "cash": Decimal("12.5"),
        "Odd Name": "y",
    },
    "mariadb": {
        "i": 1,
        "big": 9007199254740993,
        "n": Decimal("1.500"),
        "f": 1.1,
        "t": "Ngọc",
        "flag": 1,
        "d": DAY,
        "wall": WALL_CLOCK,
        "at": INSTANT,
        "doc": '{"a": 1}',
        "m": "good",
        "clock": "10:00:00",
        "Odd Name": "y",
    },
    "sqlite": {
        "i": 1,
        "big": 9007199254740993,
        "n": Decimal("1.500"),
        "any_number": Decimal("0.1"),
        "f": 1.1,
        "t": "Ngọc",
        "d": "2024-02-29",
        "Odd Name": "y",
    },
}

NUMBERED = {
    "postgresql": (
        """create table parts as select g as id, date '2024-01-01' + (g % 40) as d, 'k' || g as code,
        timestamptz '2024-01-01' + g * interval '7 minutes' as at, g / 3.0 as n from generate_series(-50, 949) g""",
        "insert into parts (id) values (null)",
    ),
    "mariadb": (
        "create table parts (id int, d date, code text, at timestamp null, n decimal(20, 6))",
        """insert into parts select cast(seq as signed) - 50, date '2024-01-01' + interval seq % 40 day,
        concat('k', seq), timestamp '2024-01-01 00:00:00' + interval seq * 7 minute, seq / 3 from seq_0_to_999""",
        "insert into parts (id) values (null)",
    ),
    "sqlite": (
        "create table parts(id integer, d date, code text, at text, n decimal(20,6))",
        """insert into parts with recursive s(g) as (select -50 union all select g + 1 from s where g < 949)
        select g, date('2024-01-01', (g % 40) || ' days'), 'k' || g, g, g / 3.0 from s""",
        "insert into parts (id) values (null)",
    ),
}


class SqliteFile:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "billing data.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    def do(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    def stop(self) -> None:
        self.file.unlink()


SERVERS: dict[str, Any] = {"postgresql": Postgres, "mariadb": MariaDb, "sqlite": SqliteFile}


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    started = SERVERS[request.param](tmp_path_factory.mktemp(request.param))
    started.kind = request.param
    started.do(*TABLES[started.kind])
    started.do(*NUMBERED[started.kind])
    yield started
    started.stop()


def schema_of(query: Query) -> pa.Schema:
    database = database_of(query.url)
    with database.connected(query) as connection:
        return pa.schema([*database.schema(connection, query.select), pa.field("_corrupt", pa.string())])


def rows(query: Query) -> list[dict[str, Any]]:
    return [row for batch in fetched(query, schema_of(query)) for row in batch.to_pylist()]


def test_values_are_exact_and_times_are_what_they_were(server):
    first, nothing, _ = rows(Query(server.url, "select * from kinds"))
    assert first == {**FIRST[server.kind], "_corrupt": None}
    assert set(nothing.values()) == {None}


def test_a_row_with_a_value_that_is_not_of_its_type_is_told_whole(server):
    wrong = rows(Query(server.url, "select * from kinds"))[2]
    value = {"postgresql": "NaN", "mariadb": "18446744073709551615", "sqlite": "many"}[server.kind]
    assert wrong["i"] == 3
    assert value in wrong["_corrupt"]
    assert '"i": "3"' in wrong["_corrupt"]


@pytest.mark.parametrize("column", ["id", "d", "code", "at", "n"])
def test_parts_have_each_row_once(server, column):
    query = Query(server.url, "select * from parts")
    database = database_of(server.url)
    with database.connected(query) as connection:
        cut = conditions(database, connection, query.select, column, 4)
    found = [[row["id"] for row in rows(query.of(condition))] for condition in cut]
    assert len(cut) == 4
    assert all(map(bool, found))
    assert sorted((one for part in found for one in part), key=str) == sorted([*range(-50, 950), None], key=str)


def test_no_rows_are_one_part(server):
    query = Query(server.url, "select * from parts where id > 5000")
    database = database_of(server.url)
    with database.connected(query) as connection:
        assert conditions(database, connection, query.select, "id", 4) == ["1 = 1"]


@pytest.mark.parametrize("select", ["select * from nope", "select nope from kinds", "selec"])
def test_what_the_database_refuses_is_a_mistake_with_its_place(server, select):
    query = Query(server.url, select, "billflow.yaml: sources.crm")
    with pytest.raises(SettingsError) as caught:
        list(fetched(query, pa.schema([pa.field("_corrupt", pa.string())])))
    assert caught.value.where.startswith("billflow.yaml: sources.crm")
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("server", ["postgresql", "mariadb"], indirect=True)
def test_a_wrong_password_is_a_mistake_and_is_not_shown(server):
    url = server.url.replace(PASSWORD, "guessed-wrong")
    with pytest.raises(SettingsError) as caught:
        rows_or_error(url)
    assert "guessed-wrong" not in str(caught.value)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_database_that_is_away_may_come_back(kind):
    with pytest.raises(PassingError, match="does not answer"):
        rows_or_error(f"{kind}://billing:secret@127.0.0.1:1/billing")


@pytest.mark.parametrize(
    ("told", "passes"),
    [
        ("FATAL: the database system is not yet accepting connections", True),
        ("FATAL: the database system is in recovery mode", True),
        ("ERROR: lost connection to parallel worker", True),
        ("FATAL: postmaster exited during a parallel transaction", True),
        ("server sent an error response during SSL exchange", True),
        ('FATAL: database "nope" does not exist', False),
    ],
)
def test_what_postgresql_says_while_it_dies_and_comes_back(told, passes):
    assert database_of("postgresql://db/x").is_passing(RuntimeError(told)) is passes


def rows_or_error(url: str) -> None:
    list(fetched(Query(url, "select 1 as one"), pa.schema([pa.field("_corrupt", pa.string())])))


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_several_connections_see_one_moment(server):
    query, database = Query(server.url, "select count(*) as n from parts"), database_of(server.url)
    with database.connected(query) as connection:
        seen = Query(server.url, query.select, snapshot=database.snapshot(connection))
        before = rows(seen)
        server.do("insert into parts (id) values (5001)")
        assert rows(seen) == before
        assert rows(query) != before
    server.do("delete from parts where id = 5001")


@pytest.mark.parametrize(
    ("server", "writing"),
    [
        ("postgresql", "select nextval('numbers') as id"),
        ("mariadb", "insert into parts (id) values (7)"),
        ("sqlite", "insert into parts (id) values (7)"),
    ],
    indirect=["server"],
)
def test_nothing_can_be_written(server, writing):
    with pytest.raises(BillflowError, match=r"(?i)read.?only"):
        list(fetched(Query(server.url, writing), pa.schema([("id", pa.int64()), ("_corrupt", pa.string())])))


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
def test_what_mysql_has_beside_numbers_and_texts(server):
    server.do(
        "set sql_mode = ''",
        "create or replace table odd (b varbinary(9), bits bit(3), no_day date, wall datetime(6), small decimal(38,30), c varchar(9))",
        "insert into odd values (x'ff00', b'101', '0000-00-00', '2024-03-31 02:30:00.000001', 1e-30, '')",
        "insert into odd values (x'41', null, null, null, -12345678.123456789012345678901234567891, null)",
    )
    first, second = rows(Query(server.url, "select * from odd order by b desc"))
    assert (first["b"], first["bits"], first["no_day"], first["c"]) == ("0xff00", "\x05", None, "")
    assert '"no_day": "0000-00-00"' in first["_corrupt"]
    assert (first["wall"].microsecond, first["small"]) == (1, Decimal("1E-30"))
    assert (second["b"], second["bits"], second["c"], second["_corrupt"]) == ("A", None, None, None)
    assert second["small"] == Decimal("-12345678.123456789012345678901234567891")


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
def test_a_connection_that_is_lost_between_rows_may_come_back(server):
    query = Query(server.url, "select seq as id, repeat('x', 999) as t from seq_1_to_500000")
    found = fetched(query, schema_of(query))
    assert next(found)["id"][0].as_py() == 1
    server.do("kill user billing", user="root")
    with pytest.raises(PassingError, match="does not answer"):
        list(found)
