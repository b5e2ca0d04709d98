import copy
import hashlib
import io
import json
import os
import re
import struct
import zlib
from collections import Counter
from itertools import chain
from pathlib import Path

import pypdf
import pytest
from pyspark.sql import functions as F

from billflow.bench.bills import bill
from billflow.documents.einvoice.facturx import attached_einvoice
from billflow.documents.einvoice.reading import differences
from billflow.documents.proofs.sheets import read_sheets
from billflow.documents.rendering import (
    PLAIN,
    Renderer,
    in_tasks,
    render_documents,
    rendered_document,
    rendered_documents,
)
from billflow.documents.sample import CREDIT_NOTE, INVOICE
from billflow.documents.templates import TemplateSet, check_templates, find_templates
from billflow.settings import Documents
from billflow_tests.documents.native import native_bill


def png(rgb: bytes) -> bytes:
    """A picture of one pixel."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" + rgb)),
        (b"IEND", b""),
    ]
    framed = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.fixture(scope="module")
def renderer():
    return Renderer(find_templates(None))


def changed(payload=INVOICE, **parts):
    """The payload with parts replaced; a dict is merged into the one that is there."""
    new = copy.deepcopy(payload)
    for name, part in parts.items():
        new[name] = {**new[name], **part} if isinstance(part, dict) else part
    return new


def pages_of(pdf):
    return [re.sub(r"\s+", " ", page.extract_text()) for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def text_of(renderer, payload):
    return " ".join(pages_of(renderer.render_pdf(payload).pdf))


@pytest.mark.parametrize(
    ("kind", "language", "words"),
    [
        ("takes_back", "en", ("Takes back", "INV-7", "Reason", "wrong rent")),
        ("replaces", "de", ("Ersetzt", "INV-7", "Grund", "wrong rent")),
    ],
)
def test_render_pdf_says_what_a_correction_corrects(renderer, kind, language, words):
    told = {"correction": kind, "corrects_number": "INV-7", "correction_reason": "wrong rent", "corrects": "id-7"}
    text = text_of(renderer, changed(language=language, invoice=told))
    assert all(word in text for word in words)
    assert "id-7" not in text


def test_render_pdf_first_page_says_who_what_and_how_much(renderer):
    first, second = pages_of(renderer.render_pdf(INVOICE).pdf)
    for part in (
        "Invoice",
        "INV-2013-00000001",
        "c01-2013-01-A-1001",
        "Mary Poole",
        "17 Wattle Street",
        "Newtown 2042",
    ):
        assert part in first
    for part in (
        "AMOUNT DUE",
        "$150.43",
        "Due by 15 Feb 2013",
        "1\u201331 Jan 2013",
        "1 Feb 2013",
        "Supply",
        "37.20",
        "99.55",
    ):
        assert part in first
    for part in ("136.75", "13.68", "Standard rate", "10%", "DE89 3704 0044 0532 0130 00", "Page 1 of 2"):
        assert part in first
    for part in (
        "Peak energy",
        "187.5 kWh",
        "0.31",
        "58.13",
        "Subscription S-1001",
        "Energy, kWh · S-1001",
        "Page 2 of 2",
    ):
        assert part in second
    assert "Draft".upper() not in first


def test_render_pdf_draft(renderer):
    text = text_of(renderer, changed(invoice={"status": "draft", "invoice_number": None}))
    assert "DRAFT" in text
    assert "This is a draft" in text
    assert re.search(r"Reference .*c01-2013-01-A-1001", text)


def test_render_pdf_credit_note_is_positive_and_says_so(renderer):
    text = text_of(renderer, CREDIT_NOTE)
    assert "Credit note" in text
    assert "AMOUNT CREDITED" in text
    assert "$40.92 is a credit in your favour" in text
    assert "31 day" in text
    assert "Corrects" in text
    assert not re.search(r"-\$?\d+\.\d\d", text)
    assert "How to pay" not in text
    assert "Due" not in text


def test_render_pdf_credit_note_keeps_a_price_that_is_negative_consistent(renderer):
    line = {**CREDIT_NOTE["lines"][0], "quantity": "1.000000000000", "unit_price": "-37.2", "net": "-37.2000"}
    text = text_of(renderer, changed(CREDIT_NOTE, lines=[line]))
    assert "1 day" in text
    assert "-1 day" not in text
    assert "-37.20" not in text


def test_render_pdf_of_zero_asks_for_no_payment(renderer):
    text = text_of(renderer, changed(invoice={"total": "0.0000"}))
    assert "Nothing to pay" in text
    assert "IBAN" not in text


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ({"currency": "JPY", "language": "en-US", "invoice": {"total": "4072.0000"}}, ["¥4,072", "Feb 15, 2013"]),
        ({"currency": "KWD"}, ["KWD\u00a0150.430", "37.200"]),
        (
            {"language": "de", "currency": "EUR", "seller": {"country": "DE"}},
            ["150,43", "Rechnung", "Seite 1 von 2", "Australien"],
        ),
        ({"language": "xx"}, ["$150.43", "Invoice"]),
        ({"language": None}, ["$150.43"]),
    ],
)
def test_render_pdf_in_the_customers_language_and_currency(renderer, parts, shown):
    text = text_of(renderer, changed(**parts))
    assert [part for part in shown if part.replace("\u00a0", " ") not in text.replace("\u00a0", " ")] == []


def test_render_pdf_repeats_heads_on_every_page(renderer):
    rendered = renderer.render_pdf(bill(subscriptions=9, lines=12, records=80))
    first, *others = pages_of(rendered.pdf)
    assert len(others) > 5
    for number, page in enumerate(others, start=2):
        assert f"Page {number} of {rendered.pages}" in page
        assert "INV-2013-00000001" in page
        assert ("Unit price" in page) or ("Destination" in page)
        assert ("Charges in detail" in page) == ("Unit price" in page)
        assert ("Itemised usage" in page) == ("Destination" in page)
    assert "9 subscriptions" in first


@pytest.mark.parametrize("records", [1, 31, 400, 487])
def test_render_pdf_itemises_every_record(renderer, records):
    payload = bill(records=records)
    text = text_of(renderer, payload)
    quantities = Counter(row[1] for row in payload["usage"][0]["rows"])
    numbers = Counter(re.findall(r"\d[\d,.]*", text))
    details = [row[3] for row in payload["usage"][0]["rows"]]
    assert all(numbers[quantity] >= times for quantity, times in quantities.items())
    assert [detail for detail in details if detail not in text] == []
    assert f"{records} record{'s' if records > 1 else ''}" in text


def test_render_pdf_daily_totals(renderer):
    text = text_of(renderer, INVOICE)
    assert "Totals per day" in text
    assert [day for day in range(1, 32) if f"{day} Jan" not in text] == []


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"aggregate": "latest", "daily_by": "latest"}, "Last reading per day"),
        ({"aggregate": "unique", "daily_by": "unique"}, "Different values per day"),
        ({"aggregate": "max"}, "Highest reading per day"),
        ({"aggregate": "latest"}, "Totals per day"),  # as records of before were made
    ],
)
def test_render_pdf_says_what_a_day_shows(renderer, told, shown):
    usage = [{name: value for name, value in INVOICE["usage"][0].items() if name != "daily_by"} | told]
    assert shown in text_of(renderer, changed(usage=usage))


def test_render_pdf_wraps_long_names_and_loses_nothing(renderer):
    words = [f"Word{number}" for number in range(40)]
    long = " ".join([*words, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"])
    lines = [{**INVOICE["lines"][0], "description": long, "section": long, "subscription_id": long}]
    usage = [{**INVOICE["usage"][0], "rows": [["2013-01-01", "1", long]]}]
    customer = {"name": long, "street": long}
    rendered = renderer.render_pdf(changed(lines=lines, usage=usage, customer=customer))
    pages = pages_of(rendered.pdf)
    assert [word for word in words if f"{word} " not in pages[0]] == []
    assert [word for word in words if " ".join(pages[1:]).count(f"{word} ") < 3] == []


def test_render_pdf_stays_within_the_page(renderer):
    wide = [
        {**INVOICE["lines"][0], "quantity": "12345678901234567890.123456789012", "unit_price": "99999999.123456789012"}
    ]
    pdf = renderer.render_pdf(changed(lines=wide, customer={"name": "W" * 200, "account_id": "M" * 80})).pdf
    assert max(piece.box.right for sheet in read_sheets(pdf) for piece in sheet.pieces) < 595 - 20


@pytest.mark.parametrize(
    "lines",
    [[], [{**INVOICE["lines"][0], "section": None, "subscription_id": None, "period_start": None, "unit": None}]],
)
def test_render_pdf_of_sparse_payloads(renderer, lines):
    empty = dict.fromkeys(INVOICE["customer"]) | {"account_id": "A"}
    seller = dict.fromkeys(INVOICE["seller"]) | {"name": "Acme", "country": "AU"}
    payload = {**changed(lines=lines, taxes=[], usage=[]), "customer": empty, "seller": seller}
    assert renderer.render_pdf(payload).pages >= 1


def test_render_pdf_same_payload_same_bytes(renderer):
    once = renderer.render_pdf(INVOICE)
    renderer.render_pdf(CREDIT_NOTE)
    assert renderer.render_pdf(INVOICE) == once
    assert Renderer(find_templates(None)).render_pdf(INVOICE) == once


@pytest.mark.parametrize("subscriptions", [1, 3, 60])
def test_pages_are_counted(renderer, subscriptions):
    rendered = renderer.render_pdf(bill(subscriptions=subscriptions, lines=20))
    assert rendered.pages == len(pypdf.PdfReader(io.BytesIO(rendered.pdf)).pages)


def test_render_pdf_with_a_projects_logo():
    shipped = find_templates(None).files
    main = shipped["invoice.typ"] + b'\n#place(top, image("art/logo.png", width: 1cm))'
    with_logo = Renderer(TemplateSet.of({**shipped, "invoice.typ": main, "art/logo.png": png(b"\xff\x00\x00")}))
    images = [page.images for page in pypdf.PdfReader(io.BytesIO(with_logo.render_pdf(INVOICE).pdf)).pages]
    assert sum(map(len, images)) == 1


def test_renderer_says_so_instead_of_hanging_after_a_fork(renderer, tmp_path):
    renderer.render_pdf(INVOICE)
    child = os.fork()
    if child == 0:
        try:
            Renderer(find_templates(None))
        except RuntimeError as problem:
            Path(tmp_path, "said").write_text(str(problem))
        os._exit(0)
    os.waitpid(child, 0)
    assert "forked" in Path(tmp_path, "said").read_text()


EUROPEAN = {"country": "DE", "tax_id": "DE123456788"}


@pytest.fixture(scope="module")
def with_einvoices():
    return Renderer(find_templates(None), Documents(einvoice="factur-x"))


def test_rendered_document_brings_the_einvoice_of_what_is_confirmed(with_einvoices):
    confirmed = changed(currency="EUR", seller=EUROPEAN, customer={"country": "DE"})
    made = rendered_document(json.dumps(confirmed), with_einvoices)
    assert (made.get("error"), made["remarks"], made["pages"]) == (None, None, 2)
    assert differences(confirmed, attached_einvoice(made["pdf"])) == []


def test_rendered_document_of_a_draft_is_a_plain_pdf(renderer, with_einvoices):
    draft = changed(seller=EUROPEAN, invoice={"status": "draft", "invoice_number": None})
    made, plain = (rendered_document(json.dumps(draft), one) for one in (with_einvoices, renderer))
    assert made == plain


def test_rendered_document_says_why_it_has_no_einvoice(renderer, with_einvoices):
    bare = changed(seller={"tax_id": None}, currency="EUR")
    made = rendered_document(json.dumps(bare), with_einvoices)
    assert made["pdf"] == renderer.render_pdf(bare).pdf
    assert "no e-invoice" in made["remarks"]
    assert "tax" in made["remarks"]


def test_render_pdf_says_why_no_tax_is_due(renderer):
    tax = {
        "tax_category": "AE",
        "tax_rate": "0",
        "base": "136.7500",
        "tax": "0",
        "reason": "VAT to be paid by the recipient",
    }
    first, *_ = pages_of(renderer.render_pdf(changed(taxes=[tax])).pdf)
    assert "Reverse charge" in first
    assert "recipient" in first


@pytest.mark.parametrize(("language", "name"), [("en", "Exempt"), ("de", "Steuerfrei")])
def test_render_pdf_gives_the_catalogues_own_reason_in_the_bills_language_only(renderer, language, name):
    tax = {"tax_category": "E", "tax_rate": "0", "base": "136.7500", "tax": "0", "reason": "Exempt from tax"}
    first, *_ = pages_of(renderer.render_pdf(changed(taxes=[tax], language=language)).pdf)
    assert name in first
    assert "Exempt from tax" not in " ".join(first.split())


@pytest.fixture(scope="module")
def accessible():
    return Renderer(find_templates(None), Documents(accessible=True))


def structure(pdf):
    """How often each kind of element is in the tree that screen readers walk."""
    found = Counter()

    def walk(node):
        node = node.get_object()
        if isinstance(node, pypdf.generic.ArrayObject):
            for one in node:
                walk(one)
        elif isinstance(node, pypdf.generic.DictionaryObject):
            found[node.get("/S")] += 1
            if "/K" in node:
                walk(node["/K"])

    walk(pypdf.PdfReader(io.BytesIO(pdf)).trailer["/Root"]["/StructTreeRoot"])
    return found


@pytest.mark.parametrize("payload", [INVOICE, CREDIT_NOTE, bill(subscriptions=3, records=30)])
def test_an_accessible_document_says_the_same_in_headings_and_tables(renderer, accessible, payload):
    plain, tagged = renderer.render_pdf(payload), accessible.render_pdf(payload)
    assert tagged.pages == plain.pages
    words = [Counter(" ".join(pages_of(one.pdf)).replace("-", " ").split()) for one in (plain, tagged)]
    assert words[0] == words[1]
    found = structure(tagged.pdf)
    rows = len(payload["lines"]) + sum(len(meter["rows"]) for meter in payload["usage"])
    assert found["/TR"] > rows
    assert found["/TH"] >= 3 * bool(payload["usage"])
    assert (found["/H1"], found["/H2"] >= 3, found["/H3"] >= len(payload["usage"])) == (1, True, True)


def test_an_accessible_document_is_read_row_by_row(accessible):
    _, second = pages_of(accessible.render_pdf(INVOICE).pdf)
    assert "Peak energy 1–31 Jan 2013 187.5 kWh 0.31 58.13 Off-peak energy" in second.replace("\u2009", "")


def rows(payloads):
    return [(name, text, "c01", "2013-01", "ignored") for name, text in payloads.items()]


def test_render_documents(spark):
    check_templates(find_templates(None), PLAIN)  # compiling in the driver does no harm to the workers
    good = {f"i{number:03d}": json.dumps(bill(records=3, seed=number)) for number in range(70)}
    bad = {"broken-json": "{", "lacking": "{}", "wrong": json.dumps(changed(invoice={"total": "a lot"}))}
    payloads = spark.createDataFrame(
        rows(good | bad), "invoice_id string, payload string, cycle string, month string, x string"
    )
    found = {row.invoice_id: row for row in render_documents(payloads.repartition(2), find_templates(None)).collect()}
    assert found.keys() == good.keys() | bad.keys()
    for name in good:
        row = found[name]
        assert row.remarks is None
        assert (row.error, row.pages, row.bytes, row.cycle, row.month) == (None, 2, len(row.pdf), "c01", "2013-01")
        assert row.sha256 == hashlib.sha256(row.pdf).hexdigest()
        assert row.template == find_templates(None).fingerprint
    for name, said in {
        "broken-json": "JSONDecodeError",
        "lacking": "missing in the payload or in a label: 'language'",
        "wrong": "not a number: 'a lot'",
    }.items():
        row = found[name]
        assert (row.pdf, row.pages, row.bytes, row.sha256) == (None, None, None, None)
        assert said in row.error


@pytest.mark.parametrize(
    ("payload", "way"),
    [
        (INVOICE, "written"),
        (changed(customer={"name": "Щука"}), "sections written"),
        (changed(language="ar"), "laid out"),
    ],
)
def test_rendered_document_tells_how_much_typst_has_laid_out(renderer, payload, way):
    made = rendered_document(json.dumps(payload), renderer)
    assert (made.get("error"), made["way"]) == (None, way)


def test_documents_made_together_are_those_made_alone(renderer):
    """Also where one of them brings words whose widths others have been planned with."""
    bills = [INVOICE, native_bill("ar"), changed(customer={"name": "Щука"}), native_bill("ja"), bill(records=40)]
    payloads = [*map(json.dumps, bills)]
    made = rendered_documents(payloads, Renderer(find_templates(None)))
    assert made == [rendered_document(payload, renderer) for payload in payloads]


def test_render_documents_reports_what_typst_says(spark):
    files = find_templates(None).files
    broken = TemplateSet.of(
        {**files, "components/taxes.typ": b"#let tax-height(bill) = 0pt\n#let tax-table(b, l) = b.none"}
    )
    payloads = spark.createDataFrame(
        rows({"a": json.dumps(INVOICE)}), "invoice_id string, payload string, cycle string, month string, x string"
    )
    row = render_documents(payloads, broken).first()
    assert "components/taxes.typ:2" in row.error
    assert list(chain(row.asDict())) == [
        "invoice_id",
        "pages",
        "bytes",
        "sha256",
        "template",
        "cycle",
        "month",
        "remarks",
        "payload_sha256",
        "pdf",
        "payload",
        "error",
        "way",
    ]


@pytest.mark.parametrize(("invoices", "tasks"), [(0, 1), (100, 1), (101, 2), (1500, 2), (2500, 4), (50_000, 50)])
def test_in_tasks_lays_invoices_out_evenly_and_in_order(spark, invoices, tasks):
    ids = F.substring(F.sha2(F.col("id").cast("string"), 256), 1, 24).alias("invoice_id")
    edges = spark.createDataFrame([("0" * 24,), ("f" * 24,)], "invoice_id string")
    payloads = spark.range(5000).select(ids).unionAll(edges)
    laid = in_tasks(payloads, invoices).withColumn("task", F.spark_partition_id()).collect()
    assert [row.invoice_id for row in laid] == sorted(row.invoice_id for row in laid)
    assert len(laid) == 5002
    sizes = Counter(row.task for row in laid)
    assert sizes.keys() == set(range(tasks))
    assert all(0.5 < size * tasks / 5000 < 1.6 for size in sizes.values())


def test_render_pdf_of_a_bill_for_several_accounts(renderer):
    lines = [
        {**INVOICE["lines"][0], "service_account_id": account, "subscription_id": f"S-{account}", "section": section}
        for account, section in (
            ("A-1001", "Supply"),
            ("B-1", "Branch North · Supply"),
            ("B-2", "Branch South · Supply"),
        )
    ]
    members = [{"account_id": "B-1", "name": "Branch North"}, {"account_id": "B-2", "name": "Branch South"}]
    first, second = pages_of(renderer.render_pdf(changed(lines=lines, members=members)).pdf)
    for text in ("Mary Poole", "Branch North · B-1", "Subscription S-B-1", "Branch South · B-2"):
        assert text in first
        assert text in second
    assert "Branch North · Supply" not in second


def test_render_pdf_calls_a_metric_what_the_catalogue_calls_it(renderer):
    usage = [{**meter, "name": "Electricity used"} for meter in INVOICE["usage"]]
    first, second = pages_of(renderer.render_pdf(changed(usage=usage)).pdf)
    assert "Electricity used per day" in first
    assert "Electricity used, kWh" in second
