"""First pages that are written too: Typst lays out one page for all bills that are alike but for their texts."""

import io
import json
from random import Random

import pikepdf
import pytest
from pypdf import PdfReader

from billflow.bench.bills import bill
from billflow.documents.einvoice.cii import cii_xml
from billflow.documents.einvoice.facturx import attached_einvoice
from billflow.documents.einvoice.record import einvoice_of
from billflow.documents.proofs.findings import inspect_document
from billflow.documents.proofs.strays import strays
from billflow.documents.rendering import Renderer
from billflow.documents.replay.composing import Composition
from billflow.documents.replay.letters import ReplayError
from billflow.documents.replay.skeletons import Skeletons, path_content
from billflow.documents.replay.slots import Slotted
from billflow.documents.replay.writing import Writing
from billflow.documents.sample import CREDIT_NOTE, ILLUSTRATED, INVOICE
from billflow.documents.templates import TemplateSet, find_templates
from billflow_tests.documents.einvoice.bills import BILLS
from billflow_tests.documents.native import native_bill
from billflow_tests.documents.replay.written_pages_test import OFTEN, PLAIN, assert_same, texts_of

NOTICES = b"""
version: 1
notices:
  - {title: {en: "From May, {customer}"}, text: {en: "Your bill {reference} of {amount} is due on {due_date}."}}
"""


@pytest.fixture(scope="module")
def renderer():
    return Renderer(find_templates(None))


def with_invoice(payload, **more):
    return {**payload, "invoice": {**payload["invoice"], **more}}


CASES = {
    "draft": with_invoice(INVOICE, status="draft", invoice_number=None),
    "nothing due": with_invoice(bill(), total="0.0000"),
    "credit": CREDIT_NOTE,
    "taken back": with_invoice(CREDIT_NOTE, correction="takes_back", corrects_number="INV-7", correction_reason="rent"),
    "days": bill(subscriptions=3, lines=4, records=40),
    "months": ILLUSTRATED,
    "code": native_bill("de"),
    "one line": bill(lines=1),
    "many lines": bill(subscriptions=14, lines=2),
}


def assert_composed(renderer, payload):
    assert isinstance(renderer.typesetter.laid_out(payload).writing, Composition)
    made, whole = renderer.render_pdf(payload), renderer.render_pdf(payload, replayed=False)
    assert made.pages == whole.pages
    assert_same(made.pdf, whole.pdf)
    assert list(strays(made.pdf, whole.pdf)) == []
    assert inspect_document(made.pdf, renderer.typesetter.printed(payload)) == inspect_document(
        whole.pdf, renderer.typesetter.printed(payload)
    )
    with pikepdf.open(io.BytesIO(made.pdf)) as opened, pikepdf.open(io.BytesIO(whole.pdf)) as its:
        assert opened.check_pdf_syntax() == []
        assert {**opened.docinfo} == {**its.docinfo}


@pytest.mark.parametrize("case", CASES)
def test_pages_are_what_typst_lays_out(renderer, case):
    assert_composed(renderer, CASES[case])


@pytest.mark.parametrize("seed", range(4))
def test_texts_of_any_letters_are_where_typst_puts_them(renderer, seed):
    texts = texts_of(PLAIN[seed % 2 :: 2] + OFTEN, Random(seed), longest=30)
    payload = bill(subscriptions=2, lines=4, records=31 * seed, seed=seed)
    own = {name: next(texts) for name in ("name", "street", "city", "account_id")}
    payload = {**with_invoice(payload, invoice_number=next(texts)), "customer": {**payload["customer"], **own}}
    payload["lines"] = [{**line, "section": next(texts)} for line in payload["lines"]]
    assert_composed(renderer, payload)


@pytest.mark.parametrize(
    "name",
    ["W" * 21 + " AB", "MMMMMMMMMM MMMMMMMMMM Mm", "Donaudampfschifffahrtsgesellschaft mbH & Co. KG", "Ww " * 30 + "W"],
)
def test_names_of_any_width_have_lines_of_their_own(renderer, name):
    payload = bill(records=31)
    assert_composed(renderer, {**payload, "customer": {**payload["customer"], "name": name}})
    found = inspect_document(renderer.render_pdf(payload).pdf, renderer.typesetter.printed(payload))
    assert found == []


def test_what_is_wider_than_the_page_is_broken_as_typst_breaks_it(renderer):
    payload = with_invoice(bill(records=31), invoice_number="INV-" + "2013-00000001-" * 12)
    assert isinstance(renderer.typesetter.laid_out(payload).writing, Writing)
    assert_same(renderer.render_pdf(payload).pdf, renderer.render_pdf(payload, replayed=False).pdf)


def test_notices_are_texts_too():
    files = find_templates(None).files
    own = Renderer(TemplateSet.of({**files, "texts.yaml": NOTICES}))
    assert_composed(own, bill(records=31))


def test_an_e_invoice_is_attached_as_it_is_to_what_typst_lays_out(renderer):
    payload = next(iter(BILLS.values()))
    xml = cii_xml(einvoice_of(payload))
    made = renderer.render_pdf(payload, einvoice=xml).pdf
    assert isinstance(renderer.typesetter.laid_out(payload).writing, Composition)
    assert attached_einvoice(made) == xml
    assert_same(made, renderer.render_pdf(payload, einvoice=xml, replayed=False).pdf)


def test_bills_that_are_alike_but_for_their_texts_are_laid_out_once(monkeypatch):
    read, found = [], Skeletons._read
    monkeypatch.setattr(Skeletons, "_read", lambda self, slotted: read.append(slotted) or found(self, slotted))
    own = Renderer(find_templates(None))
    for seed in range(3):
        own.typesetter.laid_out(bill(subscriptions=12, lines=1, seed=seed))
    assert len(read) == 1


