"""Rows of this process as a frame that is part of the plans using it."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import DataType, MapType, StructType


def local_rows(spark: SparkSession, rows: Sequence[tuple[Any, ...]], schema: StructType) -> DataFrame:
    """Tuples in the order of a schema, few enough to be sent with each plan; a decimal that does not fit is an error.

    By way of Arrow: Spark plans rows that it is given as Python objects as the output of a Python process, which takes
    an executor two seconds to start, and keeps Spark from seeing that there are none.
    """
    arrow = to_arrow_schema(schema, timezone="UTC")
    columns = [
        pa.array([_value(row[at], field.dataType) for row in rows], arrow.field(at).type)
        for at, field in enumerate(schema)
    ]
    frame: DataFrame = spark.createDataFrame(pa.Table.from_arrays(columns, schema=arrow), schema)
    return frame


def _value(value: Any, kind: DataType) -> Any:
    """As Arrow takes maps and structs."""
    if value is None:
        return None
    if isinstance(kind, MapType):
        return [(key, _value(one, kind.valueType)) for key, one in value.items()]
    if isinstance(kind, StructType):
        return {field.name: _value(one, field.dataType) for field, one in zip(kind, value, strict=True)}
    return value
