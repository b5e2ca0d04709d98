"""Every bill against the official schemas and business rules (phive 4.0.0) and PDF/A-3b (veraPDF 1.28.2)."""

import pytest

from billflow.documents.einvoice.cii import cii_xml
from billflow.documents.einvoice.record import einvoice_of
from billflow.documents.einvoice.ubl import EN16931, PEPPOL_BIS_3, XRECHNUNG_3, ubl_xml
from billflow.documents.rendering import Renderer
from billflow.documents.templates import find_templates
from billflow_tests.documents.einvoice.bills import BILLS
from billflow_tests.validators.java import findings

pytestmark = pytest.mark.slow

FACTUR_X = "fr.factur-x:en16931:1.0.7-3"
CEN_CII = "eu.cen.en16931:cii:1.3.14-2"
UBL = {
    EN16931: ("eu.cen.en16931:ubl:1.3.14-2", "eu.cen.en16931:ubl-creditnote:1.3.14-2"),
    PEPPOL_BIS_3: ("eu.peppol.bis3:invoice:2025.5", "eu.peppol.bis3:creditnote:2025.5"),
    XRECHNUNG_3: ("de.xrechnung:ubl-invoice:3.0.2", "de.xrechnung:ubl-creditnote:3.0.2"),
}
"""Rules for invoices and for credit notes. Each begins with the XML schema."""

ABROAD = {name for name in BILLS if name.startswith("australian")}
"""Sellers who send neither over Peppol in Europe nor to German authorities."""
NOT_OVER = {PEPPOL_BIS_3: {*ABROAD, "by e-mail"}, XRECHNUNG_3: ABROAD, EN16931: set[str]()}


def documents(name):
    """Rules and XML, each once."""
    einvoice = einvoice_of(BILLS[name])
    yield FACTUR_X, cii_xml(einvoice)
    yield CEN_CII, cii_xml(einvoice)
    for customization, (invoice, credit_note) in UBL.items():
        if name not in NOT_OVER[customization]:
            yield credit_note if einvoice.is_credit_note else invoice, ubl_xml(einvoice, customization)


def broken():
    return cii_xml(einvoice_of(BILLS["domestic"])).replace(b"<ram:GrandTotalAmount>", b"<ram:GrandTotalAmount>9")


@pytest.fixture(scope="module")
def validated(tmp_path_factory):
    """Rules and bill → how many layers ran, and what was found."""
    folder = tmp_path_factory.mktemp("einvoices")
    cases = [(rules, name, xml) for name in BILLS for rules, xml in documents(name)] + [(CEN_CII, "broken", broken())]
    arguments = []
    for number, (rules, _, xml) in enumerate(cases):
        path = folder / f"{number}.xml"
        path.write_bytes(xml)
        arguments += [rules, str(path)]
    rows = findings("phive", arguments, folder)
    return {(rules, name): (int(ran), found) for (rules, name, _), (_, ran, *found) in zip(cases, rows, strict=True)}


@pytest.mark.parametrize("name", BILLS)
def test_xml_keeps_the_official_rules(validated, name):
    results = {rules: result for (rules, bill), result in validated.items() if bill == name}
    assert results.keys() == {rules for rules, _ in documents(name)}
    assert {rules: found for rules, (_, found) in results.items() if found} == {}
    assert min(layers for layers, _ in results.values()) >= 2


def test_the_rules_find_a_wrong_total(validated):
    _, found = validated[CEN_CII, "broken"]
    assert any("BR-CO-15" in finding for finding in found)


@pytest.fixture(scope="module")
def pdfs(tmp_path_factory):
    """Bill → number of checks, and what breaks PDF/A-3b; `plain` is a bill without e-invoice."""
    folder, renderer = tmp_path_factory.mktemp("pdfs"), Renderer(find_templates(None))
    for name, payload in BILLS.items():
        rendered = renderer.render_pdf(payload, einvoice=cii_xml(einvoice_of(payload)))
        (folder / f"{name}.pdf").write_bytes(rendered.pdf)
    (folder / "plain.pdf").write_bytes(renderer.render_pdf(BILLS["domestic"]).pdf)
    rows = findings("verapdf", ["3b", *(str(path) for path in folder.glob("*.pdf"))], folder)
    return {path.rpartition("/")[2].removesuffix(".pdf"): (int(checks), found) for path, checks, *found in rows}


@pytest.mark.parametrize("name", BILLS)
def test_pdf_is_pdf_a_3b(pdfs, name):
    checks, found = pdfs[name]
    assert found == []
    assert checks > 1000


def test_verapdf_finds_what_is_no_pdf_a(pdfs):
    assert any("PDF/A Identification" in finding for finding in pdfs["plain"][1])
