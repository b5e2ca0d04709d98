import io
import zlib

import pypdf
import pytest

from billflow.bench.bills import bill
from billflow.documents.attempts import whole
from billflow.documents.paper import Stationery, paper_of
from billflow.documents.proofs.sheets import read_sheets
from billflow.documents.rendering import Renderer
from billflow.documents.sample import CREDIT_NOTE, ILLUSTRATED, INVOICE
from billflow.documents.templates import find_templates

SERIES = {key: ILLUSTRATED[key] for key in ("history", "days")}
LINE, TAX = INVOICE["lines"][0], INVOICE["taxes"][0]


@pytest.fixture(scope="module")
def stationery():
    return Stationery.of(find_templates(None).files)


@pytest.fixture(scope="module")
def renderer():
    return Renderer(find_templates(None))


def payload(*, sections=2, taxes=1, street="17 Wattle Street", seller=None, **parts):
    return {
        **ILLUSTRATED,
        "lines": [{**LINE, "section": f"Section {number}"} for number in range(sections)],
        "taxes": [TAX] * taxes,
        "customer": {**INVOICE["customer"], "street": street},
        "seller": {**INVOICE["seller"], **(seller or {})},
        **parts,
    }


def placed(stationery, payload):
    """Page and title of each picture, and what they take from the details."""
    first_page, details = whole(paper_of(payload, stationery))
    code = first_page["payment_code"]
    shown = [(chart["page"], chart["title"].split()[-1]) for chart in first_page["charts"]]
    return [*shown, *([(code["page"], "code")] if code else [])], details["taken"]


def text_of(pdf):
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


ALL = [("first", "section"), ("first", "month"), ("first", "day"), ("first", "code")]
MOVED = [("details", "month"), ("details", "day")]


@pytest.mark.parametrize(
    ("parts", "shown", "taken"),
    [
        ({}, ALL, 0),
        ({"sections": 3}, ALL, 0),
        ({"sections": 9}, [*MOVED, ("first", "code")], 130),
        ({"sections": 12, "taxes": 4}, [*MOVED, ("details", "code")], 130),
        ({"sections": 12, "taxes": 4, "history": [], "days": []}, [("details", "code")], 130),
        ({"sections": 9, "history": None, "days": None, "usage": []}, [("first", "code")], 0),
        ({"sections": 9, "history": [], "days": []}, [("first", "code")], 0),
        ({"history": None}, [("first", "section"), ("first", "day"), ("first", "code")], 0),
        ({"history": [], "days": []}, [("first", "section"), ("first", "code")], 0),
        ({"history": None, "days": None}, [*ALL[:1], *ALL[2:]], 0),
        ({"history": None, "days": None, "usage": []}, [("first", "section"), ("first", "code")], 0),
        ({"sections": 1, "history": [], "days": []}, [("first", "code")], 0),
        ({"sections": 1}, ALL[1:], 0),
        ({"street": "17 Wattle Street " * 24}, [*MOVED, ("first", "code")], 130),
        ({"currency": "AUD"}, ALL[:3], 0),
        ({"currency": "AUD", "seller": {"payment_url": "https://pay.example"}}, ALL, 0),
    ],
)
def test_pictures_stand_where_there_is_room(stationery, parts, shown, taken):
    assert placed(stationery, payload(**parts)) == (shown, taken)


def test_days_are_those_of_the_itemised_usage(stationery):
    assert placed(stationery, INVOICE) == ([("first", "section"), ("first", "day")], 0)
    assert placed(stationery, bill(subscriptions=3, lines=1)) == ([], 0)


def test_a_credit_note_shows_its_costs_as_they_are_on_paper(stationery):
    lines = [*CREDIT_NOTE["lines"], {**CREDIT_NOTE["lines"][0], "section": "Energy", "net": "-99.1200"}]
    first_page, _ = whole(paper_of({**CREDIT_NOTE, **SERIES, "currency": "EUR", "lines": lines}, stationery))
    assert first_page["charts"][0]["columns"][1]["text"] == "99.12\n37.20"
    assert first_page["payment_code"] is None


@pytest.mark.parametrize("taxes", [1, 2, 3, 5])
@pytest.mark.parametrize("sections", [0, 1, 3, 4, 5, 6, 8, 12])
@pytest.mark.parametrize("street", ["17 Wattle Street", "17 Wattle Street " * 12])
def test_first_page_stays_one_page(renderer, sections, taxes, street):
    """Nothing may be pushed off it: what is planned to stand on it does."""
    shown = payload(sections=sections, taxes=taxes, street=street, usage=[])
    first, *others = text_of(renderer.render_pdf(shown).pdf)
    assert "Questions" in first
    assert f"Page 1 of {1 + len(others)}" in first
    plain = renderer.render_pdf({**shown, "currency": "AUD", "history": None, "days": None})
    more = len(others) + 1 - plain.pages
    assert more in ({0, 1} if sections in {1, 12} else {0})  # charts, a code, or details that would share the page


