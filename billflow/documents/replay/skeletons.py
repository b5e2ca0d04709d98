"""First pages that Typst has laid out once for all bills that are alike but for their texts (`slots`).

A page is read back as drawings, and as texts with their places, looks and kerning. Each is laid out twice, with marks
of two widths, which tells at which side each text stays.
"""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typst

from billflow.documents.objects import Objects, Page
from billflow.documents.replay.letters import Kerns, ReplayError, characters_of, fonts_of, glyphs_of, one, widths_of
from billflow.documents.replay.marks import NUMBER_MARK, PART_MARK, is_plain
from billflow.documents.replay.slots import PATH_ORIGIN, SIGN, SLOT, TAILS, Slotted
from billflow.documents.replay.styles import RUN, Role
from billflow.documents.templates import MAIN

MOST_SKELETONS = 1_000
"""Remembered, some ten kilobytes each; a process that met more begins anew."""

_NEAR = 0.01
"""Points."""
_BASE_FONT = re.compile(rb"/BaseFont/[A-Z]+\+LibertinusSerif-(Regular|Semibold)-Identity-H")
_NAMES = re.compile(rb"/(?!c0\b)[A-Za-z]\w*|\bBT\b|\bDo\b")
"""What a drawing would need of a page besides its one space of colours."""
_PATH = re.compile(rb" (3\d{4}) 0 m 3\d{4} 0 l 3\d{4} 1 l 3\d{4} 1 l\nh\n")
_COMMAND = re.compile(r"([MHVhZ])([-\d. ]*)")
_BAR = re.compile(r"M(-?\d+) (-?\d+)V(-?\d+)")
_BARS = re.compile(rf"(?:{_BAR.pattern})+")
"""Most paths, and the longest, are bars of charts."""


@dataclass(frozen=True)
class Place:
    """Where a text begins (`side` 0), ends (1) or has its middle (0.5), and its baseline, in points of PDF."""

    x: float
    y: float
    side: float
    role: Role


@dataclass(frozen=True)
class Static:
    """A text that stands on all bills of a skeleton; it begins at its place."""

    place: Place
    text: str
    kerns: Kerns


@dataclass(frozen=True)
class Slot:
    """The place of a bill's own text."""

    place: Place
    index: int


@dataclass(frozen=True)
class PartAt:
    """Where sections are written: the corner of the first."""

    left: float
    top: float


@dataclass(frozen=True)
class NumberAt:
    """Where the number of the page ends."""

    place: Place


Item = Static | Slot | PartAt | NumberAt


@dataclass(frozen=True, eq=False)
class Leaf:
    """A page: its drawings, with the number of a bill's own path between two of them, and its texts in order."""

    drawings: Sequence[bytes | int]
    items: Sequence[Item]

    @property
    def texts(self) -> Iterator[str]:
        """What stands on all bills of a skeleton."""
        return (item.text for item in self.items if isinstance(item, Static))


class Skeletons:
    """In one language, in a folder of their own (`folder`, below `root`) with all templates."""

    def __init__(self, root: Path, folder: str, fonts: typst.Fonts, typeface: str, files: Mapping[str, bytes]) -> None:
        self._folder = root / folder
        for name, content in {**files, "typeface.json": typeface.encode()}.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._compiler = typst.Compiler(root=root, font_paths=fonts)
        self._known: dict[Hashable, tuple[Leaf, ...] | None] = {}

    def of(self, slotted: Slotted) -> tuple[Leaf, ...] | None:
        """The pages that bills like that one have; None where they cannot be read back."""
        key = slotted.key
        if key not in self._known:
            if len(self._known) >= MOST_SKELETONS:
                self._known.clear()
            try:
                self._known[key] = tuple(self._read(slotted))
            except (ReplayError, ValueError, KeyError):  # Typst has written something in another way than is known
                self._known[key] = None
        return self._known[key]

    def _read(self, slotted: Slotted) -> Iterator[Leaf]:
        short, wide = (self._laid_out(slotted.files(tail)) for tail in TAILS)
        if not len(short.pages) == len(wide.pages) == len(slotted.sections):
            raise ReplayError("there are more or fewer pages than planned")
        for page, its, sections in zip(short.pages, wide.pages, slotted.sections, strict=True):
            leaf = _leaf(_Sheet(short, page), _Sheet(wide, its))
            if [sum(isinstance(item, kind) for item in leaf.items) for kind in (PartAt, NumberAt)] != [sections, 1]:
                raise ReplayError("there are more or fewer marks than planned")
            yield leaf

    def _laid_out(self, files: Mapping[str, str]) -> Objects:
        for name, content in files.items():
            (self._folder / name).write_text(content, encoding="utf-8")
        pdf: Any = self._compiler.compile(input=self._folder / MAIN, format="pdf", pdf_tags=False, timestamp=0)
        return Objects.of(pdf)


