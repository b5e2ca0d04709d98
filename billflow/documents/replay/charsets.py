"""Fonts in the Compact Font Format (Adobe Technical Note 5176) with other numbers for their glyphs.

A font for text of many scripts tells by its charset which number (CID) each glyph has. Typst numbers the glyphs of a
document in order; a charset behind the font's own, and where that is, is all that has to be written.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from billflow.documents.replay.letters import ReplayError

_CHARSET, _CHAR_STRINGS = 15, 17
_ESCAPE, _SHORT, _LONG, _REAL = 12, 28, 29, 30
_OPERATORS = range(22)
_END = b"\x0e"
"""Ends a program."""
_OWN = 256
"""The number of the first glyph that has none."""


def renumbered(font: bytes, numbers: Mapping[int, int]) -> bytes:
    """A font as Typst embeds it whose glyphs have these numbers, and others large ones. ReplayError for other fonts."""
    try:
        places = _top(font)
        at, (glyphs_at, _) = places[_CHARSET][1], places[_CHAR_STRINGS]
        count = int.from_bytes(font[glyphs_at : glyphs_at + 2])
        charset = b"".join(numbers.get(glyph, _OWN + glyph).to_bytes(2) for glyph in range(1, count))
    except (IndexError, OverflowError) as problem:
        raise ReplayError(f"a font is not as Typst embeds it: {problem!r}") from problem
    return b"".join([font[:at], len(font).to_bytes(4), font[at + 4 :], b"\0", charset])


@dataclass(frozen=True)
class Programs:
    """A font file cut at the programs that draw its glyphs, in order of those."""

    before: bytes
    programs: Sequence[bytes]
    behind: bytes

    @classmethod
    def of(cls, font: bytes) -> "Programs":
        """ReplayError for other fonts than Typst embeds."""
        at = _top(font)[_CHAR_STRINGS][0]
        count, size = int.from_bytes(font[at : at + 2]), font[at + 2]
        data = at + 2 + size * (count + 1)  # offsets count from the byte before the data
        offsets = [data + int.from_bytes(font[at + 3 + size * index :][:size]) for index in range(count + 1)]
        return cls(font[: data + 1], [font[start:end] for start, end in pairwise(offsets)], font[offsets[-1] :])

    def only(self, glyphs: Container[int]) -> bytes:
        """A font of the same length in which nothing but these glyphs is drawn: the rest takes no room, compressed."""
        kept = [
            program if glyph in glyphs or glyph == 0 else _END * len(program)
            for glyph, program in enumerate(self.programs)
        ]
        return b"".join([self.before, *kept, self.behind])


def _top(font: bytes) -> dict[int, tuple[int, int]]:
    """Offsets that the first dictionary names, by operator: each, and where its last four bytes stand."""
    found: dict[int, tuple[int, int]] = {}
    at, end = _entry(font, _behind_names(font))
    value = (0, 0)
    while at < end:
        head = font[at]
        if head in _OPERATORS:
            if head != _ESCAPE:
                found[head] = value
            at += 2 if head == _ESCAPE else 1
            continue
        value = (int.from_bytes(font[at + 1 : at + 5]), at + 1) if head == _LONG else (0, 0)
        at += _length(font, at)
    if any(found.get(operator, (0, 0)) == (0, 0) for operator in (_CHARSET, _CHAR_STRINGS)):
        raise ReplayError("a font does not tell where its glyphs are as Typst does")
    return found


def _length(font: bytes, at: int) -> int:
    """How many bytes a number of a dictionary has."""
    head = font[at]
    if head == _REAL:
        end = at + 1
        while font[end] & 15 != 15:
            end += 1
        return end + 1 - at
    return {_SHORT: 3, _LONG: 5}.get(head, 1 if head < 247 else 2)


def _behind_names(font: bytes) -> int:
    """Where the table of dictionaries begins: behind the header and the table of names."""
    return _entry(font, font[2])[1]


def _entry(font: bytes, at: int) -> tuple[int, int]:
    """Where the only entry of a table begins and ends."""
    count, size = int.from_bytes(font[at : at + 2]), font[at + 2]
    if count != 1:
        raise ReplayError("a font file has more or fewer fonts than one")
    data = at + 2 + 2 * size  # offsets count from the byte before the data
    begin, end = (data + int.from_bytes(font[at + 3 + size * index : at + 3 + size * (index + 1)]) for index in (0, 1))
    return begin, end
