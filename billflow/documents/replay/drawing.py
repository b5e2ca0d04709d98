"""A section as content of a page: what `components/table.typ` draws, in the words of PDF (ISO 32000-1, 8 and 9)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from billflow.documents.replay.letters import END, Kerns, Letters, ReplayError
from billflow.documents.replay.marks import Part
from billflow.documents.replay.trials import WIDTH, Lines, Role, SectionStyle, Trials

_LINES = re.compile(r"[^\n]+|\n+")
_LEVELS = 3
"""Looks of titles; those further out look like the last."""


class Hand:
    """Writes the texts of one document."""

    def __init__(self, regular: Letters, bold: Letters, trials: Trials) -> None:
        self._letters = (regular, bold)
        self._trials = trials
        self._known = {
            (bold, right): _Kerned(self._letters[bold], trials.kerns[bold], right=right)
            for bold in (False, True)
            for right in (False, True)
        }

    def font(self, bold: bool) -> int:
        return self._letters[bold].font

    def style(self, part: Part) -> SectionStyle:
        return self._trials.style(part["size"], part["pitch"])

    def column(self, text: str, *, bold: bool, kerned: bool, right: bool) -> bytes:
        """Lines of text, one below the other; those that end `right` begin at the place where they end."""
        letters = self._letters[bold]
        if kerned:
            return b"".join(map(self._known[bold, right].__getitem__, _LINES.findall(text)))
        if not right:
            return b"(%b)Tj" % letters.string(letters.encoded(text)).replace(END, b")Tj T*(")
        pairs = zip(letters.line_widths(text), letters.string(letters.encoded(text)).split(END), strict=True)
        return b" T*".join([b"[%g(%b)]TJ" % pair if pair[1] else b"" for pair in pairs])

    def repeated(self, line: str, kerns: Kerns, *, bold: bool) -> bytes:
        """A line with kerning that was seen."""
        return _written(self._letters[bold], line, kerns, right=False)

    def width(self, line: str, role: Role) -> float:
        """In 1/1,000 em."""
        kerns = self._trials.kerns[role.bold][line] if role.kerned else ()
        return self._letters[role.bold].line_widths(line)[0] - sum(kern for _, kern in kerns)


class _Kerned(dict[str, bytes]):
    """Lines that are kerned, as they are written, and the ends of so many lines, once they have been met."""

    def __init__(self, letters: Letters, kerns: Mapping[str, Kerns], *, right: bool) -> None:
        super().__init__()
        self._letters, self._kerns, self._right = letters, kerns, right

    def __missing__(self, line: str) -> bytes:
        ends = line.count("\n")  # nothing else, then
        letters, kerns = self._letters, () if ends else self._kerns[line]
        self[line] = written = b" T*" * ends if ends else _written(letters, line, kerns, right=self._right)
        return written


def _written(letters: Letters, line: str, kerns: Kerns, *, right: bool) -> bytes:
    glyphs = letters.encoded(line)
    if not kerns and not right:
        return b"(%b)Tj" % letters.string(glyphs)
    width = letters.line_widths(line)[0] - sum(kern for _, kern in kerns)
    shown, begin = [b"[%g" % width if right else b"["], 0
    for at, kern in kerns:
        shown.append(b"(%b)%g" % (letters.string(glyphs[begin:at]), kern))
        begin = at
    return b"".join([*shown, b"(%b)]TJ" % letters.string(glyphs[begin:])])


class Writer:
    """One text object: colour, font and pitch are named where they change."""

    def __init__(self, hand: Hand, fonts: Mapping[int, bytes]) -> None:
        self._hand, self._fonts = hand, fonts
        self._shown = [b"q BT"]
        self._look: tuple[bytes, bytes] = (b"", b"")
        self._pitch = 0.0

    def add(self, role: Role, text: str, x: float, y: float, *, pitch: float = 0.0, right: bool = False) -> None:
        """Lines that begin, or end on the `right`, at `x`; `y` is the first baseline."""
        if not text:
            return
        first = text.lstrip("\n")
        empty = len(text) - len(first)
        self._look_like(role)
        if pitch != self._pitch and "\n" in first:
            self._shown.append(b" %b TL" % _points(pitch))
            self._pitch = pitch
        self._shown.append(b" 1 0 0 1 %b %b Tm" % (_points(x), _points(y - empty * pitch)))
        self._shown.append(self._hand.column(first, bold=role.bold, kerned=role.kerned, right=right))

    def _look_like(self, role: Role) -> None:
        colour, font = role.colour, b"/%b %b Tf" % (self._fonts[self._hand.font(role.bold)], role.size)
        self._shown += [new for new, old in zip((colour, font), self._look, strict=True) if new != old]
        self._look = (colour, font)

    def place(self, role: Role, line: str, x: float, y: float, *, side: float) -> None:
        """A line that begins (`side` 0), ends (1) or has its middle (0.5) at `x`.

        ReplayError where Typst would break it: it is wider than the page between its margins.
        """
        width = self._hand.width(line, role) * float(role.size) / 1000
        if width > WIDTH:
            raise ReplayError(f"{line!r} is wider than the page")
        self.add(role, line, x - width / 2 if side == 0.5 else x, y, right=side == 1)

    def repeat(self, role: Role, line: str, kerns: Kerns, x: float, y: float) -> None:
        """A line with its own kerning."""
        self._look_like(role)
        self._shown.append(b" 1 0 0 1 %b %b Tm" % (_points(x), _points(y)))
        self._shown.append(self._hand.repeated(line, kerns, bold=role.bold))

    def content(self) -> bytes:
        """All of it; nothing where nothing was written."""
        return b"".join([*self._shown, b"\nET\nQ\n"]) if len(self._shown) > 1 else b""


def section(part: Part, hand: Hand, fonts: Mapping[int, bytes], left: float, top: float) -> bytes:
    """A section whose upper left corner is there; `fonts` are what the page calls fonts."""
    style, text = hand.style(part), Writer(hand, fonts)
    _write_head(part, style, text, left, top)
    rows = top - part["head"]
    for lane, start in zip(part["lanes"], part["starts"], strict=True):
        _write_lane(part, lane, style, text, left + start, rows)
    return b"".join([*_strokes(part, style, left, rows), text.content()])


def _write_head(part: Part, style: SectionStyle, text: Writer, left: float, top: float) -> None:
    roles = style.roles
    text.add(roles["continues"], part["continues"], left + WIDTH, top - roles["continues"].down, right=True)
    text.add(roles["title"], part["title"], left, top - roles["title"].down)
    for start in part["starts"]:
        for label, edge in zip(part["labels"], part["edges"], strict=False):
            role, right = _of_side(style, "label", edge)
            text.add(role, label, left + start + edge["at"], top - role.down, right=right)


def _write_lane(
    part: Part, lane: Mapping[str, Any], style: SectionStyle, text: Writer, left: float, rows: float
) -> None:
    pitch = part["pitch"]
    for kind, texts in (("cell", lane["cells"]), ("lane_label", lane["labels"])):
        for column, edge in zip(texts, part["edges"], strict=False):
            role, right = _of_side(style, kind, edge)
            text.add(role, column, left + edge["at"], rows - role.down, pitch=pitch, right=right)
    for layer in lane["titles"]:
        level, (title, beside) = min(layer["level"], _LEVELS - 1), layer["texts"]
        role, besides = style.roles[f"level{level}"], style.roles[f"beside{level}"]
        text.add(role, title, left, rows - role.down, pitch=pitch)
        text.add(besides, beside, left + part["width"], rows - besides.down, pitch=pitch, right=True)


def _of_side(style: SectionStyle, kind: str, edge: Mapping[str, Any]) -> tuple[Role, bool]:
    right = edge["side"] == "end"
    return style.roles[f"{kind}_end" if right else kind], right


def _strokes(part: Part, style: SectionStyle, left: float, rows: float) -> Iterator[bytes]:
    """The rules under the head, and the hairlines."""
    width = _points(part["width"])
    for lane, start in zip(part["lanes"], part["starts"], strict=True):
        x, rule = _points(left + start), _points(rows + style.rule_above)
        yield b"q 1 0 0 -1 %b %b cm%b 0 0 m %b 0 l\nS\nQ\n" % (x, rule, style.rule, width)
        if part["ruled"] and lane["rules"]:
            heights = [_points(at * part["pitch"]) for at in lane["rules"]]
            path = b"".join(b" 0 %b m %b %b l" % (y, width, y) for y in heights)
            yield b"q 1 0 0 -1 %b %b cm%b%b\nS\nQ\n" % (x, _points(rows), style.hairline, path)


def kerned_lines(parts: Iterable[Part], trials: Trials) -> Lines:
    """The lines of sections that are kerned. ReplayError where Typst sets sections in a way that is not known."""
    lines: Lines = (set(), set())
    for part in parts:
        for role, text in _texts(part, trials.style(part["size"], part["pitch"])):
            if role.kerned:
                lines[role.bold].update(text.split("\n"))
    return lines


def _texts(part: Part, style: SectionStyle) -> Iterator[tuple[Role, str]]:
    yield style.roles["continues"], part["continues"]
    yield style.roles["title"], part["title"]
    yield from _columns(part, style, "label", part["labels"])
    for lane in part["lanes"]:
        yield from _columns(part, style, "cell", lane["cells"])
        yield from _columns(part, style, "lane_label", lane["labels"])
        for layer in lane["titles"]:
            level = min(layer["level"], _LEVELS - 1)
            yield style.roles[f"level{level}"], layer["texts"][0]
            yield style.roles[f"beside{level}"], layer["texts"][1]


def _columns(part: Part, style: SectionStyle, kind: str, texts: Sequence[str]) -> Iterator[tuple[Role, str]]:
    for text, edge in zip(texts, part["edges"], strict=False):
        yield _of_side(style, kind, edge)[0], text


def _points(points: float) -> bytes:
    """To 1/10,000 pt, as `runs` writes places."""
    return (b"%.4f" % points).rstrip(b"0").rstrip(b".")
