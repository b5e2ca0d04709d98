"""Sources of kind `jdbc`: tables and queries of any database that has a JDBC driver, read by Spark itself."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    DateType,
    DecimalType,
    IntegralType,
    NumericType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from billflow.errors import SettingsError
from billflow.lake.session import living_session
from billflow.mapping_options import Watermark, watermark_column
from billflow.settings import Settings
from billflow.shown_values import without_passwords
from billflow.source_mappings import SqlMapping
from billflow.source_settings import JdbcSource
from billflow.sources.database import DIGITS, SCALE
from billflow.sources.increments import Known, Opened
from billflow.sources.jdbc_connection import Connection
from billflow.sources.raw import CORRUPT, FILE, ROW
from billflow.sources.servers import no_column, same_names, sample_row
from billflow.sources.watermarks import check_overlap

_CUT_BY = "billflow_part"
_FRACTION, _EXPONENT = r"^[+-]?\d*\.?(\d*?)0*(?:[eE].*)?$", r"[eE]([+-]?\d+)$"
"""Of a number as a driver writes it: digits behind the point that count, and where the point is moved to."""
_NUMBER = DecimalType(DIGITS, SCALE)
_FARTHEST = 2**62
"""Bounds only steer how rows are cut, and Spark computes with them as long integers."""


@dataclass(frozen=True)
class JdbcDelivery:
    """The rows of one SELECT. Mappings that read the same one share it."""

    source: str
    connection: Connection
    select: str
    partition_by: str | None
    watermark: str | Watermark | None
    shown: str = field(compare=False)
    """The table or query, for people."""
    session: Callable[[], SparkSession] = field(compare=False, repr=False)
    """Only Spark can read here: it is started, where it is not yet, by the first who asks."""

    @property
    def name(self) -> str:
        """Folder of its raw table."""
        return f"{self.source}-{zlib.crc32(self.select.encode()):08x}"

    @property
    def where(self) -> str:
        """Place in billflow.yaml, for errors."""
        return self.connection.where

    @property
    def size(self) -> None:
        """Nobody knows without reading."""
        return

    def check(self) -> None:
        """Connects, and has the database look at the query. SettingsError or MachineError."""
        with self.connection.explained():
            self._kinds(self.session())

    def sample(self) -> str:
        """The columns, and the first row."""
        spark = self.session()
        with self.connection.explained():
            rows = self._exact(spark, self._kinds(spark), {}).drop(CORRUPT)
            first = rows.select([_column(name).cast("string").alias(name) for name in rows.columns]).first()
        return sample_row(self.shown, self.connection.url, None if first is None else first.asDict())

    def state(self) -> list[Any] | None:
        """What changes when the rows do; None where only reading them tells."""
        if self.watermark is None:
            return None
        spark = self.session()
        with self.connection.explained():
            kinds = self._kinds(spark)
            found = self._position(spark, self._named(kinds, watermark_column(self.watermark) or "", "watermark"))
        return [self.name, without_passwords(self.connection.url), *map(str, found)]

    def _position(self, spark: SparkSession, newest: StructField) -> list[str | None]:
        """How many rows there are, and the highest value of the watermark."""
        return self._one(spark, f"count(*) AS billflow_count, max({self._quoted(spark, newest)}) AS billflow_newest")

    @contextmanager
    def opened(self, spark: SparkSession, known: Known | None = None) -> Iterator[Opened]:
        """The rows with ROW, FILE and CORRUPT, to be read inside; those that are newer than what is `known`."""
        count, highest = None, None
        with self.connection.explained():
            kinds = self._kinds(spark)
            rows = self._exact(spark, kinds, self._parts(spark, kinds))
            if isinstance(self.watermark, Watermark):
                newest = self._named(kinds, self.watermark.column, "watermark.column")
                check_overlap(self.watermark, _said(newest), self.where)
                count, highest = self._position(spark, newest)
                rows = rows.where(_newer(newest, self.watermark, known.delivered.highest if known else None))
        numbered = rows.withColumns({FILE: F.lit(self.shown), ROW: F.monotonically_increasing_id()})
        segments = known.delivered.segments if known else ()
        yield Opened(numbered, segments, highest, None if count is None else int(count))

    def readable(self) -> AbstractContextManager[None]:
        """What an executor could not read, told as the database's own error."""
        return self.connection.explained()

    def _kinds(self, spark: SparkSession) -> StructType:
        """The columns, with what the driver told of each as metadata."""
        try:
            return self.connection.rows(spark, self.select).schema
        except AnalysisException as error:
            if error.getCondition() != "COLUMN_ALREADY_EXISTS":
                raise
            names = (error.getMessageParameters() or {}).get("columnName", "").strip("`")
            raise same_names(names, self.connection.where) from None

    def _exact(self, spark: SparkSession, kinds: StructType, parts: dict[str, Any]) -> DataFrame:
        """The rows and CORRUPT: the text of one that has a number with more digits than its column gets.

        Spark would round numbers of columns that do not say how many digits they have, so these come as text.
        """
        texts = [one.name for one in kinds if _is_vague(one)]
        asked = {"customSchema": ", ".join(f"{_ticked(name)} STRING" for name in texts)} if texts else {}
        select = parts.pop("select", self.select)
        rows = self.connection.rows(spark, select, **asked, **parts)
        columns = [_number(name) if name in texts else _column(name) for name in kinds.names]
        named = [column.alias(name, metadata={}) for name, column in zip(kinds.names, columns, strict=True)]
        return rows.select(*named, _misfits(kinds.names, texts).alias(CORRUPT))

    def _parts(self, spark: SparkSession, kinds: StructType) -> dict[str, Any]:
        """How Spark's reader cuts the rows into as many parts as there are cores; nothing where there is one.

        It cuts by a column of its own, for one that comes as text has no ranges.
        """
        if self.partition_by is None:
            return {}
        column = self._named(kinds, self.partition_by, "partition_by")
        bounds = self._bounds(spark, column)
        if None in bounds:
            return {}
        cut_by = f"billflow_all.{self._quoted(spark, column)} AS {_CUT_BY}"
        return {
            "select": f"SELECT billflow_all.*, {cut_by} FROM ({self.select}) billflow_all",
            "partitionColumn": _CUT_BY,
            "lowerBound": bounds[0],
            "upperBound": bounds[1],
            "numPartitions": spark.sparkContext.defaultParallelism,
        }

    def _bounds(self, spark: SparkSession, column: StructField) -> Sequence[str | None]:
        """Lowest and highest value of a column, as Spark's reader takes them."""
        if not isinstance(column.dataType, IntegralType | DecimalType | DateType | TimestampType | TimestampNTZType):
            raise SettingsError(
                f"rows cannot be cut by {column.name!r}, which is {column.dataType.simpleString()}",
                where=f"{self.connection.where}.partition_by",
                remedy="name a column of numbers, dates or times",
            )
        named = self._quoted(spark, column)
        found = self._one(spark, f"min({named}) AS billflow_low, max({named}) AS billflow_high")
        if not isinstance(column.dataType, IntegralType | DecimalType):
            return found
        whole = [None if one is None else int(Decimal(one)) for one in found]
        return [None if one is None else str(max(-_FARTHEST, min(one, _FARTHEST))) for one in whole]

    def _one(self, spark: SparkSession, aggregates: str) -> list[str | None]:
        """Aggregates over all rows, as text."""
        rows = self.connection.rows(spark, f"SELECT {aggregates} FROM ({self.select}) billflow_all")
        return list(rows.select([_column(name).cast("string") for name in rows.columns]).first() or ())

    def _named(self, kinds: StructType, name: str, key: str) -> StructField:
        """A column by its name in whatever capitals; SettingsError at a mapping's `key` when there is none."""
        plain = name.strip('"`[]').lower()
        found = next((one for one in kinds if one.name.lower() == plain), None)
        if found is None:
            raise no_column(name, f"{self.connection.where}.{key}")
        return found

    def _quoted(self, spark: SparkSession, column: StructField) -> str:
        return self.connection.quoted(spark, column.name)


