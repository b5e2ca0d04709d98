"""Sections written into the pages that Typst has laid out for a document, in the places of their marks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

from billflow.documents.objects import Objects, Page
from billflow.documents.replay.drawing import Hand, Writer, kerned_lines, section
from billflow.documents.replay.letters import Letters, ReplayError, fonts_of
from billflow.documents.replay.marks import ALPHABET_MARK, NUMBER_MARK, NUMBER_SIZE, PART_MARK, PageOf, Replay
from billflow.documents.replay.trials import Role, Trials
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


@dataclass(frozen=True)
class Writing:
    """What is written into a document once Typst has laid it out."""

    replay: Replay
    trials: Trials

    @classmethod
    def of(cls, replay: Replay, trials: Trials) -> "Writing":
        """ReplayError where Typst sets sections or pairs of letters in a way that is not known."""
        parts = [write.part for page in replay.pages for write in page.writes]
        plain, heavy = kerned_lines(parts, trials)
        trials.learn((plain | {*(replay.numbers or ())}, heavy))
        return cls(replay, trials)

    @property
    def pages(self) -> int:
        return len(self.replay.pages)

    def contents(self, pdf: Objects) -> list[tuple[int, bytes]]:
        """The pages in order: which page of Typst's each is like (its index), and its content.

        ReplayError where marks are not as expected.
        """
        if len(pdf.pages) != self.replay.sources:
            raise ReplayError(f"{len(pdf.pages)} pages instead of {self.replay.sources}")
        try:
            return list(_contents(pdf, self.replay, self.trials))
        except (KeyError, ValueError) as problem:
            raise ReplayError(f"a font is not as Typst writes it: {problem!r}") from problem


def _contents(pdf: Objects, replay: Replay, trials: Trials) -> Iterator[tuple[int, bytes]]:
    sheets = [_Sheet(pdf, page) for page in pdf.pages]
    alphabets = [(sheet, mark) for sheet in sheets for mark in sheet.of_size(ALPHABET_MARK)]
    if len(alphabets) != len(replay.alphabets):
        raise ReplayError("there are more or fewer alphabets than two")
    letters = [
        Letters.of(pdf, sheet.fonts[mark.font], alphabet, mark.shown)
        for (sheet, mark), alphabet in zip(alphabets, replay.alphabets, strict=True)
    ]
    hand = Hand(letters[0], letters[1], trials)
    for index, page in enumerate(replay.pages):
        number = replay.numbers[index] if replay.numbers else None
        yield page.source, _content(sheets[page.source], page, number, hand)


def _content(sheet: _Sheet, page: PageOf, number: str | None, hand: Hand) -> bytes:
    names = {font: name for name, font in sheet.fonts.items()}
    marks = sheet.of_size(PART_MARK)
    if {write.mark for write in page.writes} != set(range(len(marks))):
        raise ReplayError("there are more or fewer marks than sections")
    if len(sheet.of_size(NUMBER_MARK)) != (number is not None):
        raise ReplayError("there are more or fewer page numbers than pages")
    here = {id(mark): [write for write in page.writes if write.mark == at] for at, mark in enumerate(marks)}
    instead = []
    for mark in sheet.marks:
        written = [
            section(write.part, hand, names, mark.left, mark.top - write.below) for write in here.get(id(mark), ())
        ]
        if mark.size == NUMBER_MARK and number is not None:
            text, role = Writer(hand, names), Role(False, b"", mark.colour, 0.0, True).of_size(NUMBER_SIZE)
            text.place(role, number, mark.left, mark.top, side=1)
            written.append(text.content())
        instead.append(b"".join(written))
    return b"".join(chain.from_iterable(zip_longest(sheet.around, instead, fillvalue=b"")))
