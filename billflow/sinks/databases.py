"""How each kind of SQL database takes rows: into a table beside the one that is meant, and from there in one step."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from pyspark.sql.types import (
    BooleanType,
    ByteType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegralType,
    TimestampNTZType,
    TimestampType,
)

from billflow.sinks.outgoing import Field, Rows
from billflow.sources.database import Database
from billflow.sources.database_kinds import database_of, mysql_address

PART = "billflow_part"
"""Column of the table beside: which of Spark's tasks has brought a row."""
_PATIENCE = 60
"""Seconds that a writer waits for another one."""


class Target(ABC):
    """A kind of database that is written to; `database` knows its names and errors."""

    parameter: ClassVar[str] = "%s"
    """What stands for a value in a statement."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @abstractmethod
    def connected(self, url: str) -> AbstractContextManager[Any]:
        """A DB-API connection in a transaction."""

    @abstractmethod
    def types(self, connection: Any, table: str) -> dict[str, str]:
        """The columns of a table and their types; none where there is no such table."""

    @abstractmethod
    def type_of(self, kind: DataType, *, is_key: bool) -> str:
        """The type of a column for values of a Spark type."""

    @abstractmethod
    def stage(self, connection: Any, rows: Rows, stage: str, types: Mapping[str, str]) -> None:
        """Makes an empty table for rows and PART."""

    def bring(self, connection: Any, stage: str, batch: pa.RecordBatch) -> None:
        """Writes texts, as `stage` has columns, into it."""
        values = ", ".join([self.parameter] * batch.num_columns)
        rows = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        with closing(connection.cursor()) as cursor:
            cursor.executemany(f"INSERT INTO {stage} VALUES ({values})", rows)

    @abstractmethod
    def merge(self, rows: Rows, stage: str, types: Mapping[str, str]) -> str:
        """SQL that brings rows from `stage` into their table: new ones, and what differs of those that are there."""

    def staged(self, rows: Rows, stage: str, types: Mapping[str, str]) -> str:
        """SQL that gives the staged rows in the types of their table."""
        del types
        return f"SELECT {self.listed(rows.names)} FROM {stage}"

    def index(self, connection: Any, rows: Rows, stage: str) -> None:
        """Makes staged rows quick to find by their key, where the database has to look for each by itself."""
        name = self.database.quoted(f"{stage.rpartition('.')[2].strip(self.database.quote)}_key")
        self.do(connection, f"CREATE INDEX {name} ON {stage} ({self.listed(rows.key)})")

    def create(self, connection: Any, rows: Rows) -> None:
        """Makes the table of rows."""
        columns = [f"{self.database.quoted(one.name)} {self._declared(one, rows)}" for one in rows.fields]
        key = f"PRIMARY KEY ({self.listed(rows.key)})"
        self.do(connection, f"CREATE TABLE {self.database.name(rows.table)} ({', '.join([*columns, key])})")

    def _declared(self, field: Field, rows: Rows) -> str:
        return self.type_of(field.kind, is_key=field.name in rows.key)

    def listed(self, names: Sequence[str]) -> str:
        """Names in the database's quotes."""
        return ", ".join(map(self.database.quoted, names))

    def agree(self, rows: Rows, there: str = "_there") -> str:
        """SQL that is true where rows `there` and `_staged` have one key."""
        quoted = map(self.database.quoted, rows.key)
        return " AND ".join(f"{there}.{name} = _staged.{name}" for name in quoted)

    def exact(self, rows: Rows) -> str:
        """SQL that is true where the rows `_there` and `_staged` have the same decimals."""
        names = [self.database.quoted(field.name) for field in rows.fields if field.is_exact]
        return " AND ".join(
            ["1 = 1", *(f"(_there.{name} = _staged.{name} OR _staged.{name} IS NULL)" for name in names)]
        )

    def do(self, connection: Any, statement: str, values: Sequence[Any] = ()) -> None:
        """Runs a statement."""
        with closing(connection.cursor()) as cursor:
            cursor.execute(statement, values) if values else cursor.execute(statement)

    def stage_name(self, rows: Rows, mark: str) -> str:
        """A table beside that of rows, quoted."""
        schema, _, _ = rows.table.rpartition(".")
        name = self.database.quoted(f"billflow_{mark}")
        return f"{self.database.name(schema)}.{name}" if schema else name


