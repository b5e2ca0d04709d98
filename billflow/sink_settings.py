"""`sinks:` of billflow.yaml: databases that published tables are written to, so that other systems see them there."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from billflow.source_settings import MongoUrl, SqlUrl
from billflow.strict_yaml import Strict

SinkTable = Literal["invoices", "invoice_lines", "invoice_taxes", "documents", "payments"]

KEYS: dict[str, tuple[str, ...]] = {
    "invoices": ("invoice_id",),
    "invoice_lines": ("invoice_id", "line_no"),
    "invoice_taxes": ("invoice_id", "tax_category", "tax_rate"),
    "documents": ("invoice_id",),
    "payments": ("system", "payment_id"),
}
"""What tells the rows of a published table apart."""
PLACE = ("cycle", "month")
"""Columns that tell which drafts are those of a run before."""


class Outgoing(Strict):
    """How a published table is written."""

    table: str | None = None
    """What it is called there, with its schema where there are several; default: as here."""
    columns: dict[str, str] | None = Field(default=None, min_length=1)
    """Column there → Spark SQL expression over the published table's columns; default: all columns, as they are."""


class AnySink(Strict):
    """A database that is written to once bills are published."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    drafts: bool = False
    """Whether drafts are written too; else a month is written when it is confirmed. With drafts, the tables there hold
    nothing else: rows of a cycle and month that a new run has not made go.
    """
    tables: dict[SinkTable, Outgoing] = Field(min_length=1)

    @field_validator("tables", mode="before")
    @classmethod
    def _a_table_may_say_nothing(cls, tables: Any) -> Any:
        if isinstance(tables, dict):
            return {name: {} if outgoing is None else outgoing for name, outgoing in tables.items()}
        return tables

    @model_validator(mode="after")
    def _rows_are_found_again(self) -> "AnySink":
        for table, outgoing in self.tables.items():
            needed = KEYS[table] + (PLACE if self.drafts and table != "payments" else ())
            if outgoing.columns is None:
                continue
            for name in needed:
                if name not in outgoing.columns.values():
                    raise ValueError(
                        f"tables.{table}.columns: {name} is missing, by which rows are found again; add a column for it"
                    )
        return self


class SqlSink(AnySink):
    """A SQL database."""

    kind: Literal["sql"]
    url: SqlUrl
    """`postgresql://user:password@host:port/database`, `mysql://…`, `mariadb://…` or `sqlite:///file.db`."""


class MongoSink(AnySink):
    """A database of MongoDB; a table is a collection."""

    kind: Literal["mongodb"]
    url: MongoUrl
    """`mongodb://user:password@host:port/database` or `mongodb+srv://…`, with MongoDB's own options behind a `?`."""

    MARK: ClassVar[str] = "billflow_run"
    """Field with the run that has written a document."""


def _by_kind(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return None if kind is None else f"~{kind}"


Sink = SqlSink | MongoSink
_Sink = Annotated[Annotated[SqlSink, Tag("~sql")] | Annotated[MongoSink, Tag("~mongodb")], Discriminator(_by_kind)]
Sinks = tuple[_Sink, ...]
