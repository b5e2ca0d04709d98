"""Small documents that Typst lays out to show how it sets sections, and how it kerns: once, for all bills."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from operator import add
from pathlib import Path
from string import ascii_letters, ascii_lowercase
from typing import Any

import typst

from billflow.documents.objects import Objects, Page
from billflow.documents.replay.embedding import NAMES
from billflow.documents.replay.letters import (
    ReplayError,
    characters_of,
    drawn,
    fonts_of,
    glyphs_of,
    units,
    widths_of,
)
from billflow.documents.replay.marks import FIGURES, TOGETHER, alphabet, is_letter, is_plain

SECTIONS = """\
#import "components/theme.typ": *
#import "components/table.typ": section
#set text(..text-style)
#for part in json("listed.json") { page(width: page-width, height: 400pt, margin: 0pt, section(part)) }
"""
PAIRS = """\
#import "components/theme.typ": *
#set page(width: 9000pt, height: auto, margin: 0pt)
#set text(..text-style)
#for (bold, it) in json("listed.json") { block(text(weight: if bold { 600 } else { 400 }, it)) }
"""
LETTERS = """\
#import "components/theme.typ": *
#set page(width: auto, height: auto, margin: 0pt)
#set text(..text-style, kerning: false)
#for (bold, it) in json("listed.json") { page(text(weight: if bold { 600 } else { 400 }, it)) }
"""
DATA = "listed.json"
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
_USUAL = frozenset(map("".join, [*product("0123456789.,+-–/:() ", repeat=2), *product(ascii_letters, ascii_lowercase)]))
"""Pairs that are asked about together: each bill has others of them, and each name."""


class UnlearnedError(Exception):
    """A line of text has pairs of letters whose kerning is not known yet."""


Lines = tuple[set[str], set[str]]
"""Regular and bold lines of text."""


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


class Trials:
    """What Typst has been seen to do, in one language, in a folder of its own (`folder`, below `root`)."""

    def __init__(self, root: Path, folder: str, fonts: typst.Fonts, typeface: str) -> None:
        self._folder = root / folder
        shutil.copytree(root / "components", self._folder / "components")
        shutil.copy(root / "brand.json", self._folder)
        files = {"typeface.json": typeface, "sections.typ": SECTIONS, "pairs.typ": PAIRS, "letters.typ": LETTERS}
        for name, content in files.items():
            (self._folder / name).write_text(content, encoding="utf-8")
        self._compiler = typst.Compiler(root=root, font_paths=fonts)
        self._styles: dict[tuple[float, float], SectionStyle | ReplayError] = {}
        self._widths: dict[str, tuple[dict[str, float], ...]] = {}
        self._pairs: tuple[dict[str, float], dict[str, float]] = ({}, {})

    def style(self, size: float, pitch: float) -> SectionStyle:
        """How sections of that size and pitch (points) are drawn. ReplayError where that cannot be read."""
        key = (size, pitch)
        if key not in self._styles:
            try:
                self._styles[key] = _read_style(self._laid_out("sections.typ", [_sample(size, pitch)]), pitch)
            except ReplayError as problem:
                self._styles[key] = problem
        if isinstance(found := self._styles[key], ReplayError):
            raise found
        return found

    def widths(self, letters: str) -> tuple[dict[str, float], ...]:
        """How wide regular and bold letters are, in 1/1,000 em. ReplayError where that cannot be read."""
        if letters not in self._widths:
            listed = alphabet({char for char in letters if is_letter(char)})
            pdf = self._laid_out("letters.typ", [(False, listed), (True, listed)])
            self._widths[letters] = tuple(_widths_of(pdf, page, listed) for page in pdf.pages)
        return self._widths[letters]

    def kerns(self, *, bold: bool) -> Mapping[str, float]:
        """By how much the two letters of each pair (`pairs_in`) that was learned are closer (1/1,000 em)."""
        return self._pairs[bold]

    def learn(self, lines: Lines) -> None:
        """The kerning of lines of text: pairs of letters that are new are laid out, all in one go."""
        for bold, found in enumerate(lines):
            if not is_plain("\n".join(found)):
                raise ReplayError("there are letters that are no glyphs by themselves")
            known = self._pairs[bold]
            if unknown := {pair for line in found for pair in pairs_in(line) if pair not in known}:
                near = {alike for pair in unknown - _USUAL for alike in _near(pair[0], pair[1:])}
                known |= self._tried(sorted(unknown | ((_USUAL | near) - known.keys())), bold=bool(bold))

    def _tried(self, pairs: Sequence[str], *, bold: bool) -> Iterator[tuple[str, float]]:
        """Between two letters that no pair is drawn together with, as a space would be dropped at the ends."""
        pdf = self._laid_out("pairs.typ", [(bold, f"x{pair}x") for pair in pairs])
        runs = [run for page in pdf.pages for run in RUN.findall(pdf.stream(page.content))]
        if len(runs) != len(pairs):
            raise ReplayError("pairs of letters are more or fewer texts")
        for pair, run in zip(pairs, runs, strict=True):
            glyphs, kerns = glyphs_of(run[-1])
            if len(glyphs) != 2 * (len(pair) + 2):
                raise ReplayError(f"{pair!r} has other glyphs than letters")
            yield pair, dict(kerns).get(2, 0.0)

    def _laid_out(self, name: str, listed: Sequence[Any]) -> Objects:
        (self._folder / DATA).write_text(json.dumps(listed, ensure_ascii=False), encoding="utf-8")
        pdf: Any = self._compiler.compile(input=self._folder / name, format="pdf", pdf_tags=False, timestamp=0)
        return Objects.of(pdf)


def _widths_of(pdf: Objects, page: Page, listed: str) -> dict[str, float]:
    found = RUN.findall(pdf.stream(page.content))
    if len(found) != 1:
        raise ReplayError("letters are more than one text")
    [(_, _, _, name, _, shown)] = found
    widths = widths_of(pdf, fonts_of(pdf, page.body)[name])
    by_letter = {char: widths[glyph] for char, glyph in drawn(listed, shown).items()}
    if len({by_letter[figure] for figure in FIGURES}) != 1:
        raise ReplayError("figures are not of one width")
    return by_letter


def _near(first: str, second: str) -> Iterator[str]:
    """Pairs with another letter or figure in the place of one: where one is, others will be on other bills."""
    for alike in (ascii_letters, FIGURES):
        yield from (one + second for one in alike if first in alike)
        yield from (first + one for one in alike if second in alike)


def pairs_in(text: str) -> list[str]:
    """Each two neighbours as they are drawn: with what follows where that changes the second."""
    following = units(text)[1:] if ("f" in text or "Q" in text) and TOGETHER.search(text) else text[1:]
    return list(map(add, text, following))


def _sample(size: float, pitch: float) -> dict[str, Any]:
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


def _read_style(pdf: Objects, pitch: float) -> SectionStyle:
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
