"""A section as content of a page: what `components/table.typ` draws, in the words of PDF (ISO 32000-1, 8 and 9)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

from billflow.documents.replay.hand import Kind, Pen
from billflow.documents.replay.letters import Kerns, ReplayError
from billflow.documents.replay.marks import Part
from billflow.documents.replay.styles import WIDTH, Role, SectionStyle
from billflow.documents.replay.trials import Lines, Trials

_WIDEST = 2000.0
"""No letter is as wide (1/1,000 em)."""
_LEVELS = 3
"""Looks of titles; those further out look like the last."""


@dataclass(frozen=True)
class Hole:
    """The place of a text that is not known yet, by its number: where it begins (`side` 0), ends (1) or has its middle
    (0.5).
    """

    index: int
    role: Role
    x: float
    y: float
    side: float

    @cached_property
    def kind(self) -> Kind:
        return self.role.bold, self.role.kerned, self.side

    @cached_property
    def em(self) -> float:
        """What a thousandth of an em is, in points."""
        return float(self.role.size) / 1000

    @cached_property
    def sure(self) -> int:
        """Lines of so many letters are no wider than the page between its margins."""
        return int(WIDTH / self.em / _WIDEST)

    @cached_property
    def at(self) -> bytes:
        """What goes there, where that does not depend on the width of the text."""
        return _at(self.x, self.y) if self.side != 0.5 else b""


Edge = tuple[float, bool]
"""How far from the start of a lane a column is, and whether that is where it ends."""
Text = tuple[Role, str, float, float, float, bool]
"""How lines look and what they say; where they begin, or end if they are on the `right`: x, and y of the first
baseline; how far they are apart, and whether they are on the right.
"""


class Writer:
    """One text object: colour, font and pitch are named where they change."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._shown: list[bytes | Hole] = [b"q BT"]
        self._role: Role | None = None
        self._colour, self._font, self._pitch = b"", b"", 0.0

    def add(self, texts: Sequence[Text]) -> None:
        """Texts of sections."""
        pen, shown = self._pen, self._shown
        plain = pen.columns([text[1] for text in texts if not text[0].kerned])
        for role, lines, x, y, pitch, right in texts:
            self._look_like(role)
            if pitch != self._pitch and "\n" in lines:
                shown.append(b" %b TL" % points(pitch))
                self._pitch = pitch
            shown.append(_at(x, y))
            if role.kerned:
                shown.append(pen.kerned(lines, bold=role.bold, right=right))
            else:
                shown.append(pen.plain(next(plain), bold=role.bold, right=right))

    def _look_like(self, role: Role) -> None:
        if role is self._role:
            return
        self._role = role
        if role.colour != self._colour:
            self._shown.append(role.colour)
            self._colour = role.colour
        if role.font != self._font:
            self._shown.append(role.font)
            self._font = role.font

    def place(self, role: Role, line: str, x: float, y: float, *, side: float) -> None:
        """A line that begins (`side` 0), ends (1) or has its middle (0.5) at `x`."""
        self._look_like(role)
        self._shown.append(placed(self._pen, line, Hole(0, role, x, y, side)))

    def leave(self, hole: Hole) -> None:
        """A line that is not known yet."""
        self._look_like(hole.role)
        self._shown.append(hole)

    def repeat(self, role: Role, line: str, kerns: Kerns, x: float, y: float) -> None:
        """A line with its own kerning."""
        self._look_like(role)
        self._shown += [_at(x, y), self._pen.repeated(line, kerns, bold=role.bold)]

    def pieces(self) -> list[bytes | Hole]:
        """What is written, and the places of what is not known yet; nothing where nothing was."""
        return [*self._shown, b"\nET\nQ\n"] if len(self._shown) > 1 else []

    def content(self) -> bytes:
        """All of it, where there are no holes."""
        return b"".join(cast("list[bytes]", self.pieces()))


def placed(pen: Pen, line: str, hole: Hole) -> bytes:
    """A line in its place. ReplayError where Typst would break it: it is wider than the page between its margins."""
    operators, width = pen.line(line, hole.kind)
    if len(line) > hole.sure and pen.hand.width(line, hole.kind) * hole.em > WIDTH:
        raise ReplayError(f"{line!r} is wider than the page")
    return (hole.at or _at(hole.x - width * hole.em / 2, hole.y)) + operators