@pytest.mark.parametrize(
    ("name", "there", "instead"),
    [
        ("components/header.typ", "in-window(window-top + 16mm, rest)", "in-window(window-top + 16mm, [#rest])"),
        ("components/payment.typ", "bill.payment.note", "bill.payment.note + [.]"),
        ("components/summary.typ", "text(size: 27pt", "rotate(0deg, text(size: 27pt"),
    ],
)
def test_templates_of_a_projects_own_are_laid_out(name, there, instead):
    files = find_templates(None).files
    assert there in files[name].decode()
    own = Renderer(TemplateSet.of({**files, name: files[name].decode().replace(there, instead).encode()}))
    assert isinstance(own.typesetter.laid_out(bill(records=31)).writing, Writing)


@pytest.mark.parametrize(
    ("name", "there", "instead"),
    [
        ("components/payment.typ", "bill.payment.note", 'bill.payment.note + "."'),
        ("components/summary.typ", "fill: accent, bill.amount)", "fill: accent, rotate(4deg, bill.amount))"),
        ("components/header.typ", "  page-number(bill, labels)\n", "  page-number(bill, labels)\n" * 2),
        ("components/header.typ", "strong-text(name)", "strong-text(name + name)"),
        ("components/qr.typ", "image(bytes(picture)", "box(stroke: 1pt + luma(50%), image(bytes(picture)"),
    ],
)
def test_pages_that_cannot_be_read_back_are_laid_out(monkeypatch, name, there, instead):
    monkeypatch.setattr("billflow.documents.typesetting.are_shipped", lambda *_: True)
    files = find_templates(None).files
    text = files[name].decode()
    assert there in text
    changed = text.replace(there, instead)
    changed = changed.replace("alt: code.note)", "alt: code.note))") if "box(stroke" in instead else changed
    own = Renderer(TemplateSet.of({**files, name: changed.encode()}))
    payload = native_bill("de")
    assert not isinstance(own.typesetter.laid_out(payload).writing, Composition)
    assert_same(own.render_pdf(payload).pdf, own.render_pdf(payload, replayed=False).pdf)


@pytest.mark.parametrize("name", ["東京電力", "Щука"])
def test_names_of_other_letters_are_laid_out(renderer, name):
    payload = bill(records=31)
    payload["customer"] = {**payload["customer"], "name": name}
    assert isinstance(renderer.typesetter.laid_out(payload).writing, Writing)
    assert_same(renderer.render_pdf(payload).pdf, renderer.render_pdf(payload, replayed=False).pdf)


def test_a_code_point_in_a_name_is_written(renderer):
    payload = bill(records=31)
    payload["customer"] = {**payload["customer"], "name": "Ana \U0001f600"}
    laid_out = renderer.typesetter.laid_out(payload)
    assert isinstance(laid_out.writing, Composition)
    assert "U+1F600" in laid_out.remarks
    [first, *_] = PdfReader(io.BytesIO(renderer.render_pdf(payload).pdf)).pages
    assert "Ana [U+1F600]" in first.extract_text()


def slotted(**parts):
    drawn = {"title": "Days", "page": "first", "shapes": [["grid", "M0 1h5", 4]], "names": [["1 Jan", 7.5]]}
    bill = {"kind": "invoice", "amount": "5", "customer": ["Ann\n\nLee"], "charts": [drawn], "lines": 3}
    return Slotted({**bill, **parts}, {"pages": [], "shared": False, "taken": 0})


def test_marks_are_texts_and_paths_of_a_bills_own():
    found = slotted()
    assert found.texts == ["5", "Ann", "Lee", "Days", "1 Jan"]
    assert found.paths == ["M0 1h5"]
    bill = json.loads(found.files("AV")["bill.json"])
    assert (bill["kind"], bill["lines"], bill["charts"][0]["page"]) == ("invoice", 3, "first")
    assert bill["customer"] == ["¤0001AV\n\n¤0002AV"]
    assert bill["charts"][0]["shapes"] == [["grid", "M30001 0H30002V1H30001Z", 4]]


@pytest.mark.parametrize(
    ("parts", "alike"),
    [
        ({"amount": "7"}, True),
        ({"customer": ["Bo\n\nKim"]}, True),
        ({"customer": ["Bo\nKim\n"]}, False),
        ({"customer": ["Bo"]}, False),
        ({"kind": "credit_note"}, False),
        ({"lines": 4}, False),
        ({"charts": []}, False),
        ({"amount": ["5"]}, False),
        ({"note": "5"}, False),
    ],
)
def test_bills_that_differ_in_texts_only_are_alike(parts, alike):
    assert (slotted(**parts).key == slotted().key) == alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"seller": {"email": "a"}}, {"seller": {"phone": "a"}}),
        ({"seller": {"email": "a"}, "note": "b"}, {"seller": {"email": "a", "note": "b"}}),
        ({"email": "a"}, {"phone": "a"}),
    ],
)
def test_bills_with_other_fields_are_not_alike(one, other):
    assert slotted(**one).key != slotted(**other).key


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("M139 280h2166M139 520h-6", b" 139 280 m 2305 280 l 139 520 m 133 520 l\n"),
        ("M5 90V70M-5 90V0", b" 5 90 m 5 70 l -5 90 m -5 0 l\n"),
        ("M0 0H7V7H0ZM1 1H2V2H1Z", b" 0 0 m 7 0 l 7 7 l 0 7 l\nh\n 1 1 m 2 1 l 2 2 l 1 2 l\nh\n"),
    ],
)
def test_paths(path, content):
    assert path_content(path) == content


def test_a_path_with_curves_is_none_of_ours():
    with pytest.raises(ReplayError, match="other commands"):
        path_content("M0 0C1 1 2 2 3 3")
