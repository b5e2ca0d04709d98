"""Columns of a source against those that it had at the last ingestion: what is new, lost, or of another type.

A new column is carried along. A column that a mapping uses and that is lost, or whose type is of another kind, stops
the run before anything is billed: an id that was text and is a number may have lost its zeros, a number that is text
may not be read at all. Whoever means it so changes the expression that uses the column; one that the last ingestion has
not known is taken as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, StructType

from billflow.errors import SettingsError
from billflow.lake.schemas import QUANTITY
from billflow.source_mappings import TableMapping
from billflow.sources.raw import delivered_columns


@dataclass(frozen=True)
class KnownColumns:
    """What the last ingestion has read of a delivery."""

    columns: Mapping[str, str]
    """Column, or field of one (`tags.tier`) → Spark's type."""
    expressions: Sequence[str]
    """Of the mappings that read it."""


def columns_of(raw: DataFrame) -> dict[str, str]:
    """Each column → its type; of structs, and of lists of them, each field."""
    delivered = set(delivered_columns(raw))
    fields = [(field.name, field.dataType) for field in raw.schema if field.name in delivered]
    return dict(sorted(leaf for name, kind in fields for leaf in _leaves(name, kind)))


def _leaves(path: str, kind: DataType) -> Iterator[tuple[str, str]]:
    inner = kind.elementType if isinstance(kind, ArrayType) else kind
    if isinstance(inner, StructType):
        for field in inner:
            yield from _leaves(f"{path}.{field.name}", field.dataType)
    else:
        yield path, kind.simpleString()


def expressions_of(mapping: TableMapping) -> dict[str, str]:
    """Place in the mapping → expression over the source's columns."""
    columns = {f"columns.{name}": text for name, text in mapping.columns.items()}
    further = {"where": mapping.condition, "unfold": mapping.unfold}
    return {**columns, **mapping.options, **{place: text for place, text in further.items() if text is not None}}


def new_columns(before: KnownColumns, raw: DataFrame) -> list[str]:
    """Columns, with their types, that were not there."""
    known = {name.lower() for name in before.columns}
    return [f"{name} ({kind})" for name, kind in columns_of(raw).items() if known and name.lower() not in known]


def check_columns(before: KnownColumns, raw: DataFrame, mapping: TableMapping, where: str, *, has_types: bool) -> None:
    """SettingsError when a column that `mapping` uses is lost or of another kind. `where` is in billflow.yaml.

    Without `has_types` a column's type is that of the values that happen to be there: one text among numbers makes it
    text, and is no more than a bad row. Then it must have values, and no number among them.
    """
    now = {name.lower(): kind for name, kind in columns_of(raw).items()}
    for place, text in expressions_of(mapping).items():
        if text not in before.expressions:
            continue
        for column in _used(raw.sparkSession, text, mapping, before.columns):
            was, is_now, told = before.columns[column], now.get(column.lower()), f"{where}.{place}"
            if is_now is None:
                raise _drifted(column, was, "nothing", "is gone", told)
            if _differs(was, is_now) and (has_types or not _may_be(raw, column, was, is_now)):
                raise _drifted(column, was, is_now, "has another type", told)


def _drifted(column: str, before: str, now: str, what: str, where: str) -> SettingsError:
    return SettingsError(
        f"the column {column!r} {what} since the last ingestion: {before} → {now}",
        where=where,
        remedy="have the source deliver it as before; if it is meant so, write the expression anew for what comes now",
    )


_KINDS = {
    "number": ("tinyint", "smallint", "int", "bigint", "decimal", "float", "double"),
    "text": ("string", "char", "varchar"),
}
_UNKNOWN = "void"
"""Type of a column without any value."""


def _kind(name: str) -> str:
    """Types between which values stay what they are have one kind."""
    plain = name.partition("(")[0].partition("<")[0]
    return next((kind for kind, names in _KINDS.items() if plain in names), plain)


def _differs(before: str, now: str) -> bool:
    return _UNKNOWN not in (before, now) and _kind(before) != _kind(now)


def _may_be(raw: DataFrame, column: str, before: str, now: str) -> bool:
    """Whether the values may be of the type that was; only text that has no number any more may not."""
    if (_kind(before), _kind(now)) != ("number", "text"):
        return True
    values = raw.select(F.col(column).alias("value"))
    if isinstance(values.schema[0].dataType, ArrayType):
        values = values.select(F.explode("value").alias("value"))
    given = values.where(F.col("value").isNotNull())
    return given.isEmpty() or not given.where(F.col("value").try_cast(QUANTITY).isNotNull()).isEmpty()


# --- Which columns an expression names ------------------------------------------------------------------------------


def _used(spark: SparkSession, text: str, mapping: TableMapping, columns: Mapping[str, str]) -> list[str]:
    """Those of `columns` that an expression names, whole or in part."""
    names = [text] if text in columns else [_folded(name, mapping) for name in _names(spark, text)]
    return [column for column in columns if any(_meet(column.lower(), name.lower()) for name in names)]


def _meet(column: str, name: str) -> bool:
    return column == name or column.startswith(f"{name}.") or name.startswith(f"{column}.")


def _folded(name: str, mapping: TableMapping) -> str:
    """The name as of a delivered row: an element has the name of the last part of its list's."""
    if mapping.unfold is None:
        return name
    first, dot, rest = name.partition(".")
    return f"{mapping.unfold}{dot}{rest}" if first.lower() == mapping.unfold.rpartition(".")[2].lower() else name


def _names(spark: SparkSession, text: str) -> Iterator[str]:
    """The names in an expression that are no functions; none when it does not parse."""
    session: Any = spark._jsparkSession  # noqa: SLF001  # the parser is nowhere else
    try:
        yield from _attributes(session.sessionState().sqlParser().parseExpression(text))
    except PySparkException:
        return


def _attributes(node: Any) -> Iterator[str]:
    if str(node.getClass().getSimpleName()) == "UnresolvedAttribute":
        parts = node.nameParts()
        yield ".".join(str(parts.apply(at)) for at in range(parts.size()))
    children = node.children()
    for at in range(children.size()):
        yield from _attributes(children.apply(at))
