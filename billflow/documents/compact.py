"""PDFs made smaller: what is no stream goes into one compressed stream, and so does the table of where objects are.

Typst writes both plainly. Object and cross-reference streams (ISO 32000-1, 7.5.7 and 7.5.8) are part of PDF since 1.5,
and of PDF/A since its second part. Pages are written shorter (`runs`); fonts and pictures are compressed already and
stay as they are.

The compressor is libdeflate of one version, in a package that brings it: a document has the same bytes on every
machine, and each Python comes with another zlib.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest

import deflate

from billflow.documents.replay import Replay, Writer
from billflow.documents.runs import shorter

LEVEL = 6
"""Of libdeflate: smaller than zlib's highest level, in a third of its time where a tagged document has megabytes."""

_END = re.compile(rb"\ntrailer\n<<(.*)>>\nstartxref\n(\d+)\n%%EOF\s*\Z", re.DOTALL)
_SIZE = re.compile(rb"/Size \d+")
_ENTRY = re.compile(rb"(\d{10}) \d{5} n")
_HEAD = re.compile(rb"\d+ 0 obj\n")
_BODY_END = b"\nendobj"
_STREAM_END = b"endstream\nendobj"
_PAGE = re.compile(rb"<</Type/Page/.*/Contents (\d+) 0 R", re.DOTALL)
_CONTENT = re.compile(rb"\d+ 0 obj\n<</Length (\d+)/Filter/FlateDecode>>\nstream\n")

_TRAILER_REACH = 1024
_FREE, _PLAIN, _PACKED = 0, 1, 2
"""Kinds of entries of a cross-reference stream."""


def compact(pdf: bytes, replay: Replay | None = None) -> bytes:
    """A PDF as Typst writes it, smaller; the same in gives the same out. ValueError for other PDFs.

    What `replay` holds takes the place of its marks; ReplayError when they are not as expected.
    """
    end = _END.search(pdf, max(0, len(pdf) - _TRAILER_REACH))
    if end is None:
        raise ValueError("not a PDF as Typst writes them: no trailer at its end")
    table = int(end[2])
    starts = [int(entry) for entry in _ENTRY.findall(pdf, table, end.start())]
    if not starts or starts != sorted(starts):
        raise ValueError("not a PDF as Typst writes them: its objects are not in order")
    objects = [pdf[start:stop].rstrip() for start, stop in zip(starts, [*starts[1:], table], strict=True)]
    bodies = {number: _body(one) for number, one in enumerate(objects, 1) if not one.endswith(_STREAM_END)}
    writer = Writer(replay, bodies) if replay else None
    for page, number in _pages(bodies.values()):
        objects[number - 1] = _object(number, b"", _shown(page, objects[number - 1], writer)).rstrip()
    if writer:
        writer.check_done()
    return b"".join(_written(pdf[: starts[0]], objects, bodies, _SIZE.sub(b"", end[1])))


def _pages(bodies: Iterable[bytes]) -> list[tuple[bytes, int]]:
    """Each page and the number of its content."""
    found = [(body, _PAGE.match(body)) for body in bodies]
    return [(body, int(page[1])) for body, page in found if page]


def _shown(page: bytes, one: bytes, writer: Writer | None) -> bytes:
    """The content of a page, written shorter."""
    head = _CONTENT.match(one)
    if head is None:
        raise ValueError(f"not a PDF as Typst writes them: {one[:60]!r} is no content of a page")
    content = zlib.decompress(one[head.end() : head.end() + int(head[1])])
    around, instead = writer.cut(page, content) if writer else ([content], [])
    parts = zip_longest(map(shorter, around), instead, fillvalue=b"")
    return b"".join(chain.from_iterable(parts))


def _body(one: bytes) -> bytes:
    head = _HEAD.match(one)
    if head is None or not one.endswith(_BODY_END):
        raise ValueError(f"not a PDF as Typst writes them: {one[:20]!r} is no object")
    return one[head.end() : -len(_BODY_END)]


def _written(head: bytes, objects: Sequence[bytes], bodies: dict[int, bytes], trailer: bytes) -> Iterator[bytes]:
    """The streams as they are, the others in a stream of their own, and where all of them are."""
    container, index = len(objects) + 1, len(objects) + 2
    places = [(_FREE, 0, 0)] + [(_PACKED, container, 0)] * len(objects)
    places += [(_PLAIN, 0, 0)] * 2
    at = len(head)
    yield head
    for number, one in enumerate(objects, 1):
        if number not in bodies:
            places[number] = (_PLAIN, at, 0)
            yield one + b"\n"
            at += len(one) + 1
    for order, number in enumerate(bodies):
        places[number] = (_PACKED, container, order)
    packed = _object(container, b"/Type/ObjStm/N %d/First %d", *_packed(bodies))
    places[container], places[index] = (_PLAIN, at, 0), (_PLAIN, at + len(packed), 0)
    yield packed
    width = (at + len(packed)).bit_length() // 8 + 1
    rows = b"".join(kind.to_bytes(1) + place.to_bytes(width) + order.to_bytes(3) for kind, place, order in places)
    yield _object(index, b"/Type/XRef/Size %d/W[1 %d 3]" + trailer.replace(b"%", b"%%"), rows, len(places), width)
    yield b"startxref\n%d\n%%%%EOF\n" % (at + len(packed))


def _packed(bodies: dict[int, bytes]) -> tuple[bytes, int, int]:
    """All bodies behind a list of their numbers and offsets; how many they are, and how long that list is."""
    offsets, at = [], 0
    for number, body in bodies.items():
        offsets.append(b"%d %d" % (number, at))
        at += len(body) + 1
    listed = b" ".join(offsets) + b"\n"
    return listed + b"\n".join(bodies.values()), len(bodies), len(listed)


def _object(number: int, entries: bytes, content: bytes, *values: int) -> bytes:
    data = bytes(deflate.zlib_compress(content, LEVEL))
    head = b"%d 0 obj\n<<%b/Filter/FlateDecode/Length %d>>\nstream\n" % (number, entries % values, len(data))
    return head + data + b"\nendstream\nendobj\n"
