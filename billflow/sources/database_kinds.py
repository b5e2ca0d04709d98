"""PostgreSQL, MySQL and MariaDB, SQLite, each by its own driver."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from billflow.sources.database import DAY, DIGITS, FLAG, INSTANT, REAL, SCALE, TEXT, WALL_CLOCK, WHOLE, Database, Query
from billflow.sources.mysql_connection import MySqlConnection

_PATIENCE = "connect_timeout=10"
"""Seconds that PostgreSQL has to be found, unless its url says otherwise."""
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")

_POSTGRES_AWAY = (
    "Connection refused",
    "accepting connections",  # not yet, or not in hot standby
    "closed the connection",
    "could not receive",
    "could not send",
    "could not translate host name",
    "during SSL exchange",
    "in recovery mode",
    "lost connection to parallel worker",
    "no connection to the server",
    "starting up",
    "shutting down",
    "terminating connection",
    "timed out",
    "timeout expired",
    "too many clients",
    "postmaster exit",
    "remaining connection slots",
)


class Postgres(Database):
    """By ADBC: rows come as Arrow, columns of binary COPY, and numbers as exact text."""

    _KINDS: ClassVar[Mapping[str, pa.DataType]] = {
        **dict.fromkeys(("int2", "int4", "int8"), WHOLE),
        **dict.fromkeys(("float4", "float8"), REAL),
        **dict.fromkeys(("text", "varchar", "bpchar", "name"), TEXT),
        "bool": FLAG,
        "date": DAY,
        "timestamp": WALL_CLOCK,
        "timestamptz": INSTANT,
        "_text": pa.list_(TEXT),
        "_varchar": pa.list_(TEXT),
    }

    @contextmanager
    def connected(self, query: Query) -> Iterator[Any]:
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415  # a tenth of a second that other commands spare

        parts = urlsplit(query.url)
        given = parts.query if "connect_timeout=" in parts.query else f"{parts.query}&{_PATIENCE}".lstrip("&")
        with closing(dbapi.connect(parts._replace(scheme="postgresql", query=given).geturl())) as connection:
            with closing(connection.cursor()) as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                if query.snapshot:
                    cursor.execute(f"SET TRANSACTION SNAPSHOT '{query.snapshot}'")
            yield connection

    def name(self, written: str) -> str:
        # PostgreSQL folds what is not quoted: a name with capitals is meant as it would be without quotes.
        def part(one: str) -> str:
            plain = _PLAIN_NAME.fullmatch(one) and one != one.lower()
            return one if plain or one[:1] == self.quote else self.quoted(one)

        return ".".join(map(part, written.split(".")))

    def schema(self, connection: Any, select: str) -> pa.Schema:
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"SELECT * FROM ({select}) AS _none LIMIT 0")
            found = cursor.fetch_record_batch().schema
        return pa.schema([self._field(one) for one in found])

    def _field(self, found: pa.Field) -> pa.Field:
        metadata = found.metadata or {}
        kind = metadata.get(b"POSTGRESQL:type", b"").decode()
        if kind in ("numeric", "money"):
            return pa.field(found.name, pa.decimal128(DIGITS, _scale(int(metadata.get(b"POSTGRESQL:typmod", b"-1")))))
        return pa.field(found.name, self._KINDS.get(kind, TEXT))

    def batches(self, connection: Any, select: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        columns = ", ".join(map(self._as_sent, schema))
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"SELECT {columns} FROM ({select}) AS _rows")
            yield from cursor.fetch_record_batch()

    def _as_sent(self, one: pa.Field) -> str:
        name = self.quoted(one.name)
        if pa.types.is_decimal(one.type):  # `money` has no text of its own that is a number
            return f"({name}::numeric)::text AS {name}"
        return f"{name}::text AS {name}" if one.type == TEXT else name

    def hashed(self, column: str, parts: int) -> str:
        return f"(coalesce(hashtext({self.name(column)}::text), 0) & 2147483647) % {parts}"

    def snapshot(self, connection: Any) -> str | None:
        # A standby cannot give one; each part then sees its own moment.
        if self.one(connection, "SELECT pg_is_in_recovery()")[0]:
            return None
        return str(self.one(connection, "SELECT pg_export_snapshot()")[0])

    def is_passing(self, error: Exception) -> bool:
        state = getattr(error, "sqlstate", None)
        if "snapshot" in str(error):  # it went with the connection that gave it
            return True
        if state is None:  # of what fails on the way, only the text is known
            return any(sign in str(error) for sign in _POSTGRES_AWAY)
        return str(state).startswith(("08", "53", "57P", "40"))


def mysql_address(url: str) -> dict[str, Any]:
    """Whom to talk to, as drivers take it."""
    parts = urlsplit(url)
    return {
        "host": parts.hostname or "localhost",
        "port": parts.port or 3306,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path[1:]),
        "charset": "utf8mb4",
    }


class MySql(Database):
    """MySQL and MariaDB; values come as text."""

    quote = "`"

    @contextmanager
    def connected(self, query: Query) -> Iterator[Any]:
        # TIMESTAMPs are instants, and are sent in the session's zone.
        connection = MySqlConnection(**mysql_address(query.url), init_command="SET time_zone = '+00:00'")
        with closing(connection):
            with closing(connection.cursor()) as cursor:
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield connection

    def schema(self, connection: Any, select: str) -> pa.Schema:
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"SELECT * FROM ({select}) AS _none LIMIT 0")
            return pa.schema([pa.field(one[0], _mysql_kind(one[1], one[5])) for one in cursor.description])

    def hashed(self, column: str, parts: int) -> str:
        return f"coalesce(crc32({self.name(column)}), 0) % {parts}"

    def is_passing(self, error: Exception) -> bool:
        number = error.args[0] if error.args else None
        return number in (1040, 1053, 1205, 1213, 1927, 2002, 2003, 2006, 2013)


class Sqlite(Database):
    """A file on the machine that reads it. Values have types of their own there; the columns' names say which."""

    @contextmanager
    def connected(self, query: Query) -> Iterator[Any]:
        path = unquote(urlsplit(query.url).path).removeprefix("/")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            yield connection

    def schema(self, connection: Any, select: str) -> pa.Schema:
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"CREATE TEMP VIEW _columns AS {select}")
            found = cursor.execute("PRAGMA temp.table_info(_columns)").fetchall()
            cursor.execute("DROP VIEW temp._columns")
        return pa.schema([pa.field(name, _sqlite_kind(declared)) for _, name, declared, *_ in found])

    def hashed(self, column: str, parts: int) -> str:
        return f"abs(coalesce(unicode(substr({self.name(column)}, -1)), 0)) % {parts}"

    def is_passing(self, error: Exception) -> bool:
        return "locked" in str(error)


