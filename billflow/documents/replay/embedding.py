"""Fonts of pages that are written: `/r` regular and `/b` bold, one byte a letter (`codes`).

Each is what Typst has embedded, but glyphs have the codes of their letters for numbers, so that each byte is a number
of a glyph: the encoding is `OneByteIdentityH` (Adobe Technical Note 5014), whose name readers of text know that read no
encodings (ISO 32000-1, 9.7.5) of a document's own.
"""

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from billflow.documents.objects import Objects, stream_object
from billflow.documents.replay.charsets import Programs, renumbered
from billflow.documents.replay.codes import NONE, Codes
from billflow.documents.replay.letters import (
    UNICODE,
    WIDTHS,
    ReplayError,
    descendant_of,
    listed_widths,
    one,
    resources_of,
)
from billflow.documents.replay.marks import FIRSTS

NAMES = (b"r", b"b")
"""Of regular and of bold text."""

_FONTS = re.compile(rb"/Font<<[^<>]*>>")
_ENCODING = re.compile(rb"/Encoding/Identity-H")
_NAME = re.compile(rb"-Identity-H")
_DESCRIPTOR = re.compile(rb"/FontDescriptor (\d+) 0 R")
_FILE = re.compile(rb"/FontFile3 (\d+) 0 R")
_CID_SET = re.compile(rb"/CIDSet (\d+) 0 R")
_MOST = 100
"""Lines in a section of a CMap, at most."""
MOST_FILES = 1_000
"""Remembered of all fonts, eight kilobytes each: letters of names make more than a hundred of the bold one alone."""
_LETTERS = {private: first for first, private in FIRSTS.items()}

Glyphs = Mapping[int, int]
"""The glyph of each code."""


@dataclass(frozen=True, eq=False)
class Face:
    """An embedded font: the number of the object that is its file, what that has, and the glyph of each code."""

    number: int
    programs: Programs
    glyphs: Glyphs

    def file(self, letters: bytes) -> bytes:
        """The object for a document with these letters (codes, each once)."""
        return _file(self, letters)


@lru_cache(maxsize=MOST_FILES)
def _file(face: Face, letters: bytes) -> bytes:
    font = face.programs.only({face.glyphs[code] for code in letters if code in face.glyphs})
    return stream_object(face.number, b"/Subtype/CIDFontType0C", font)


def embed(pdf: Objects, fonts: Sequence[int], codes: Codes, glyphs: Sequence[Glyphs]) -> list[Face]:
    """The regular and the bold font (numbers of objects) of a document on whose pages nothing else is; their files are
    still to be put in.

    ReplayError where a font is not as expected.
    """
    table, encoding = (int(one(UNICODE, pdf.bodies[font])) for font in fonts)
    pdf.objects[table - 1] = stream_object(table, _UNICODE, _unicode(codes))
    pdf.objects[encoding - 1] = stream_object(encoding, _ENCODED, _ENCODINGS)
    faces = []
    for font, its in zip(fonts, glyphs, strict=True):
        body = pdf.bodies[font]
        if not _ENCODING.search(body):
            raise ReplayError("a font has another encoding than Typst's")
        body = _NAME.sub(b"-OneByteIdentityH", _ENCODING.sub(b"", body))
        pdf.bodies[font] = UNICODE.sub(b"/Encoding %d 0 R/ToUnicode %d 0 R" % (encoding, table), body)
        faces.append(_renumbered(pdf, font, its))
    listed = b"".join(b"/%b %d 0 R" % (name, font) for name, font in zip(NAMES, fonts, strict=True))
    for resources in {resources_of(page.body) for page in pdf.pages}:
        pdf.bodies[resources] = _FONTS.sub(b"/Font<<%b>>" % listed, pdf.bodies[resources])
    return faces


def _renumbered(pdf: Objects, font: int, glyphs: Glyphs) -> Face:
    """Glyphs with their codes for numbers: in the font itself, and in the list of their widths."""
    widths, descendant = listed_widths(pdf, font), descendant_of(pdf, font)
    body = pdf.bodies[descendant]
    by_code = b"".join(b"%d[%b]" % (code, widths[glyph]) for code, glyph in sorted(glyphs.items()))
    pdf.bodies[descendant] = WIDTHS.sub(b"/W[%b]" % by_code, body)
    descriptor = int(one(_DESCRIPTOR, body))
    file, listed = (int(one(pattern, pdf.bodies[descriptor])) for pattern in (_FILE, _CID_SET))
    pdf.bodies[descriptor] = _CID_SET.sub(b"", pdf.bodies[descriptor])  # a list of all numbers, which nobody needs
    pdf.drop(listed)
    numbers = {glyph: code for code, glyph in glyphs.items()}
    return Face(file, Programs.of(renumbered(_font(pdf.objects[file - 1]), numbers)), glyphs)


def _font(embedded: bytes) -> bytes:
    head = _FILE_HEAD.match(embedded)
    if head is None:
        raise ReplayError("a font is embedded otherwise than by Typst")
    return zlib.decompress(embedded[head.end() :].removesuffix(b"\nendstream\nendobj"))


_FILE_HEAD = re.compile(rb"\d+ 0 obj\n<<[^>]*/Subtype/CIDFontType0C[^>]*>>\nstream\n")

_NONE = frozenset({NONE, "\n"})
_SYSTEM = b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
_UNICODE = b"/Type/CMap/CMapName/billflow-letters" + _SYSTEM
_ENCODED = b"/Type/CMap/CMapName/OneByteIdentityH/WMode 0" + _SYSTEM
_CMAP = b"""\
/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> def
/CMapName /%b def
/CMapType %d def
1 begincodespacerange
<00> <FF>
endcodespacerange
%bendcmap
CMapName currentdict /CMap defineresource pop
end
end
"""
_ENCODINGS = _CMAP % (b"OneByteIdentityH", 1, b"1 begincidrange\n<00> <FF> 0\nendcidrange\n")


@lru_cache(maxsize=64)
def _unicode(codes: Codes) -> bytes:
    lines = [b"<%02X> <%02X> <%04X>\n" % each for each in _ranges(codes)]
    some = [lines[start : start + _MOST] for start in range(0, len(lines), _MOST)]
    listed = b"".join(b"%d beginbfrange\n%bendbfrange\n" % (len(each), b"".join(each)) for each in some)
    return _CMAP % (b"billflow-letters", 2, listed)


def _ranges(codes: Codes) -> Iterator[tuple[int, int, int]]:
    """First and last of codes whose letters follow one another, and the first letter; in one block of 256."""
    letters = [(code, ord(_LETTERS.get(char, char))) for code, char in enumerate(codes.characters) if char not in _NONE]
    for _, some in groupby(letters, key=lambda one: (one[1] - one[0], one[1] >> 8)):
        (first, letter), *others = some
        yield first, others[-1][0] if others else first, letter
