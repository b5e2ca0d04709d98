"""Small documents that Typst lays out to show how it sets sections, and how it kerns: once, for all bills."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from operator import add
from pathlib import Path
from string import ascii_letters, ascii_lowercase
from typing import Any

import typst

from billflow.documents.objects import Objects, Page
from billflow.documents.replay.letters import ReplayError, drawn, fonts_of, glyphs_of, units, widths_of
from billflow.documents.replay.marks import FIGURES, TOGETHER, alphabet, is_letter, is_plain
from billflow.documents.replay.styles import RUN, SectionStyle, read_style, sample

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
_USUAL = frozenset(map("".join, [*product("0123456789.,+-–/:() ", repeat=2), *product(ascii_letters, ascii_lowercase)]))
"""Pairs that are asked about together: each bill has others of them, and each name."""


class UnlearnedError(Exception):
    """A line of text has pairs of letters whose kerning is not known yet."""


Lines = tuple[set[str], set[str]]
"""Regular and bold lines of text."""


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
                self._styles[key] = read_style(self._laid_out("sections.typ", [sample(size, pitch)]), pitch)
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
