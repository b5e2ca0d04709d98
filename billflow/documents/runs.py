"""Lines of text in the content of a page, written shorter: what follows each other shares one text object.

Typst gives every line a transformation, a colour and a font of its own, and writes most glyphs as octal escapes. A
column of a bill is dozens of lines that differ in their place only. Here a line says how far it is from the one before
(ISO 32000-1, 9.4.2), names colour and font where they change, and has its glyphs as they are: two fifths less of
a page's compressed content.

Whatever does not look as Typst writes a plain line (rotated or clipped text, drawings) stays as it is.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

# A line: where it begins, colour, what it stands for (a ligature's letters, say), font, and its glyphs with kerning
# between them. No string has a line break as it is, nor here an escaped parenthesis (`octal`): one with parentheses
# that balance does not match.
_STRING, _NUMBER = rb"\([^()]*\)", rb"-?[\d.]+"
_RUN = re.compile(
    rb"q 1 0 0 -1 (\S+) (\S+) cm(/c\d+ cs [\d. ]+ scn)\n"
    rb"BT(/Span<</ActualText<[0-9A-F]*>>>BDC|/ReversedChars BMC)? 0 Tr(/f\d+ \S+ Tf) 1 0 0 -1 0 0 Tm"
    rb"(%(string)bTj|\[(?:%(number)b)?%(string)b(?:%(number)b%(string)b)*\]TJ)(\nEMC)?\nET\nQ\n"
    % {b"string": _STRING, b"number": _NUMBER}
)
_LONG_KERN = re.compile(rb"([\[)])(-?\d+\.\d\d+)\(")

_OCTAL = {rb"\\": rb"\134", rb"\(": rb"\050", rb"\)": rb"\051", rb"\r": rb"\015"}
_BACKSLASH = rb"\134"
_KEPT = {rb"\050": rb"\\(", rb"\051": rb"\\)", rb"\015": rb"\\r"}
"""What a string needs as an escape: a carriage return that is not escaped is read as a line feed."""

SCALE = 10_000
"""Places are whole numbers of it a point: sums of steps are exact. With 1,000 PDFium draws some lines a pixel off."""

Run = re.Match[bytes]


def shorter(content: bytes) -> bytes:
    """The content of a page that shows the same: places to 1/10,000 pt, kerning to 1/10,000 em."""
    content, parts, end = octal(content), [], 0
    for runs in _adjacent(content):
        parts += [content[end : runs[0].start()], _text_object(runs)]
        end = runs[-1].end()
    return _unescaped(b"".join([*parts, content[end:]]))


def _adjacent(content: bytes) -> Iterator[list[Run]]:
    """Lines with nothing between them."""
    found: list[Run] = []
    for run in _RUN.finditer(content):
        if found and run.start() != found[-1].end():
            yield found
            found = []
        found.append(run)
    if found:
        yield found


def _text_object(runs: Sequence[Run]) -> bytes:
    parts, x, y, last_colour, last_font = [b"q BT"], 0, 0, b"", b""
    for run in runs:
        across, down, colour, mark, font, glyphs, end = run.groups(b"")
        if colour != last_colour:
            parts.append(colour)
        if font != last_font:
            parts.append(font)
        at_x, at_y = _scaled(across), _scaled(down)
        parts += [moved(at_x - x, at_y - y), mark, _shown(glyphs), end]
        x, y, last_colour, last_font = at_x, at_y, colour, font
    return _LONG_KERN.sub(_rounded, b"".join([*parts, b"\nET\nQ\n"]))


@lru_cache(maxsize=4096)
def _scaled(points: bytes) -> int:
    return round(float(points) * SCALE)


@lru_cache(maxsize=4096)
def moved(across: int, down: int) -> bytes:
    """The step from the beginning of one line to that of the next, in units of SCALE."""
    return b" %b %b Td" % (_points(across), _points(down))


def _points(scaled: int) -> bytes:
    return b"%g" % (scaled / SCALE) if scaled % SCALE == 0 else (b"%.4f" % (scaled / SCALE)).rstrip(b"0")


def _shown(glyphs: bytes) -> bytes:
    """One string by itself, or several with kerning between them."""
    alone = glyphs.startswith(b"[(") and glyphs.count(b"(") == 1
    return glyphs[1:-3] + b"Tj" if alone else glyphs


def _rounded(kern: Run) -> bytes:
    before, number = kern.groups()
    return b"%b%g(" % (before, round(float(number), 1))


def octal(content: bytes) -> bytes:
    """Backslashes, escaped parentheses and returns by their numbers: those that are left mean what they look like."""
    for escape, number in _OCTAL.items():
        content = content.replace(escape, number)
    return content


def _unescaped(content: bytes) -> bytes:
    """Strings as they are, but for what must be escaped in them; outside of strings no content has a backslash."""
    whole = [_plain(part) for part in content.split(_BACKSLASH)]
    return rb"\\".join(whole)


def _plain(content: bytes) -> bytes:
    for escape, kept in _KEPT.items():
        content = content.replace(escape, kept)
    return content.decode("unicode_escape").encode("latin-1")
