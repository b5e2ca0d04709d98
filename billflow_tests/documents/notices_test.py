import json

import pytest

from billflow.documents.notices import VALUES, read_texts
from billflow.documents.proofs.findings import inspect_document
from billflow.documents.proofs.sheets import read_sheets
from billflow.documents.rendering import PLAIN, Renderer
from billflow.documents.sample import CREDIT_NOTE, ILLUSTRATED, INVOICE
from billflow.documents.templates import TemplateSet, check_templates, find_templates
from billflow.errors import SettingsError
from billflow.settings import Documents
from billflow_tests.documents.native import PARTIES, native_bill
from billflow_tests.documents.pictures_test import payload as bill_with

SHIPPED = find_templates(None)
ENGLISH = "{title: {en: Moving house?}, text: {en: Tell us two weeks before.}"


def templates(*notices):
    text = "version: 1\nnotices:\n" + "".join(f"  - {notice}\n" for notice in notices)
    return TemplateSet.of({**SHIPPED.files, "texts.yaml": text.encode()}, SHIPPED.fonts)


def pages(payload, *notices):
    pdf = Renderer(templates(*notices)).render_pdf(payload).pdf
    return [" ".join(piece.text for piece in sheet.pieces) for sheet in read_sheets(pdf)]


def of(payload=INVOICE, *, segment=None, **head):
    customer = {**payload["customer"], **({"segment": segment} if segment else {})}
    return {**payload, "customer": customer, "invoice": {**payload["invoice"], **head}}


def test_the_shipped_file_has_none():
    assert read_texts(SHIPPED.files).notices == read_texts({}).notices == ()


def test_a_notice_is_on_the_first_page():
    first, second = pages(INVOICE, ENGLISH + "}")
    assert "Moving house?" in first
    assert "Tell us two weeks before." in first
    assert "Moving house?" not in second


@pytest.mark.parametrize(
    ("chosen", "payload", "is_there"),
    [
        ("segments: [residential]", of(segment="residential"), True),
        ("segments: [residential]", of(segment="business"), False),
        ("segments: [residential]", of(), False),
        ("segments: []", of(segment="business"), False),
        ("kinds: [invoice]", of(), True),
        ("kinds: [invoice]", CREDIT_NOTE, False),
        ("kinds: [credit_note]", CREDIT_NOTE, True),
        ("since: 2013-02-01", of(issue_date="2013-02-01"), True),
        ("since: 2013-02-02", of(issue_date="2013-02-01"), False),
        ("until: 2013-02-01", of(issue_date="2013-02-01"), True),
        ("until: 2013-01-31", of(issue_date="2013-02-01"), False),
    ],
)
def test_who_gets_a_notice(chosen, payload, is_there):
    assert ("Moving house?" in " ".join(pages(payload, f"{ENGLISH}, {chosen}}}"))) == is_there


@pytest.mark.parametrize(
    ("texts", "language", "shown"),
    [
        ("{en: Hello, de: Guten Tag}", "de", "Guten Tag"),
        ("{en: Hello, de: Guten Tag}", "de-AT", "Guten Tag"),
        ("{en: Hello, de: Guten Tag}", "fr", "Hello"),
        ("{de: Guten Tag}", "fr", "Guten Tag"),
    ],
)
def test_the_language_of_a_notice(texts, language, shown):
    first, _ = pages({**INVOICE, "language": language}, f"{{title: {texts}, text: {{en: '…'}}}}")
    assert shown in first


def test_values_are_printed_as_on_the_bill():
    text = " / ".join(f"{{{name}}}" for name in VALUES)
    first, _ = pages(INVOICE, f"{{title: {{en: T}}, text: {{en: '{text} {{{{ }}}}'}}}}")
    said = "A-1001 / $150.43 / Mary Poole / 15 Feb 2013 / INV-2013-00000001 / Acme Energy Ltd { }"
    assert said in " ".join(first.split())


def test_paragraphs_begin_on_lines_of_their_own():
    printing = templates('{title: {en: T}, text: {en: "one\\n\\ntwo"}}')
    renderer = Renderer(printing)
    bill = json.loads(renderer.typesetter.printed(INVOICE)["bill.json"])
    assert [notice["text"] for notice in bill["notices"]["items"]] == ["one\n\ntwo"]


def earlier(name):
    """A project's own file of before there were notices."""
    if name == "pictures.json":
        kept = {key: value for key, value in json.loads(SHIPPED.files[name]).items() if key != "notices"}
        return json.dumps(kept).encode()
    return b"".join(line for line in SHIPPED.files[name].splitlines(keepends=True) if b"notices" not in line)


@pytest.mark.parametrize("name", ["invoice.typ", "pictures.json"])
def test_with_a_file_of_before_there_were_notices_they_are_among_the_details(name):
    files = {**templates(ENGLISH + "}").files, name: earlier(name)}
    printing = TemplateSet.of(files, SHIPPED.fonts)
    check_templates(printing, PLAIN)
    sheets = read_sheets(Renderer(printing).render_pdf(INVOICE).pdf)
    assert ["Moving house?" in " ".join(piece.text for piece in sheet.pieces) for sheet in sheets] == [False, True]


@pytest.mark.parametrize("wanted", [PLAIN, Documents(accessible=True), Documents(einvoice="factur-x")])
def test_notices_are_tried_before_a_run_whomever_they_are_for(wanted):
    files = {**SHIPPED.files, "components/notices.typ": b"#let notices(planned) = nonsense"}
    text = f"version: 1\nnotices: [{ENGLISH}, segments: [nobody]}}]\n"
    printing = TemplateSet.of({**files, "texts.yaml": text.encode()}, SHIPPED.fonts)
    with pytest.raises(SettingsError, match=r"components/notices\.typ|invoice\.typ"):
        check_templates(printing, wanted)


