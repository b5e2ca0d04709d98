"""Rows of a published table in the columns that a sink gives them."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, BooleanType, DataType, DecimalType, MapType, StructType

from billflow.errors import SettingsError
from billflow.sink_settings import KEYS, PLACE, Outgoing

HIDDEN = ("pdf", "payload")
"""Columns that no database gets: PDFs are exported."""


@dataclass(frozen=True)
class Field:
    """A column there, and its Spark type here."""

    name: str
    kind: DataType

    @property
    def is_exact(self) -> bool:
        """Whether it holds decimals."""
        return isinstance(self.kind, DecimalType)


@dataclass(frozen=True)
class Rows:
    """Rows on their way to a table there. `key` are the columns that tell them apart, `place` those with cycle and
    month, where they have them; `where` is the table's place in billflow.yaml.
    """

    frame: DataFrame
    table: str
    fields: Sequence[Field]
    key: Sequence[str]
    place: Sequence[str]
    where: str

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        return [field.name for field in self.fields]

    def as_texts(self) -> DataFrame:
        """All values as text: decimals with all their digits, days and times as ISO 8601 writes them (UTC), 1 and 0 for
        true and false, which each database takes.
        """
        return self.frame.select(
            [_as_text(self.frame[f"`{one.name}`"], one.kind).alias(one.name) for one in self.fields]
        )


def outgoing_rows(frame: DataFrame, table: str, wanted: Outgoing, where: str) -> Rows:
    """The rows of a published `table` as they are `wanted`. SettingsError for an expression that Spark refuses."""
    expressions = wanted.columns or {name: name for name in frame.columns if name not in HIDDEN}
    chosen = frame.select([_expression(frame, name, text, where) for name, text in expressions.items()])
    shown = chosen.select([_plain(chosen[f"`{one.name}`"], one.dataType).alias(one.name) for one in chosen.schema])
    named = {text: name for name, text in expressions.items()}
    return Rows(
        shown,
        wanted.table or table,
        [Field(one.name, one.dataType) for one in shown.schema],
        [named[name] for name in KEYS[table]],
        [named[name] for name in PLACE if name in named],
        where,
    )


def _expression(frame: DataFrame, name: str, text: str, where: str) -> Column:
    column = F.expr(text).alias(name)
    try:
        frame.select(column)  # analysed here, for an error that names the column
    except PySparkException as problem:
        told = str(problem).split(". SQLSTATE", maxsplit=1)[0].split("\n", maxsplit=1)[0]
        raise SettingsError(
            f"Spark refuses {text!r}: {told}",
            where=f"{where}.columns.{name}",
            remedy=f"write an expression over {', '.join(one for one in frame.columns if one not in HIDDEN)}",
        ) from None
    return column


def _as_text(column: Column, kind: DataType) -> Column:
    return (column.cast("int") if isinstance(kind, BooleanType) else column).cast("string")


def _plain(column: Column, kind: DataType) -> Column:
    """What databases have no type for is JSON."""
    return F.to_json(column) if isinstance(kind, ArrayType | MapType | StructType) else column
