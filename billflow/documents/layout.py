"""`layout.yaml`: the sections that are printed after the first page, declared; no widths, those are planned."""

from typing import Annotated, Literal

from pydantic import Field

from billflow.documents.declared import Declared, read_declared

NAME = "layout.yaml"

Format = Literal["text", "number", "quantity", "amount", "percent", "date", "period", "time"]
Points = Annotated[float, Field(gt=0)]
NUMBERS = frozenset({"number", "quantity", "amount", "percent"})


class Column(Declared):
    """One column: a field of the rows, as its format writes it; numbers are aligned at their end, others at the start.

    `period` reads `period_start` and `period_end`, `quantity` also `unit`. A column whose cells are all empty is not
    printed. What is left of the width goes to columns that grow.
    """

    field: str
    label: str | None = Field(default=None, description="a label of locales/, plain text, or both: '{net} {currency}'")
    format: Format = "text"
    align: Literal["start", "end"] | None = None
    grows: bool = False

    @property
    def side(self) -> str:
        return self.align or ("end" if self.format in NUMBERS else "start")


class Group(Declared):
    """Rows of equal `by` under one title, in the order of their first appearance."""

    by: str
    title: str = "{value}"
    empty: str = Field(default="", description="the title, a label or plain text, of rows without a value")
    subtotal: str | None = Field(default=None, description="the field whose sum stands beside the title")
    several: bool = Field(default=False, description="no titles where all rows are of one group")


class Section(Declared):
    """One list of the payload as a table, drawn by `components/<name>.typ` or else by `components/table.typ`."""

    rows: str
    title: str | dict[str, str] = Field(description="a label or plain text; one for each kind of document")
    size: Points = 8.5
    pitch: Points = 13
    gutter: Points = 10
    ruled: bool = Field(default=False, description="hairlines between rows")
    lanes: Annotated[int, Field(ge=1, le=6)] = 1
    groups: tuple[Group, ...] = ()
    columns: tuple[Column, ...] = Field(default=(), description="without any: one for each field of the rows")


class Layout(Declared):
    """The whole file."""

    version: Literal[1]
    width: Points
    height: Points
    sections: dict[str, Section]


def read_layout(content: bytes) -> Layout:
    """The layout of a template set. SettingsError names the file, the place in it and what is wrong."""
    return read_declared(Layout, NAME, content)