@pytest.mark.parametrize("language", PARTIES)
@pytest.mark.parametrize("sections", [3, 12])
def test_nothing_is_wrong_with_pages_that_have_them(language, sections):
    long = f"{{title: {{en: Long}}, text: {{en: {'word ' * 120}}}}}"
    renderer = Renderer(templates(ENGLISH + "}", long))
    payload = {**native_bill(language), "lines": bill_with(sections=sections)["lines"]}
    pdf = renderer.render_pdf(payload).pdf
    assert inspect_document(pdf, renderer.typesetter.printed(payload)) == []


TOLD = {
    "ar": [
        (
            "نود إعلامكم بأن أسعار الكهرباء ستتغير اعتبارا من أول كانون الثاني وفقا لقرار هيئة تنظيم الطاقة رقم 2013/45 ويمكنكم "
            "الاطلاع على التفاصيل عبر www.example.com أو بالاتصال على الرقم 0800 123 456 في أي وقت."
        ),
        "شكرا لكم على ثقتكم بنا وعلى اختياركم شركتنا لتوفير الطاقة النظيفة لمنزلكم ونحن نرحب بملاحظاتكم.",
    ],
    "hi": [
        (
            "हम आपको सूचित करते हैं कि बिजली की दरें अगले वर्ष की पहली जनवरी से आयोग के निर्णय संख्या 2013/45 के अनुसार बदल जाएँगी "
            "और विवरण www.example.com पर या 0800 123 456 पर कॉल करके सप्ताह के किसी भी दिन देखे जा सकते हैं।"
        ),
        "आपके विश्वास के लिए धन्यवाद, हमें खुशी है कि आपने अपने घर के लिए स्वच्छ ऊर्जा चुनी है।",
    ],
}
"""Two sentences in scripts whose letters join, one of them with numbers and Latin words."""


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("language", TOLD)
def test_long_notices_whose_direction_changes_are_found_and_what_they_lack_is_lost(language, times):
    long, other = TOLD[language]
    renderer = Renderer(
        templates(f"{{title: {{{language}: '1'}}, text: {{{language}: '{' '.join([long] * times)}'}}}}")
    )
    payload = native_bill(language)
    pdf, files = renderer.render_pdf(payload).pdf, renderer.typesetter.printed(payload)
    assert inspect_document(pdf, files) == []
    bill = json.loads(files["bill.json"])
    bill["notices"]["items"][0]["text"] += f"\n{other}"
    [finding] = inspect_document(pdf, {**files, "bill.json": json.dumps(bill)})
    assert (finding.kind, finding.page) == ("lost", 1)
    assert finding.what.startswith(f'notices: "{other[:20]}')


def test_where_the_first_page_has_no_room_they_are_a_section_of_the_details():
    first, second, *_ = pages(bill_with(sections=12, taxes=5), ENGLISH + "}")
    assert "Moving house?" not in first
    assert second.index("Please note") < second.index("Moving house?") < second.index("Charges in detail")


def test_notices_longer_than_a_page_go_on_on_the_next():
    words = " ".join(f"word{number}" for number in range(1500))
    printed = " ".join(pages(INVOICE, f"{{title: {{en: Long}}, text: {{en: {words}}}}}"))
    assert [f"word{number}" in printed for number in (0, 700, 1499)] == [True] * 3
    assert "Long (continued)" in printed


def test_charts_make_room_for_notices():
    long = f"{{title: {{en: Long}}, text: {{en: {'word ' * 120}}}}}"
    (first, second), (plain, _) = pages(ILLUSTRATED, long), pages(ILLUSTRATED, f"{ENGLISH}, kinds: [credit_note]}}")
    assert "Energy per month" in plain
    assert "Energy per month" not in first
    assert "Energy per month" in second


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        (
            "{title: {en: A}, text: {en: '{total}'}}",
            "{total} is none of the values that texts may name: account_id, amount",
        ),
        ("{title: {en: A}, text: {en: '{}'}}", "{} is none of the values"),
        ("{title: {en: A}, text: {en: '{amount:.2f}'}}", "{amount:.2f} is none of the values"),
        ("{title: {en: A}, text: {en: '{amount!r}'}}", "{amount!r} is none of the values"),
        ("{title: {en: A}, text: {en: 'a { b'}}", "a brace that is printed is written twice"),
        ("{title: {en: A}}", "notices.0.text: Field required"),
        ("{title: {}, text: {en: A}}", "notices.0.title"),
        ("{title: {en: ''}, text: {en: A}}", "notices.0.title.en"),
        ("{title: {en: A}, text: {en: A}, segment: [b]}", "notices.0.segment: Extra inputs"),
        ("{title: {en: A}, text: {en: A}, since: soon}", "notices.0.since"),
        ("{title: {en: A}, text: {en: A}, since: 2013-02-02, until: 2013-02-01}", "until 2013-02-01 is before since"),
        ("{title: {en: A}, text: {xx: 'ꯃꯤꯇꯩ'}}", "no font has .*a text in 'xx'"),
    ],
)
def test_what_is_wrong_is_refused_before_a_run(notice, said):
    with pytest.raises(SettingsError, match=said) as refused:
        check_templates(templates(notice), PLAIN)
    assert "templates/texts.yaml" in str(refused.value)
