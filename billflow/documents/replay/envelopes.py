"""What Typst makes for pages that are written: fonts with their letters, and a document's properties.

One is made for all documents of a seller with the same letters; each gets a title and identifiers of its own.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from xml.sax.saxutils import escape

from billflow.documents.objects import Objects
from billflow.documents.replay.composing import Composition
from billflow.documents.replay.embedding import Face
from billflow.documents.replay.letters import ReplayError

TITLE = "title-of-the-document"
"""Stands in an envelope where each document has its own."""
MOST_ENVELOPES = 100
"""Remembered, some hundred kilobytes each at most; a process that met more begins anew."""

_INFO = f"/Title({TITLE})".encode()
_TITLE = f">{TITLE}<".encode()
_PAGES = b"NPages>1<"
_IDS = re.compile(rb"/ID\[\(([\w+/=]+)\)\(([\w+/=]+)\)\]")
_METADATA = re.compile(
    rb"\d+ 0 obj\n<</Length \d+/Type/Metadata/Subtype/XML>>\nstream\n(.*)\nendstream\nendobj\Z", re.DOTALL
)
_XMP = b"%d 0 obj\n<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n%b\nendstream\nendobj"
_ESCAPES = str.maketrans({"(": r"\(", ")": r"\)", "\\": r"\\"})
_ID_BYTES = 16


@dataclass(frozen=True)
class Envelope:
    """What Typst has made, and where each document differs: the files of fonts, its properties (an object), and as XMP
    (a packet and its object), its identifiers.
    """

    pdf: Objects
    faces: Sequence[Face]
    info: int
    xmp: int
    packet: bytes
    identifiers: tuple[bytes, bytes]

    @classmethod
    def of(cls, pdf: Objects, faces: Sequence[Face]) -> "Envelope":
        """ReplayError where its properties are not where Typst writes them."""
        infos = [number for number, body in pdf.bodies.items() if _INFO in body]
        packets = [(number, found[1]) for number, one in enumerate(pdf.objects, 1) if (found := _METADATA.match(one))]
        identifiers = _IDS.search(pdf.trailer)
        if len(infos) != 1 or len(packets) != 1 or identifiers is None or _TITLE not in packets[0][1]:
            raise ReplayError("a document's properties are not where Typst writes them")
        return cls(pdf, faces, infos[0], *packets[0], (identifiers[1], identifiers[2]))

    def around(self, title: str, writing: Composition) -> Objects:
        """A copy for a document with that title; from both it has its identifiers."""
        contents = writing.written
        packet = self.packet.replace(_TITLE, b">%b<" % escape(title).encode())
        packet, trailer = packet.replace(_PAGES, b"NPages>%d<" % len(contents)), self.pdf.trailer
        for known, own in zip(self.identifiers, _identifiers(title, contents), strict=True):
            packet, trailer = packet.replace(known, own), trailer.replace(known, own)
        objects, bodies = [*self.pdf.objects], {**self.pdf.bodies}
        objects[self.xmp - 1] = _XMP % (self.xmp, len(packet), packet)
        bodies[self.info] = bodies[self.info].replace(_INFO, b"/Title" + text_string(title))
        pdf = Objects(self.pdf.head, objects, bodies, trailer)
        writing.put_files(pdf, self.faces)
        return pdf


class Envelopes:
    """Those that were made already, by what Typst was given and the codes of letters."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Envelope] = {}

    def of(self, files: Mapping[str, str], writing: Composition, compiled: Callable[[], bytes]) -> Envelope:
        """ReplayError where what is `compiled` of the files is not as expected."""
        key = (*files.values(), writing.codes.characters)
        if key not in self._known:
            if len(self._known) >= MOST_ENVELOPES:
                self._known.clear()
            pdf = Objects.of(compiled())
            self._known[key] = Envelope.of(pdf, writing.embed_fonts(pdf))
        return self._known[key]


def text_string(text: str) -> bytes:
    """A text as properties have it (ISO 32000-1, 7.9.2.2)."""
    if text.isascii() and text.isprintable():
        return b"(%b)" % text.translate(_ESCAPES).encode()
    return b"<%b>" % ("\ufeff" + text).encode("utf-16-be").hex().upper().encode()


def _identifiers(title: str, contents: Sequence[Sequence[bytes]]) -> tuple[bytes, bytes]:
    """Of the document whatever becomes of it, and of it as it is."""
    instance = sha256(title.encode())
    for parts in contents:
        for part in parts:
            instance.update(part)
    found = (sha256(title.encode()), instance)
    first, second = (b64encode(one.digest()[:_ID_BYTES]) for one in found)
    return first, second