@dataclass(frozen=True)
class _Text:
    """A text as Typst has set it."""

    x: float
    y: float
    width: float
    text: str
    kerns: Kerns
    role: Role

    @property
    def is_mark(self) -> bool:
        return float(self.role.size) in {PART_MARK, NUMBER_MARK}


class _Sheet:
    """The texts of a page, and what is drawn between them."""

    def __init__(self, pdf: Objects, page: Page) -> None:
        self._pdf, self._fonts = pdf, fonts_of(pdf, page.body)
        self._widths = {font: widths_of(pdf, font) for font in self._fonts.values()}
        self._letters = {font: characters_of(pdf, font) for font in self._fonts.values()}
        content = pdf.stream(page.content)
        self.drawings = RUN.sub(b"", content)
        self.texts = [self._text(*run.groups()) for run in RUN.finditer(content)]

    def _text(self, across: bytes, down: bytes, colour: bytes, name: bytes, size: bytes, shown: bytes) -> _Text:
        font = self._fonts[name]
        bold = one(_BASE_FONT, self._pdf.bodies[font]) == b"Semibold"
        glyphs, kerns = glyphs_of(shown)
        ids = [int.from_bytes(glyphs[at : at + 2]) for at in range(0, len(glyphs), 2)]
        units = sum(map(self._widths[font].__getitem__, ids)) - sum(kern for _, kern in kerns)
        text = "".join(self._letters[font][glyph] for glyph in ids)
        role = Role(bold, size, colour, 0.0, bool(kerns))
        return _Text(float(across), float(down), units * float(size) / 1000, text, kerns, role)


def _leaf(sheet: _Sheet, wide: _Sheet) -> Leaf:
    items = [_item(text, its) for text, its in zip(sheet.texts, wide.texts, strict=True)]
    return Leaf(list(_drawn(sheet.drawings)), items)


def _item(text: _Text, wide: _Text) -> Item:
    if text.is_mark:
        at = Place(text.x, text.y, 0, text.role)
        return PartAt(text.x, text.y) if float(text.role.size) == PART_MARK else NumberAt(at)
    if slot := SLOT.fullmatch(text.text):
        if len(text.kerns) >= len(text.text) - 1:  # figures are not kerned: each letter is spaced out
            raise ReplayError(f"{text.text!r} is spaced out")
        x, side = _side(text, wide)
        return Slot(Place(x, text.y, side, text.role), int(slot[1]))
    if SIGN in text.text or not is_plain(text.text.strip(" ")):  # Typst breaks a line behind a space
        raise ReplayError(f"{text.text!r} is more than a text of its own")
    return Static(Place(text.x, text.y, 0, text.role), text.text, text.kerns)


def _side(text: _Text, wide: _Text) -> tuple[float, float]:
    """Where a text stays when it becomes wider: at its begin, its end or its middle."""
    for side in (0, 1, 0.5):
        x = text.x + side * text.width
        if abs(x - wide.x - side * wide.width) <= _NEAR and abs(text.y - wide.y) <= _NEAR:
            return x, side
    raise ReplayError(f"{text.text!r} stays nowhere")


def _drawn(content: bytes) -> Iterator[bytes | int]:
    """Drawings around the paths of a bill's own."""
    if found := _NAMES.search(content):
        raise ReplayError(f"a page has {found[0]!r}")
    end = 0
    for path in _PATH.finditer(content):
        yield content[end : path.start()]
        yield int(path[1]) - PATH_ORIGIN
        end = path.end()
    yield content[end:]


def path_content(path: str) -> bytes:
    """A path of SVG, of the commands that drawings have, as PDF has it. ReplayError for others."""
    if _BARS.fullmatch(path):
        return _BAR.sub(r" \1 \2 m \1 \3 l", path).encode() + b"\n"
    parts, x, y = [], "0", "0"
    if _COMMAND.sub("", path):
        raise ReplayError(f"a drawing has other commands than {_COMMAND.pattern}")
    for command, numbers in _COMMAND.findall(path):
        if command == "Z":
            parts.append("\nh\n")
            continue
        if command == "M":
            x, y = numbers.split()
        elif command == "h":
            x = str(int(x) + int(numbers))
        else:
            x, y = (numbers, y) if command == "H" else (x, numbers)
        parts.append(f" {x} {y} {'m' if command == 'M' else 'l'}")
    return "".join(parts).removesuffix("\n").encode() + b"\n"
