"""Pages planned before Typst sees them, because a planned column of text is several times faster than table cells.

A page is columns of lines of one fixed height; every line is cut here to the width of its column (`layout.json`), so
that Typst breaks nothing by itself and each column is one block of text. Widths are in em of the shipped typeface,
estimated from above: a line may end early, it never runs over.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

WIDTHS_OF = {
    0.25: "',.:;|·\u00a0\u202f\u2009 ",
    0.29: "!\\ijl{}\u2018\u2019",
    0.35: '()"-I/Jft[]\u2010\u2011',
    0.41: "*rs`“”",
    0.46: "?cez~",
    0.48: "#$0123456789a§€£¥",
    0.51: "FS_bgoqvxð\u2013",
    0.55: "LPdhknpuy^ß<>+=±\u00d7",
    0.60: "BERYøþ",
    0.67: "CKTUVXZ%",
    0.75: "ADGHNOQ&w—…đłæœ",
    0.85: "mMшщ",
    0.98: "W@ÆŒљњ",
}
WIDTHS = {char: width for width, chars in WIDTHS_OF.items() for char in chars}
OTHER_SMALL, OTHER = 0.74, 1.0
WIDEST = 1.0
FULL_WIDTH = 1.05
BOLD = 1.08

Line = tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """Lines that belong together under a title that is repeated wherever they go on.

    `starts` are the indexes of lines at which a new row begins. `heading` names what the block is part of; it is
    printed above the title where it has `heading_lines`. Heights are in lines.
    """

    title: Line
    title_lines: int
    lines: Sequence[Line]
    starts: Sequence[int]
    heading: Line = ()
    heading_lines: int = 0
    continued: bool = False

    @property
    def head_lines(self) -> int:
        return self.heading_lines + self.title_lines

    @property
    def all_lines(self) -> int:
        return self.head_lines + len(self.lines)

    @property
    def least_lines(self) -> int:
        """The first row: a title never stands without it."""
        return self.starts[1] if len(self.starts) > 1 else len(self.lines)

    def cut(self, room: int) -> tuple["Block", "Block | None"]:
        """The part that fits into `room` lines under the title, and what is left of the rows."""
        if len(self.lines) <= room:
            return self, None
        at = max((start for start in self.starts if 0 < start <= room), default=room)
        before = [start for start in self.starts if start < at]
        after = [start - at for start in self.starts if start >= at]
        part = replace(self, lines=self.lines[:at], starts=before)
        rest = replace(self, lines=self.lines[at:], starts=after, heading_lines=0, continued=True)
        return part, rest


@dataclass
class Flow:
    """What is still to be printed, in order; `fill` takes from its front."""

    blocks: list[Block] = field(default_factory=list)

    def fill(self, room: int) -> list[Block]:
        """The blocks of one column of `room` lines. A row is cut only if it is higher than a whole column."""
        column: list[Block] = []
        while self.blocks:
            block = self.blocks[0]
            free = room - block.head_lines
            if column and free < block.least_lines:
                break
            part, rest = block.cut(max(free, 1))
            column.append(part)
            room = free - len(part.lines)
            self.blocks[:1] = [rest] if rest else []
        return column

    def fill_lanes(self, room: int, lanes: int, least: int) -> list[list[Block]]:
        """`lanes` columns of at most `room` lines; what ends on this page is spread evenly, `least` lines at least."""
        needed = sum(block.all_lines for block in self.blocks)
        for even in range(max(least, -(-needed // lanes)), room if needed <= room * lanes else 0):
            attempt = Flow(list(self.blocks))
            columns = [attempt.fill(even) for _ in range(lanes)]
            if not attempt.blocks:
                self.blocks = []
                return columns
        return [self.fill(room) for _ in range(lanes)]


def wrap(text: str, width: float) -> list[str]:
    """The text in lines no wider than `width` em: broken at spaces, and within words that are wider than a line."""
    if text.isprintable() and len(text) * WIDEST <= width:
        return [text]
    lines = [""]
    for word in _pieces(text, width):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if text_width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def text_width(text: str) -> float:
    """An upper estimate in em."""
    return sum(map(_char_width, text))


def fits(texts: Sequence[str], width: float) -> bool:
    """Whether each text is one line of `width` em."""
    return all(text_width(text) <= width for text in texts if len(text) * WIDEST > width)


def _pieces(text: str, width: float) -> Iterator[str]:
    for word in text.split():
        start, used = 0, 0.0
        for index, char in enumerate(word):
            used += _char_width(char)
            if used > width and index > start:
                yield word[start:index]
                start, used = index, _char_width(char)
        yield word[start:]


@lru_cache(maxsize=8192)
def _char_width(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    parts = unicodedata.normalize("NFKD", char)
    if char not in WIDTHS and len(parts) > 1:
        return sum(map(_char_width, parts))
    if unicodedata.east_asian_width(char) in "WF":
        return FULL_WIDTH
    return WIDTHS.get(char, OTHER_SMALL if char.islower() else OTHER)
