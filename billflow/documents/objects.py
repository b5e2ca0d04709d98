"""A PDF as Typst writes it, object by object. ValueError for other PDFs."""

import re
import zlib
from dataclasses import dataclass
from functools import cached_property

import deflate

LEVEL = 6
"""Of libdeflate: smaller than zlib's highest level, in a third of its time where a tagged document has megabytes."""

_END = re.compile(rb"\ntrailer\n<<(.*)>>\nstartxref\n(\d+)\n%%EOF\s*\Z", re.DOTALL)
_ENTRY = re.compile(rb"(\d{10}) \d{5} n")
_HEAD = re.compile(rb"\d+ 0 obj\n")
_BODY_END = b"\nendobj"
_STREAM_END = b"endstream\nendobj"
_STREAM = re.compile(rb"\d+ 0 obj\n<</Length (\d+)[^>]*/Filter/FlateDecode[^>]*>>\nstream\n")
_PAGE = re.compile(rb"<</Type/Page/.*/Contents (\d+) 0 R", re.DOTALL)
_TRAILER_REACH = 1024
NOT_TYPSTS = "not a PDF as Typst writes them"

# A page tree is the first object that Typst writes, so this ends within the first line of the file, whatever its size.
PAGE_COUNT = re.compile(rb"/Type/Pages/Count (\d+)")


@dataclass(frozen=True)
class Page:
    """The object of a page, and the number of its content."""

    number: int
    body: bytes
    content: int


@dataclass(frozen=True)
class Objects:
    """What stands before the first object, all objects in the order of their numbers, and the entries of the trailer.

    `bodies` are those that are no streams, by number, without what begins and ends an object.
    """

    head: bytes
    objects: list[bytes]
    bodies: dict[int, bytes]
    trailer: bytes

    @classmethod
    def of(cls, pdf: bytes) -> "Objects":
        end = _END.search(pdf, max(0, len(pdf) - _TRAILER_REACH))
        if end is None:
            raise ValueError(f"{NOT_TYPSTS}: no trailer at its end")
        table = int(end[2])
        starts = [int(entry) for entry in _ENTRY.findall(pdf, table, end.start())]
        if not starts or starts != sorted(starts):
            raise ValueError(f"{NOT_TYPSTS}: its objects are not in order")
        objects = [pdf[start:stop].rstrip() for start, stop in zip(starts, [*starts[1:], table], strict=True)]
        bodies = {number: _body(one) for number, one in enumerate(objects, 1) if not one.endswith(_STREAM_END)}
        return cls(pdf[: starts[0]], objects, bodies, end[1])

    @cached_property
    def pages(self) -> list[Page]:
        """The pages in order."""
        found = [(number, body, _PAGE.match(body)) for number, body in self.bodies.items()]
        return [Page(number, body, int(page[1])) for number, body, page in found if page]

    def added(self) -> int:
        """The number of a new object, which is empty yet."""
        self.objects.append(b"")
        return len(self.objects)

    def drop(self, number: int) -> None:
        """Takes an object out; its number stays free."""
        self.objects[number - 1] = b""
        self.bodies.pop(number, None)

    def stream(self, number: int) -> bytes:
        """What a compressed stream holds."""
        one = self.objects[number - 1]
        head = _STREAM.match(one)
        if head is None:
            raise ValueError(f"{NOT_TYPSTS}: {one[:60]!r} is no compressed stream")
        return zlib.decompress(one[head.end() : head.end() + int(head[1])])


def stream_object(number: int, entries: bytes, content: bytes, *values: int) -> bytes:
    """An object that is a stream, with these entries (a format of `values`)."""
    data = bytes(deflate.zlib_compress(content, LEVEL))
    head = b"%d 0 obj\n<<%b/Filter/FlateDecode/Length %d>>\nstream\n" % (number, entries % values, len(data))
    return head + data + b"\nendstream\nendobj"


def _body(one: bytes) -> bytes:
    head = _HEAD.match(one)
    if head is None or not one.endswith(_BODY_END):
        raise ValueError(f"{NOT_TYPSTS}: {one[:20]!r} is no object")
    return one[head.end() : -len(_BODY_END)]


def page_count(pdf: bytes) -> int:
    """The number of pages of a PDF that Typst wrote."""
    found = PAGE_COUNT.search(pdf)
    if not found:
        raise ValueError(f"{NOT_TYPSTS}: no page tree")
    return int(found[1])
