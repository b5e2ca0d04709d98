"""Sources of kind `sql`: tables and queries of databases, read in parts by Spark's executors."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa
from pydantic import SecretStr
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from billflow.mapping_options import Watermark, watermark_column
from billflow.settings import Settings
from billflow.shown_values import without_passwords
from billflow.source_mappings import SqlMapping
from billflow.source_settings import SqlSource
from billflow.sources.database import Database, Query
from billflow.sources.database_kinds import database_of
from billflow.sources.database_parts import conditions
from billflow.sources.databases import explained, fetched, silent
from billflow.sources.increments import Known, Opened
from billflow.sources.parts import read_parts, told_as_here
from billflow.sources.raw import CORRUPT, FILE, ROW
from billflow.sources.servers import no_column, same_names, sample_row
from billflow.sources.silence import held
from billflow.sources.watermarks import newer, written

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Cut:
    """The columns of what is read, its parts; and how many rows there are in all, with the highest watermark."""

    schema: pa.Schema
    parts: Sequence[Query]
    count: int | None
    highest: str | None


@dataclass(frozen=True)
class SqlDelivery:
    """The rows of one SELECT. Mappings that read the same one share it."""

    source: str
    query: Query
    partition_by: str | None
    watermark: str | Watermark | None
    where: str
    """Place in billflow.yaml, for errors."""
    shown: str = field(compare=False, default="")
    """The table or query, for people."""

    @property
    def name(self) -> str:
        """Folder of its raw table."""
        return f"{self.source}-{zlib.crc32(self.query.select.encode()):08x}"

    @property
    def size(self) -> None:
        """Nobody knows without reading."""
        return

    def check(self) -> None:
        """Connects, and has the database look at the query. SettingsError or MachineError."""
        with self._asked(lambda database, connection: self._columns(database.schema(connection, self.query.select))):
            pass

    def sample(self) -> str:
        """The columns, and the first row as the database has it."""
        with self._asked(self._first) as rows:
            return sample_row(self.shown, self.query.url, rows[0] if rows else None)

    def _first(self, database: Database, connection: Any) -> list[dict[str, Any]]:
        schema = database.schema(connection, self.query.select)
        first = f"SELECT * FROM ({self.query.select}) AS _first LIMIT 1"
        return [row for batch in database.batches(connection, first, schema) for row in batch.to_pylist()]

    def state(self) -> list[Any] | None:
        """What changes when the rows do; None where only reading them tells."""
        if self.watermark is None:
            return None
        with self._asked(self._position) as found:
            return [self.name, without_passwords(self.query.url), *map(str, found)]

    def _position(self, database: Database, connection: Any) -> tuple[Any, ...]:
        """How many rows there are, and the highest value of the watermark."""
        newest = f"max({database.name(watermark_column(self.watermark) or '')})"
        return database.one(connection, f"SELECT count(*), {newest} FROM ({self.query.select}) AS _all")

    @contextmanager
    def opened(self, spark: SparkSession, known: Known | None = None) -> Iterator[Opened]:
        """The rows with ROW, FILE and CORRUPT, to be read inside; those that are newer than what is `known`.

        Where the database can, all parts see the state of one moment, as its count of rows does.
        """
        cores = spark.sparkContext.defaultParallelism
        with self._asked(partial(self._cut, cores, known)) as cut:
            plain = read_parts(spark, cut.parts, cut.schema, partial(fetched, schema=cut.schema))
            rows = plain.withColumns({FILE: F.lit(self.shown), ROW: F.monotonically_increasing_id()})
            yield Opened(rows, known.delivered.segments if known else (), cut.highest, cut.count)

    @contextmanager
    def _asked(self, ask: Callable[[Database, Any], Answer]) -> Iterator[Answer]:
        """What is asked of the database; the connection lasts as long as this does. Errors as `fetched` makes them."""
        database = database_of(self.query.url)

        @contextmanager
        def answered() -> Iterator[Answer]:
            with explained(self.query), database.connected(self.query) as connection:
                yield ask(database, connection)

        with held(answered, self.query.silence, silent(self.query)) as answer:
            yield answer

    def _cut(self, cores: int, known: Known | None, database: Database, connection: Any) -> "_Cut":
        """What is read of the database as it is now."""
        schema = self._columns(database.schema(connection, self.query.select))
        seen, count, highest = replace(self.query, snapshot=database.snapshot(connection)), None, None
        if isinstance(self.watermark, Watermark):
            before = known.delivered.highest if known else None
            seen = seen.of(newer(database, schema, self.watermark, before, self.where))
            count, found = self._position(database, connection)
            highest = written(self.watermark, found, self.where)
        parts = [seen.of(part) for part in self._parts(cores, seen.select, database, connection)]
        return _Cut(schema, parts, count, highest)

    def _parts(self, cores: int, select: str, database: Database, connection: Any) -> list[str | None]:
        if self.partition_by is None:
            return [None]
        try:
            return [*conditions(database, connection, select, self.partition_by, cores)]
        except LookupError:
            raise no_column(self.partition_by, f"{self.where}.partition_by") from None

    def _columns(self, schema: pa.Schema) -> pa.Schema:
        names = [name.lower() for name in schema.names]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise same_names(", ".join(twice), self.where)
        return pa.schema([*schema, pa.field(CORRUPT, pa.string())])

    def readable(self) -> AbstractContextManager[None]:
        """What an executor could not read, told as here."""
        return told_as_here()


def sql_delivery(settings: Settings, source: SqlSource, mapping: SqlMapping, place: str) -> SqlDelivery:
    """The SELECT that a mapping reads. `place` is the source's in billflow.yaml."""
    url = url_of(settings, source.url)
    database = database_of(url)
    select = (
        mapping.query.strip().rstrip(";") if mapping.query else f"SELECT * FROM {database.name(mapping.table or '')}"
    )
    if mapping.where:
        select = f"SELECT * FROM ({select}) AS _all WHERE {mapping.where}"
    if mapping.only:
        select = f"SELECT {', '.join(map(database.name, mapping.only))} FROM ({select}) AS _only"
    shown = mapping.table or "query"
    query = Query(url, select, place, silence=source.timeout)
    return SqlDelivery(source.name, query, mapping.partition_by, mapping.watermark, place, shown)


def url_of(settings: Settings, url: SecretStr) -> str:
    """A database's url, with the path of a file as it is from everywhere."""
    text = url.get_secret_value()
    if text.startswith("sqlite:"):
        return "sqlite:///" + str(settings.folder / text.removeprefix("sqlite://").removeprefix("/"))
    return text
