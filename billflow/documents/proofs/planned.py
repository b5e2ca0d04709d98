"""What should be on each page: the texts of `bill.json` and `details.json` that the shipped templates print.

Left out is what a template may well show in another way: the seller's name (a logo; the imprint has the name), the
`title` (the number of the document, which stands in the facts and in the reference), `due_date` (in the facts where
something is due), and names of things, such as `kind`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Part = Mapping[str, Any]

PLAIN = ("amount", "return_address", "summary_note", "totals", "imprint")


@dataclass(frozen=True)
class Planned:
    """Lines of one text, and what it is for a designer."""

    where: str
    lines: tuple[str, ...]


def planned_sheets(files: Mapping[str, str]) -> list[list[Planned]]:
    """The texts of each planned page, the first page first. `files` are those of `Typesetter.printed`."""
    bill, details = json.loads(files["bill.json"]), json.loads(files["details.json"])
    sheets = [list(_first_page(bill)), *(list(_details(page)) for page in details["pages"])]
    if details["shared"]:
        sheets = [sheets[0] + sheets[1]]
    for where, page in _pictures(bill):
        sheets[1 if page == "details" else 0] += where
    return [[text for text in sheet if text.lines] for sheet in sheets]


def ornaments(files: Mapping[str, str]) -> list[str]:
    """Texts that templates print besides, perhaps: the seller's name over a page, and the number of the document."""
    bill = json.loads(files["bill.json"])
    return [bill["seller_name"], bill["title"]]


def _planned(where: str, text: str) -> Planned:
    return Planned(where, tuple(filter(None, map(str.strip, text.split("\n")))))


def _first_page(bill: Part) -> Iterator[Planned]:
    yield from (_planned(name.replace("_", " "), bill[name]) for name in PLAIN)
    yield from _cells("customer", bill["customer"])
    for name in ("facts", "payment"):
        yield _planned(f"labels of {name}", bill[name]["labels"])
        yield _planned(name, bill[name]["values"])
    yield from _cells("summary", bill["summary"]["main"])
    if bill["summary"]["nested"]:
        yield from _cells("summary", bill["summary"]["under"])
    yield from _cells("taxes", bill["taxes"]["cells"])
    if notices := bill["notices"]:
        for notice in notices["items"]:
            yield from _cells("notices", (notice["title"], notice["text"]))


def _cells(where: str, texts: Iterable[str]) -> Iterator[Planned]:
    yield from (_planned(where, text) for text in texts)


def _pictures(bill: Part) -> Iterator[tuple[list[Planned], str]]:
    for chart in bill["charts"]:
        yield list(_chart(chart)), chart["page"]
    if code := bill["payment_code"]:
        yield [_planned("payment code", code["title"]), _planned("payment code", code["note"])], code["page"]


def _chart(chart: Part) -> Iterator[Planned]:
    where = f'chart "{chart["title"]}"'
    yield from (_planned(where, chart[name]) for name in ("title", "measure", "note"))
    yield from (_planned(where, column["text"]) for column in chart["columns"])
    yield from (_planned(where, name) for name, _middle in chart["names"])


def _details(page: Part) -> Iterator[Planned]:
    for part in page["parts"]:
        where = f'"{part["title"]}"'
        yield from (_planned(where, part[name]) for name in ("title", "continues"))
        yield from _cells(f"labels of {where}", part["labels"])
        for lane in part["lanes"]:
            yield from _lane(where, part["labels"], lane)


def _lane(where: str, labels: list[str], lane: Part) -> Iterator[Planned]:
    for column, text in enumerate(lane["cells"]):
        yield _planned(f"{where}, column {_column(column, labels, lane)}", text)
    yield from _cells(f"labels of {where}", lane["labels"])
    for layer in lane["titles"]:
        yield from _cells(f"titles of {where}", layer["texts"])


def _column(column: int, labels: list[str], lane: Part) -> str:
    """Its label: that of the table, or the first of those over groups; a column without one is counted."""
    texts = labels[column : column + 1] or lane["labels"][column : column + 1]
    return next((f'"{line}"' for text in texts for line in text.split("\n") if line), str(column + 1))
