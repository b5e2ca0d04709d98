"""SQL databases by their own drivers: what a SELECT gives, in which parts, and its rows as Arrow. No Spark in here."""

import json
import re
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from billflow.errors import MachineError, PassingError, SettingsError
from billflow.strict_yaml import without_passwords

BATCH = 16_384
"""Rows that are turned to Arrow at once."""

WHOLE, REAL, TEXT, FLAG, DAY = pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32()
WALL_CLOCK, INSTANT = pa.timestamp("us"), pa.timestamp("us", "UTC")
_DIGITS = 38
_SCALE = 18
"""Digits after the point of a number whose column does not say how many it has."""

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


@dataclass(frozen=True)
class Query:
    """A SELECT of one database. `url` may hold a password and is never shown."""

    url: str = field(repr=False)
    select: str
    where: str = "the query"
    """Its place in billflow.yaml, for errors."""
    snapshot: str | None = None
    """Name of the state of the database that is read, where it can give one to several connections."""

    def of(self, condition: str | None) -> "Query":
        """Of its rows those that meet a condition; all of them without one."""
        return replace(self, select=f"SELECT * FROM ({self.select}) AS _part WHERE {condition}") if condition else self


class Database(ABC):
    """One kind of database: how to connect to it, and what its types are."""

    quote: ClassVar[str] = '"'

    @abstractmethod
    def connected(self, query: Query) -> AbstractContextManager[Any]:
        """A DB-API connection that only reads, at the query's snapshot."""

    @abstractmethod
    def schema(self, connection: Any, select: str) -> pa.Schema:
        """Columns and types of what a SELECT gives."""

    def batches(self, connection: Any, select: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows, each column in its own type or, as here, as text."""
        with closing(connection.cursor()) as cursor:
            cursor.execute(select)
            while rows := cursor.fetchmany(BATCH):
                yield _text_batch(rows, schema)

    @abstractmethod
    def hashed(self, column: str, parts: int) -> str:
        """SQL that gives a number below `parts` for each value of a column."""

    def snapshot(self, connection: Any) -> str | None:
        """A name by which other connections see what this one sees, while it lasts."""
        del connection
        return None

    @abstractmethod
    def is_passing(self, error: Exception) -> bool:
        """Whether the same query may work a little later: the server is away, restarts or is full."""

    def name(self, written: str) -> str:
        """A name as SQL takes it: parts that are no plain words are quoted, and those that are quoted stay."""
        return ".".join(part if part[:1] == self.quote else self.quoted(part) for part in written.split("."))

    def quoted(self, name: str) -> str:
        """One name in the database's quotes."""
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    def one(self, connection: Any, select: str) -> tuple[Any, ...]:
        """The one row of a SELECT."""
        with closing(connection.cursor()) as cursor:
            cursor.execute(select)
            return tuple(cursor.fetchone())

    def bounds(self, connection: Any, select: str, column: str) -> tuple[Any, Any]:
        """Lowest and highest value of a column."""
        named = self.name(column)
        low, high = self.one(connection, f"SELECT min({named}), max({named}) FROM ({select}) AS _all")
        return low, high


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
        with closing(dbapi.connect(parts._replace(scheme="postgresql").geturl())) as connection:
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
            return pa.field(found.name, pa.decimal128(_DIGITS, _scale(int(metadata.get(b"POSTGRESQL:typmod", b"-1")))))
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


class MySql(Database):
    """MySQL and MariaDB by PyMySQL; values come as text."""

    quote = "`"

    @contextmanager
    def connected(self, query: Query) -> Iterator[Any]:
        import pymysql  # noqa: PLC0415

        parts = urlsplit(query.url)
        as_text: Any = pymysql.converters.encoders  # and no decoder of what comes
        connection = pymysql.connect(
            host=parts.hostname or "localhost",
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=unquote(parts.path[1:]),
            charset="utf8mb4",
            conv=as_text,
            cursorclass=pymysql.cursors.SSCursor,
            # TIMESTAMPs are instants, and are sent in the session's zone.
            init_command="SET time_zone = '+00:00'",
        )
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


def fetched(query: Query, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a query in a schema that ends with a column for the text of rows that do not fit it.

    Errors as `explained` makes them.
    """
    database = database_of(query.url)
    delivered = pa.schema(list(schema)[:-1])
    with explained(query), database.connected(query) as connection:
        for batch in database.batches(connection, query.select, delivered):
            for start in range(0, batch.num_rows, BATCH):
                yield _fitted(batch.slice(start, BATCH), schema)


@contextmanager
def explained(query: Query) -> Iterator[None]:
    """A driver's error as PassingError when it may pass, else as SettingsError; neither shows a password."""
    try:
        yield
    except (MachineError, SettingsError, PassingError):
        raise
    except Exception as error:
        # While rows come from PostgreSQL, its errors are Arrow's.
        if not type(error).__module__.startswith(("adbc_", "pymysql", "sqlite3")) and "[libpq]" not in str(error):
            raise
        what = without_passwords(" ".join(str(error).split("Query was:")[0].split()))
        place = f"{query.where} ({without_passwords(query.url)})"
        if database_of(query.url).is_passing(error):
            raise PassingError(
                f"the database does not answer: {what}", where=place, remedy="see that it runs, then run again"
            ) from None
        raise SettingsError(
            f"the database refuses: {what}", where=place, remedy="mend url, table, query, where or partition_by"
        ) from None


def conditions(database: Database, connection: Any, select: str, column: str, parts: int) -> list[str]:
    """Conditions that cut a SELECT's rows into about so many parts; each row meets exactly one of them.

    Numbers, dates and times are cut into ranges as wide as each other, which an index serves; texts by a hash.
    """
    kind = {one.name.lower(): one.type for one in database.schema(connection, select)}.get(column.strip('"`').lower())
    if kind is None:
        raise LookupError(column)
    named = database.name(column)
    if not (pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_temporal(kind)):
        return [f"{database.hashed(column, parts)} = {at}" for at in range(parts)]
    low, high = (_number(one, kind) for one in database.bounds(connection, select, column))
    if low is None or high is None:  # no rows, or NULL alone
        return ["1 = 1"]
    cuts = sorted({low + (high - low) * at // parts for at in range(1, parts)} - {low})
    literals = [_literal(one, kind) for one in cuts]
    if not literals:
        return ["1 = 1"]
    middle = [f"{named} >= {low} AND {named} < {high}" for low, high in pairwise(literals)]
    return [f"({named} < {literals[0]} OR {named} IS NULL)", *middle, f"{named} >= {literals[-1]}"]


_POSTGRES_AWAY = (
    "Connection refused",
    "closed the connection",
    "could not receive",
    "could not send",
    "could not translate host name",
    "no connection to the server",
    "starting up",
    "shutting down",
    "terminating connection",
    "timed out",
    "timeout expired",
    "too many clients",
    "remaining connection slots",
)

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # of wall clocks and of UTC alike


def _number(value: Any, kind: pa.DataType) -> int | None:
    """A bound as a whole number: of days, of microseconds, or the number below it."""
    if value is None:
        return None
    if pa.types.is_date(kind):
        return (date.fromisoformat(str(value)[:10]) - _EPOCH.date()).days
    if pa.types.is_timestamp(kind):
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        since = moment.replace(tzinfo=None) - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    try:
        return int(Decimal(str(value)) // 1)
    except ArithmeticError:  # NaN, or a text that SQLite has among numbers
        return None


def _literal(number: int, kind: pa.DataType) -> str:
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        unit = "D" if pa.types.is_date(kind) else "us"
        moment = pa.scalar(number, pa.int32() if unit == "D" else pa.int64()).cast(DAY if unit == "D" else WALL_CLOCK)
        zone = "+00:00" if kind == INSTANT else ""
        return f"'{moment.as_py().isoformat(*([' '] if unit == 'us' else []))}{zone}'"
    return str(number)


def _scale(modifier: int) -> int:
    """PostgreSQL keeps precision and scale in one number, above the four bytes of a header; -1 when none is said."""
    return _SCALE if modifier < 4 else (modifier - 4) & 0x7FF


_MYSQL_WHOLE, _MYSQL_REAL, _MYSQL_DECIMAL = (1, 2, 3, 8, 9, 13), (4, 5), (0, 246)
_MYSQL_DAY, _MYSQL_WALL_CLOCK, _MYSQL_INSTANT = 10, 12, 7


def _mysql_kind(code: int, scale: int) -> pa.DataType:
    """By the numbers of types in MySQL's protocol."""
    if code in _MYSQL_DECIMAL:
        return pa.decimal128(_DIGITS, scale)
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
        return pa.decimal128(_DIGITS, int(found[1]) if found[1] else 0 if "(" in declared else _SCALE)
    return TEXT


def _text_batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array(list(map(_text, column)), TEXT) for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=schema.names)


def _text(value: Any) -> str | None:
    """A driver's value as text; a stored double by the shortest number that is it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        with suppress(UnicodeDecodeError):
            return value.decode()
        return "0x" + value.hex()
    return repr(value)


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in the schema's types. Of a row with a value that is not of its type, the last column is the text."""
    columns, wrong = [], set[int]()
    for at, one in enumerate(list(schema)[:-1]):
        column, misfits = _converted(batch.column(at), one.type)
        columns.append(column)
        wrong |= misfits
    texts = [None] * batch.num_rows if not wrong else [
        _as_json(batch, at) if at in wrong else None for at in range(batch.num_rows)
    ]  # fmt: skip
    return pa.RecordBatch.from_arrays([*columns, pa.array(texts, TEXT)], schema=schema)


def _converted(column: pa.Array, kind: pa.DataType) -> tuple[pa.Array, set[int]]:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if column.type == kind:
        return column, set()
    try:
        return _cast(column, kind), set()
    except pa.ArrowInvalid:
        values, wrong = [], set[int]()
        for at in range(len(column)):
            try:
                values.append(_cast(column.slice(at, 1), kind)[0].as_py())
            except pa.ArrowInvalid:
                values.append(None)
                wrong.add(at)
        return pa.array(values, kind), wrong


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if kind == INSTANT and column.type == TEXT:
        return pc.cast(column, WALL_CLOCK).cast(INSTANT)
    return pc.cast(column, kind)


def _as_json(batch: pa.RecordBatch, at: int) -> str:
    row = {name: batch.column(name)[at].as_py() for name in batch.schema.names}
    return json.dumps({name: None if one is None else str(one) for name, one in row.items()}, ensure_ascii=False)
