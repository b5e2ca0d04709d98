"""Shifts of single texts as the few moves that a designer made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from billflow.documents.proofs.boxes import Box
from billflow.documents.proofs.places import TOLERANCE, Layout, Shift, boxes, shifts
from billflow.documents.proofs.verdicts import quoted

DRIFT = 2.0
"""Points: in a list whose lines are further apart each line moves so much more than the one before it, at most."""
SOME_ROWS = 3
"""So many rows that move together were moved; fewer have just other rows around them this month."""


@dataclass(frozen=True)
class Move:
    """Texts of one page that moved together; distances in points, to the right and down, the least and the greatest.

    `lines` is how many more lines of text are above them now; `before` and `after` are their boxes on either page.
    """

    page: int
    texts: tuple[str, ...]
    lines: int
    dx: tuple[float, float]
    dy: tuple[float, float]
    before: tuple[Box, ...]
    after: tuple[Box, ...]

    @property
    def told(self) -> str:
        """`page 1: "Summary" and 6 more texts moved 13.0 pt down`."""
        more = len(self.texts) - 1
        others = f" and {more} more text{'s' if more > 1 else ''}" if more else ""
        ways = [_way(self.dx, "to the right", "to the left"), _way(self.dy, "down", "up")]
        moved = f"page {self.page}: {quoted(self.texts[0])}{others} moved {' and '.join(filter(None, ways))}"
        return moved + (_because(self.lines) if any(map(_is_far, self.dy)) else "")


def _is_far(distance: float) -> bool:
    return abs(distance) > TOLERANCE


def _because(lines: int) -> str:
    """That other content, and no template, may be the reason."""
    if not lines:
        return ""
    return f", with {abs(lines)} {'more' if lines > 0 else 'fewer'} line{'s' if abs(lines) > 1 else ''} of text above"


def _way(distance: tuple[float, float], ahead: str, back: str) -> str:
    least, most = sorted(map(abs, distance))
    if most <= TOLERANCE:
        return ""
    much = f"{most:.1f}" if most - least <= TOLERANCE else f"{least:.1f} to {most:.1f}"
    return f"{much} pt {ahead if sum(distance) > 0 else back}"


def moves(before: Layout, after: Layout) -> list[Move]:
    """What moved on a page, the most texts first.

    What merely changed places is no move: other rows, or rows in another order, stand where rows stood last month.
    """
    groups = list(_grouped([shift for shift in shifts(before, after) if shift.is_move]))
    kept = [group for group in groups if _is_layout(group, before, after)]
    return [_move(group, before, after) for group in sorted(kept, key=len, reverse=True)]


def _grouped(moved: Sequence[Shift]) -> Iterator[list[Shift]]:
    groups: list[list[Shift]] = []
    for shift in sorted(moved, key=lambda each: (each.after.piece.baseline, each.after.piece.box.left)):
        near = [group for group in groups if _is_near(shift, group[-1])]
        if near:
            min(near, key=lambda group: abs(group[-1].dy - shift.dy)).append(shift)
        else:
            groups.append([shift])
    yield from groups


def _is_near(one: Shift, other: Shift) -> bool:
    return abs(one.dx - other.dx) <= TOLERANCE and abs(one.dy - other.dy) <= DRIFT and one.dy * other.dy >= 0


def _is_layout(group: Sequence[Shift], before: Layout, after: Layout) -> bool:
    """Whether a group was moved by a designer, as far as one can tell, and not by what the month brought."""
    sideways = any(_is_far(shift.dx) for shift in group)
    if all(shift.before.is_row for shift in group) and not sideways:
        return len(group) >= SOME_ROWS and not _more_lines(group[-1], before, after) and not _in_slots(group, before)
    return not (_in_slots(group, before) or all(_is_of_width(shift, before, after) for shift in group))


def _more_lines(shift: Shift, before: Layout, after: Layout) -> int:
    """So many more than last month are above a text."""
    return after.lines_above(shift.after) - before.lines_above(shift.before)


def _is_of_width(shift: Shift, before: Layout, after: Layout) -> bool:
    """Whether a text moved to a side by no more than columns on its line became wider or narrower: widths are planned
    from what is in them.
    """
    old, new = before.widths_beside(shift.before), after.widths_beside(shift.after)
    both = [zip(new[key], widths, strict=True) for key, widths in old.items() if key in new]
    changed = sum(max(abs(wide - was) for wide, was in sides) for sides in both)
    return not _is_far(shift.dy) and abs(shift.dx) <= changed + TOLERANCE


def _in_slots(group: Sequence[Shift], before: Layout) -> bool:
    return all(before.has_slot(shift.after) for shift in group)


def _move(group: Sequence[Shift], before: Layout, after: Layout) -> Move:
    across, down = [shift.dx for shift in group], [shift.dy for shift in group]
    return Move(
        after.sheet.number,
        tuple(" ".join(shift.after.piece.text.split()) for shift in group),
        _more_lines(group[0], before, after),
        (min(across), max(across)),
        (min(down), max(down)),
        boxes(shift.before for shift in group),
        boxes(shift.after for shift in group),
    )
