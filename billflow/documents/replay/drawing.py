"""A section as content of a page: what `components/table.typ` draws, in the words of PDF (ISO 32000-1, 8 and 9)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from billflow.documents.replay.hand import Pen
from billflow.documents.replay.letters import Kerns, ReplayError
from billflow.documents.replay.marks import Part
from billflow.documents.replay.trials import WIDTH, Lines, Role, SectionStyle, Trials

_LEVELS = 3
"""Looks of titles; those further out look like the last."""


@dataclass(frozen=True)
class Hole:
    """The place of a text that is not known yet, by its number."""

    index: int
    role: Role
    x: float
    y: float
    side: float


class Text(NamedTuple):
    """Lines that begin, or end on the `right`, at `x`; `y` is the first baseline, and they are a `pitch` apart."""

    role: Role
    lines: str
    x: float
    y: float
    pitch: float
    right: bool

    @classmethod
    def of(cls, role: Role, text: str, x: float, y: float, *, pitch: float = 0.0, right: bool = False) -> "Text":
        """A text that may begin with empty lines."""
        lines = text.lstrip("\n")
        return cls(role, lines, x, y - (len(text) - len(lines)) * pitch, pitch, right)


class Writer:
    """One text object: colour, font and pitch are named where they change."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._shown: list[bytes | Hole] = [b"q BT"]
        self._colour, self._font, self._pitch = b"", b"", 0.0

    def add(self, texts: Sequence["Text"]) -> None:
        """Texts of sections."""
        plain = self._pen.columns([text.lines for text in texts if not text.role.kerned])
        for role, lines, x, y, pitch, right in texts:
            self._look_like(role)
            if pitch != self._pitch and "\n" in lines:
                self._shown.append(b" %b TL" % points(pitch))
                self._pitch = pitch
            self._shown.append(_at(x, y))
            if role.kerned:
                self._shown.append(self._pen.kerned(lines, bold=role.bold, right=right))
            else:
                self._shown.append(self._pen.plain(next(plain), bold=role.bold, right=right))

    def _look_like(self, role: Role) -> None:
        font = role.font
        if role.colour != self._colour:
            self._shown.append(role.colour)
            self._colour = role.colour
        if font != self._font:
            self._shown.append(font)
            self._font = font

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
        return b"".join(piece for piece in self.pieces() if isinstance(piece, bytes))


def placed(pen: Pen, line: str, hole: Hole) -> bytes:
    """A line in its place. ReplayError where Typst would break it: it is wider than the page between its margins."""
    shown = pen.line(line, bold=hole.role.bold, kerned=hole.role.kerned, right=hole.side == 1)
    width = shown.width * float(hole.role.size) / 1000
    if width > WIDTH:
        raise ReplayError(f"{line!r} is wider than the page")
    return _at(hole.x - width / 2 if hole.side == 0.5 else hole.x, hole.y) + shown.operators


@lru_cache(maxsize=8192)
def _at(x: float, y: float) -> bytes:
    return b" 1 0 0 1 %b %b Tm" % (points(x), points(y))


def section(part: Part, pen: Pen, trials: Trials, left: float, top: float) -> bytes:
    """A section whose upper left corner is there."""
    style, text = trials.style(part["size"], part["pitch"]), Writer(pen)
    text.add([one for one in _texts(part, style, left, top) if one.lines])
    return b"".join([*_strokes(part, style, left, top - part["head"]), text.content()])


def _texts(part: Part, style: SectionStyle, left: float, top: float) -> Iterator[Text]:
    yield from _of_head(part, style, left, top)
    for lane, start in zip(part["lanes"], part["starts"], strict=True):
        yield from _of_lane(part, lane, style, left + start, top - part["head"])


def _of_head(part: Part, style: SectionStyle, left: float, top: float) -> Iterator[Text]:
    roles = style.roles
    yield Text.of(roles["continues"], part["continues"], left + WIDTH, top - roles["continues"].down, right=True)
    yield Text.of(roles["title"], part["title"], left, top - roles["title"].down)
    for start in part["starts"]:
        for label, edge in zip(part["labels"], part["edges"], strict=False):
            role, right = _of_side(style, "label", edge)
            yield Text.of(role, label, left + start + edge["at"], top - role.down, right=right)


def _of_lane(part: Part, lane: Mapping[str, Any], style: SectionStyle, left: float, rows: float) -> Iterator[Text]:
    pitch = part["pitch"]
    for kind, texts in (("cell", lane["cells"]), ("lane_label", lane["labels"])):
        for column, edge in zip(texts, part["edges"], strict=False):
            role, right = _of_side(style, kind, edge)
            yield Text.of(role, column, left + edge["at"], rows - role.down, pitch=pitch, right=right)
    for layer in lane["titles"]:
        level, (title, beside) = min(layer["level"], _LEVELS - 1), layer["texts"]
        role, besides = style.roles[f"level{level}"], style.roles[f"beside{level}"]
        yield Text.of(role, title, left, rows - role.down, pitch=pitch)
        yield Text.of(besides, beside, left + part["width"], rows - besides.down, pitch=pitch, right=True)


def _of_side(style: SectionStyle, kind: str, edge: Mapping[str, Any]) -> tuple[Role, bool]:
    right = edge["side"] == "end"
    return style.roles[f"{kind}_end" if right else kind], right


def _strokes(part: Part, style: SectionStyle, left: float, rows: float) -> Iterator[bytes]:
    """The rules under the head, and the hairlines."""
    width = points(part["width"])
    for lane, start in zip(part["lanes"], part["starts"], strict=True):
        x, rule = points(left + start), points(rows + style.rule_above)
        yield b"q 1 0 0 -1 %b %b cm%b 0 0 m %b 0 l\nS\nQ\n" % (x, rule, style.rule, width)
        if part["ruled"] and lane["rules"]:
            heights = [points(at * part["pitch"]) for at in lane["rules"]]
            path = b"".join(b" 0 %b m %b %b l" % (y, width, y) for y in heights)
            yield b"q 1 0 0 -1 %b %b cm%b%b\nS\nQ\n" % (x, points(rows), style.hairline, path)


def kerned_lines(parts: Iterable[Part], trials: Trials) -> Lines:
    """The lines of sections that are kerned. ReplayError where Typst sets sections in a way that is not known."""
    lines: Lines = (set(), set())
    for part in parts:
        for text in _texts(part, trials.style(part["size"], part["pitch"]), 0, 0):
            if text.role.kerned:
                lines[text.role.bold].update(text.lines.split("\n"))
    return lines


@lru_cache(maxsize=8192)
def points(points: float) -> bytes:
    """A number, to 1/10,000 pt, as `runs` writes places."""
    return (b"%.4f" % points).rstrip(b"0").rstrip(b".")