@pytest.mark.parametrize(("sections", "page"), [(2, 0), (12, 1)])
def test_charts_and_captions_are_printed(renderer, sections, page):
    pages = text_of(renderer.render_pdf(payload(sections=sections, taxes=4 if page else 1)).pdf)
    for words in ("Energy per month", "Energy per day", "405.5", "Average", "Scan to pay"):
        assert [words in text for text in pages] == [number == page for number in range(len(pages))]
    assert ("Charges by section" in pages[0]) == (page == 0)


@pytest.mark.parametrize("language", ["en", "ar", "ja"])
def test_a_bill_of_one_line_has_one_page(renderer, language):
    short = {**bill(lines=1), "currency": "EUR", "language": language}
    [page] = text_of(renderer.render_pdf(short).pdf)
    assert [words in page for words in ("Mobile plan M, monthly rent", "360.93", "5.12345")] == [True] * 3
    if language == "en":
        assert [words in page for words in ("Charges in detail", "Scan to pay", "Page 1 of 1")] == [True] * 3


@pytest.mark.parametrize("lines", range(1, 8))
def test_details_share_the_first_page_only_where_nothing_is_pushed_off_it(renderer, stationery, lines):
    shown = bill(lines=lines)
    first_page, details = whole(paper_of(shown, stationery))
    assert renderer.render_pdf(shown).pages == 1 + len(details["pages"]) - details["shared"]
    assert details["shared"] == (lines == 1)
    assert bool(first_page["charts"]) == (lines > 1)


def test_a_credit_note_of_two_sections_has_one_page_rather_than_a_chart(stationery):
    lines = [{**CREDIT_NOTE["lines"][0], "section": name} for name in ("Supply", "Energy")]
    first_page, details = whole(paper_of({**CREDIT_NOTE, "lines": lines}, stationery))
    assert (details["shared"], first_page["charts"]) == (True, [])
    first_page, details = whole(paper_of({**CREDIT_NOTE, "lines": lines * 5}, stationery))
    assert (details["shared"], len(first_page["charts"])) == (False, 1)


def test_pictures_have_a_page_even_where_there_are_no_details(renderer):
    shown = payload(sections=0, street="17 Wattle Street " * 90, usage=[])
    *_, last = text_of(renderer.render_pdf(shown).pdf)
    assert [words for words in ("Energy per month", "Energy per day", "Scan to pay") if words not in last] == []


def test_details_make_room_for_charts(renderer):
    """Pages stay as full as they were, but the first of the details."""
    long = bill(subscriptions=9, lines=12, records=20)
    pages = text_of(renderer.render_pdf({**long, **SERIES}).pdf)
    assert "Energy per month" in pages[1]
    assert "Charges in detail" in pages[1]
    assert [f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, 1)] == [True] * len(pages)


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_captions_in_every_language(renderer, language):
    first, *_ = text_of(renderer.render_pdf({**ILLUSTRATED, "language": language}).pdf)
    label = renderer.typesetter._stationery.labels[language]
    for key in ("scan_title", "chart_costs"):
        assert label[key] in first
    assert label["chart_months"].replace("{metric}", "Energy") in first


def sizes_of(pdf):
    """Bytes of the file, and of what draws its first page, compressed."""
    content = pypdf.PdfReader(io.BytesIO(pdf)).pages[0].get_contents().get_data()
    return len(pdf), len(zlib.compress(content))


@pytest.mark.parametrize(
    ("key", "drawing", "file"), [("history", 700, 1100), ("days", 700, 1100), ("lines", 500, 900), ("code", 1600, 1900)]
)
def test_pictures_are_small(renderer, key, drawing, file):
    """What a picture adds to the page; the file has the outlines of its letters too, once for all pictures."""
    plain = {**ILLUSTRATED, "currency": "AUD", "lines": INVOICE["lines"], "history": [], "days": []}
    added = {"currency": "EUR"} if key == "code" else {key: ILLUSTRATED[key]}
    if key != "code":
        plain["lines"] = [{**line, "section": "Energy"} for line in INVOICE["lines"]]
    without, with_picture = (sizes_of(renderer.render_pdf(shown).pdf) for shown in (plain, {**plain, **added}))
    assert 200 < with_picture[1] - without[1] < drawing
    assert with_picture[0] - without[0] < file


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_text_beside_a_code_is_beside_it(renderer, language):
    """The code begins at the margin where lines begin."""
    bill = payload(language=language)
    code = whole(paper_of(bill, Stationery.of(find_templates(None).files)))[0]["payment_code"]
    pieces = read_sheets(renderer.render_pdf(bill).pdf)[0].pieces
    [title] = [piece for piece in pieces if piece.size == 8.5 and bytes(piece.runs[0].colour[:3]).hex() == "0e5a6b"]
    margin = title.box.left - 56.7 if language == "en" else 595.28 - 56.7 - title.box.right
    assert margin > code["modules"] * code["size"] / (code["modules"] + 2 * code["quiet"])
