"""Fonts as pages that are written name them: `/r` regular and `/b` bold, one byte a letter (`codes`).

Each is the font that Typst has embedded, with another CMap (ISO 32000-1, 9.7.5) and another table of what its bytes
stand for in Unicode.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from billflow.documents.objects import Objects, stream_object
from billflow.documents.replay.codes import NONE, Codes
from billflow.documents.replay.letters import UNICODE, ReplayError, one, resources_of
from billflow.documents.replay.marks import FIRSTS

NAMES = (b"r", b"b")
"""Of regular and of bold text."""

_FONTS = re.compile(rb"/Font<<([^<>]*)>>")
_ENCODING = re.compile(rb"/Encoding/Identity-H")
_NAME = re.compile(rb"-Identity-H")
_MOST = 100
"""Lines in a section of a CMap, at most."""
_LETTERS = {private: first for first, private in FIRSTS.items()}

Glyphs = tuple[tuple[int, int], ...]
"""Codes and the glyphs that they stand for, in order."""


def embed(pdf: Objects, fonts: Sequence[int], codes: Codes, glyphs: Sequence[Glyphs], *, instead: bool) -> None:
    """The fonts (numbers of objects), regular and bold, also by the names of `NAMES`; `instead` of Typst's own names
    where all pages are written.
    """
    unicode = [int(one(UNICODE, pdf.bodies[font])) for font in fonts]
    reused = [*fonts, *unicode] if instead else []
    numbers = _numbers(pdf, reused)
    named = [next(numbers) for _ in fonts]
    table = next(numbers)
    for font, number, name, its in zip(fonts, named, NAMES, glyphs, strict=True):
        cmap = next(numbers)
        pdf.bodies[number] = _font(pdf.bodies[font], name, cmap, table)
        pdf.objects[cmap - 1] = stream_object(cmap, _CMAP % name, _cmap(name, its))
    pdf.objects[table - 1] = stream_object(table, b"/Type/CMap/CMapName/billflow-unicode" + _SYSTEM, _unicode(codes))
    listed = b"".join(b"/%b %d 0 R" % (name, number) for name, number in zip(NAMES, named, strict=True))
    for resources in {resources_of(page.body) for page in pdf.pages}:
        pdf.bodies[resources] = _FONTS.sub(
            b"/Font<<%b>>" % listed if instead else rb"/Font<<\1%b>>" % listed, pdf.bodies[resources]
        )


def _numbers(pdf: Objects, reused: Iterable[int]) -> Iterator[int]:
    """Objects that are there, then new ones."""
    yield from reused
    while True:
        pdf.objects.append(b"")
        yield len(pdf.objects)


def _font(body: bytes, name: bytes, cmap: int, table: int) -> bytes:
    if not _ENCODING.search(body):
        raise ReplayError("a font has another encoding than Typst's")
    body = _NAME.sub(b"-billflow-" + name, _ENCODING.sub(b"", body))
    return UNICODE.sub(b"/Encoding %d 0 R/ToUnicode %d 0 R" % (cmap, table), body)


_SYSTEM = b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
_CMAP = b"/Type/CMap/CMapName/billflow-%b/WMode 0" + _SYSTEM
_HEAD = b"""\
/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> def
/CMapName /billflow-%b def
/CMapType %d def
1 begincodespacerange
<00> <FF>
endcodespacerange
"""
_END = b"""\
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


@lru_cache(maxsize=256)
def _cmap(name: bytes, glyphs: Glyphs) -> bytes:
    ranges = [b"<%02X> <%02X> %d\n" % (first, last, glyph) for first, last, glyph in _ranges(glyphs)]
    return _HEAD % (name, 1) + b"".join(_sections(b"cidrange", ranges)) + _END


@lru_cache(maxsize=64)
def _unicode(codes: Codes) -> bytes:
    letters = [(code, char) for code, char in enumerate(codes.characters) if char not in {NONE, "\n"}]
    pairs = [(code, ord(_LETTERS.get(char, char))) for code, char in letters]
    ranges = [b"<%02X> <%02X> <%04X>\n" % each for each in _ranges(pairs)]
    return _HEAD % (b"unicode", 2) + b"".join(_sections(b"bfrange", ranges)) + _END


def _ranges(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """First and last code, and what the first stands for: what follows one another in both."""
    first = last = begin = -1
    for code, meant in pairs:
        if last >= 0 and code == last + 1 and meant - begin == code - first:
            last = code
            continue
        if last >= 0:
            yield first, last, begin
        first, last, begin = code, code, meant
    if last >= 0:
        yield first, last, begin


def _sections(kind: bytes, lines: Sequence[bytes]) -> Iterator[bytes]:
    for start in range(0, len(lines), _MOST):
        some = lines[start : start + _MOST]
        yield b"%d begin%b\n%bend%b\n" % (len(some), kind, b"".join(some), kind)
