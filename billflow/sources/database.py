"""What a SQL database is to its readers: a SELECT gives columns and rows, as Arrow. No Spark in here."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pyarrow as pa

BATCH = 16_384
"""Rows that are turned to Arrow at once."""

WHOLE, REAL, TEXT, FLAG, DAY = pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32()
WALL_CLOCK, INSTANT = pa.timestamp("us"), pa.timestamp("us", "UTC")
DIGITS = 38
SCALE = 18
"""Digits after the point of a number whose column does not say how many it has."""


@dataclass(frozen=True)
class Query:
    """A SELECT of one database. `url` may hold a password and is never shown."""

    url: str = field(repr=False)
    select: str
    where: str = "the query"
    """Its place in billflow.yaml, for errors."""
    snapshot: str | None = None
    """Name of the state of the database that is read, where it can give one to several connections."""
    silence: float = 600.0
    """Seconds that the database may say nothing."""

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


def _text_batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(map(_texts, zip(*rows, strict=True))), names=schema.names)


def _texts(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, TEXT)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # not all of them are texts yet
        return pa.array(list(map(_text, values)), TEXT)


def _text(value: Any) -> str | None:
    """A driver's value as text; a stored double by the shortest number that is it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        with suppress(UnicodeDecodeError):
            return value.decode()
        return "0x" + value.hex()
    return repr(value)
