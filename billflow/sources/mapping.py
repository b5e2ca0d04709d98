"""Mapping expressions: from the columns of a source to those of a canonical table.

They are users' SQL, so they are analysed with ANSI off: a row on which one fails gives NULL and is quarantined
(`mapping_failed`) instead of ending the run. The mode, and the zone of wall clock times, are fixed at analysis.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

from pyspark.errors import AnalysisException, ParseException, PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DoubleType, FloatType, MapType, StringType, StructType

from billflow.canonical import CANONICAL_TABLES
from billflow.errors import SettingsError
from billflow.lake import schemas
from billflow.settings import TableMapping
from billflow.sources.files import CORRUPT, FILE, ROW, delivered_columns

FAILED, MALFORMED = "_failed", "_malformed"
"""Columns of mapped rows: names of the mappings that failed, and whether the row as delivered did not parse."""

TYPES: dict[str, DataType] = {
    "quantity": schemas.QUANTITY,
    "start_date": schemas.DAY,
    "end_date": schemas.DAY,
    "event_time": schemas.USAGE["event_time"].dataType,
    "arrived_at": schemas.USAGE["arrived_at"].dataType,
    "dimensions": schemas.DIMENSIONS,
    "discounts": schemas.TEXTS,
}
"""Canonical columns that are not text."""

_LOOKS_LIKE_TIME = r"^\s*\d{4}-\d{1,2}-\d{1,2}([T\s].*)?$"


@contextmanager
def mapping_mode(spark: SparkSession, timezone: str) -> Iterator[None]:
    """What is analysed inside gives NULL where it fails and reads wall clock times in `timezone`."""
    changed = {"spark.sql.ansi.enabled": "false", "spark.sql.session.timeZone": timezone}
    before = {name: spark.conf.get(name) or "" for name in changed}
    try:
        for name, value in changed.items():
            spark.conf.set(name, value)
        yield
    finally:
        for name, value in before.items():
            spark.conf.set(name, value)


def map_rows(raw: DataFrame, mapping: TableMapping, table: str, *, timezone: str, where: str) -> DataFrame:
    """The canonical columns of `table` (typed, NULL where absent) with ROW, FILE, FAILED and MALFORMED.

    `where` is the mapping's place in billflow.yaml; SettingsError when an expression does not parse, names no
    column of the source or makes a binary float.
    """
    with mapping_mode(raw.sparkSession, timezone):
        met = _filtered(raw, mapping, where)
        named = _expressions(met, mapping, where)
        failures = [
            F.when(failed, F.lit(column))
            for column, expression in named.items()
            for failed in _failures(met, expression)
        ]
        columns = {column: _typed(met, column, expression, where) for column, expression in named.items()}
        canonical = [
            columns.get(column, F.lit(None).cast(TYPES.get(column, schemas.TEXT))).alias(column)
            for column in CANONICAL_TABLES[table].columns
        ]
        failed = F.array_distinct(F.array_compact(F.array(F.lit(None).cast("string"), *failures)))
        return met.select(
            *canonical,
            ROW,
            FILE,
            failed.alias(FAILED),
            F.col(CORRUPT).isNotNull().alias(MALFORMED),
        )


def _filtered(raw: DataFrame, mapping: TableMapping, where: str) -> DataFrame:
    if mapping.where is None:
        return raw
    condition = F.expr(mapping.where)
    _checked(raw, condition, mapping.where, f"{where}.where")
    # A row that did not parse has no columns to test; it must reach quarantine, not vanish here.
    return raw.where(condition | F.col(CORRUPT).isNotNull())


def _expressions(met: DataFrame, mapping: TableMapping, where: str) -> dict[str, Column]:
    named = {column: F.expr(_text(met, text)) for column, text in mapping.columns.items()}
    for column, expression in named.items():
        _checked(met, expression, mapping.columns[column], f"{where}.columns.{column}")
    return named


def _text(met: DataFrame, text: str) -> str:
    """A bare column name may hold spaces or dashes, which SQL would not take without back quotes."""
    return f"`{text}`" if text in delivered_columns(met) and "`" not in text else text


def _checked(met: DataFrame, expression: Column, text: str, where: str) -> None:
    try:
        met.select(expression)
    except ParseException as error:
        raise SettingsError(
            f"{text!r} is not a Spark SQL expression: {_first_line(error)}",
            where=where,
            remedy="mend the expression",
        ) from None
    except AnalysisException as error:
        known = ", ".join(delivered_columns(met))
        raise SettingsError(
            f"{text!r} cannot be computed: {_first_line(error)}",
            where=where,
            remedy=f"the source has the columns {known}",
        ) from None


def _first_line(error: PySparkException) -> str:
    return next(line for line in str(error).splitlines() if line.strip()).strip()


def _typed(met: DataFrame, column: str, expression: Column, where: str) -> Column:
    """`expression` as the canonical type; NULL where the value is not of it."""
    given, wanted = met.select(expression).schema[0].dataType, TYPES.get(column, schemas.TEXT)
    if isinstance(given, DoubleType | FloatType) and not _is_bare_column(met, expression):
        raise SettingsError(
            f"this expression computes in binary floating point ({given.simpleString()}), which loses cents",
            where=f"{where}.columns.{column}",
            remedy="cast its columns first: cast(x as decimal(38,12))",
        )
    if isinstance(wanted, StringType):
        text = F.trim(expression.cast(wanted))
        return F.when(text != "", text)
    if column == "dimensions":
        return _dimensions(expression, given)
    if column == "discounts":
        return _codes(expression, given)
    if isinstance(given, StringType) and column != "quantity":
        expression = F.when(expression.rlike(_LOOKS_LIKE_TIME), expression)
    return expression.cast(wanted)


def _is_bare_column(met: DataFrame, expression: Column) -> bool:
    node = _analysed(met, expression)
    node = node.child() if _kind(node) == "Alias" else node
    return _kind(node) == "AttributeReference"


def _dimensions(expression: Column, given: DataType) -> Column:
    if isinstance(given, StructType):
        expression = F.from_json(F.to_json(expression), schemas.DIMENSIONS)
    elif isinstance(given, StringType):
        expression = F.from_json(expression, schemas.DIMENSIONS)
    elif not isinstance(given, MapType):
        return F.lit(None).cast(schemas.DIMENSIONS)
    texts = expression.cast(MapType(schemas.TEXT, schemas.TEXT))
    return F.map_filter(texts, lambda _, value: value.isNotNull()).cast(schemas.DIMENSIONS)


def _codes(expression: Column, given: DataType) -> Column:
    """A list as it is; text such as `loyalty, staff` is split."""
    texts = F.split(expression, r"[,;|\s]+") if isinstance(given, StringType) else expression.cast("array<string>")
    return F.filter(F.array_compact(texts), lambda code: code != "").cast(schemas.TEXTS)


# --- What fails: operations that ANSI SQL would refuse and that give NULL without it. -------------------------------

_FALLIBLE = frozenset(
    {
        "Cast",
        "Add",
        "Subtract",
        "Multiply",
        "Divide",
        "IntegralDivide",
        "Remainder",
        "Pmod",
        "GetTimestamp",
        "UnixTimestamp",
        "ToUnixTimestamp",
        "MakeDate",
        "MakeTimestamp",
        "ToNumber",
        "JsonToStructs",
    }
)
_FIRST_ONLY = frozenset({"If", "CaseWhen", "Coalesce", "And", "Or"})
"""Of these only the first operand is evaluated for every row."""


def _analysed(met: DataFrame, expression: Column) -> Any:
    """Catalyst's expression, with columns and types resolved."""
    return met.select(expression)._jdf.queryExecution().analyzed().projectList().head()  # noqa: SLF001


