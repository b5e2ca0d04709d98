"""Two documents of one account, of two months: how the layout changed, not what was billed.

Amounts, dates and usage differ each month. So texts are compared without their digits (`places`), and rows that other
rows replaced are no news (`moves`). A text counts as new or gone when it has no digits, is on one document only, and
is no part of a sentence that is merely broken elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from billflow.documents.proofs.boxes import Box
from billflow.documents.proofs.moves import Move, moves
from billflow.documents.proofs.places import Layout, Spot, shifts
from billflow.documents.proofs.sheets import UnreadableError, read_sheets
from billflow.documents.proofs.verdicts import Finding, quoted, told

SENTENCE = 10
"""Letters from which on a text may be the rest of a sentence that is broken elsewhere."""
RESIZED = 0.2
"""Points of size from which on a text is of another one."""


@dataclass(frozen=True)
class Label:
    """A text without digits that only one of two documents has, or has on another page: `elsewhere`."""

    page: int
    text: str
    box: Box
    elsewhere: int | None = None


@dataclass(frozen=True)
class Comparison:
    """What changed from one document to a later one; pages count from 1.

    `moves` are on pages that both have; `new` is on pages of the later one, `gone` on those of the earlier. `resized`
    are sentences. `findings` say which document could not be read; then nothing was compared.
    """

    pages: tuple[int, int]
    moves: tuple[Move, ...] = ()
    new: tuple[Label, ...] = ()
    gone: tuple[Label, ...] = ()
    resized: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_same(self) -> bool:
        return not list(self.told())

    def told(self) -> Iterator[str]:
        """All of it, one sentence each."""
        yield from (finding.what for finding in self.findings)
        before, after = self.pages
        if before != after and not self.findings:
            yield f"{after} page{'s' if after > 1 else ''} instead of {before}"
        yield from (move.told for move in self.moves)
        yield from self.resized
        yield from _labels_told("new", [label for label in self.new if label.elsewhere is None])
        yield from _labels_told("gone", [label for label in self.gone if label.elsewhere is None])
        yield from (_relocated(label) for label in self.gone if label.elsewhere is not None)


def _labels_told(word: str, labels: Sequence[Label]) -> Iterator[str]:
    pages: dict[int, list[str]] = {}
    for label in labels:
        pages.setdefault(label.page, []).append(quoted(label.text))
    yield from (f"page {page}: {word}: {told(texts)}" for page, texts in sorted(pages.items()))


def _relocated(label: Label) -> str:
    return f"page {label.page}: {quoted(label.text)} is now on page {label.elsewhere}"


def compare_documents(before: bytes, after: bytes) -> Comparison:
    """How the layout of a PDF differs from an earlier one's, page by page. Nothing is raised: see `findings`."""
    layouts, problems = [], []
    for pdf, which in ((before, "the earlier document"), (after, "the document")):
        try:
            layouts.append([Layout(sheet) for sheet in read_sheets(pdf)])
        except UnreadableError as problem:
            layouts.append([])
            problems.append(Finding("broken", None, f"{which} was not compared: {problem}"))
    old, new = layouts
    pages = len(old), len(new)
    return Comparison(pages, findings=tuple(problems)) if problems else _compared(old, new)


def _compared(old: Sequence[Layout], new: Sequence[Layout]) -> Comparison:
    both = list(zip(old, new, strict=False))
    return Comparison(
        (len(old), len(new)),
        tuple(move for before, after in both for move in moves(before, after)),
        tuple(_unmatched(new, old)),
        tuple(_unmatched(old, new)),
        tuple(text for before, after in both for text in _resized(before, after)),
    )


def _unmatched(own: Sequence[Layout], other: Sequence[Layout]) -> Iterator[Label]:
    """Labels that the other document lacks, or has only on another page."""
    here, there = _labels(own), _labels(other)
    others = {layout.flow for layout in other}
    for key, places in here.items():
        page, spot = places[0]
        box, text = spot.piece.box, spot.piece.text
        if key not in there and not (len(key) >= SENTENCE and any(key in flow for flow in others)):
            yield Label(page, text, box)
        elif len(places) == len(there.get(key, ())) == 1 and page != there[key][0][0]:
            yield Label(page, text, box, elsewhere=there[key][0][0])


def _labels(layouts: Sequence[Layout]) -> dict[str, list[tuple[int, Spot]]]:
    """Texts with letters and without digits, and the pages on which each is, with its first place there."""
    labels: dict[str, list[tuple[int, Spot]]] = {}
    for layout in layouts:
        for key, spots in layout.spots.items():
            if not spots[0].has_digits and any(map(str.isalpha, key)):
                labels.setdefault(key, []).append((layout.sheet.number, spots[0]))
    return labels


def _resized(before: Layout, after: Layout) -> Iterator[str]:
    """A sentence for all labels of a page that went from one size to another."""
    texts: dict[tuple[float, float], list[str]] = {}
    for shift in shifts(before, after):
        sizes = shift.before.piece.size, shift.after.piece.size
        if abs(sizes[0] - sizes[1]) >= RESIZED and not shift.before.has_digits:
            texts.setdefault(sizes, []).append(quoted(shift.after.piece.text))
    for (old, new), resized in texts.items():
        verb = "is" if len(resized) == 1 else "are"
        yield f"page {after.sheet.number}: {told(resized)} {verb} set in {new:g} pt instead of {old:g}"
