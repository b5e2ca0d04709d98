"""What of a first page is its customer's own: texts and paths of `bill.json`, with marks in their places.

Bills that are alike but for those are laid out by Typst once (`skeletons`).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from billflow.documents.replay.marks import NUMBER_MARK, PART_MARK

SIGN = "¤"
"""Begins a mark; no label has it."""
TAILS = ("AV", "AVAVAV")
"""Two letters of a mark that are kerned wherever text is; the second is wider: it tells where a text begins or ends."""
SLOT = re.compile(rf"{SIGN}(\d{{4}})(?:AV)+")
PATH_ORIGIN = 30_001
"""The first coordinate of a path's mark: no drawing is as large."""

LITERAL = frozenset(
    {"locale", "currency", "kind", "seller_name", "imprint", "return_address", "labels", "page", "side", "measure"}
)
"""Texts that are alike on many bills, and names of things."""
CODE = "payment_code"


@dataclass
class Slotted:
    """A bill with marks, and what is to stand there: lines of text and paths of drawings, in the order of the marks."""

    bill: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, bill: Mapping[str, Any], details: Mapping[str, Any]) -> "Slotted":
        """Of a document on whose pages but the first nothing but sections is."""
        found = cls()
        found.bill = {name: found._marked(value, name) for name, value in bill.items()}
        found.details = {**details, "pages": [{"parts": [_MARK]}] * _sources(details)}
        return found

    @property
    def sections(self) -> list[int]:
        """How many places for sections each page has that Typst lays out."""
        pages = len(self.details["pages"])
        return [1] * pages if self.details["shared"] else [0] + [1] * pages

    @property
    def key(self) -> str:
        """Bills of one key have one skeleton."""
        return json.dumps([self.bill, self.details], ensure_ascii=False)

    def files(self, tail: str) -> dict[str, str]:
        """For Typst, each mark with that tail."""
        bill = json.dumps(self.bill | {"page_mark": NUMBER_MARK}, ensure_ascii=False)
        return {
            "bill.json": SLOT.sub(rf"{SIGN}\g<1>{tail}", bill),
            "details.json": json.dumps(self.details, ensure_ascii=False),
        }

    def _marked(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            return value if name in LITERAL else self._text(value)
        if name == CODE and value is not None:
            return {**value, "path": self._path(value["path"])}
        if name == "shapes":
            return [[role, self._path(path), breadth] for role, path, breadth in value]
        if isinstance(value, dict):
            return {inner: self._marked(part, inner) for inner, part in value.items()}
        return [self._marked(part, name) for part in value] if isinstance(value, list | tuple) else value

    def _text(self, text: str) -> str:
        return "\n".join([self._line(line) for line in text.split("\n")])

    def _line(self, line: str) -> str:
        if not line:
            return ""
        self.texts.append(line)
        return f"{SIGN}{len(self.texts) - 1:04d}{TAILS[0]}"

    def _path(self, path: str) -> str:
        self.paths.append(path)
        at = PATH_ORIGIN + len(self.paths) - 1
        return f"M{at} 0H{at + 1}V1H{at}Z"


_MARK = {"component": "written", "mark": PART_MARK, "height": 0, "pitch": 0, "alphabets": []}


def _sources(details: Mapping[str, Any]) -> int:
    """Pages that Typst lays out after the first: one that has something of its own, and one like all others."""
    pages, own = len(details["pages"]), bool(details["shared"] or details["taken"])
    return min(pages, 2 if own else 1)
