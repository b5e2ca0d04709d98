"""Sections written into the pages that Typst has laid out for a document, in the places of their marks."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from billflow.documents.objects import Objects, Page
from billflow.documents.replay.codes import Codes, codes_of
from billflow.documents.replay.drawing import Writer, kerned_lines, section
from billflow.documents.replay.embedding import NAMES
from billflow.documents.replay.hand import Hand, Hands, Pen
from billflow.documents.replay.letters import ReplayError, drawn, fonts_of
from billflow.documents.replay.marks import (
    ALPHABET_MARK,
    NUMBER_MARK,
    NUMBER_SIZE,
    PART_MARK,
    PageOf,
    Replay,
    Write,
    bold,
    regular,
)
from billflow.documents.replay.styles import Role
from billflow.documents.replay.trials import Trials
from billflow.documents.runs import shorter

_SIZES = b"|".join(re.escape(b"%g" % size) for size in (PART_MARK, ALPHABET_MARK, NUMBER_MARK))
MARK = re.compile(
    rb"q 1 0 0 -1 (\S+) (\S+) cm(/c0 cs [\d. ]+ scn)\n"
    rb"BT 0 Tr/(f\d+) (%b) Tf 1 0 0 -1 0 0 Tm(\(.*?\)Tj|<.*?>Tj|\[.*?\]TJ)\nET\nQ(?:\n|\Z)" % _SIZES
)
_IS_MARK = re.compile(rb" (?:%b) Tf" % _SIZES)


@dataclass(frozen=True)
class Mark:
    """Where a mark is (points), what it looks like, and its glyphs."""

    left: float
    top: float
    colour: bytes
    font: bytes
    size: float
    shown: bytes

    @classmethod
    def of(cls, found: re.Match[bytes]) -> "Mark":
        across, down, colour, font, size, shown = found.groups()
        return cls(float(across), float(down), colour, font, float(size), shown)


class _Sheet:
    """A page that Typst has laid out: what is around its marks, and the marks."""

    def __init__(self, pdf: Objects, page: Page) -> None:
        content = pdf.stream(page.content)
        found = list(MARK.finditer(content))
        starts = [0, *(mark.end() for mark in found)]
        ends = [*(mark.start() for mark in found), len(content)]
        around = [content[start:end] for start, end in zip(starts, ends, strict=True)]
        if any(_IS_MARK.search(rest) for rest in around):
            raise ReplayError("a mark is in more than one font")
        self.marks = [Mark.of(mark) for mark in found]
        self.around = [shorter(rest) for rest in around]
        self.fonts = fonts_of(pdf, page.body)

    def of_size(self, size: float) -> list[Mark]:
        return [mark for mark in self.marks if mark.size == size]


def glyphs_in(marks: Sequence[Mark], alphabets: Sequence[str], codes: Codes) -> list[dict[int, int]]:
    """The glyphs of each alphabet, by code. ReplayError where the alphabets are not what stands there."""
    if len(marks) != len(alphabets):
        raise ReplayError("there are more or fewer alphabets than two")
    return [codes.by_code(drawn(alphabet, mark.shown)) for mark, alphabet in zip(marks, alphabets, strict=True)]


@dataclass(frozen=True)
class Writing:
    """What is written into a document once Typst has laid it out."""

    replay: Replay
    hand: Hand
    trials: Trials

    @classmethod
    def of(cls, replay: Replay, hands: Hands) -> "Writing":
        """ReplayError where Typst sets sections or pairs of letters in a way that is not known."""
        parts = [write.part for page in replay.pages for write in page.writes]
        plain, heavy = kerned_lines(parts, hands.trials)
        hands.trials.learn((plain | {*(replay.numbers or ())}, heavy))
        texts = [*(replay.numbers or ()), *(text for part in parts for text in (*regular(part), *bold(part)))]
        return cls(replay, hands.of(codes_of(texts)), hands.trials)

    @property
    def pages(self) -> int:
        return len(self.replay.pages)

    def written_into(self, pdf: Objects) -> list[tuple[int, Sequence[bytes]]]:
        """The pages in order: which page of Typst's each is like (its index), and its content.

        ReplayError where marks are not as expected.
        """
        if len(pdf.pages) != self.replay.sources:
            raise ReplayError(f"{len(pdf.pages)} pages instead of {self.replay.sources}")
        sheets = [_Sheet(pdf, page) for page in pdf.pages]
        found = [(sheet.fonts[mark.font], mark) for sheet in sheets for mark in sheet.of_size(ALPHABET_MARK)]
        glyphs = glyphs_in([mark for _, mark in found], self.replay.alphabets, self.hand.codes)
        strings = [_Strings(font, its) for (font, _), its in zip(found, glyphs, strict=True)]
        pen, numbers = Pen(self.hand), self.replay.numbers or [None] * self.pages
        return [
            (page.source, [_content(sheets[page.source], page, number, _Within(pen, self.trials, strings))])
            for page, number in zip(self.replay.pages, numbers, strict=True)
        ]


def _content(sheet: _Sheet, page: PageOf, number: str | None, within: "_Within") -> bytes:
    marks = sheet.of_size(PART_MARK)
    if {write.mark for write in page.writes} != set(range(len(marks))):
        raise ReplayError("there are more or fewer marks than sections")
    if len(sheet.of_size(NUMBER_MARK)) != (number is not None):
        raise ReplayError("there are more or fewer page numbers than pages")
    here = {id(mark): [write for write in page.writes if write.mark == at] for at, mark in enumerate(marks)}
    names = {font: name for name, font in sheet.fonts.items()}
    instead = []
    for mark in sheet.marks:
        written = [within.section(mark, write) for write in here.get(id(mark), ())]
        if mark.size == NUMBER_MARK and number is not None:
            written.append(within.number(mark, number))
        instead.append(within.in_fonts(names, b"".join(written)))
    return b"".join(chain.from_iterable(zip_longest(sheet.around, instead, fillvalue=b"")))


_WRITTEN = re.compile(rb"/([rb])( \S+ Tf)|\(([^()]*)\)")
"""What names a font, and strings: no code is that of a parenthesis."""
_ESCAPES = {byte: b"\\" + bytes([byte]) for byte in b"\\()"} | {ord("\r"): rb"\r"}


class _Strings:
    """Letters as Typst has numbered their glyphs in a font (its object), two bytes each."""

    def __init__(self, font: int, glyphs: Mapping[int, int]) -> None:
        self.font = font
        self._written = {
            code: b"".join(_ESCAPES.get(byte, bytes([byte])) for byte in glyph.to_bytes(2))
            for code, glyph in glyphs.items()
        }

    def of(self, letters: bytes) -> bytes:
        return b"".join(map(self._written.__getitem__, letters))


@dataclass(frozen=True)
class _Within:
    """Writes into pages with texts of Typst's own, whose fonts keep its numbers; `strings` are regular and bold."""

    pen: Pen
    trials: Trials
    strings: Sequence[_Strings]

    def section(self, mark: Mark, write: Write) -> bytes:
        return section(write.part, self.pen, self.trials, mark.left, mark.top - write.below)

    def number(self, mark: Mark, number: str) -> bytes:
        text, role = Writer(self.pen), Role(False, b"", mark.colour, 0.0, True).of_size(NUMBER_SIZE)
        text.place(role, number, mark.left, mark.top, side=1)
        return text.content()

    def in_fonts(self, names: Mapping[int, bytes], content: bytes) -> bytes:
        """What was written in the fonts that the page has by these names."""
        strings = dict(zip(NAMES, self.strings, strict=True))
        current = self.strings[0]

        def instead(found: re.Match[bytes]) -> bytes:
            nonlocal current
            name, size, letters = found.groups()
            if name is None:
                return b"(%b)" % current.of(letters)
            current = strings[name]
            return b"/%b%b" % (names[current.font], size)

        return _WRITTEN.sub(instead, content)
