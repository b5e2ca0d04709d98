"""PDFs made smaller: what is no stream goes into one compressed stream, and so does the table of where objects are.

Typst writes both plainly. Object and cross-reference streams (ISO 32000-1, 7.5.7 and 7.5.8) are part of PDF since 1.5,
and of PDF/A since its second part. Pages are written shorter (`runs`); fonts and pictures are compressed already and
stay as they are.

The compressor is libdeflate of one version, in a package that brings it: a document has the same bytes on every
machine, and each Python comes with another zlib.
"""

import re
from collections.abc import Iterator, Sequence

from billflow.documents.objects import Objects, stream_object
from billflow.documents.replay.composing import Composition
from billflow.documents.replay.letters import ReplayError
from billflow.documents.replay.writing import Writing
from billflow.documents.runs import shorter

_SIZE = re.compile(rb"/Size \d+")
_CONTENTS = re.compile(rb"/Contents \d+ 0 R")
_KIDS = re.compile(rb"/Count \d+/Kids\[[^\]]*\]")
_TREE = 1
"""The object of the page tree."""

_FREE, _PLAIN, _PACKED = 0, 1, 2
"""Kinds of entries of a cross-reference stream."""


def compact(pdf: bytes, writing: Writing | Composition | None = None) -> bytes:
    """A PDF as Typst writes it, smaller; the same in gives the same out. ValueError for other PDFs.

    What `writing` holds takes the place of its marks; ReplayError when they are not as expected.
    """
    read = Objects.of(pdf)
    if writing:
        try:
            contents = writing.written_into(read)
        except (KeyError, ValueError) as problem:
            raise ReplayError(f"something is not as Typst writes it: {problem!r}") from problem
        return enclosed(read, contents)
    for page in read.pages:
        read.objects[page.content - 1] = stream_object(page.content, b"", shorter(read.stream(page.content)))
    return _joined(read)


def enclosed(pdf: Objects, contents: Sequence[tuple[int, Sequence[bytes]]]) -> bytes:
    """A PDF with these pages: which of its own each is like (its index), and its content in parts.

    A part that several pages have is one object.
    """
    pages, bodies, written = pdf.pages, pdf.bodies, dict[int, bytes]()
    kids, used = [], set[int]()
    for source, parts in contents:
        page = pages[source]
        for part in parts:
            if id(part) not in written:
                written[id(part)] = _added(pdf, part)
        shown = b"/Contents[%b]" % b" ".join([written[id(part)] for part in parts])
        number = pdf.added() if source in used else page.number
        used.add(source)
        kids.append(b"%d 0 R" % number)
        bodies[number] = _CONTENTS.sub(shown, page.body)
    for page in pages:
        pdf.drop(page.content)
    bodies[_TREE] = _KIDS.sub(b"/Count %d/Kids[%b]" % (len(kids), b" ".join(kids)), bodies[_TREE])
    return _joined(pdf)


def _added(pdf: Objects, content: bytes) -> bytes:
    """What refers to a new object with that content."""
    number = pdf.added()
    pdf.objects[number - 1] = stream_object(number, b"", content)
    return b"%d 0 R" % number


def _joined(pdf: Objects) -> bytes:
    return b"".join(_written(pdf.head, pdf.objects, pdf.bodies, _SIZE.sub(b"", pdf.trailer)))


def _written(head: bytes, objects: Sequence[bytes], bodies: dict[int, bytes], trailer: bytes) -> Iterator[bytes]:
    """The streams as they are, the others in a stream of their own, and where all of them are."""
    container, index = len(objects) + 1, len(objects) + 2
    places = [(_FREE, 0, 0)] * (len(objects) + 1)
    places += [(_PLAIN, 0, 0)] * 2
    at = len(head)
    yield head
    for number, one in enumerate(objects, 1):
        if one and number not in bodies:
            places[number] = (_PLAIN, at, 0)
            yield one + b"\n"
            at += len(one) + 1
    for order, number in enumerate(bodies):
        places[number] = (_PACKED, container, order)
    packed = stream_object(container, b"/Type/ObjStm/N %d/First %d", *_packed(bodies)) + b"\n"
    places[container], places[index] = (_PLAIN, at, 0), (_PLAIN, at + len(packed), 0)
    yield packed
    width = (at + len(packed)).bit_length() // 8 + 1
    rows = b"".join(kind.to_bytes(1) + place.to_bytes(width) + order.to_bytes(3) for kind, place, order in places)
    entries = b"/Type/XRef/Size %d/W[1 %d 3]" + trailer.replace(b"%", b"%%")
    yield stream_object(index, entries, rows, len(places), width)
    yield b"\nstartxref\n%d\n%%%%EOF\n" % (at + len(packed))


def _packed(bodies: dict[int, bytes]) -> tuple[bytes, int, int]:
    """All bodies behind a list of their numbers and offsets; how many they are, and how long that list is."""
    offsets, at = [], 0
    for number, body in bodies.items():
        offsets.append(b"%d %d" % (number, at))
        at += len(body) + 1
    listed = b" ".join(offsets) + b"\n"
    return listed + b"\n".join(bodies.values()), len(bodies), len(listed)
