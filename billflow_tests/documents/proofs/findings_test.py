import json

import pytest

from billflow.bench.bills import bill
from billflow.documents.proofs.findings import inspect_document
from billflow.documents.sample import CREDIT_NOTE, ILLUSTRATED, INVOICE, SAMPLES
from billflow_tests.documents.native import PARTIES, native_bill
from billflow_tests.documents.proofs import changes

LONG = " ".join(f"Word{number}" for number in range(60))
SHAPES = {
    "calls": bill(subscriptions=3, lines=12, records=80),
    "many records": bill(records=487),
    "draft": {**INVOICE, "invoice": {**INVOICE["invoice"], "status": "draft", "invoice_number": None}},
    "nothing due": {**INVOICE, "invoice": {**INVOICE["invoice"], "total": "0.0000"}},
    "long names": {
        **INVOICE,
        "lines": [{**INVOICE["lines"][0], "description": LONG, "section": LONG, "subscription_id": LONG}],
        "customer": {**INVOICE["customer"], "name": LONG, "street": LONG},
    },
    "wide names": {**INVOICE, "customer": {**INVOICE["customer"], "name": "W" * 200, "account_id": "M" * 80}},
    "scripts": {
        **INVOICE,
        "customer": {
            **INVOICE["customer"],
            "street": "𠮷野家 1-2",
            "name": "Ĝoŝ & Щукин, 山田, 김철수, שרה, سلام, लक्ष्मी, สมชาย",
        },
    },
}


def found(press, payload, kind):
    return [finding for finding in inspect_document(*press.proof(payload)) if finding.kind == kind]


@pytest.mark.parametrize("language", PARTIES)
def test_nothing_is_found_in_what_is_shipped(shipped, language):
    samples = [{**sample, "language": language} for sample in SAMPLES]
    natives = [native_bill(language, credit=credit) for credit in (False, True)]
    for payload in (*samples, *natives):
        assert inspect_document(*shipped.proof(payload)) == []


@pytest.mark.parametrize("language", ["en", "ar", "hi", "ja"])
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_wrong_with_other_shapes(shipped, shape, language):
    payload = {**SHAPES[shape], "language": language}
    assert [each for each in inspect_document(*shipped.proof(payload)) if each.severity == "error"] == []


@pytest.mark.parametrize("language", PARTIES)
def test_a_column_over_another_is_an_overlap(changed_templates, language):
    broken = changed_templates(changes.QUANTITY_TOO_FAR_LEFT)
    [finding] = found(broken, native_bill(language), "overlap")
    assert (finding.page, finding.severity) == (2, "error")
    assert len(finding.boxes) >= 4


def test_an_overlap_names_the_texts(changed_templates):
    [finding] = found(changed_templates(changes.QUANTITY_TOO_FAR_LEFT), INVOICE, "overlap")
    assert finding.what.startswith("texts lie on one another: ")
    assert '"31 day" on "1–31 Jan 2013"' in finding.what


def test_lines_that_are_too_tight_are_an_overlap(changed_templates):
    [finding] = found(changed_templates(changes.LINES_TOO_TIGHT), INVOICE, "overlap")
    assert finding.page == 1
    assert '"A-1001" on "c01-2013-01-A-1001"' in finding.what


@pytest.mark.parametrize("change", [changes.WATERMARK, changes.PRINTED_TWICE])
def test_a_watermark_and_double_prints_are_no_overlap(changed_templates, change):
    for payload in (INVOICE, native_bill("de")):
        assert found(changed_templates(change), payload, "overlap") == []


def test_text_beyond_the_edge_is_outside(changed_templates):
    [finding] = found(changed_templates(changes.QUANTITY_OFF_PAPER), native_bill("de"), "outside")
    assert finding.page == 2
    assert finding.what.startswith("nearer than 4 mm to the edge of the page: ") or "beyond the edge" in finding.what