class PostgresTarget(Target):
    """By ADBC: batches go as binary COPY."""

    @contextmanager
    def connected(self, url: str) -> Iterator[Any]:
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415  # a tenth of a second that other commands spare

        with closing(dbapi.connect(urlsplit(url)._replace(scheme="postgresql").geturl())) as connection:
            self.do(connection, "SET TIME ZONE 'UTC'")
            yield connection

    def types(self, connection: Any, table: str) -> dict[str, str]:
        with closing(connection.cursor()) as cursor:
            cursor.execute(
                "SELECT attname, format_type(atttypid, -1) FROM pg_attribute "  # a cast to varchar(5) would cut
                "WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
                (self.database.name(table),),
            )
            return dict(cursor.fetchall())

    def type_of(self, kind: DataType, *, is_key: bool) -> str:
        del is_key
        return _named(
            kind, real="double precision", instant="timestamptz", wall_clock="timestamp", flag="boolean", text="text"
        )

    def stage(self, connection: Any, rows: Rows, stage: str, types: Mapping[str, str]) -> None:
        del types
        columns = ", ".join(f"{self.database.quoted(name)} text" for name in [*rows.names, PART])
        self.do(connection, f"CREATE UNLOGGED TABLE {stage} ({columns})")

    def bring(self, connection: Any, stage: str, batch: pa.RecordBatch) -> None:
        schema, _, name = stage.rpartition(".")
        with closing(connection.cursor()) as cursor:
            options = {"db_schema_name": _unquoted(schema)} if schema else {}
            cursor.adbc_ingest(_unquoted(name), batch, mode="append", **options)

    def staged(self, rows: Rows, stage: str, types: Mapping[str, str]) -> str:
        quoted = {name: self.database.quoted(name) for name in rows.names}
        typed = ", ".join(f"CAST({quoted[name]} AS {types[name]}) AS {quoted[name]}" for name in rows.names)
        return f"SELECT {typed} FROM {stage}"

    def index(self, connection: Any, rows: Rows, stage: str) -> None:
        del rows
        self.do(connection, f"ANALYZE {stage}")  # it joins by hashes, if it knows how many rows there are

    def merge(self, rows: Rows, stage: str, types: Mapping[str, str]) -> str:
        return _on_conflict(self, rows, self.staged(rows, stage, types))


