"""The pages after the first: charges, then itemised usage, which begins on the last page of charges if it has room."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billflow.documents.charges import ChargeSheet, Geometry, InvoiceLine, Labels
from billflow.documents.formatting import Formats
from billflow.documents.itemised import UsageGroup, UsageSheet
from billflow.documents.pagination import Flow

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

    def charge_lines(self, taken: float = 0) -> int:
        geometry = self.charges.geometry
        return int((self.body - taken - geometry["head"]) / geometry["pitch"])

    def usage_lines(self, taken: float = 0) -> int:
        geometry = self.usage.geometry
        return int((self.body - taken - geometry["head"]) / geometry["pitch"])


def detail_pages(
    lines: Iterable[InvoiceLine], usage: Sequence[UsageGroup], sheets: Sheets, *, taken: float = 0
) -> dict[str, Any]:
    """`pages` of charge blocks and usage lanes, the `lane`'s three columns (pt), and `taken` as it is given.

    `taken` (pt) is the height at the head of the first page that pictures have.
    """
    pages = _charge_pages(Flow(list(sheets.charges.blocks(lines))), sheets, taken)
    lane = sheets.usage.lane_of(usage)
    _add_usage(pages, Flow(list(sheets.usage.blocks(usage, lane))), sheets, lane, taken)
    if taken and not pages:
        pages.append({"charges": None, "lanes": []})
    return {"lane": lane, "pages": pages, "taken": taken}


def _charge_pages(flow: Flow, sheets: Sheets, taken: float) -> list[Page]:
    pages: list[Page] = []
    while flow.blocks:
        blocks = flow.fill(sheets.charge_lines(0 if pages else taken))
        continues = "" if blocks[0].heading_lines else blocks[0].heading[0]
        pages.append({"continues": continues, "charges": sheets.charges.layers(blocks), "lanes": []})
    return pages


def _add_usage(pages: list[Page], flow: Flow, sheets: Sheets, lane: Sequence[float], taken: float) -> None:
    least, lanes = sheets.usage.geometry["least_lines"], sheets.usage.lanes_beside(lane)
    room = sheets.usage_lines(_taken(pages[-1], sheets) + (taken if len(pages) == 1 else 0)) if pages else 0
    while flow.blocks:
        if room < least:
            room = sheets.usage_lines(0 if pages else taken)
            pages.append({"charges": None, "lanes": []})
        columns = [column for column in flow.fill_lanes(room, lanes, least) if column]
        pages[-1]["lanes"] = [sheets.usage.layers(column) for column in columns]
        pages[-1]["usage_lines"] = max(sum(block.height for block in column) for column in columns)
        room = 0


def _taken(page: Mapping[str, Any], sheets: Sheets) -> float:
    geometry = sheets.charges.geometry
    return float(geometry["head"] + (page["charges"]["lines"] + 2) * geometry["pitch"])