def test_text_too_near_to_the_edge_is_outside(changed_templates):
    findings = found(changed_templates(changes.FOOTER_TOO_LOW), INVOICE, "outside")
    assert [finding.page for finding in findings] == [1, 2]
    assert findings[0].what.startswith('nearer than 4 mm to the edge of the page: "Acme Energy Ltd')


@pytest.mark.parametrize("language", PARTIES)
def test_a_forgotten_column_is_lost(changed_templates, language):
    [finding] = found(changed_templates(changes.PRICE_FORGOTTEN), native_bill(language), "lost")
    assert finding.page == 2
    assert finding.what.count('"') >= 8
    assert finding.what.endswith("not on the page")


def test_what_is_lost_is_named_with_its_column(changed_templates):
    [finding] = found(changed_templates(changes.PRICE_FORGOTTEN), INVOICE, "lost")
    assert finding.what == '"Charges in detail", column "Unit price": "1.20", "0.31" and "0.19" not on the page'


@pytest.mark.parametrize("language", ["en", "zh", "hi", "ar"])
def test_clipped_figures_are_lost(changed_templates, language):
    payload = {**native_bill(language), "usage": []}
    findings = found(changed_templates(changes.SUMMARY_CLIPPED), payload, "lost")
    assert any(finding.what.startswith("totals or summary or taxes") for finding in findings)


@pytest.mark.parametrize("language", ["en", "zh", "ja", "pl"])
def test_clipped_words_are_lost(changed_templates, language):
    payload = {**native_bill(language), "usage": []}
    findings = found(changed_templates(changes.SUMMARY_CLIPPED), payload, "lost")
    lost = [finding.what for finding in findings if finding.what.startswith("summary")]
    assert [what for what in lost if what.endswith(f': "{PARTIES[language]["section"]}" not on the page')]


def test_lost_credit_is_found_too(changed_templates):
    assert found(changed_templates(changes.SUMMARY_CLIPPED), CREDIT_NOTE, "lost")


@pytest.mark.parametrize(("part", "where"), [("chart(each)", "chart"), ("payment-code(code)", "payment code")])
def test_pictures_that_are_not_drawn_lose_their_texts(changed_templates, part, where):
    findings = found(changed_templates(("invoice.typ", part, "none")), ILLUSTRATED, "lost")
    assert findings
    assert all(where in finding.what.split(":")[0] for finding in findings)


def test_what_runs_over_to_another_page_is_spilled(changed_templates):
    payload = bill(subscriptions=2, lines=12, records=60)
    findings = found(changed_templates(changes.SECTION_TOO_HIGH), payload, "spilled")
    assert findings
    assert all("on page" in finding.what for finding in findings)


def test_a_first_page_that_goes_on_is_a_note(shipped):
    [*notes] = found(shipped, SHAPES["long names"], "spilled")
    assert {(finding.severity, finding.page) for finding in notes} == {("note", 1)}


def test_empty_cells_are_noted(shipped):
    lines = [{**line, "unit_price": price} for line, price in zip(INVOICE["lines"], ("1.2", None, None), strict=True)]
    [finding] = inspect_document(*shipped.proof({**INVOICE, "lines": lines}))
    assert (finding.kind, finding.severity, finding.page) == ("empty", "note", None)
    assert finding.what == '"Charges in detail": 2 of 3 cells of the column "Unit price" are empty'


def test_what_is_no_pdf_is_broken(shipped):
    _, files = shipped.proof(INVOICE)
    [finding] = inspect_document(b"%PDF-1.7 and nothing else", files)
    assert (finding.kind, finding.severity) == ("broken", "error")
    assert "cannot be opened" in finding.what


def test_every_text_is_looked_for(shipped):
    pdf, files = shipped.proof(INVOICE)
    details = json.loads(files["details.json"])
    details["pages"][0]["parts"][0]["lanes"][0]["cells"][0] += "\nA fourth charge"
    [finding] = inspect_document(pdf, {**files, "details.json": json.dumps(details)})
    assert finding.what == '"Charges in detail", column "Description": "A fourth charge" not on the page'
