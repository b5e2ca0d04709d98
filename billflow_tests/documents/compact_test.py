import io
from functools import partial
from hashlib import sha256

import deflate
import pikepdf
import pypdf
import pypdfium2 as pdfium
import pytest

from billflow.bench.bills import bill
from billflow.documents.compact import compact
from billflow.documents.einvoice.cii import cii_xml
from billflow.documents.einvoice.facturx import attached_einvoice
from billflow.documents.einvoice.record import einvoice_of
from billflow.documents.objects import LEVEL
from billflow.documents.rendering import Renderer
from billflow.documents.sample import CREDIT_NOTE, ILLUSTRATED
from billflow.documents.templates import find_templates
from billflow.settings import Documents
from billflow_tests.documents.einvoice.bills import BILLS
from billflow_tests.documents.native import native_bill

SHAPES = {
    "illustrated": ILLUSTRATED,
    "credit note": CREDIT_NOTE,
    "calls": bill(subscriptions=3, lines=12, records=80),
    "arabic": native_bill("ar"),
    "japanese": native_bill("ja"),
}


class Press:
    """A renderer whose last document is also kept as Typst wrote it, with all columns laid out by it."""

    def __init__(self, wanted, monkeypatch):
        self.renderer = Renderer(find_templates(None), wanted)
        monkeypatch.setattr(self.renderer, "render_pdf", partial(self.renderer.render_pdf, replayed=False))
        monkeypatch.setattr("billflow.documents.rendering.compact", self._seen)

    def _seen(self, pdf, writing):
        assert writing is None
        self.written = pdf
        return compact(pdf)


@pytest.fixture(params=[False, True], ids=["plain", "accessible"])
def press(request, monkeypatch):
    return Press(Documents(accessible=request.param), monkeypatch)


def pictures(pdf):
    document = pdfium.PdfDocument(pdf)
    try:
        return [page.render(scale=1).to_numpy().tobytes() for page in document]
    finally:
        document.close()


def texts(pdf):
    document = pdfium.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_compact_document_is_the_same_document(press, shape):
    made = press.renderer.render_pdf(SHAPES[shape]).pdf
    assert len(made) < len(press.written)
    assert pictures(made) == pictures(press.written)
    now, before = (pypdf.PdfReader(io.BytesIO(pdf)) for pdf in (made, press.written))
    assert texts(made) == texts(press.written)
    if shape != "arabic":  # pypdf turns round what stands in one text object
        assert [page.extract_text() for page in now.pages] == [page.extract_text() for page in before.pages]
    assert (now.metadata, now.trailer["/ID"]) == (before.metadata, before.trailer["/ID"])


@pytest.mark.parametrize("shape", SHAPES)
def test_every_object_is_there_under_its_number(press, shape):
    made = press.renderer.render_pdf(SHAPES[shape]).pdf
    with pikepdf.open(io.BytesIO(made)) as now, pikepdf.open(io.BytesIO(press.written)) as before:
        assert now.check_pdf_syntax() == []
        count = int(before.trailer.Size)
        written_anew = {page.Contents.objgen[0] for page in before.pages}
        for number in range(1, count):
            one, other = (pdf.get_object(number, 0) for pdf in (now, before))
            if number in written_anew:
                assert len(one.read_raw_bytes()) <= len(other.read_raw_bytes())
                continue
            assert one.unparse() == other.unparse()
            if isinstance(one, pikepdf.Stream):
                assert one.read_raw_bytes() == other.read_raw_bytes()
        assert now.trailer.Root.objgen == before.trailer.Root.objgen


def test_the_same_in_gives_the_same_out(press):
    press.renderer.render_pdf(ILLUSTRATED)
    assert compact(press.written) == compact(press.written)


def test_the_compressor_is_the_one_of_every_machine():
    """zlib differs from Python to Python; a document that is printed again in seven years shall not."""
    made = deflate.zlib_compress(b"".join(b"%d 0 R " % (at * at) for at in range(2000)), LEVEL)
    assert sha256(made).hexdigest() == "78a7828cac044c99c6b516f8e0ae6731588960d1a448b7dfd5b865f15b3d52dc"


def test_an_einvoice_is_still_read_back(press):
    xml = cii_xml(einvoice_of(BILLS["domestic"]))
    made = press.renderer.render_pdf(BILLS["domestic"], einvoice=xml).pdf
    assert attached_einvoice(made) == xml
    assert len(made) < len(press.written)


def test_more_objects_than_two_bytes_count():
    """As a tagged bill of very many lines has."""
    count = 70_000
    bodies = [b"/Type/Catalog/Pages 2 0 R", b"/Type/Pages/Count 0/Kids[]"] + [b"/Type/X"] * (count - 3)
    objects = [b"%d 0 obj\n<<%b/N %d>>\nendobj\n" % (number, body, number) for number, body in enumerate(bodies, 1)]
    parts = [b"%PDF-1.7\n", *objects]
    starts = [len(parts[0])]
    for part in parts[1:-1]:
        starts.append(starts[-1] + len(part))
    table = b"xref\n0 %d\n0000000000 65535 f\r\n" % count + b"".join(b"%010d 00000 n\r\n" % at for at in starts)
    body = b"".join(parts)
    pdf = body + table + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (count, len(body))
    with pikepdf.open(io.BytesIO(compact(pdf))) as made:
        assert [int(made.get_object(number, 0).N) for number in (2, 65_537, count - 1)] == [2, 65_537, count - 1]


@pytest.mark.parametrize("spoilt", [(b"trailer", b"Trailer"), (b"endobj", b"endo"), (b"00000 n", b"00000 x")])
def test_what_typst_did_not_write_is_refused(press, spoilt):
    press.renderer.render_pdf(CREDIT_NOTE)
    with pytest.raises(ValueError, match="not a PDF as Typst writes them"):
        compact(press.written.replace(*spoilt))


def test_garbage_is_refused():
    with pytest.raises(ValueError, match="not a PDF as Typst writes them"):
        compact(b"%PDF-1.7\nhello")
