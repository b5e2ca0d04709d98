"""The charges in detail: invoice lines as blocks of planned text, by subscription and section."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from billflow.documents.formatting import Formats
from billflow.documents.pagination import BOLD, Block, Line, stacked, title_rows, wrap

Labels = Mapping[str, Any]
Geometry = Mapping[str, Any]
InvoiceLine = Mapping[str, Any]

HEADING_SIZE = 1.3
NO_CELLS = ("",) * 5


def flipped(text: str) -> str:
    """The negative of a plain decimal: what a credit note shows of an amount."""
    return text[1:] if text.startswith("-") else f"-{text}"


def sum_of(amounts: Iterable[str]) -> str:
    """The exact sum of plain decimals."""
    return f"{sum(map(Decimal, amounts), Decimal(0)):f}"


def credited(line: InvoiceLine) -> InvoiceLine:
    """A credit note's line on paper: its net turned positive, and one factor with it so that they still agree."""
    factor = "unit_price" if line["unit_price"].startswith("-") else "quantity"
    return {**line, "net": flipped(line["net"]), factor: flipped(line[factor])}


def grouped(
    lines: Iterable[InvoiceLine],
) -> dict[str | None, dict[str | None, list[InvoiceLine]]]:
    """Lines by subscription, then section, both in order of first appearance."""
    groups: dict[str | None, dict[str | None, list[InvoiceLine]]] = {}
    for line in lines:
        sections = groups.setdefault(line["subscription_id"], {})
        sections.setdefault(line["section"], []).append(line)
    return groups


def subscription_title(subscription: str | None, labels: Labels) -> str:
    return f"{labels['subscription']} {subscription}" if subscription else str(labels["account_charges"])


@dataclass(frozen=True)
class ChargeSheet:
    """Cuts invoice lines to the columns of `layout.json`: description, period, quantity, unit price, net."""

    formats: Formats
    labels: Labels
    geometry: Geometry

    def blocks(self, lines: Iterable[InvoiceLine]) -> Iterator[Block]:
        """One block a section; the first of a subscription opens with its name and net."""
        for subscription, sections in grouped(lines).items():
            net = sum_of(line["net"] for rows in sections.values() for line in rows)
            heading = self._heading(subscription, net)
            height = heading[0].count("\n") + 2
            for section, rows in sections.items():
                yield replace(self._section(section, rows), heading=heading, heading_lines=height)
                height = 0

    def layers(self, blocks: Iterable[Block]) -> dict[str, Any]:
        """A page: five columns of cells, with titles and headings as layers over them, each one text.

        `starts` are the lines with a rule above. All layers count the same lines.
        """
        rows: list[Line] = []
        starts: list[int] = []
        for block in blocks:
            rows += [(*NO_CELLS, "", "", *row) for row in title_rows(block.heading, block.heading_lines)]
            rows += [(*NO_CELLS, *row, "", "") for row in title_rows(self._title(block), block.title_lines)]
            starts += [len(rows) + start - block.begin for start in block.starts_printed]
            rows += [(*row, "", "", "", "") for row in block.printed]
        texts = stacked(rows, 9)
        return {"lines": len(rows), "starts": starts, "cells": texts[:5], "titles": texts[5:7], "headings": texts[7:]}

    def _title(self, block: Block) -> Line:
        text, net = block.title
        return (f"{text} ({self.labels['continued']})", net) if block.begin else block.title

    def _heading(self, subscription: str | None, net: str) -> Line:
        width = self._width(0) * 1.5 / HEADING_SIZE / BOLD
        title = wrap(subscription_title(subscription, self.labels), width)
        return ("\n".join(title), self.formats.amount(net))

    def _section(self, section: str | None, rows: list[InvoiceLine]) -> Block:
        title = wrap(section or self.labels["charges"], self._width(0) * 1.5 / BOLD)
        cells = [self._cells(row) for row in rows]
        starts, count = [], 0
        for row_lines in cells:
            starts.append(count)
            count += len(row_lines)
        return Block(
            title=("\n".join(title), self.formats.amount(sum_of(row["net"] for row in rows))),
            title_lines=len(title) + 1,
            lines=[line for row_lines in cells for line in row_lines],
            starts=starts,
        )

    def _cells(self, line: InvoiceLine) -> list[Line]:
        quantity = self.formats.number(line["quantity"])
        columns = (
            line["description"],
            self.formats.period(line["period_start"], line["period_end"]) if line["period_start"] else "",
            f"{quantity} {line['unit']}" if line["unit"] else quantity,
            self.formats.amount(line["unit_price"]),
            self.formats.amount(line["net"]),
        )
        wrapped = [wrap(text, self._width(index)) for index, text in enumerate(columns)]
        return list(zip_longest(*wrapped, fillvalue=""))

    def _width(self, column: int) -> float:
        return float((self.geometry["columns"][column] - self.geometry["gutter"]) / self.geometry["size"])
