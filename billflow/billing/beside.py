"""Rows beside what a small table of this process says of them: the prices of a catalogue, the lines they may print."""

from collections.abc import Sequence
from datetime import date
from decimal import Context
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DecimalType, MapType, StructField, StructType

from billflow.lake.local_rows import local_rows


def beside(rows: DataFrame, known: Sequence[tuple[Any, ...]], schema: StructType, on: Sequence[str]) -> DataFrame:
    """`rows` that have a row of `known` (tuples in the order of `schema`) of the same `on`, with its columns.

    What all of `known` say alike is a literal: Spark works out beforehand what follows from it, and no row carries it.
    Decimals get no more digits than they have: those of up to 18 are one machine word, others are objects, made anew
    by each step that a row goes through.
    """
    values = {field.name: [row[at] for row in known] for at, field in enumerate(schema)}
    alike = {name for name, column in values.items() if name not in on and _are_alike(schema[name].dataType, column)}
    told = StructType([StructField(f.name, _narrow(f.dataType, values[f.name])) for f in schema if f.name not in alike])
    table = local_rows(rows.sparkSession, list(zip(*[values[name] for name in told.names], strict=True)), told)
    constants = {name: _literal(values[name][0], schema[name].dataType) for name in schema.names if name in alike}
    return rows.join(F.broadcast(table), list(on), "inner").withColumns(constants)


def _are_alike(kind: DataType, column: Sequence[Any]) -> bool:
    return bool(column) and not isinstance(kind, MapType) and all(value == column[0] for value in column)


def _literal(value: Any, kind: DataType) -> Column:
    told = value.isoformat() if isinstance(value, date) else value  # as a date, PySpark gets those before 1000 wrong
    return F.lit(told).cast(_narrow(kind, [value]))


def _narrow(kind: DataType, column: Sequence[Any]) -> DataType:
    if not isinstance(kind, DecimalType) or all(value is None for value in column):
        return kind
    numbers = [_EXACT.create_decimal(value).normalize(_EXACT) for value in column if value]
    scale = max([0, *(-int(number.as_tuple().exponent) for number in numbers)])
    whole = max([0, *(number.adjusted() + 1 for number in numbers)])
    return DecimalType(max(1, whole + scale), scale)


_EXACT = Context(prec=80)  # Python's own rounds to 28 digits
