"""Mapping expressions: from the columns of a source to those of a canonical table.

They are users' SQL, so they are analysed with ANSI off: a row on which one fails gives NULL and is quarantined
(`mapping_failed`) instead of ending the run. The mode, and the zone of wall clock times, are fixed at analysis.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.errors import AnalysisException, ParseException, PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DecimalType,
    StringType,
    _parse_datatype_json_string,
)

from billflow.canonical import CANONICAL_TABLES
from billflow.errors import SettingsError
from billflow.source_mappings import TableMapping
from billflow.sources.conversion import converted, type_of
from billflow.sources.listing import listed
from billflow.sources.raw import CORRUPT, FILE, ROW, delivered_columns

FAILED, MALFORMED = "_failed", "_malformed"
"""Columns of mapped rows: names of the mappings that failed, and whether the row as delivered did not parse."""


@contextmanager
def mapping_mode(spark: SparkSession, timezone: str, *, ansi: bool = False) -> Iterator[None]:
    """What is analysed inside gives NULL where it fails and reads wall clock times in `timezone`."""
    changed = {"spark.sql.ansi.enabled": str(ansi).lower(), "spark.sql.session.timeZone": timezone}
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

    What the mapping's options give stands in columns of its own: `_meter` of `register.meter`. `where` is the mapping's
    place in billflow.yaml; SettingsError when an expression does not parse, names no column of the source or makes a
    binary float.
    """
    raw = raw if mapping.unfold is None else _unfolded(raw, mapping.unfold, f"{where}.unfold")
    texts = {**{f"columns.{column}": text for column, text in mapping.columns.items()}, **mapping.options}
    attempts = {place: _attempt(raw, text, timezone, f"{where}.{place}") for place, text in texts.items()}
    with mapping_mode(raw.sparkSession, timezone):
        met, condition = _filtered(raw, mapping, timezone, where)
        typed = {place: _typed(attempt, f"{where}.{place}") for place, attempt in attempts.items()}
        canonical = [
            typed.get(f"columns.{column}", F.lit(None).cast(type_of(column))).alias(column)
            for column in CANONICAL_TABLES[table].columns
        ]
        failures = [
            (_failed(attempt, typed[place], _column(place)), F.lit(place.removeprefix("columns.")))
            for place, attempt in attempts.items()
        ]
        failures += [(condition.failed, F.lit("where"))] if condition else []
        options = [typed[place].alias(f"_{_column(place)}") for place in mapping.options]
        failed = listed(failures).alias(FAILED)
        try:
            return met.select(*canonical, *options, ROW, FILE, failed, F.col(CORRUPT).isNotNull().alias(MALFORMED))
        except AnalysisException:
            for place, attempt in attempts.items():
                _check_type(met, attempt, typed[place], f"{where}.{place}")
            raise


def _column(place: str) -> str:
    return place.rpartition(".")[2]


def _unfolded(raw: DataFrame, path: str, where: str) -> DataFrame:
    """A row for each element of a list, which has the name of the list's last part; malformed rows stay.

    A list that is empty or missing has no rows.
    """
    name = path.rpartition(".")[2]
    try:
        kind = raw.select(F.col(path)).schema[0].dataType
    except PySparkException:
        kind = None
    if not isinstance(kind, ArrayType):
        told = "there is none" if kind is None else f"it is {kind.simpleString()}"
        known = f"the source has the columns {', '.join(delivered_columns(raw))}"
        raise SettingsError(f"{path!r} is not a column with lists: {told}", where=where, remedy=known)
    elements = raw.withColumn(name, F.explode_outer(F.col(path)))
    return elements.where(F.col(f"`{name}`").isNotNull() | F.col(CORRUPT).isNotNull())


@dataclass(frozen=True)
class _Attempt:
    """A user's expression tried on each row: its value, NULL where it fails, and whether it failed."""

    text: str
    value: Column
    failed: Column
    kind: DataType
    is_bare_column: bool


