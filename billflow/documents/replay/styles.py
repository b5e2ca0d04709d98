"""How Typst draws sections: read from a small document that it lays out (`trials`)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from billflow.documents.objects import Objects
from billflow.documents.replay.embedding import NAMES
from billflow.documents.replay.letters import ReplayError, characters_of, fonts_of, glyphs_of, widths_of

HEIGHT, WIDTH, HEAD = 400.0, 483.0, 43.0
KERNED = "AV"
"""Two letters that are set closer to each other wherever text is kerned."""
LEVELS = tuple(f"{side}{level}" for level in range(3) for side in ("level", "beside"))
ROLES = ("title", "continues", "label", "label_end", "cell", "cell_end", "lane_label", "lane_label_end", *LEVELS)
"""Kinds of text of a section. `lane_label` heads columns under a group's title; `level`s are such titles."""

RUN = re.compile(
    rb"q 1 0 0 -1 (\S+) (\S+) cm(/c0 cs [\d. ]+ scn)\n"
    rb"BT 0 Tr/(f\d+) (\S+) Tf 1 0 0 -1 0 0 Tm(\(.*?\)Tj|<.*?>Tj|\[.*?\]TJ)\nET\nQ(?:\n|\Z)"
)
_STROKE = re.compile(
    rb"q 1 0 0 -1 (\S+) (\S+) cm(/c0 CS [\d. ]+ SCN \S+ w \S+ M) (\S+) (\S+) m (\S+) (\S+) l\nS\nQ(?:\n|\Z)"
)
_NEAR = 0.005
"""Points."""


@dataclass(frozen=True)
class Role:
    """How a kind of text looks, and how far (points) its first baseline is below the top of the section.

    Texts that stand in lines have it below the top of the rows.
    """

    bold: bool
    size: bytes
    colour: bytes
    down: float
    kerned: bool

    @cached_property
    def font(self) -> bytes:
        """Names font and size."""
        return b"/%b %b Tf" % (NAMES[self.bold], self.size)

    def of_size(self, size: float) -> "Role":
        """The same in another size (points), kerned."""
        return Role(self.bold, b"%g" % size, self.colour, self.down, kerned=True)


@dataclass(frozen=True)
class SectionStyle:
    """How Typst draws a section: its texts by role, the rule under its head and the hairlines between rows (strokes),
    and how far above the top of the rows that rule is (points).
    """

    roles: Mapping[str, Role]
    rule: bytes
    rule_above: float
    hairline: bytes

    @cached_property
    def levels(self) -> Sequence[tuple[Role, Role]]:
        """Of titles and of what is beside them, from the innermost."""
        return [(self.roles[f"level{level}"], self.roles[f"beside{level}"]) for level in range(3)]

    def sides(self, kind: str) -> tuple[Role, Role]:
        """Of columns that are alike at their start, and at their end."""
        return self.roles[kind], self.roles[f"{kind}_end"]


def sample(size: float, pitch: float) -> dict[str, Any]:
    """A section with a text of each role, its name first."""
    text = {role: f"{chr(ord('a') + at)}{KERNED}" for at, role in enumerate(ROLES)}
    titles = [
        {"level": level, "texts": ["\n" * (2 + level) + text[f"{side}{level}"] for side in ("level", "beside")]}
        for level in range(3)
    ]
    lane = {
        "lines": 5,
        "rules": [1],
        "cells": [text["cell"], text["cell_end"]],
        "labels": ["\n" + text["lane_label"], "\n" + text["lane_label_end"]],
        "titles": titles,
    }
    return {
        "component": "table",
        "title": text["title"],
        "continues": text["continues"],
        "size": size,
        "pitch": pitch,
        "head": HEAD,
        "ruled": True,
        "width": TABLE,
        "edges": [{"at": COLUMN, "side": "start"}, {"at": EDGE, "side": "end"}],
        "labels": [text["label"], text["label_end"]],
        "starts": [LANE],
        "lines": 5,
        "lanes": [lane],
    }


