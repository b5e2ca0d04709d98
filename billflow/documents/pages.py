"""The pages after the first: one section after the other, each beginning on the last page where it has room."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
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


class _Layer:
    """Columns with few lines, each as one text: so many line breaks before each line that it stands in its place."""

    def __init__(self, columns: int) -> None:
        self._parts: list[list[str]] = [[] for _ in range(columns)]
        self._reached = [0] * columns

    def add(self, at: int, texts: Line) -> None:
        """Texts that begin in that line."""
        for column, text in enumerate(texts):
            if text:
                self._parts[column].append("\n" * (at - self._reached[column]) + text)
                self._reached[column] = at + text.count("\n")

    @property
    def texts(self) -> list[str]:
        return ["".join(parts) for parts in self._parts]


class _Layers:
    """Lines of one lane, layer by layer; all layers count the same lines."""

    def __init__(self, columns: int, times: Collection[int]) -> None:
        self._columns, self._times = columns, times
        self._count = 0
        self._cells: list[Sequence[Sequence[str]]] = []
        self._labels: _Layer | None = None
        self._titles: dict[int, _Layer] = {}
        self._rules: list[int] = []

    def add(self, block: Block) -> None:
        count = self._count
        for heading in block.headings:
            shown = (block.begin and heading.again) or heading
            count += shown.lines
            self._head(shown, count)
        if block.labels:
            self._labels = self._labels or _Layer(self._columns)
            self._labels.add(count, block.labels)
            count += 1
        if above := count - self._count:
            self._cells.append([[""] * above] * self._columns)
        self._cells.append(self._printed(block))
        moved = count - block.begin
        self._rules += map(moved.__add__, block.starts_printed)
        self._count = count + block.printed_lines

    def _printed(self, block: Block) -> Sequence[Sequence[str]]:
        if not self._times:
            return block.printed
        return [[*_days_begun(texts)] if at in self._times else texts for at, texts in enumerate(block.printed)]

    def _head(self, heading: Heading, end: int) -> None:
        """A title and what is beside it stand at the bottom of their height."""
        if heading.level not in self._titles:
            self._titles[heading.level] = _Layer(2)
        text, beside = heading.text.rstrip("\n"), heading.beside
        lines = max(text.count("\n"), beside.count("\n")) + 1
        self._titles[heading.level].add(end - lines, (text, beside.rstrip("\n")))

    def drawn(self) -> dict[str, Any]:
        return {
            "lines": self._count,
            "rules": self._rules,
            "cells": stacked(map(chain.from_iterable, zip(*self._cells, strict=True))),
            "labels": self._labels.texts if self._labels else [],
            "titles": [{"level": level, "texts": self._titles[level].texts} for level in sorted(self._titles)],
        }


def _days_begun(texts: Sequence[str]) -> Iterator[str]:
    """Times with the day written only where it begins."""
    begun = TIME_GAP
    for text in texts:
        if text.startswith(begun):
            yield text[len(begun) :]
            continue
        day, _, _ = text.partition(TIME_GAP)
        begun = day + TIME_GAP if day else begun
        yield text


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
