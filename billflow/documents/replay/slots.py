"""What of a first page is its customer's own: texts and paths of `bill.json`, with marks in their places.

Bills that are alike but for those are laid out by Typst once (`skeletons`).
"""

import json
import re
from collections.abc import Hashable, Mapping
from itertools import count
from typing import Any

from billflow.documents.replay.marks import NUMBER_MARK, PART_MARK

SIGN = "¤"
"""Begins a mark; no label has it."""
TAILS = ("AV", "AVAVAV")
"""Two letters of a mark that are kerned wherever text is; the second is wider: it tells where a text begins or ends."""
SLOT = re.compile(rf"{SIGN}(\d{{4}})(?:AV)+")
PATH_ORIGIN = 30_001
"""The first coordinate of a path's mark: no drawing is as large."""

SHAPES, CODE = "shapes", "payment_code"
"""Drawings of a chart (triples of a role, a path and how broad its lines are), and of a code."""
LITERAL = frozenset(
    {"locale", "currency", "kind", "seller_name", "imprint", "return_address", "labels", "page", "side", "measure"}
    | {SHAPES, CODE}
)
"""Texts that are alike on many bills, and names of things."""


class Slotted:
    """A bill's own lines of text and paths of drawings, in the order of their marks; bills of one `key` are alike but
    for those, and have one skeleton.
    """

    def __init__(self, bill: Mapping[str, Any], details: Mapping[str, Any]) -> None:
        """Of a document on whose pages but the first nothing but sections is."""
        self.texts: list[str] = []
        self.paths: list[str] = []
        self._bill = bill
        self._details = {**details, "pages": [{"parts": [_MARK]}] * _sources(details)}
        self._seen: list[Hashable] = [len(self._details["pages"]), details["shared"], details["taken"]]
        self._meet(bill, "")
        self.key = tuple(self._seen)

    @property
    def sections(self) -> list[int]:
        """How many places for sections each page has that Typst lays out."""
        pages = len(self._details["pages"])
        return [1] * pages if self._details["shared"] else [0] + [1] * pages

    def files(self, tail: str) -> dict[str, str]:
        """For Typst, with marks in the places of a bill's own, each with that tail."""
        bill = _Marks(tail).instead_of(self._bill, "")
        return {
            "bill.json": json.dumps({**bill, "page_mark": NUMBER_MARK}, ensure_ascii=False),
            "details.json": json.dumps(self._details, ensure_ascii=False),
        }

    def _meet(self, value: Any, name: str) -> None:
        """Tells a bill's own from what it is alike in: literal texts, numbers, names and how many lines there are."""
        if isinstance(value, str):
            self._meet_text(value, name)
        elif isinstance(value, dict):
            self._seen.append((name, *value))
            for inner, part in value.items():
                self._meet(part, _named(name, inner))
        elif isinstance(value, list | tuple):
            self._seen.append((name, len(value)))
            for part in value:
                self._meet(part, name)
        else:
            self._seen.append((name, value))

    def _meet_text(self, text: str, name: str) -> None:
        if _is_path(name, text):
            self.paths.append(text)
        elif name in LITERAL:
            self._seen.append(text)
        elif "\n" in text:
            lines = text.split("\n")
            self._seen.append(tuple(map(bool, lines)))
            self.texts += filter(None, lines)
        else:
            self._seen.append(bool(text))
            if text:
                self.texts.append(text)


def _is_path(name: str, text: str) -> bool:
    """Whether a text is a path: of a chart's shape, beside the name of its role, or of the payment code."""
    return name == "path" or (name == SHAPES and text[:1] == "M")


def _named(name: str, inner: str) -> str:
    """What parts of a part are known by: all of a payment code but its path is alike on many bills."""
    return inner if name != CODE or inner == "path" else CODE


class _Marks:
    """Marks for a bill's own texts and paths, numbered as `Slotted` lists those."""

    def __init__(self, tail: str) -> None:
        self._tail, self._texts, self._paths = tail, count(), count(PATH_ORIGIN)

    def instead_of(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            return self._instead_of_text(value, name)
        if isinstance(value, dict):
            return {inner: self.instead_of(part, _named(name, inner)) for inner, part in value.items()}
        return [self.instead_of(part, name) for part in value] if isinstance(value, list | tuple) else value

    def _instead_of_text(self, text: str, name: str) -> str:
        if _is_path(name, text):
            at = next(self._paths)
            return f"M{at} 0H{at + 1}V1H{at}Z"
        if name in LITERAL:
            return text
        return "\n".join([f"{SIGN}{next(self._texts):04d}{self._tail}" if line else "" for line in text.split("\n")])


_MARK = {"component": "written", "mark": PART_MARK, "height": 0, "pitch": 0, "alphabets": []}


def _sources(details: Mapping[str, Any]) -> int:
    """Pages that Typst lays out after the first: one that has something of its own, and one like all others."""
    pages, own = len(details["pages"]), bool(details["shared"] or details["taken"])
    return min(pages, 2 if own else 1)
