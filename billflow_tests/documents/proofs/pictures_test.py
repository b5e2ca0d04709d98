import io

import pytest
from PIL import Image

from billflow.bench.bills import bill
from billflow.documents.proofs.boxes import Box
from billflow.documents.proofs.comparison import Comparison, Label, compare_documents
from billflow.documents.proofs.findings import inspect_document
from billflow.documents.proofs.pictures import CAPTION, DPI, FOUND, GAP, GONE, MOVED, NEW, SCALE, side_by_side
from billflow.documents.proofs.sheets import UnreadableError
from billflow.documents.sample import INVOICE
from billflow_tests.documents.proofs import changes

A4 = (210 / 25.4 * DPI, 297 / 25.4 * DPI)


def opened(png):
    return Image.open(io.BytesIO(png)).convert("RGB")


def colours(part):
    return {colour for _, colour in part.getcolors(1 << 16)} & {MOVED, NEW, GONE, FOUND}


def beside(picture):
    """Where the page on the right begins."""
    return (picture.width + GAP) // 2


def half(picture, side):
    left = side * beside(picture)
    return picture.crop((left, CAPTION, left + beside(picture) - GAP, picture.height))


def sides(png):
    picture = opened(png)
    return colours(half(picture, 0)), colours(half(picture, 1))


@pytest.fixture(scope="module")
def changed(shipped, changed_templates):
    """Before, after, what is different and what is wrong."""
    after, files = changed_templates(changes.PANEL_HIGHER, changes.OTHER_WORD, changes.QUANTITY_TOO_FAR_LEFT).proof(
        INVOICE
    )
    before = shipped.pdf(INVOICE)
    return before, after, compare_documents(before, after), inspect_document(after, files)


def test_two_pages_beside_each_other(changed):
    before, after, comparison, findings = changed
    picture = opened(side_by_side(before, after, comparison, 1, findings=findings))
    assert picture.width == 2 * opened(side_by_side(None, after, None, 1)).width + GAP


def test_boxes_have_the_colours_of_what_they_say(changed):
    before, after, comparison, findings = changed
    assert sides(side_by_side(before, after, comparison, 1, findings=findings)) == ({MOVED, GONE}, {MOVED, NEW})
    left, right = sides(side_by_side(before, after, comparison, 2, findings=findings))
    assert (left, FOUND in right) == ({MOVED}, True)


def test_without_differences_there_are_no_boxes(changed):
    before, *_ = changed
    assert sides(side_by_side(before, before, compare_documents(before, before), 1)) == (set(), set())


def test_a_box_is_around_its_text(shipped):
    pdf = shipped.pdf(INVOICE)
    comparison = Comparison((2, 2), new=(Label(1, "x", Box(100, 200, 300, 220)),))
    picture = opened(side_by_side(pdf, pdf, comparison, 1))
    left = round(beside(picture) + 100 * SCALE - 2)
    assert picture.getpixel((left, round(CAPTION + 210 * SCALE))) == NEW
    assert picture.getpixel((left - 3, round(CAPTION + 210 * SCALE))) != NEW


def test_one_page_alone(changed):
    _, after, _, findings = changed
    picture = opened(side_by_side(None, after, None, 2, findings=findings))
    assert (picture.width, picture.height - CAPTION) == pytest.approx(A4, abs=1)
    assert colours(picture) == {FOUND}


@pytest.mark.parametrize("missing", ["before", "after"])
def test_a_page_that_one_document_lacks_is_empty(shipped, missing):
    documents = {"before": shipped.pdf(INVOICE), "after": shipped.pdf(INVOICE)}
    documents[missing] = shipped.pdf({**INVOICE, "lines": [], "usage": []})
    picture = opened(side_by_side(documents["before"], documents["after"], None, 2))
    left, right = (half(picture, side).getcolors(1 << 16) for side in (0, 1))
    assert (len(left) == 1, len(right) == 1) == (missing == "before", missing == "after")


def test_an_earlier_document_that_cannot_be_read_is_empty(shipped):
    picture = opened(side_by_side(b"gone bad", shipped.pdf(INVOICE), None, 1))
    assert len(half(picture, 0).getcolors(1 << 16)) == 1


def test_a_page_that_neither_has_is_refused(shipped):
    with pytest.raises(UnreadableError, match="page 9"):
        side_by_side(None, shipped.pdf(INVOICE), None, 9)


def test_a_full_page_is_small(shipped):
    pdf = shipped.pdf(bill(records=487))
    png = side_by_side(None, pdf, None, 2)
    assert Image.open(io.BytesIO(png)).mode == "P"
    assert len(png) < 60_000
