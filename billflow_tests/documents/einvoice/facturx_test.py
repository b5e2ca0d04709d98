import io
import re
from xml.etree import ElementTree as ET

import pypdf
import pytest

from billflow.documents.einvoice.cii import cii_xml
from billflow.documents.einvoice.facturx import as_factur_x, attached_einvoice
from billflow.documents.einvoice.reading import differences
from billflow.documents.einvoice.record import einvoice_of
from billflow.documents.formatting import formats_of
from billflow.documents.glyphs import MissingGlyphsError
from billflow.documents.rendering import Renderer
from billflow.documents.templates import TemplateSet, find_templates
from billflow_tests.documents.einvoice.bills import BILLS, named

FX = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
PROPERTY = "{http://www.aiim.org/pdfa/ns/property#}"
SCHEMA = "{http://www.aiim.org/pdfa/ns/schema#}"
KINDS = ("domestic", "credit note", "400 lines")


@pytest.fixture(scope="module")
def renderer():
    return Renderer(find_templates(None))


def xml_of(payload):
    return cii_xml(einvoice_of(payload))


def factur_x(renderer, payload):
    return renderer.render_pdf(payload, einvoice=xml_of(payload)).pdf


@pytest.fixture
def loose(monkeypatch):
    """Documents are left as `as_factur_x` makes them."""
    monkeypatch.setattr("billflow.documents.rendering.compact", lambda pdf, _: pdf)


def reader(pdf):
    """Strict: a wrong place in the cross-reference table is an error."""
    return pypdf.PdfReader(io.BytesIO(pdf), strict=True)


def xmp_of(pdf):
    return ET.fromstring(reader(pdf).trailer["/Root"]["/Metadata"].get_data())


@pytest.mark.parametrize("kind", KINDS)
def test_render_pdf_with_einvoice_attaches_it(renderer, kind):
    xml = xml_of(BILLS[kind])
    pdf = renderer.render_pdf(BILLS[kind], einvoice=xml).pdf
    assert reader(pdf).attachments == {"factur-x.xml": [xml]}
    assert attached_einvoice(pdf) == xml


def test_render_pdf_with_einvoice_relates_it_to_the_document(renderer):
    root = reader(factur_x(renderer, BILLS["domestic"])).trailer["/Root"]
    (associated,) = root["/AF"]
    assert associated["/AFRelationship"] == "/Alternative"
    assert associated["/UF"] == "factur-x.xml"
    assert associated["/EF"]["/F"]["/Subtype"] == "/text/xml"
    assert associated["/EF"]["/F"]["/Params"]["/ModDate"].startswith("D:20130201")


@pytest.mark.parametrize("kind", KINDS)
def test_render_pdf_with_einvoice_says_so_in_its_metadata(renderer, kind):
    xmp = xmp_of(factur_x(renderer, BILLS[kind]))
    found = {element.tag: element.text for element in xmp.iter()}
    assert {name: found[FX + name] for name in ("DocumentType", "DocumentFileName", "Version", "ConformanceLevel")} == {
        "DocumentType": "INVOICE",
        "DocumentFileName": "factur-x.xml",
        "Version": "1.0",
        "ConformanceLevel": "EN 16931",
    }
    assert found["{http://www.aiim.org/pdfa/ns/id/}part"] == "3"
    assert found["{http://www.aiim.org/pdfa/ns/id/}conformance"] == "B"


def test_render_pdf_with_einvoice_describes_its_metadata(renderer):
    """PDF/A wants an extension schema for every property that is not of its own: one per namespace, all properties."""
    xmp = xmp_of(factur_x(renderer, BILLS["domestic"]))
    uris = [element.text for element in xmp.iter(f"{SCHEMA}namespaceURI")]
    assert uris.count("urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#") == 1
    described = {element.text for element in xmp.iter(f"{PROPERTY}name")}
    used = {element.tag.removeprefix(FX) for element in xmp.iter() if element.tag.startswith(FX)}
    assert used <= described


@pytest.mark.usefixtures("loose")
@pytest.mark.parametrize("kind", KINDS)
def test_as_factur_x_keeps_every_object_in_place(renderer, kind):
    pdf = factur_x(renderer, BILLS[kind])
    table = int(re.search(rb"startxref\s+(\d+)", pdf)[1])
    assert pdf[table : table + 4] == b"xref"
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", pdf[table:])]
    assert [number for number, place in enumerate(places, 1) if not pdf[place:].startswith(b"%d 0 obj" % number)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_pdf_and_xml_have_the_same_amounts(renderer, kind):
    payload = BILLS[kind]
    pdf = factur_x(renderer, payload)
    assert differences(payload, attached_einvoice(pdf)) == []
    shown = " ".join(page.extract_text() for page in reader(pdf).pages).replace("\u00a0", " ")
    formats = formats_of("de", "DE", "EUR", frozenset({"de", "en"}))
    einvoice = einvoice_of(payload)
    amounts = [einvoice.net, einvoice.tax, einvoice.total, *(line.net for line in einvoice.lines)]
    assert {text for text in (formats.amount(f"{amount:f}") for amount in amounts) if text not in shown} == set()


def test_render_pdf_with_einvoice_shows_the_same_text(renderer):
    plain = renderer.render_pdf(BILLS["domestic"])
    with_einvoice = renderer.render_pdf(BILLS["domestic"], einvoice=xml_of(BILLS["domestic"]))
    assert with_einvoice.pages == plain.pages
    texts = [[page.extract_text() for page in reader(rendered.pdf).pages] for rendered in (plain, with_einvoice)]
    assert texts[0] == texts[1]


def test_render_pdf_without_einvoice_is_as_before(renderer):
    before = renderer.render_pdf(BILLS["domestic"])
    factur_x(renderer, BILLS["credit note"])
    assert renderer.render_pdf(BILLS["domestic"]) == before
    assert reader(before.pdf).attachments == {}
    assert "/AF" not in reader(before.pdf).trailer["/Root"]


def test_render_pdf_with_einvoice_same_payload_same_bytes(renderer):
    once = factur_x(renderer, BILLS["domestic"])
    factur_x(renderer, BILLS["credit note"])
    assert factur_x(renderer, BILLS["domestic"]) == once


def test_render_pdf_with_einvoice_refuses_what_no_font_has(renderer):
    payload = named("𓀀𓀁")
    with pytest.raises(MissingGlyphsError, match="no font has"):
        factur_x(renderer, payload)


def test_render_pdf_with_einvoice_of_a_template_that_attaches_nothing():
    files = find_templates(None).files
    own = files["invoice.typ"].replace(b"#einvoice(bill)", b"")
    renderer = Renderer(TemplateSet.of({**files, "invoice.typ": own}))
    with pytest.raises(ValueError, match=r"invoice\.typ must call einvoice\(bill\)"):
        factur_x(renderer, BILLS["domestic"])


@pytest.mark.usefixtures("loose")
@pytest.mark.parametrize("change", [b"startxref", b"/Type/Metadata/Subtype/XML", b"pdfaExtension:schemas"])
def test_as_factur_x_of_another_pdf(renderer, change):
    pdf = factur_x(renderer, BILLS["domestic"])
    assert as_factur_x(pdf)
    with pytest.raises(ValueError, match="not a PDF"):
        as_factur_x(pdf.replace(change, b"x" * len(change)))


def test_attached_einvoice_of_a_pdf_without(renderer):
    with pytest.raises(ValueError, match="no e-invoice"):
        attached_einvoice(renderer.render_pdf(BILLS["domestic"]).pdf)
