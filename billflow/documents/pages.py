"""The pages after the first: one section after the other, each beginning on the last page where it has room."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice, zip_longest
from typing import Any

from billflow.documents.layout import Section
from billflow.documents.pagination import TIME_GAP, Block, Flow, Heading, Line, stacked
from billflow.documents.tables import Planned

Page = dict[str, Any]

HEAD = 27.0
"""Points; the title of a section on a page."""
LABELS = 16.0
"""Points more, where the labels of columns are in the head."""
LEAST_LINES = 13
"""A section does not begin at the foot of a page where less would fit."""
LANE_GAP = 17.0
BETWEEN = 2
"""Lines between two sections of one page."""


@dataclass(frozen=True)
class Part:
    """A section's blocks and columns, ready to be set on pages; its `title` is text by now.

    The labels of columns head the page, or each group of rows where the blocks bring labels.
    """

    component: str
    title: str
    section: Section
    planned: Planned
    blocks: Sequence[Block]
    lanes: int = 1

    @cached_property
    def labels(self) -> Sequence[str]:
        """What the columns are called, once for a page; none where blocks have their own or no column has a name."""
        return self.planned.labels if any(self.planned.labels) and not self.blocks[0].labels else ()

    @cached_property
    def head(self) -> float:
        return HEAD + LABELS if self.labels else HEAD

    @property
    def least_height(self) -> float:
        """Points that all of it takes at least, in lanes of equal height."""
        return self.head + sum(block.height for block in self.blocks) / self.lanes * self.section.pitch

    def lines_in(self, height: float) -> int:
        return int((height - self.head) / self.section.pitch)

    def drawn(self, columns: Sequence[Sequence[Block]]) -> dict[str, Any]:
        """What the component draws of it on one page."""
        lanes = [self._lane(column) for column in columns]
        first = columns[0][0]
        return {
            "component": self.component,
            "title": self.title,
            "continues": "" if first.opens else first.within,
            "size": self.section.size,
            "pitch": self.section.pitch,
            "head": self.head,
            "ruled": self.section.ruled,
            "width": round(self.planned.width, 2),
            "edges": self.planned.edges,
            "labels": list(self.labels),
            "starts": [round(lane * (self.planned.width + LANE_GAP), 2) for lane in range(len(lanes))],
            "lines": max(lane["lines"] for lane in lanes),
            "lanes": lanes,
        }

    def _lane(self, blocks: Sequence[Block]) -> dict[str, Any]:
        """Layers of text: cells, the labels over them, titles by level and what is beside them. `rules` are the lines
        that have one above.
        """
        times = [index for index, column in enumerate(self.planned.columns) if column.format == "time"]
        layers = _Layers(len(self.planned.columns), times)
        for block in blocks:
            layers.add(block)
        return layers.drawn()


class _Layers:
    """Lines of one lane, layer by layer; all layers count the same lines."""

    def __init__(self, columns: int, times: Collection[int]) -> None:
        self._columns, self._times = columns, times
        self._count = 0
        self._cells: list[Sequence[Sequence[str]]] = []
        self._labels: dict[int, Line] = {}
        self._titles: dict[int, dict[int, Line]] = {}
        self._rules: list[int] = []

    def add(self, block: Block) -> None:
        count = self._count
        for heading in block.headings:
            shown = (block.begin and heading.again) or heading
            count += shown.lines
            self._head(shown, count)
        if block.labels:
            self._labels[count] = block.labels
            count += 1
        if above := count - self._count:
            self._cells.append([[""] * above] * self._columns)
        self._cells.append(self._printed(block))
        moved = count - block.begin
        self._rules += map(moved.__add__, block.starts_printed)
        self._count = count + block.printed_lines

    def _printed(self, block: Block) -> Sequence[Sequence[str]]:
        printed = block.printed
        return (
            printed
            if not self._times
            else [[*_days_begun(texts)] if at in self._times else texts for at, texts in enumerate(printed)]
        )

    def _head(self, heading: Heading, end: int) -> None:
        """A title and what is beside it stand at the bottom of their height."""
        lines = self._titles.setdefault(heading.level, {})
        text = heading.text.rstrip("\n")
        if "\n" not in text and "\n" not in heading.beside:
            lines[end - 1] = (text, heading.beside)
            return
        rows = list(zip_longest(text.split("\n"), heading.beside.split("\n"), fillvalue=""))
        lines.update(enumerate(rows, start=end - len(rows)))

    def drawn(self) -> dict[str, Any]:
        titles = [(level, _layer(self._titles[level], 2)) for level in sorted(self._titles)]
        return {
            "lines": self._count,
            "rules": self._rules,
            "cells": stacked(map(chain.from_iterable, zip(*self._cells, strict=True))),
            "labels": _layer(self._labels, self._columns) if self._labels else [],
            "titles": [{"level": level, "texts": texts} for level, texts in titles],
        }


def _days_begun(texts: Sequence[str]) -> Iterator[str]:
    """Times with the day written only where it begins."""
    previous = ""
    for text in texts:
        day, gap, clock = text.partition(TIME_GAP)
        yield clock if gap and day == previous else text
        previous = day or previous


def _layer(lines: Mapping[int, Line], columns: int) -> list[str]:
    """Each column of a few lines, by their number, as one text."""
    return ["".join(_apart((at, line[column]) for at, line in lines.items())) for column in range(columns)]


def _apart(lines: Iterable[tuple[int, str]]) -> Iterator[str]:
    """Texts with so many line breaks before each that it stands in its line."""
    reached = 0
    for at, text in lines:
        if text:
            yield "\n" * (at - reached) + text
            reached = at


def pages_of(parts: Sequence[Part], height: float, *, taken: float = 0) -> Iterator[Page]:
    """Pages of `height` points: each a list of what components draw. Pictures have `taken` points of the first one."""
    page: Page | None = {"parts": []} if taken else None
    left = height - taken if taken else 0.0
    for part in parts:
        flow = Flow(list(part.blocks))
        while flow.blocks:
            if page is None or not _has_room(part, flow, left):
                if page is not None:
                    yield page
                page, left = {"parts": []}, height
            drawn = part.drawn(_filled(part, flow, left))
            page["parts"].append(drawn)
            left -= part.head + (drawn["lines"] + BETWEEN) * part.section.pitch
            left = left if not flow.blocks else 0.0
    if page is not None:
        yield page


def page_alone(parts: Sequence[Part], height: float, *, most: float) -> Page | None:
    """All sections, where they are one page of `height`; None where they are more or none, or may be where they take
    more than `most` points.
    """
    if sum(part.least_height for part in parts) > min(height, most):  # most documents with details have several pages
        return None
    first = list(islice(pages_of(parts, height), 2))  # not all pages: where they are many, they are planned later
    return first[0] if len(first) == 1 else None


def height_of(page: Page) -> float:
    """Points from the top of the first section to the bottom of the last."""
    parts = page["parts"]
    between = sum(BETWEEN * part["pitch"] for part in parts[:-1])
    return float(sum(part["head"] + part["lines"] * part["pitch"] for part in parts) + between)


def _has_room(part: Part, flow: Flow, left: float) -> bool:
    """Whether a section may begin where so much is left of a page; on an empty page it always may."""
    lines = part.lines_in(left)
    return lines >= LEAST_LINES and lines >= flow.blocks[0].least_height


def _filled(part: Part, flow: Flow, height: float) -> list[list[Block]]:
    lines = part.lines_in(height)
    columns = flow.fill_lanes(lines, part.lanes, LEAST_LINES) if part.lanes > 1 else [flow.fill(lines)]
    return [column for column in columns if column]