DATABASES: Mapping[str, Database] = {
    "postgresql": Postgres(),
    "mysql": MySql(),
    "mariadb": MySql(),
    "sqlite": Sqlite(),
}


def database_of(url: str) -> Database:
    """The kind of database behind a url."""
    return DATABASES[urlsplit(url).scheme]


def _scale(modifier: int) -> int:
    """PostgreSQL keeps precision and scale in one number, above the four bytes of a header; -1 when none is said."""
    return SCALE if modifier < 4 else (modifier - 4) & 0x7FF


_MYSQL_WHOLE, _MYSQL_REAL, _MYSQL_DECIMAL = (1, 2, 3, 8, 9, 13), (4, 5), (0, 246)
_MYSQL_DAY, _MYSQL_WALL_CLOCK, _MYSQL_INSTANT = 10, 12, 7


def _mysql_kind(code: int, scale: int) -> pa.DataType:
    """By the numbers of types in MySQL's protocol."""
    if code in _MYSQL_DECIMAL:
        return pa.decimal128(DIGITS, scale)
    kinds = {**dict.fromkeys(_MYSQL_WHOLE, WHOLE), **dict.fromkeys(_MYSQL_REAL, REAL), _MYSQL_DAY: DAY}
    return {**kinds, _MYSQL_WALL_CLOCK: WALL_CLOCK, _MYSQL_INSTANT: INSTANT}.get(code, TEXT)


def _sqlite_kind(declared: str) -> pa.DataType:
    """By the rules of SQLite's type affinity; dates and times are texts or numbers there, and stay texts."""
    declared = declared.upper()
    if "INT" in declared:
        return WHOLE
    if any(sign in declared for sign in ("REAL", "FLOA", "DOUB")):
        return REAL
    found = re.search(r"(?:DECIMAL|NUMERIC)\s*(?:\(\s*\d+\s*(?:,\s*(\d+)\s*)?\))?", declared)
    if found:
        return pa.decimal128(DIGITS, int(found[1]) if found[1] else 0 if "(" in declared else SCALE)
    return TEXT
