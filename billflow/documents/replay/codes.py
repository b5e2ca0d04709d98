"""Which byte stands for which letter on pages: the same on all bills, whatever glyphs their fonts have.

Typst numbers the glyphs of each document anew. In the fonts of what is written a CMap of the document's own says which
glyph each byte stands for (`embedding`), so that a line that was written once is written for all bills, and with half
as many bytes.
"""

import codecs
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from billflow.documents.replay.letters import ReplayError
from billflow.documents.replay.marks import FIRSTS, is_plain, separated

NONE = "\ufffe"
"""In the place of what is no letter."""

_PRIVATE = tuple(FIRSTS.values())

_SEPARATING = frozenset(b"\x00\n\r()\\")
"""What ends lines, and what would have to be escaped in a string (ISO 32000-1, 7.3.4.2)."""
_ASCII = "".join(map(chr, range(0x20, 0x7F)))
_WESTERN = "".join(map(chr, [*range(0xA0, 0xAD), *range(0xAE, 0x100)]))
_PUNCTUATION = "\u2002\u2007\u2009\u202f–—‘’“”•…€−"
_CENTRAL = "ĄąĆćČčĎďĐđĘęĚěĹĺĽľŁłŃńŇňŐőŘřŚśŠšŤťŮůŰűŹźŻżŽž"


@dataclass(frozen=True)
class Codes:
    """The character of each byte, 256 of them."""

    characters: str

    @classmethod
    def of(cls, letters: str) -> "Codes":
        """Each letter has its own number in Unicode where it can. ReplayError where they are too many."""
        wanted = {char: ord(char) for char in letters}
        table = {code: char for char, code in wanted.items() if code < 256 and code not in _SEPARATING}
        others = [char for char in letters if wanted[char] not in table]
        free = [code for code in range(256) if code not in table and code not in _SEPARATING]
        if len(others) > len(free):
            raise ReplayError(f"more than {256 - len(_SEPARATING)} letters")
        table |= {**dict(zip(free, others, strict=False)), ord("\n"): "\n"}
        return cls("".join(table.get(code, NONE) for code in range(256)))

    @cached_property
    def _table(self) -> Any:
        return codecs.charmap_build("\0" + self.characters[1:])  # ten times as fast as any table that begins otherwise

    @cached_property
    def _of_ascii(self) -> bytes:
        codes = {ord(char): code for code, char in enumerate(self.characters) if char.isascii()}
        return bytes(codes.get(char, 0) for char in range(256))

    def encoded(self, text: str) -> bytes:
        """A text, its lines ended as they are. ReplayError for a character that has no byte."""
        if not text.isascii():
            for private in _PRIVATE:
                if private in text:
                    raise ReplayError("no byte stands for a character of private use")
        glyphs = separated(text)
        try:
            letters = (
                glyphs.encode().translate(self._of_ascii)  # faster still
                if glyphs.isascii()
                else codecs.charmap_encode(glyphs, "strict", self._table)[0]
            )
        except UnicodeEncodeError as problem:
            raise ReplayError(f"no byte stands for {problem.object[problem.start]!r}") from problem
        if b"\0" in letters:
            raise ReplayError("no byte stands for a control character")
        return letters

    def by_code(self, drawn: Mapping[str, int]) -> dict[int, int]:
        """The glyphs of letters, by code."""
        return {code: drawn[char] for code, char in enumerate(self.characters) if char in drawn}


COMMON = Codes.of(_ASCII + _WESTERN + _PUNCTUATION + "".join(FIRSTS.values()) + _CENTRAL)
"""What nearly all bills of western and central Europe do with."""


def codes_of(texts: Iterable[str]) -> Codes:
    """COMMON, or a table of a bill's own. ReplayError for letters that cannot be written one by one, or too many."""
    letters = set[str]().union(*texts)
    if letters <= _KNOWN:
        return COMMON
    if not is_plain("\n".join(letters - {" ", *"\u2007\u2009\u202f"})):
        raise ReplayError("there are letters that are no glyphs by themselves")
    return _own("".join(sorted(letters - {*_ASCII, "\n"})))


_KNOWN = frozenset(COMMON.characters) - {NONE, *FIRSTS.values()}


@lru_cache(maxsize=64)
def _own(letters: str) -> Codes:
    return Codes.of(_ASCII + "".join(FIRSTS.values()) + letters)