LANE, TABLE, COLUMN, EDGE = 20.0, 300.0, 0.0, 200.0
"""Of the sample (points): where its lane starts, how wide it is, where its two columns begin and end."""


def read_style(pdf: Objects, pitch: float) -> SectionStyle:
    (page,) = pdf.pages
    content = pdf.stream(page.content)
    fonts = fonts_of(pdf, page.body)
    seen = dict(_seen(pdf, fonts, content))
    if sorted(seen) != sorted(ROLES):
        raise ReplayError(f"a section has other texts than {ROLES}: {sorted(seen)}")
    regular = seen["cell"].font
    strokes = _STROKE.findall(content)
    if len(strokes) != 2:
        raise ReplayError("a section has more or fewer lines than its rule and a hairline")
    roles = {role: text.role(regular, _top_of(role, pitch)) for role, text in seen.items()}
    return SectionStyle(roles, *_strokes(strokes, pitch))


def _strokes(strokes: Sequence[tuple[bytes, ...]], pitch: float) -> tuple[bytes, float, bytes]:
    (rule, at), (hairline, below) = (_stroke(each) for each in strokes)
    if abs(below - pitch) > _NEAR:
        raise ReplayError("a hairline is not at its line")
    return rule, -at, hairline


def _stroke(stroke: tuple[bytes, ...]) -> tuple[bytes, float]:
    """How a line is drawn, and how far below the top of the rows it is."""
    across, down, drawn, *path = stroke
    start, y, end, its_y = map(float, path)
    if y != its_y or abs(float(across) + start - LANE) > _NEAR or abs(end - start - TABLE) > _NEAR:
        raise ReplayError("a line is not as wide as its table")
    return drawn, HEIGHT - float(down) + y - HEAD


@dataclass(frozen=True)
class _Seen:
    """A text of a role as it was drawn: its baseline counts from the top."""

    font: int
    size: bytes
    colour: bytes
    baseline: float
    kerned: bool

    def role(self, regular: int, top: float) -> Role:
        return Role(self.font != regular, self.size, self.colour, self.baseline - top, self.kerned)


def _seen(pdf: Objects, fonts: Mapping[bytes, int], content: bytes) -> Iterator[tuple[str, _Seen]]:
    """Each text of the sample by its role. ReplayError where one does not begin or end where it should."""
    for across, down, colour, name, size, shown in RUN.findall(content):
        font = fonts[name]
        glyphs, kerns = glyphs_of(shown)
        role = ROLES[ord(characters_of(pdf, font)[int.from_bytes(glyphs[:2])]) - ord("a")]
        widths = widths_of(pdf, font)
        drawn = sum(widths[int.from_bytes(glyphs[at : at + 2])] for at in range(0, len(glyphs), 2))
        width = (drawn - sum(kern for _, kern in kerns)) * float(size) / 1000
        start, side = _ACROSS[role]
        if abs(float(across) + width * side - start) > _NEAR:
            raise ReplayError(f"{role} is not where its column is")
        yield role, _Seen(font, size, colour, HEIGHT - float(down), bool(kerns))


_ACROSS = {
    "title": (0.0, 0),
    "continues": (WIDTH, 1),
    **dict.fromkeys(("label", "cell", "lane_label"), (LANE + COLUMN, 0)),
    **dict.fromkeys(("label_end", "cell_end", "lane_label_end"), (LANE + EDGE, 1)),
    **{f"level{level}": (LANE, 0) for level in range(3)},
    **{f"beside{level}": (LANE + TABLE, 1) for level in range(3)},
}
"""Where texts of the sample begin (0) or end (1)."""


def _top_of(role: str, pitch: float) -> float:
    """From where the baseline of a role counts."""
    if role in {"title", "continues", "label", "label_end"}:
        return 0.0
    lines = {"cell": 0, "cell_end": 0, "lane_label": 1, "lane_label_end": 1}
    return HEAD + pitch * lines.get(role, 2 + int(role[-1]) if role[-1].isdigit() else 0)