def jdbc_delivery(settings: Settings, source: JdbcSource, mapping: SqlMapping, place: str) -> JdbcDelivery:
    """The SELECT that a mapping reads. `place` is the source's in billflow.yaml."""
    secrets = {name: one.get_secret_value() for name, one in source.properties.items()}
    if source.user is not None:
        secrets["user"] = source.user
    if source.password is not None:
        secrets["password"] = source.password.get_secret_value()
    url, properties = source.url.get_secret_value(), tuple(sorted(secrets.items()))
    connection = Connection(url, source.driver, properties, source.fetch_size, place)
    select = mapping.query.strip().rstrip(";") if mapping.query else f"SELECT * FROM {mapping.table}"
    if mapping.where:  # without AS, which Oracle does not take here
        select = f"SELECT * FROM ({select}) billflow_each WHERE {mapping.where}"
    if mapping.only:
        select = f"SELECT {', '.join(mapping.only)} FROM ({select}) billflow_only"
    shown, session = mapping.table or "query", partial(_session, settings)
    return JdbcDelivery(source.name, connection, select, mapping.partition_by, mapping.watermark, shown, session)


def _session(settings: Settings) -> SparkSession:
    from billflow.sources.sessions import started  # noqa: PLC0415  # it looks at all kinds of sources, as at this one

    return living_session() or started(settings)