@lru_cache(maxsize=8192)
def _at(x: float, y: float) -> bytes:
    return b" 1 0 0 1 %b %b Tm" % (points(x), points(y))


def section(part: Part, pen: Pen, trials: Trials, left: float, top: float) -> bytes:
    """A section whose upper left corner is there."""
    style, text = trials.style(part["size"], part["pitch"]), Writer(pen)
    text.add(_texts(part, style, left, top))
    return b"".join([*_strokes(part, style, left, top - part["head"]), text.content()])


def _texts(part: Part, style: SectionStyle, left: float, top: float) -> list[Text]:
    """Those that say something, in order."""
    edges = [(edge["at"], edge["side"] == "end") for edge in part["edges"]]
    found = _of_head(part, edges, style, left, top)
    for lane, start in zip(part["lanes"], part["starts"], strict=True):
        found += _of_lane(part, lane, edges, style, (left + start, top - part["head"]))
    return found


def _of_head(part: Part, edges: Sequence[Edge], style: SectionStyle, left: float, top: float) -> list[Text]:
    found = [
        *_of_columns([part["continues"]], [(WIDTH, True)], [style.roles["continues"]] * 2, (left, top), 0.0),
        *_of_columns([part["title"]], [(0.0, False)], [style.roles["title"]] * 2, (left, top), 0.0),
    ]
    for start in part["starts"] if part["labels"] else ():
        found += _of_columns(part["labels"], edges, style.sides("label"), (left + start, top), 0.0)
    return found


def _of_lane(
    part: Part, lane: Mapping[str, Any], edges: Sequence[Edge], style: SectionStyle, corner: tuple[float, float]
) -> list[Text]:
    pitch, ends = part["pitch"], [(0.0, False), (part["width"], True)]
    found = _of_columns(lane["cells"], edges, style.sides("cell"), corner, pitch)
    found += _of_columns(lane["labels"], edges, style.sides("lane_label"), corner, pitch)
    for layer in lane["titles"]:
        found += _of_columns(layer["texts"], ends, style.levels[min(layer["level"], _LEVELS - 1)], corner, pitch)
    return found


def _of_columns(
    columns: Sequence[str], edges: Sequence[Edge], roles: Sequence[Role], corner: tuple[float, float], pitch: float
) -> list[Text]:
    """Columns that may begin with empty lines, below that corner; `roles` are of those at their start and end."""
    left, top = corner
    found = []
    for column, (at, right) in zip(columns, edges, strict=False):
        if lines := column.lstrip("\n"):
            role = roles[right]
            y = top - role.down - (len(column) - len(lines)) * pitch
            found.append((role, lines, left + at, y, pitch, right))
    return found


def _strokes(part: Part, style: SectionStyle, left: float, rows: float) -> Iterator[bytes]:
    """The rules under the head, and the hairlines."""
    width = points(part["width"])
    for lane, start in zip(part["lanes"], part["starts"], strict=True):
        x, rule = points(left + start), points(rows + style.rule_above)
        yield b"q 1 0 0 -1 %b %b cm%b 0 0 m %b 0 l\nS\nQ\n" % (x, rule, style.rule, width)
        if part["ruled"] and lane["rules"]:
            path = b"".join([_line(at, part["pitch"], width) for at in lane["rules"]])
            yield b"q 1 0 0 -1 %b %b cm%b%b\nS\nQ\n" % (x, points(rows), style.hairline, path)


@lru_cache(maxsize=8192)
def _line(at: int, pitch: float, width: bytes) -> bytes:
    """Across a lane, above a line of it."""
    y = points(at * pitch)
    return b" 0 %b m %b %b l" % (y, width, y)


def kerned_lines(parts: Iterable[Part], trials: Trials) -> Lines:
    """The lines of sections that are kerned. ReplayError where Typst sets sections in a way that is not known."""
    lines: Lines = (set(), set())
    for part in parts:
        for role, shown, *_ in _texts(part, trials.style(part["size"], part["pitch"]), 0, 0):
            if role.kerned:
                lines[role.bold].update(shown.split("\n"))
    return lines


@lru_cache(maxsize=8192)
def points(points: float) -> bytes:
    """A number, to 1/10,000 pt, as `runs` writes places."""
    return (b"%.4f" % points).rstrip(b"0").rstrip(b".")
