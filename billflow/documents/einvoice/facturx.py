"""PDFs that are Factur-X (ZUGFeRD) files: PDF/A-3b with the e-invoice attached, and XMP metadata that say so.

Typst attaches the file and writes PDF/A-3b; the properties of Factur-X and the extension schema that describes them
(Factur-X 1.0, section 6.2.2; PDF/A-3, ISO 19005-3, 6.6.2.3) it cannot write. They are put into its XMP packet, which
is the last object but the catalogue, so that little moves: what follows, and the places in the cross-reference table.
"""

import re
import zlib
from typing import Literal

FILE_NAME = "factur-x.xml"
"""What Factur-X calls the attached file; readers look for it."""

STANDARD: Literal["a-3b"] = "a-3b"
"""Typst's name for PDF/A-3b."""

_URI = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = (
    ("DocumentFileName", FILE_NAME, "Name of the attached e-invoice"),
    ("DocumentType", "INVOICE", "Type of the attached document, of credit notes too"),
    ("Version", "1.0", "Version of the Factur-X standard"),
    ("ConformanceLevel", "EN 16931", "Profile of the attached e-invoice"),
)


def _described(name: str, about: str) -> str:
    return (
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        f"<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{about}</pdfaProperty:description></rdf:li>"
    )


_SCHEMA = (
    '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
    f"<pdfaSchema:namespaceURI>{_URI}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
    f"<pdfaSchema:property><rdf:Seq>{''.join(_described(name, about) for name, _, about in _PROPERTIES)}</rdf:Seq>"
    "</pdfaSchema:property></rdf:li>"
).encode()
_VALUES = (
    f'<rdf:Description rdf:about="" xmlns:fx="{_URI}">'
    f"{''.join(f'<fx:{name}>{value}</fx:{name}>' for name, value, _ in _PROPERTIES)}</rdf:Description>"
).encode()

_SCHEMAS_END = b"</rdf:Bag></pdfaExtension:schemas>"
_PACKET_END = b"</rdf:RDF>"

_METADATA = re.compile(rb"<</Length (\d+)(/Type/Metadata/Subtype/XML>>\nstream\n)")
_ENTRY = re.compile(rb"^(\d{10})(?= 00000 n)", re.MULTILINE)
_START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*\Z")
_ATTACHED = re.compile(rb"<</Length (\d+)/Type/EmbeddedFile(/Filter/FlateDecode)?[^\n]*\nstream\n")


def as_factur_x(pdf: bytes) -> bytes:
    """A PDF/A-3b that Typst wrote with the e-invoice attached, made a Factur-X file; the same in gives the same out.

    ValueError for other PDFs: most likely the project's own `invoice.typ` attaches no e-invoice.
    """
    found = _METADATA.search(pdf, pdf.rfind(b"<</Length ", 0, pdf.rfind(b"/Type/Metadata/Subtype/XML>>")))
    if found is None or _SCHEMAS_END not in pdf[found.end() :] or b"/Type/EmbeddedFile" not in pdf:
        raise ValueError(
            "not a PDF/A-3b with an e-invoice attached; invoice.typ must call einvoice(bill) of components/einvoice.typ"
        )
    end = found.end() + int(found[1])
    xmp = pdf[found.end() : end].replace(_SCHEMAS_END, _SCHEMA + _SCHEMAS_END, 1)
    xmp = xmp.replace(_PACKET_END, _VALUES + _PACKET_END, 1)
    head = b"<</Length %d%b%b" % (len(xmp), found[2], xmp)
    return pdf[: found.start()] + head + _moved(pdf, end, by=len(head) - (end - found.start()))


def _moved(pdf: bytes, since: int, *, by: int) -> bytes:
    """What stands in the file from a place on, `by` bytes further down, with its own cross-reference table mended."""
    start = _START.search(pdf, len(pdf) - 64)
    if start is None:
        raise ValueError("not a PDF as Typst writes them: no cross-reference table at its end")
    table = int(start[1])
    entries = _ENTRY.sub(lambda entry: b"%010d" % _place(int(entry[1]), since, by), pdf[table : start.start(1)])
    return pdf[since:table] + entries + b"%d" % (table + by) + pdf[start.end(1) :]


def _place(offset: int, since: int, by: int) -> int:
    return offset + by if offset >= since else offset


def attached_einvoice(pdf: bytes) -> bytes:
    """The XML inside a Factur-X file of ours, to be read back; ValueError where there is none."""
    found = _ATTACHED.search(pdf)
    if found is None:
        raise ValueError("no e-invoice is attached to this PDF")
    content = pdf[found.end() : found.end() + int(found[1])]
    return zlib.decompress(content) if found[2] else content