def _is_vague(column: StructField) -> bool:
    """Whether a column of decimals does not have the digits that its type says, or has a floating point."""
    told = column.metadata
    floats = "FLOAT" in str(told.get("jdbcClientType")).upper()
    return isinstance(column.dataType, DecimalType) and (told.get("scale") != column.dataType.scale or floats)


def _said(column: StructField) -> str:
    kind = column.dataType
    if isinstance(kind, DateType | TimestampType | TimestampNTZType):
        return "time"
    if isinstance(kind, NumericType):
        return "number"
    return "text" if isinstance(kind, StringType) else kind.simpleString()


def _newer(column: StructField, watermark: Watermark, highest: str | None) -> Column:
    """Whether a row may have come or changed since `highest` was read: a condition that Spark hands to the database."""
    if highest is None:
        return F.lit(True)
    kind, lowest = column.dataType, F.lit(highest)
    if isinstance(kind, DateType):
        lowest = F.date_sub(lowest.cast(kind), watermark.duration.days + 1)
    elif _said(column) == "time":
        lowest = lowest.cast(kind) - F.lit(watermark.duration)
    elif _said(column) == "number":
        lowest = (lowest.cast(_NUMBER) - F.lit(watermark.number or 0)).cast(kind)
    return (_column(column.name) >= lowest) | _column(column.name).isNull()


def _number(name: str) -> Column:
    return F.when(_fits(name), _column(name).try_cast(_NUMBER))


def _fits(name: str) -> Column:
    """Whether a text is a number with no more digits behind the point than its column gets, or NULL."""
    text = _column(name)
    exponent = F.coalesce(F.regexp_extract(text, _EXPONENT, 1).try_cast("int"), F.lit(0))
    digits = F.length(F.regexp_extract(text, _FRACTION, 1)) - exponent
    return text.isNull() | (text.try_cast(_NUMBER).isNotNull() & (digits <= SCALE))


def _misfits(names: Sequence[str], texts: Sequence[str]) -> Column:
    """The text of a row of which a text is no number of its column's; else NULL."""
    whole = F.to_json(F.struct(*map(_column, names)))
    text = F.lit(None).cast(StringType())
    for name in texts:
        text = F.when(_fits(name), text).otherwise(whole)
    return text


def _column(name: str) -> Column:
    return F.col(_ticked(name))


def _ticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