def _attempt(raw: DataFrame, text: str, timezone: str, where: str) -> _Attempt:
    """The expression in ANSI mode, which refuses what it cannot compute, inside a try.

    Types are resolved with ANSI off, for ANSI would read the text in coalesce(kwh, 0) as a whole number. Where the two
    modes resolve alike, ANSI decides what fails; elsewhere operations that give NULL from operands that are there do.
    """
    expression = F.expr(_text(raw, text))
    with mapping_mode(raw.sparkSession, timezone):
        lenient = _analysed(raw, expression, text, where)
    if isinstance(type_of(_column(where)), DecimalType):
        _refuse_floats(lenient, where)
    strict = _strict(raw, expression, timezone)
    alike = strict is not None and strict.sql() == lenient.sql()
    tried = _tried(raw.sparkSession, strict if alike else lenient)
    with mapping_mode(raw.sparkSession, timezone):
        # ANSI raises for all of these but JSON that does not parse, which gives NULL in either mode.
        silent = frozenset({"JsonToStructs"}) if alike else _FALLIBLE
        failed = reduce(Column.__or__, [tried.isNull(), *_failures(raw.sparkSession, lenient, silent)])
    kind = _parse_datatype_json_string(lenient.dataType().json())
    return _Attempt(text, tried["v"], failed, kind, _kind(lenient) == "AttributeReference")


def _strict(raw: DataFrame, expression: Column, timezone: str) -> Any:
    """The expression analysed in ANSI mode; None where ANSI refuses it altogether."""
    with mapping_mode(raw.sparkSession, timezone, ansi=True):
        try:
            return _unaliased(raw.select(expression)._jdf.queryExecution().analyzed().projectList().head())  # noqa: SLF001
        except PySparkException:
            return None


def _tried(spark: SparkSession, node: Any) -> Column:
    """struct(v) of an expression, NULL where computing it raises; a value of NULL is a struct with NULL in it."""
    jvm = _jvm(spark)
    whole: Any = F.struct(_as_column(spark, node).alias("v"))
    inner = jvm.org.apache.spark.sql.classic.ExpressionUtils.expression(whole._jc)  # noqa: SLF001
    return _as_column(spark, jvm.org.apache.spark.sql.catalyst.expressions.TryEval(inner))


def _failed(attempt: _Attempt, typed: Column, column: str) -> Column:
    """The expression failed, or gave a value that is not of the canonical type."""
    lost = attempt.value.isNotNull() & typed.isNull()
    if isinstance(type_of(column), StringType):
        return attempt.failed
    empty = F.trim(attempt.value) == "" if isinstance(attempt.kind, StringType) else F.lit(False)
    return attempt.failed | (lost & ~empty)


def _filtered(raw: DataFrame, mapping: TableMapping, timezone: str, where: str) -> tuple[DataFrame, _Attempt | None]:
    """Rows that meet the mapping's condition, and those on which it fails: they must reach quarantine, not vanish."""
    if mapping.condition is None:
        return raw, None
    condition = _attempt(raw, mapping.condition, timezone, f"{where}.where")
    if not isinstance(condition.kind, BooleanType):
        raise SettingsError(
            f"{mapping.condition!r} is not a condition but {condition.kind.simpleString()}",
            where=f"{where}.where",
            remedy="write a comparison, such as kwh is not null",
        )
    return raw.where(condition.value | condition.failed | F.col(CORRUPT).isNotNull()), condition


def _text(met: DataFrame, text: str) -> str:
    """A bare column name may hold spaces or dashes, which SQL would not take without back quotes."""
    return f"`{text}`" if text in delivered_columns(met) and "`" not in text else text


