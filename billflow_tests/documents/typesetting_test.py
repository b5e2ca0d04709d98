import io
import json
import random

import pypdf
import pytest

from billflow.bench.bills import bill
from billflow.documents.proofs.sheets import read_sheets
from billflow.documents.rendering import Renderer, rendered_document
from billflow.documents.templates import TemplateSet, find_templates
from billflow_tests.documents.native import PARTIES, native_bill

FACES = {
    "ar": "NotoNaskhArabic",
    "hi": "NotoSerifDevanagari",
    "zh": "NotoSerifSC",
    "ja": "NotoSerifJP",
}


@pytest.fixture(scope="module")
def renderer():
    return Renderer(find_templates(None))


@pytest.fixture(scope="module")
def dated():
    """With a date among the PDF's properties, which PDF/A demands."""
    found = find_templates(None)
    main = found.files["invoice.typ"].replace(b"date: document-date(bill)", b"date: auto")
    return Renderer(TemplateSet.of({**found.files, "invoice.typ": main}, found.fonts))


@pytest.fixture(scope="module")
def without_fonts():
    return Renderer(TemplateSet.of(find_templates(None).files))


def faces(pdf):
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return {font["/BaseFont"][8:] for page in pages for font in page["/Resources"]["/Font"].values()}


def start_of(text, pdf, page):
    """Where a text of a page begins: x (pt). Beside Arabic, PDFium gives the parts of a number in another order."""
    letters = sorted(text)
    return next(piece.box.left for piece in read_sheets(pdf)[page].pieces if sorted(piece.text) == letters)


@pytest.mark.parametrize("credit", [False, True])
@pytest.mark.parametrize("language", PARTIES)
def test_every_language_prints_with_every_glyph(dated, language, credit):
    rendered = dated.render_pdf(native_bill(language, credit=credit))
    assert (rendered.pages, rendered.remarks) == (1 if credit else 2, None)
    # Typst refuses to write PDF/A when a glyph is missing; the files of the last document are still there.
    dated._compiler.compile(
        input=dated._root / "invoice.typ", format="pdf", pdf_standards=["a-3b"], pdf_tags=False, timestamp=0
    )
    found = {face for face in faces(rendered.pdf) if not face.startswith("LibertinusSerif")}
    assert all(face.startswith(FACES[language]) for face in found) if language in FACES else not found
    assert bool(found) == (language in FACES)


def test_a_name_that_mixes_scripts_prints_without_boxes(renderer):
    payload = native_bill("en")
    payload["customer"]["name"] = "Ĝoŝ & Щукин, 山田, 김철수, שרה, سلام, लक्ष्मी, สมชาย"
    rendered = renderer.render_pdf(payload)
    assert rendered.remarks is None
    assert len(faces(rendered.pdf)) >= 7


def test_arabic_is_mirrored_but_for_the_address_window(renderer):
    arabic, english = native_bill("ar"), native_bill("en")
    for payload in (arabic, english):
        payload["customer"]["name"] = payload["customer"]["street"] = "Fatima"
        payload["lines"][0]["description"] = "Rent"
    mirrored, usual = (renderer.render_pdf(payload).pdf for payload in (arabic, english))
    middle, number = 595 / 2, "c01-2013-01-A-1001"
    assert start_of("Rent", mirrored, 1) > middle > start_of("Rent", usual, 1)
    assert start_of(number, mirrored, 0) > middle > start_of("Fatima", mirrored, 0)
    assert start_of(number, usual, 0) > middle > start_of("Fatima", usual, 0)


def test_language_without_a_font_is_english_and_says_so(without_fonts):
    payload = {**bill(), "language": "ja-JP"}
    made = rendered_document(json.dumps(payload), without_fonts)
    assert made["remarks"] == (
        "no font for Japanese, so in English: pip install 'billflow[fonts]' (or apt-get install fonts-noto-cjk)"
    )
    assert "ja" not in without_fonts.languages
    assert made["sha256"] == rendered_document(json.dumps({**payload, "language": "en"}), without_fonts)["sha256"]


def test_name_without_a_font_is_held_and_says_what_mends_it(without_fonts):
    made = rendered_document(json.dumps(native_bill("ja")), without_fonts)
    assert made["error"].startswith("fonts of the templates: no font has ")
    assert "pip install 'billflow[fonts]'" in made["error"]


def test_label_without_a_glyph_is_the_templates_fault():
    files = find_templates(None).files
    labels = json.loads(files["locales/en.json"]) | {"total": "Total 😀"}
    broken = Renderer(TemplateSet.of({**files, "locales/en.json": json.dumps(labels).encode()}))
    made = rendered_document(json.dumps(bill()), broken)
    assert "U+1F600 GRINNING FACE in locales/en.json" in made["error"]


def test_the_bytes_do_not_depend_on_what_was_printed_before(renderer):
    payloads = [native_bill(language) for language in PARTIES]
    payloads[0]["customer"]["name"] = "लक्ष्मीनारायणविश्वनाथसुब्रमण्यम" * 4
    prints = [[renderer.render_pdf(payload).pdf for payload in payloads]]
    order = list(range(len(payloads)))
    random.Random(3).shuffle(order)
    fresh = Renderer(find_templates(None))
    shuffled = {index: fresh.render_pdf(payloads[index]).pdf for index in order}
    prints.append([shuffled[index] for index in range(len(payloads))])
    assert prints[0] == prints[1]