class MySqlTarget(Target):
    """MySQL and MariaDB by PyMySQL; texts become values of the columns' types there."""

    @contextmanager
    def connected(self, url: str) -> Iterator[Any]:
        import pymysql  # noqa: PLC0415

        connection = pymysql.connect(
            **mysql_address(url),
            # TIMESTAMPs are instants, and are taken as of the session's zone; a text that is cut is an error.
            init_command="SET time_zone = '+00:00', sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
        )
        with closing(connection):
            # Tasks that write into one table at once would lock the gaps in it for each other.
            self.do(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            yield connection

    def types(self, connection: Any, table: str) -> dict[str, str]:
        schema, _, name = table.rpartition(".")
        with closing(connection.cursor()) as cursor:
            cursor.execute(
                "SELECT column_name, column_type FROM information_schema.columns "
                "WHERE table_schema = coalesce(nullif(%s, ''), database()) AND table_name = %s",
                (schema.strip("`"), name.strip("`")),
            )
            return dict(cursor.fetchall())

    def type_of(self, kind: DataType, *, is_key: bool) -> str:
        # As long as a key of several columns may be; and keys that differ in capitals only are two.
        text = "varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if is_key else "text"
        return _named(kind, real="double", instant="timestamp(6)", wall_clock="datetime(6)", flag="boolean", text=text)

    def stage(self, connection: Any, rows: Rows, stage: str, types: Mapping[str, str]) -> None:
        del types  # the table itself says them, and the order of its texts
        there, part = self.database.name(rows.table), self.database.quoted(PART)
        columns = ", ".join(map(self._staged_as, rows.fields))
        self.do(connection, f"CREATE TABLE {stage} AS SELECT {columns} FROM {there} WHERE 1 = 0")
        self.do(connection, f"ALTER TABLE {stage} ADD COLUMN {part} varchar(20), ADD INDEX ({part})")

    def _staged_as(self, field: Field) -> str:
        """Decimals with more digits than any column has: what is rounded there shall be noticed."""
        name = self.database.quoted(field.name)
        return f"CAST({name} AS decimal(65, 30)) AS {name}" if field.is_exact else name

    def merge(self, rows: Rows, stage: str, types: Mapping[str, str]) -> str:
        del types
        changed = [self.database.quoted(name) for name in rows.names if name not in rows.key] or [
            self.database.quoted(rows.key[0])
        ]
        there, listed = self.database.name(rows.table), self.listed(rows.names)
        updates = ", ".join(f"{name} = VALUES({name})" for name in changed)
        return (
            f"INSERT INTO {there} ({listed}) SELECT {listed} FROM {stage} AS _staged ON DUPLICATE KEY UPDATE {updates}"
        )


class SqliteTarget(Target):
    """A file on the machine that runs Spark. Decimals are texts there: SQLite has no exact numbers."""

    parameter = "?"

    @contextmanager
    def connected(self, url: str) -> Iterator[Any]:
        path = unquote(urlsplit(url).path).removeprefix("/")
        with closing(sqlite3.connect(path, timeout=_PATIENCE)) as connection:
            yield connection

    def types(self, connection: Any, table: str) -> dict[str, str]:
        with closing(connection.cursor()) as cursor:
            found = cursor.execute("SELECT name, type FROM pragma_table_info(?)", (table.strip('"'),)).fetchall()
        return dict(found)

    def type_of(self, kind: DataType, *, is_key: bool) -> str:
        del is_key
        return "TEXT" if isinstance(kind, DecimalType) else _named(
            kind, real="REAL", instant="TEXT", wall_clock="TEXT", flag="TEXT", text="TEXT"
        )  # fmt: skip

    def stage(self, connection: Any, rows: Rows, stage: str, types: Mapping[str, str]) -> None:
        columns = [f"{self.database.quoted(name)} {types[name]}" for name in rows.names]
        self.do(connection, f"CREATE TABLE {stage} ({', '.join([*columns, self.database.quoted(PART)])})")

    def merge(self, rows: Rows, stage: str, types: Mapping[str, str]) -> str:
        # Without a condition, SQLite would take ON for that of a join.
        return _on_conflict(self, rows, f"{self.staged(rows, stage, types)} WHERE true")


def target_of(url: str) -> Target:
    """The kind of database behind a url."""
    database = database_of(url)
    return _TARGETS[urlsplit(url).scheme](database)


_TARGETS: dict[str, Callable[[Database], Target]] = {
    "postgresql": PostgresTarget,
    "mysql": MySqlTarget,
    "mariadb": MySqlTarget,
    "sqlite": SqliteTarget,
}


def _unquoted(name: str) -> str:
    """What PostgreSQL makes of a name: one without quotes is folded."""
    return name[1:-1].replace('""', '"') if name[:1] == '"' else name.lower()


def _on_conflict(target: Target, rows: Rows, staged: str) -> str:
    there, key = target.database.name(rows.table), target.listed(rows.key)
    quoted = [target.database.quoted(name) for name in rows.names if name not in rows.key]
    changed = f"UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in quoted)}" if quoted else "NOTHING"
    return f"INSERT INTO {there} ({target.listed(rows.names)}) {staged} ON CONFLICT ({key}) DO {changed}"


def _named(kind: DataType, *, real: str, instant: str, wall_clock: str, flag: str, text: str) -> str:
    if isinstance(kind, DecimalType):
        return f"decimal({kind.precision}, {kind.scale})"
    if isinstance(kind, IntegralType):
        return "smallint" if isinstance(kind, ByteType) else "bigint"
    names: dict[type[DataType], str] = {
        DoubleType: real,
        FloatType: real,
        DateType: "date",
        TimestampType: instant,
        TimestampNTZType: wall_clock,
        BooleanType: flag,
    }
    return names.get(type(kind), text)
