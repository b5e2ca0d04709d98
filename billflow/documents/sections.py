"""Which sections a document has after its first page: those that the layout declares, and one for any other list."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from billflow.documents.attempts import Steps
from billflow.documents.itemised import ItemisedUsage
from billflow.documents.layout import Column, Format, Group, Layout, Section
from billflow.documents.notices import SECTION as NOTICES
from billflow.documents.pages import Part
from billflow.documents.tables import Row, Table, Writing

FIRST_PAGE = frozenset({"lines", "taxes", "usage", "members", "history", "days"})
"""Lists of the payload that the first page or a picture shows, or that a layout may leave out."""
GENERIC = "table"
"""The component of a section that has none of its own name."""
MONEY = ("amount", "net", "tax", "total", "balance", "paid", "open")
"""What names of fields that hold money end with."""

_NOTICES = Section(
    rows=NOTICES,
    title=NOTICES,
    groups=(Group(by="title"),),
    columns=(Column(field="text", label="", grows=True),),
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def parts_of(
    payload: Mapping[str, Any], writing: Writing, layout: Layout, components: Collection[str]
) -> Steps[list[Part]]:
    """The sections that have rows, in the layout's order, then those that it does not know."""
    kind = payload["invoice"]["kind"]
    parts = []
    for name, section in _sections(payload, layout).items():
        title = section.title if isinstance(section.title, str) else section.title[kind]
        component = name if name in components else GENERIC
        parts.append(_part(payload[section.rows], section, writing, layout.width, (component, writing.heading(title))))
        yield
    return parts


def _sections(payload: Mapping[str, Any], layout: Layout) -> dict[str, Section]:
    sections = {_NOTICES.rows: _NOTICES, **layout.sections}
    declared = {name: section for name, section in sections.items() if payload.get(section.rows)}
    known = {section.rows for section in sections.values()} | FIRST_PAGE
    further = {name: rows for name, rows in payload.items() if name not in known and _is_table(rows)}
    return declared | {name: Section(rows=name, title=name, ruled=True) for name in further}


def _is_table(rows: Any) -> bool:
    return isinstance(rows, list) and bool(rows) and all(isinstance(row, Mapping) for row in rows)


def _part(rows: Sequence[Row], section: Section, writing: Writing, width: float, drawn: tuple[str, str]) -> Part:
    if section.rows == "usage":
        return ItemisedUsage(section, writing, rows, width).part(*drawn)
    columns = section.columns or tuple(columns_of(rows))
    table = Table(section.model_copy(update={"columns": columns}), writing, width)
    cells = table.cells(rows)
    planned = table.plan(cells)
    return Part(*drawn, section, planned, list(table.blocks(rows, table.lines(planned, cells))))


def columns_of(rows: Iterable[Row]) -> Iterator[Column]:
    """A column for each field, in order of first appearance; its format is what all its values look like."""
    fields: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row.items():
            fields.setdefault(name, []).extend([] if value is None else [str(value)])
    for name, values in fields.items():
        yield Column(field=name, format=(found := _format(name, values)), grows=found == "text")


def _format(name: str, values: Sequence[str]) -> Format:
    if values and all(map(_NUMBER.fullmatch, values)):
        return "amount" if name.endswith(MONEY) else "number"
    return "date" if values and all(map(_DATE.fullmatch, values)) else "text"