def _kind(node: Any) -> str:
    return str(node.getClass().getSimpleName())


def _failures(met: DataFrame, expression: Column) -> Iterator[Column]:
    """Conditions under which a row makes an operation in `expression` fail: operands are there, the result is not."""
    spark = met.sparkSession
    for node, children in _fallible(_analysed(met, expression)):
        result, *operands = (_as_column(spark, part) for part in (node, *children))
        yield result.isNull() & reduce(lambda left, right: left & right, [one.isNotNull() for one in operands])


def _fallible(node: Any) -> Iterator[tuple[Any, list[Any]]]:
    kind, children = _kind(node), _children(node)
    tries = kind.startswith("Try") or (kind == "Cast" and str(node.evalMode()) == "TRY")
    if tries or kind in ("LambdaFunction", "SubqueryExpression"):
        return
    if kind in _FALLIBLE and children:
        yield node, children
    for child in children[:1] if kind in _FIRST_ONLY else children:
        yield from _fallible(child)


def _children(node: Any) -> list[Any]:
    listed = node.children()
    return [listed.apply(at) for at in range(listed.size())]


def _as_column(spark: SparkSession, node: Any) -> Column:
    from pyspark.sql.classic.column import Column as ClassicColumn  # noqa: PLC0415  # needs a running JVM

    jvm: Any = spark._jvm  # noqa: SLF001  # there is no public way from an analysed expression to a Column
    return ClassicColumn(jvm.org.apache.spark.sql.classic.ExpressionUtils.column(node))
