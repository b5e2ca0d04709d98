"""Pages planned before Typst sees them, because a planned column of text is several times faster than table cells.

A page is columns of lines of one fixed height; every line is cut to the width that its column is planned to have, so
that Typst breaks nothing by itself and each column is one block of text. Widths (`widths`) are in em and never
less than they are on paper: a line may end early, it never runs over.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from billflow.documents.breaks import BREAKS, pieces
from billflow.documents.widths import text_width, width_with

TIME_GAP = "\u2002"
"""Between a day and a time of day: the day is printed where it begins."""

Line = tuple[str, ...]


class Heading(NamedTuple):
    """The title of a group of rows and what stands beside it: `level` 0 is the innermost. `lines` is its height, with
    the room above; both texts may have several lines, of which the first stand beside each other. `again` is what it
    says where the rows go on, on another page or lane, in the same height.
    """

    level: int
    text: str
    beside: str
    lines: int
    again: "Heading | None" = None

    @classmethod
    def of(cls, level: int, beside: str, first: Sequence[str], again: Sequence[str]) -> "Heading":
        """From the lines of its text, and of what it says where the rows go on."""
        lines = len(first) + 1
        going_on = cls(level, "\n".join(again[:lines]), beside, lines)
        return cls(level, "\n".join(first), beside, lines, going_on)

    def with_beside(self, text: str) -> "Heading":
        """The same with that beside it, also where the rows go on."""
        again = self.again and Heading(self.level, self.again.text, text, self.lines)
        return Heading(self.level, self.text, text, self.lines, again)

    def going_on(self, again: "Heading") -> "Heading":
        """With what it says where the rows go on; that may need the room above, which nothing stands in there."""
        text = "\n".join(again.text.split("\n")[: self.lines])
        return self._replace(again=again._replace(text=text, lines=self.lines))


class Block:
    """Lines that belong together, column by column, under a title that is repeated wherever they go on.

    `starts` are the indexes of lines at which a row begins. `opens` are the titles of outer groups that begin with this
    block, `within` the name of the outermost group; `labels` are what its columns are called, in a line under the
    title. `begin` and `end` bound the lines printed here. Heights are in lines.
    """

    def __init__(
        self,
        columns: Sequence[Sequence[str]],
        starts: Sequence[int],
        title: Heading | None = None,
        opens: tuple[Heading, ...] = (),
        within: str = "",
        labels: Line = (),
        begin: int = 0,
        end: int | None = None,
    ) -> None:
        self.columns, self.starts, self.title, self.opens = columns, starts, title, opens
        self.within, self.labels, self.begin = within, labels, begin
        self.end = len(columns[0]) if end is None else end
        self.headings = (*opens, title) if title else opens
        self.printed_lines = self.end - begin
        self.height = self.printed_lines + bool(labels) + sum([heading.lines for heading in self.headings])

    @property
    def printed(self) -> Sequence[Sequence[str]]:
        """What is printed here of each column."""
        if self.printed_lines == len(self.columns[0]):
            return self.columns
        return [column[self.begin : self.end] for column in self.columns]

    @property
    def least_height(self) -> int:
        """With the first row only: a title never stands without it."""
        following = bisect_right(self.starts, self.begin)
        end = self.starts[following] if following < len(self.starts) else len(self.columns[0])
        return self._headed + end - self.begin

    @property
    def starts_printed(self) -> Sequence[int]:
        """The indexes of printed lines above which there is a rule: where rows begin, and the first."""
        if isinstance(self.starts, range) and self.starts.step == 1:
            return range(self.begin, max(self.end, self.begin + 1))
        return [self.begin, *self.starts[bisect_right(self.starts, self.begin) : bisect_left(self.starts, self.end)]]

    def cut(self, room: int) -> tuple["Block", "Block | None"]:
        """The part that fits into `room` lines and the rest. A row is cut only if not even one fits."""
        if self.height <= room:
            return self, None
        limit = self.begin + max(room - self._headed, 1)
        row = self.starts[bisect_right(self.starts, limit) - 1]
        at = row if row > self.begin else limit
        part = Block(self.columns, self.starts, self.title, self.opens, self.within, self.labels, self.begin, at)
        return part, Block(self.columns, self.starts, self.title, (), self.within, self.labels, at, self.end)

    @property
    def _headed(self) -> int:
        return self.height - self.printed_lines


def stacked(columns: Iterable[Iterable[str]]) -> list[str]:
    """Each column as one text, without the empty lines at its end."""
    return ["\n".join(column).rstrip("\n") for column in columns]


@dataclass
class Flow:
    """What is still to be printed, in order; `fill` takes from its front."""

    blocks: list[Block] = field(default_factory=list)

    def fill(self, room: int) -> list[Block]:
        """The blocks of one column of `room` lines. A row is cut only if it is higher than a whole column."""
        column: list[Block] = []
        while self.blocks:
            block, height = self.blocks[0], self.blocks[0].height
            if height <= room:
                column.append(block)
                room -= height
                del self.blocks[0]
                continue
            if not column or block.least_height <= room:
                part, rest = block.cut(room)
                column.append(part)
                self.blocks[:1] = [rest] if rest else []
            return column
        return column

    def fill_lanes(self, room: int, lanes: int, least: int) -> list[list[Block]]:
        """`lanes` columns of at most `room` lines; what ends on this page is spread evenly, `least` lines at least."""
        needed = sum(block.height for block in self.blocks)
        for even in range(max(least, -(-needed // lanes)), room if needed <= room * lanes else 0):
            attempt = Flow(list(self.blocks))
            columns = [attempt.fill(even) for _ in range(lanes)]
            if not attempt.blocks:
                self.blocks = []
                return columns
        return [self.fill(room) for _ in range(lanes)]


def wrap(text: str, width: float) -> list[str]:
    """The text in lines no wider than `width` em, broken where `breaks.pieces` allows it."""
    if not BREAKS.search(text) and text_width(text) <= width:
        return [text]
    lines, used = [""], 0.0
    for glue, piece in pieces(text, width):
        more = f"{glue}{piece}" if lines[-1] else piece
        needed = width_with(lines[-1], used, more)
        if needed <= width:
            lines[-1] += more
            used = needed
        else:
            lines.append(piece)
            used = text_width(piece)
    return lines
