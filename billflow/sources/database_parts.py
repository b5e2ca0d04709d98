"""How the rows of a SELECT are cut into parts that are read at once."""

from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa

from billflow.sources.database import DAY, INSTANT, WALL_CLOCK, Database


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
    low, high = (number_of(one, kind) for one in database.bounds(connection, select, column))
    if low is None or high is None:  # no rows, or NULL alone
        return ["1 = 1"]
    cuts = sorted({low + (high - low) * at // parts for at in range(1, parts)} - {low})
    literals = [literal_of(one, kind) for one in cuts]
    if not literals:
        return ["1 = 1"]
    middle = [f"{named} >= {low} AND {named} < {high}" for low, high in pairwise(literals)]
    return [f"({named} < {literals[0]} OR {named} IS NULL)", *middle, f"{named} >= {literals[-1]}"]


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # of wall clocks and of UTC alike


def number_of(value: Any, kind: pa.DataType) -> int | None:
    """A bound as a whole number: of days, of microseconds, or the number below it; None where it is none."""
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
    except (ArithmeticError, ValueError):  # NaN, or a text that SQLite has among numbers
        return None


def literal_of(number: int, kind: pa.DataType) -> str:
    """Such a number as SQL has it."""
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        unit = "D" if pa.types.is_date(kind) else "us"
        moment = pa.scalar(number, pa.int32() if unit == "D" else pa.int64()).cast(DAY if unit == "D" else WALL_CLOCK)
        zone = "+00:00" if kind == INSTANT else ""
        return f"'{moment.as_py().isoformat(*([' '] if unit == 'us' else []))}{zone}'"
    return str(number)
