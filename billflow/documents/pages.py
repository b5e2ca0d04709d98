"""The pages after the first: charges, then itemised usage, which begins on the last page of charges if it has room."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billflow.documents.charges import ChargeSheet, Geometry, InvoiceLine, Labels
from billflow.documents.formatting import Formats
from billflow.documents.itemised import UsageGroup, UsageSheet, columns_of
from billflow.documents.pagination import Block, Flow, Line

Page = dict[str, Any]


@dataclass(frozen=True)
class Sheets:
    """The geometry of `layout.json` (points) and the two kinds of tables cut to it."""

    charges: ChargeSheet
    usage: UsageSheet
    body: float

    @classmethod
    def of(cls, formats: Formats, labels: Labels, geometry: Geometry) -> "Sheets":
        return cls(
            charges=ChargeSheet(formats, labels, geometry["charges"]),
            usage=UsageSheet(formats, labels, geometry["usage"]),
            body=geometry["body"],
        )

    def charge_lines(self) -> int:
        geometry = self.charges.geometry
        return int((self.body - geometry["head"]) / geometry["pitch"])

    def usage_lines(self, taken: float = 0) -> int:
        geometry = self.usage.geometry
        return int((self.body - taken - geometry["head"]) / geometry["pitch"])


def detail_pages(lines: Iterable[InvoiceLine], usage: Sequence[UsageGroup], sheets: Sheets) -> dict[str, Any]:
    """`pages` of charge blocks and usage lanes, and the `lane`'s three columns (pt)."""
    pages = _charge_pages(Flow(list(sheets.charges.blocks(lines))), sheets)
    lane = sheets.usage.lane_of(usage)
    _add_usage(pages, Flow(list(sheets.usage.blocks(usage, lane))), sheets, lane)
    return {"lane": lane, "pages": pages}


def _charge_pages(flow: Flow, sheets: Sheets) -> list[Page]:
    pages = []
    while flow.blocks:
        blocks = flow.fill(sheets.charge_lines())
        first = blocks[0]
        pages.append(
            {
                "continues": "" if first.heading_lines else first.heading[0],
                "charges": [_charge_block(block) for block in blocks],
                "lanes": [],
            }
        )
    return pages


def _add_usage(pages: list[Page], flow: Flow, sheets: Sheets, lane: Sequence[float]) -> None:
    least, lanes = sheets.usage.geometry["least_lines"], sheets.usage.lanes_beside(lane)
    room = sheets.usage_lines(_taken(pages[-1], sheets)) if pages else 0
    while flow.blocks:
        if room < least:
            pages.append({"charges": [], "lanes": []})
            room = sheets.usage_lines()
        columns = flow.fill_lanes(room, lanes, least)
        pages[-1]["lanes"] = [list(_usage_blocks(column)) for column in columns]
        pages[-1]["usage_lines"] = max(sum(block.height for block in column) for column in columns)
        room = 0


def _taken(page: Mapping[str, Any], sheets: Sheets) -> float:
    geometry = sheets.charges.geometry
    lines = sum(block["heading_lines"] + block["title_lines"] + block["lines"] for block in page["charges"])
    return float(geometry["head"] + (lines + 2) * geometry["pitch"])


def _charge_block(block: Block) -> Page:
    return {
        **_titles(block),
        "title": _counted(block.title),
        "heading": _counted(block.heading),
        "heading_lines": block.heading_lines,
        "starts": _starts_within(block),
        "cells": ["\n".join(column) for column in zip(*block.printed, strict=True)],
    }


def _starts_within(block: Block) -> list[int]:
    """The lines of the printed part above which there is a hairline: where rows begin, and at its top."""
    end = len(block.lines) if block.end is None else block.end
    return [0, *(start - block.begin for start in block.starts if block.begin < start < end)]


def _counted(title: Line) -> tuple[Page, str]:
    text, note = title
    return {"text": text, "lines": text.count("\n") + 1}, note


def _usage_blocks(column: Iterable[Block]) -> Iterator[Page]:
    top = 0
    for block in column:
        yield {**_titles(block), "title": block.title, "top": top, "cells": columns_of(block.printed)}
        top += block.height


def _titles(block: Block) -> Page:
    return {
        "title_lines": block.title_lines,
        "continued": block.begin > 0,
        "lines": len(block.printed),
    }
