"""Columns of the details with empty cells: nothing wrong by itself, but a designer wants to know."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, zip_longest
from typing import Any

from billflow.documents.proofs.verdicts import Finding

Column = tuple[str, str]  # title of the section, label


def gaps(files: Mapping[str, str]) -> Iterator[Finding]:
    """A note for each column of a section in which some cells are empty, over all pages."""
    cells: Counter[Column] = Counter()
    empty: Counter[Column] = Counter()
    for page in json.loads(files["details.json"])["pages"]:
        for part in page["parts"]:
            for label, is_empty in _cells(part):
                cells[part["title"], label] += 1
                empty[part["title"], label] += is_empty
    for (title, label), count in empty.items():
        if count:
            what = f'"{title}": {count} of {cells[title, label]} cells of the column "{label}" are empty'
            yield Finding("empty", None, what, "note")


def _cells(part: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """The label of the column of each cell, and whether nothing is in it. A row is all lines up to the next one's."""
    for lane in part["lanes"]:
        columns = [text.split("\n") for text in lane["cells"]]
        heads = list(zip_longest(*(text.split("\n") for text in lane["labels"]), fillvalue=""))
        for start, end in pairwise([*lane["rules"], lane["lines"]]):
            labels = (_labels_over(heads, start) if heads else part["labels"]) or ("",) * len(columns)
            yield from (
                (label, not any(lines[start:end])) for label, lines in zip(labels, columns, strict=True) if label
            )


def _labels_over(heads: Sequence[Sequence[str]], row: int) -> Sequence[str]:
    """The labels above a row: those of the head of its group, which may lack some of the columns of other groups."""
    return next((labels for labels in reversed(heads[:row]) if any(labels)), ())
