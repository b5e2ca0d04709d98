"""Values as the mapping expressions give them → the types of the canonical columns; NULL where a value is not of it.

To be analysed with ANSI off (`billflow.sources.mapping.mapping_mode`).
"""

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DecimalType,
    IntegerType,
    MapType,
    NumericType,
    StringType,
    StructType,
)

from billflow.lake import schemas

TYPES: dict[str, DataType] = {
    "quantity": schemas.QUANTITY,
    "unit_price": schemas.QUANTITY,
    "amount": schemas.QUANTITY,
    "tax_amount": schemas.QUANTITY,
    "line_no": schemas.WHOLE,
    "start_date": schemas.DAY,
    "end_date": schemas.DAY,
    "date": schemas.DAY,
    "issue_date": schemas.DAY,
    "birth_date": schemas.DAY,
    "event_time": schemas.USAGE["event_time"].dataType,
    "arrived_at": schemas.USAGE["arrived_at"].dataType,
    "decided_at": schemas.CROSSWALK["decided_at"].dataType,
    "dimensions": schemas.DIMENSIONS,
    "discounts": schemas.TEXTS,
}
"""Canonical columns that are not text."""

OPTION_TYPES: dict[str, DataType] = {
    "rollover": schemas.QUANTITY,
    "estimated": schemas.FLAG,
    "order": schemas.QUANTITY,
    "deleted": schemas.FLAG,
}
"""What a mapping's options give beside the canonical columns, that is not text."""


def type_of(column: str) -> DataType:
    """The type of a canonical column, or of what an option gives."""
    return TYPES.get(column) or OPTION_TYPES.get(column, schemas.TEXT)


_LOOKS_LIKE_TIME = r"^\s*\d{4}-\d{1,2}-\d{1,2}([T\s].*)?$"


def converted(column: str, value: Column, given: DataType) -> Column:
    """`value`, which is of the type `given`, as the type of a canonical column. TypeError when no value can be."""
    wanted = type_of(column)
    if isinstance(wanted, BooleanType) and not isinstance(given, BooleanType):
        raise TypeError(given)
    if isinstance(wanted, StringType):
        text = F.trim(value.cast(wanted))
        return F.when(text != "", text)
    if column == "dimensions":
        return _dimensions(value, given)
    if column == "discounts":
        return _codes(value, given)
    if column == "order":
        return _place_in_time(value, given)
    if isinstance(wanted, IntegerType):
        return _whole(value)
    if isinstance(given, StringType) and not isinstance(wanted, DecimalType):
        # A cast to a day would overlook what follows the day, and that it is no time.
        value = F.when(value.rlike(_LOOKS_LIKE_TIME) & value.cast("timestamp").isNotNull(), value)
    return value.cast(wanted)


def _place_in_time(value: Column, given: DataType) -> Column:
    """A number as it is, a time as microseconds: text would put 10 before 9."""
    if isinstance(given, NumericType):
        return value.cast(schemas.QUANTITY)
    micros = F.unix_micros(value.cast("timestamp")).cast(schemas.QUANTITY)
    if not isinstance(given, StringType):
        return micros
    return F.coalesce(value.cast(schemas.QUANTITY), F.when(value.rlike(_LOOKS_LIKE_TIME), micros))


def _whole(value: Column) -> Column:
    """A cast would cut 1.5 to 1, and wrap what is too large."""
    number = value.cast(schemas.QUANTITY)
    whole = number.cast(schemas.WHOLE)
    return F.when(whole == number, whole)


def _dimensions(expression: Column, given: DataType) -> Column:
    if isinstance(given, StructType):
        expression = F.from_json(F.to_json(expression), schemas.DIMENSIONS)
    elif isinstance(given, StringType):
        expression = F.from_json(expression, schemas.DIMENSIONS)
    elif not isinstance(given, MapType):
        raise TypeError(given)
    texts = expression.cast(MapType(schemas.TEXT, schemas.TEXT))
    return F.map_filter(texts, lambda _, value: value.isNotNull()).cast(schemas.DIMENSIONS)


def _codes(expression: Column, given: DataType) -> Column:
    """A list as it is; text such as `loyalty, staff` is split."""
    texts = F.split(expression, r"[,;|\s]+") if isinstance(given, StringType) else expression.cast("array<string>")
    return F.filter(F.array_compact(texts), lambda code: code != "").cast(schemas.TEXTS)
