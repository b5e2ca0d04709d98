import re
from html.parser import HTMLParser

import pytest

from billflow.bench.bills import bill
from billflow.documents.proofs.comparison import compare_documents
from billflow.documents.proofs.findings import Finding, inspect_document
from billflow.documents.proofs.report import MOST_PICTURES, Proof, write_report
from billflow.documents.sample import INVOICE
from billflow_tests.documents.proofs import changes
from billflow_tests.documents.proofs.months import next_month

HOSTILE = "<script>alert('x')</script>\" onload=\"{x} & ../../etc"


class Reader(HTMLParser):
    """Elements and text of a page."""

    def __init__(self):
        super().__init__()
        self.elements, self.links, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.links += [value for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, text):
        self.texts.append(text)


def read(index):
    reader = Reader()
    reader.feed(index.read_text(encoding="utf-8"))
    return reader


@pytest.fixture
def proof(shipped, changed_templates):
    after, files = changed_templates(changes.PANEL_HIGHER, changes.QUANTITY_TOO_FAR_LEFT).proof(next_month(INVOICE))
    before = shipped.pdf(INVOICE)
    return Proof(
        "residential",
        "inv-1",
        "A-1001",
        after,
        before,
        compare_documents(before, after),
        inspect_document(after, files),
    )


def test_report_tells_what_was_found_and_what_moved(tmp_path, proof):
    text = " ".join(read(write_report(tmp_path / "new" / "proofs", [proof], "Templates of May")).texts)
    for part in ("Templates of May", "residential", "inv-1", "A-1001", "2 pages", "moved 13.0 pt down"):
        assert part in text
    assert 'page 2: texts lie on one another: "Quantity" on "Period"' in text


def test_everything_that_is_linked_is_there_and_nothing_else(tmp_path, proof):
    index = write_report(tmp_path, [proof, proof], "Proofs")
    links = read(index).links
    files = {link for link in links if not link.startswith("#")}
    assert files == {path.name for path in tmp_path.iterdir()} - {"index.html"}
    assert {"001.pdf", "002.pdf", "001-page-1.png", "002-page-2.png"} <= files
    assert (tmp_path / "001.pdf").read_bytes() == proof.pdf


def test_pages_with_something_to_see_come_first(tmp_path, shipped):
    pdf = shipped.pdf(bill(subscriptions=9, lines=12, records=80))
    proof = Proof("large", "i", "a", pdf, findings=[Finding("overlap", 7, "texts lie on one another")])
    index = write_report(tmp_path, [proof], "Proofs")
    shown = [link for link in read(index).links if link.endswith(".png")]
    assert shown[0] == "001-page-7.png"
    assert len(set(shown)) == MOST_PICTURES
    assert f"{11 - MOST_PICTURES} more pages are not shown" in index.read_text()


def test_hostile_names_are_text(tmp_path, shipped):
    finding = Finding("lost", 1, HOSTILE)
    proof = Proof(HOSTILE, HOSTILE, HOSTILE, shipped.pdf(INVOICE), findings=[finding], remarks=HOSTILE)
    failed = Proof(HOSTILE, HOSTILE, HOSTILE, None, error=HOSTILE)
    reader = read(write_report(tmp_path, [proof, failed], HOSTILE))
    assert not {tag for tag, _ in reader.elements} & {"script", "link", "iframe"}
    assert not [name for _, attributes in reader.elements for name in attributes if name.startswith("on")]
    assert sum(HOSTILE in text for text in reader.texts) >= 8
    assert all(re.fullmatch(r"[\w.#-]+", link) for link in reader.links)
    assert {path.suffix for path in tmp_path.iterdir()} == {".html", ".pdf", ".png"}


def test_what_failed_is_told(tmp_path):
    index = write_report(tmp_path, [Proof("residential", "i", "a", None, error="components/x.typ:2: no")], "Proofs")
    assert "components/x.typ:2: no" in " ".join(read(index).texts)
    assert list(tmp_path.iterdir()) == [index]


def test_a_first_document_has_nothing_to_be_compared_with(tmp_path, shipped):
    text = " ".join(read(write_report(tmp_path, [Proof("new", "i", "a", shipped.pdf(INVOICE))], "Proofs")).texts)
    assert "no earlier document to compare with" in text
    assert "Nothing to mend." in text
    assert "moved" not in text.split("Nothing to mend.")[1]


def test_an_earlier_document_that_is_no_pdf(tmp_path, shipped):
    pdf = shipped.pdf(INVOICE)
    proof = Proof("old", "i", "a", pdf, b"gone bad", compare_documents(b"gone bad", pdf))
    assert "the earlier document was not compared" in write_report(tmp_path, [proof], "Proofs").read_text()


def test_notes_are_no_problems():
    findings = [Finding("empty", None, "empty cells", "note"), Finding("lost", 2, "x not on the page")]
    proof = Proof("residential", "i", "a", None, findings=findings, remarks="no font")
    assert (proof.problems, proof.notes) == (["page 2: x not on the page"], ["no font", "empty cells"])
