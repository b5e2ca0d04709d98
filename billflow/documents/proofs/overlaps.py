"""Text on top of other text, such as a column that runs into the one beside it."""

from collections.abc import Iterator, Sequence

from billflow.documents.proofs.boxes import Box
from billflow.documents.proofs.sheets import Glyph, Run, Sheet
from billflow.documents.proofs.verdicts import Finding, quoted, told

SUBSTANTIAL = 0.25
"""Of the smaller glyph. In what billflow ships no two texts share a twentieth, marks of Hindi and Arabic included."""
SAME = 1.0
"""Points between two prints of one letter, as of a bold that is printed twice."""
PALE = 600
"""Red, green and blue together, of 765: a watermark is paler than this, or lets other things through."""
OPAQUE = 160
LARGE = 24.0
"""Points; smaller text is no watermark, unless it is on the slant."""


def overlaps(sheet: Sheet) -> Iterator[Finding]:
    """One finding for all texts of a page that lie on others."""
    owner = {id(run): number for number, piece in enumerate(sheet.pieces) for run in piece.runs}
    found: dict[tuple[int, int], None] = {}
    for one, other in _meeting([run for run in sheet.runs if not _is_watermark(run)]):
        pair = owner[id(one)], owner[id(other)]
        if pair[0] != pair[1] and _collide(one, other):
            found[min(pair), max(pair)] = None
    if found:
        pairs = [(sheet.pieces[one], sheet.pieces[other]) for one, other in sorted(found)]
        texts = told(f"{quoted(over.text)} on {quoted(under.text)}" for under, over in pairs)
        boxes = tuple(dict.fromkeys(piece.box for pair in pairs for piece in pair))
        yield Finding("overlap", sheet.number, f"texts lie on one another: {texts}", boxes=boxes)


def _meeting(runs: Sequence[Run]) -> Iterator[tuple[Run, Run]]:
    """Pairs whose boxes meet; sorted by their top, so that each is only held against those that begin beside it."""
    ordered = sorted(runs, key=lambda run: run.box.top)
    for at, run in enumerate(ordered):
        for other in ordered[at + 1 :]:
            if other.box.top >= run.box.bottom:
                break
            if run.box.meets(other.box):
                yield run, other


def _collide(one: Run, other: Run) -> bool:
    shared = one.box.within(other.box)
    glyphs, others = _in(one.glyphs, shared), _in(other.glyphs, shared)
    return any(
        glyph.box.overlap(each.box) >= SUBSTANTIAL and not _is_twin(glyph, each) for glyph in glyphs for each in others
    )


def _in(glyphs: Sequence[Glyph], box: Box) -> list[Glyph]:
    return [glyph for glyph in glyphs if glyph.box.meets(box)]


def _is_twin(one: Glyph, other: Glyph) -> bool:
    """The same letter at the same place: what is bold by being printed twice."""
    return one.char == other.char and max(abs(a - b) for a, b in zip(one.box, other.box, strict=True)) < SAME


def _is_watermark(run: Run) -> bool:
    *colours, alpha = run.colour
    is_faint = sum(colours) > PALE or alpha < OPAQUE
    return is_faint and (run.size >= LARGE or not run.is_level)
