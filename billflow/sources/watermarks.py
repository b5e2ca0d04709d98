"""From which value of a watermark on a database is read again. No Spark in here."""

from datetime import timedelta
from math import floor
from typing import Any

import pyarrow as pa

from billflow.errors import SettingsError
from billflow.mapping_options import Watermark
from billflow.sources.database import Database
from billflow.sources.database_parts import literal_of, number_of
from billflow.sources.servers import no_column


def check_overlap(watermark: Watermark, kind: str, where: str) -> None:
    """SettingsError when a mapping's overlap is not one of its column's `kind`: "time", "number" or "text".

    Or when its column is of none of these.
    """
    told, remedy = "", ""
    if kind == "number" and watermark.number is None:
        told, remedy = "a number", "say how much lower rows may come late: overlap: 1000"
    if kind == "text" and watermark.number != 0:
        told, remedy = "a text, below which there is no overlap", "name a column of times or numbers, or say overlap: 0"
    if told:
        raise _unfit(watermark, told, f"{where}.watermark.overlap", remedy)
    if kind not in ("time", "number", "text"):
        raise _unfit(watermark, kind, f"{where}.watermark.column", "name a column of times, numbers or texts")


def _unfit(watermark: Watermark, told: str, where: str, remedy: str) -> SettingsError:
    return SettingsError(f"the watermark {watermark.column!r} is {told}", where=where, remedy=remedy)


def written(watermark: Watermark, highest: Any, where: str) -> str | None:
    """The highest value as it is kept; SettingsError for one of bytes, which has no text that a database compares."""
    if isinstance(highest, bytes | bytearray | memoryview):
        check_overlap(watermark, "binary", where)
    return None if highest is None else str(highest)


def newer(database: Database, schema: pa.Schema, watermark: Watermark, highest: str | None, where: str) -> str | None:
    """The condition of rows that may have come or changed since `highest` was read; None where that tells nothing.

    SettingsError when there is no such column, or the overlap is none of its type's. `where` is in billflow.yaml.
    """
    plain = watermark.column.strip('"`').lower()
    kind = {one.name.lower(): one.type for one in schema}.get(plain)
    if kind is None:
        raise no_column(watermark.column, f"{where}.watermark.column")
    check_overlap(watermark, _said(kind), where)
    lowest = None if highest is None else _lowest(watermark, kind, highest)
    named = database.name(watermark.column)
    return None if lowest is None else f"({named} >= {lowest} OR {named} IS NULL)"


def _said(kind: pa.DataType) -> str:
    if pa.types.is_temporal(kind):
        return "time"
    is_number = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind)
    return "number" if is_number else "text"


def _lowest(watermark: Watermark, kind: pa.DataType, highest: str) -> str | None:
    if _said(kind) == "text":
        return "'" + highest.replace("'", "''") + "'"
    number = number_of(highest, kind)
    if number is None:
        return None
    if _said(kind) == "number":
        return literal_of(floor(number - (watermark.number or 0)), kind)
    return literal_of(number - watermark.duration // _unit(kind) - 1, kind)


def _unit(kind: pa.DataType) -> timedelta:
    return timedelta(days=1) if pa.types.is_date(kind) else timedelta(microseconds=1)
