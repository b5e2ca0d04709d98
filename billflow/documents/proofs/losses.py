"""Texts that should be on paper and are not, or are on another page than planned.

A text counts as printed when a text of the page says the same, or when it is found within what is left of the page:
templates add labels around texts, and Typst breaks what is longer than its room. Each print counts once.

Of joined scripts (`scripts`) a PDF says letters in another order, twice or not at all. On pages that have some, figures
are looked for as anywhere; of another text, what is Latin or a digit must be on the page, in any order, and most
(`ENOUGH`) of its letters and of its pairs of neighbours in one place: two long texts of one language have four letters
in five in common, but half of the pairs at most. So one letter that is missing in Arabic or Hindi is not found, nor is
a word of a few letters (`FEW`) whose letters are in another text that nobody asked for.

Where one amount should be on a page twice and is there once, the finding names both of its places.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from billflow.documents.proofs.planned import Planned
from billflow.documents.proofs.scripts import bare, is_figure, is_joined, is_leftward, unjoined
from billflow.documents.proofs.sheets import Sheet
from billflow.documents.proofs.verdicts import Finding, quoted, told

ENOUGH = 0.6
FEW = 8
"""Letters of a text whose pairs say nothing: a ligature takes too many of them away."""
NEIGHBOURS = 3
"""Texts of a page in which even a short line of joined scripts may be, where it changes its direction."""
TAKEN = "\0"


@dataclass(frozen=True)
class Line:
    """A planned line, as it is written and as it is compared."""

    where: str
    text: str
    bare: str


class Print:
    """What is on one page and not yet accounted for."""

    def __init__(self, sheet: Sheet, ornaments: frozenset[str] = frozenset()) -> None:
        """`ornaments` are texts (`bare`) that may stand there and in which no other is looked for."""
        texts = [bare(piece.text) for piece in sheet.pieces]
        self.number = sheet.number
        self._ornaments = ornaments
        self._is_joined = any(run.is_joined or is_leftward(run.text) for run in sheet.runs)
        self._whole = Counter(texts)
        self._order = texts

    def holds(self, lines: Iterable[Line]) -> int:
        """How many of the lines are texts of the page."""
        return sum(line.bare in self._whole for line in lines)

    def without(self, lines: Sequence[Line]) -> list[Line]:
        """The lines that are not on the page; those that are have been taken from it."""
        rest = [line for line in lines if not self._take(line)]
        left = list(self._left())
        flow = "".join(left)
        missing = []
        for line in sorted(rest, key=lambda line: -len(line.bare)):
            at = flow.find(line.bare)
            if at < 0:
                missing.append(line)
            else:
                flow = flow[:at] + TAKEN + flow[at + len(line.bare) :]
        return self._unlike(missing, left, flow) if self._is_joined else missing

    def _take(self, line: Line) -> bool:
        if not self._whole[line.bare]:
            return False
        self._whole[line.bare] -= 1
        return True

    def _left(self) -> Iterator[str]:
        left = +self._whole
        for text in self._order:
            if left[text] and text not in self._ornaments:
                left[text] -= 1
                yield text

    def _unlike(self, lines: Sequence[Line], left: Sequence[str], flow: str) -> list[Line]:
        """The lines whose characters are not on the page either, whatever their order; figures have theirs."""
        whole = Counter(flow)
        return [line for line in lines if is_figure(line.bare) or not _is_spread(line.bare, whole, left)]


def _is_spread(text: str, whole: Counter[str], pieces: Sequence[str]) -> bool:
    exact = Counter(unjoined(text))
    if not exact <= whole:
        return False
    letters, pairs = Counter(text) - exact, _pairs(text)
    places = ["".join(_place(text, pieces[at:])) for at in range(len(pieces))]
    return _most(letters, map(Counter, places)) and (letters.total() < FEW or _most(pairs, map(_pairs, places)))


def _place(text: str, pieces: Sequence[str]) -> Sequence[str]:
    """The first of the pieces, as many as the text may lie in."""
    lengths = accumulate(map(len, pieces))
    enough = next((count for count, length in enumerate(lengths, 1) if length >= len(text)), len(pieces))
    return pieces[: max(enough, NEIGHBOURS)]


def _pairs(text: str) -> Counter[str]:
    """The letters of joined scripts that stand together, in either order."""
    joined = "".join(filter(is_joined, text))
    return Counter("".join(sorted(pair)) for pair in pairwise(joined))


def _most(wanted: Counter[str], places: Iterable[Counter[str]]) -> bool:
    """Whether most of what is wanted is in one of the places."""
    return not wanted or max(((wanted & place).total() for place in places), default=0) >= ENOUGH * wanted.total()


def losses(
    planned: Sequence[Sequence[Planned]], sheets: Sequence[Sheet], ornaments: Iterable[str] = ()
) -> Iterator[Finding]:
    """A finding for each place of a planned page of which texts are missing, or on a later page than they should be.

    The first page may go on on another one, as it does under a very long address: that is a note.
    """
    known = frozenset(map(bare, ornaments))
    prints = [Print(sheet, known) for sheet in sheets]
    pages = [[*_lines(page)] for page in planned]
    places = _places(pages, prints)
    for lines, place, end in zip(pages, places, [*places[1:], len(prints)], strict=True):
        yield from _losses_of(lines, prints[place], prints[place + 1 : end], is_first=lines is pages[0])


def _losses_of(lines: Sequence[Line], own: Print, following: Sequence[Print], *, is_first: bool) -> Iterator[Finding]:
    names = _names(lines)
    lost = own.without(lines)
    for later in following:
        kept = later.without(lost)
        for where, texts in _by_place(_difference(lost, kept), names):
            what = f"{where}: {told(texts)} on page {later.number}"
            yield Finding("spilled", own.number, what, "note" if is_first else "error")
        lost = kept
    for where, texts in _by_place(lost, names):
        yield Finding("lost", own.number, f"{where}: {told(texts)} not on the page")


def _lines(page: Iterable[Planned]) -> Iterator[Line]:
    for text in page:
        yield from (Line(text.where, line, found) for line in text.lines if (found := bare(line)))


def _places(pages: Sequence[Sequence[Line]], prints: Sequence[Print]) -> list[int]:
    """On which print each planned page is: one after the other, where there are more, where most of it is."""
    places = [0]
    for left, lines in zip(range(len(pages) - 2, -1, -1), pages[1:], strict=True):
        first = min(places[-1] + 1, len(prints) - 1)
        last = max(len(prints) - left, first + 1)
        places.append(max(range(first, last), key=lambda at: (prints[at].holds(lines), -at)))
    return places


def _difference(lines: Sequence[Line], kept: Sequence[Line]) -> list[Line]:
    remaining = Counter(kept)
    taken = []
    for line in lines:
        if remaining[line]:
            remaining[line] -= 1
        else:
            taken.append(line)
    return taken


def _names(lines: Iterable[Line]) -> dict[str, str]:
    """What a text is for: where the same one has several places, nobody can tell which of them lacks it."""
    places: dict[str, dict[str, None]] = {}
    for line in lines:
        places.setdefault(line.bare, {})[line.where] = None
    return {text: " or ".join(names) for text, names in places.items()}


def _by_place(lines: Iterable[Line], names: Mapping[str, str]) -> Iterable[tuple[str, list[str]]]:
    places: dict[str, list[str]] = {}
    for line in lines:
        places.setdefault(names[line.bare], []).append(quoted(line.text))
    return places.items()