def _analysed(met: DataFrame, expression: Column, text: str, where: str) -> Any:
    """Catalyst's expression with columns and types resolved; SettingsError when it cannot be computed row by row."""
    known = f"the source has the columns {', '.join(delivered_columns(met))}"
    try:
        plan: Any = met.select(expression)._jdf.queryExecution().analyzed()  # noqa: SLF001
    except ParseException as error:
        what = f"{text!r} is not a Spark SQL expression: {_first_line(error)}"
        raise SettingsError(what, where=where, remedy="mend the expression") from None
    except PySparkException as error:
        raise SettingsError(f"{text!r} cannot be computed: {_first_line(error)}", where=where, remedy=known) from None
    if _kind(plan) != "Project" or plan.projectList().size() != 1:
        what = f"{text!r} cannot be computed: it does not give one value for each row"
        raise SettingsError(what, where=where, remedy="leave out aggregates, explode and *")
    return _unaliased(plan.projectList().head())


def _unaliased(node: Any) -> Any:
    return node.child() if _kind(node) == "Alias" else node


def _refuse_floats(node: Any, where: str) -> None:
    """SettingsError when something is computed in binary floating point; a column that holds it may be read."""
    if _kind(node) not in ("AttributeReference", "Literal") and node.dataType().typeName() in ("double", "float"):
        raise SettingsError(
            f"{node.sql()!r} is computed in binary floating point, which loses cents",
            where=where,
            remedy="cast its columns first: cast(x as decimal(38,12))",
        )
    for child in _children(node):
        _refuse_floats(child, where)


def _first_line(error: PySparkException) -> str:
    return next(line for line in str(error).splitlines() if line.strip()).strip()


def _typed(attempt: _Attempt, where: str) -> Column:
    """The value as the canonical type; NULL where it is not of it. SettingsError when no value can be."""
    try:
        return converted(_column(where), attempt.value, attempt.kind)
    except TypeError:
        raise _cannot_become(attempt, where) from None


def _check_type(met: DataFrame, attempt: _Attempt, typed: Column, where: str) -> None:
    """SettingsError when no value of the expression can be of the canonical type."""
    try:
        met.select(typed)
    except AnalysisException:
        raise _cannot_become(attempt, where) from None


def _cannot_become(attempt: _Attempt, where: str) -> SettingsError:
    column = _column(where)
    return SettingsError(
        f"{attempt.text!r} gives {attempt.kind.simpleString()}, which cannot become {column}",
        where=where,
        remedy=f"give {type_of(column).simpleString()}",
    )


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


def _kind(node: Any) -> str:
    return str(node.getClass().getSimpleName())


def _failures(spark: SparkSession, analysed: Any, kinds: frozenset[str]) -> Iterator[Column]:
    """Conditions under which a row makes an operation fail: its operands are there, its result is not."""
    for node, children in _fallible(analysed, kinds):
        result, *operands = (_as_column(spark, part) for part in (node, *children))
        yield result.isNull() & reduce(Column.__and__, [one.isNotNull() for one in operands])


def _fallible(node: Any, kinds: frozenset[str]) -> Iterator[tuple[Any, list[Any]]]:
    kind, children = _kind(node), _children(node)
    tries = kind.startswith("Try") or (kind == "Cast" and str(node.evalMode()) == "TRY")
    if tries or kind in ("LambdaFunction", "SubqueryExpression"):
        return
    if kind in kinds and children:
        yield node, children
    for child in children[:1] if kind in _FIRST_ONLY else children:
        yield from _fallible(child, kinds)


def _children(node: Any) -> list[Any]:
    listed = node.children()
    return [listed.apply(at) for at in range(listed.size())]


def _jvm(spark: SparkSession) -> Any:
    return spark._jvm  # noqa: SLF001  # there is no public way between analysed expressions and Columns


def _as_column(spark: SparkSession, node: Any) -> Column:
    from pyspark.sql.classic.column import Column as ClassicColumn  # noqa: PLC0415  # needs a running JVM

    return ClassicColumn(_jvm(spark).org.apache.spark.sql.classic.ExpressionUtils.column(node))
