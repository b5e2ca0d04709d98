import re

import pytest

from billflow.documents.einvoice.record import einvoice_of
from billflow.documents.einvoice.ubl import EN16931, PEPPOL_BIS_3, XRECHNUNG_3, ubl_xml
from billflow.errors import EInvoiceError
from billflow_tests.documents.einvoice.bills import BILLS, ENERGY, FRENCH, SELLER, payload


def first(name, xml):
    return re.search(rf"<{name}[^>]*>([^<]*)<", xml.decode())[1]


def without(bill, **names):
    return {**bill, **{part: {**bill[part], **dict.fromkeys(keys)} for part, keys in names.items()}}


@pytest.mark.parametrize(
    ("customization", "profile"),
    [(EN16931, None), (PEPPOL_BIS_3, "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"), (XRECHNUNG_3, "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0")],
)  # fmt: skip
def test_ubl_xml_customization(customization, profile):
    xml = ubl_xml(einvoice_of(BILLS["domestic"]), customization)
    assert first("cbc:CustomizationID", xml) == customization
    assert (b"ProfileID" in xml) is (profile is not None)
    assert profile is None or first("cbc:ProfileID", xml) == profile


@pytest.mark.parametrize(
    ("bill", "root", "quantity", "due"),
    [
        ("domestic", "Invoice", "InvoicedQuantity", "cbc:DueDate"),
        ("credit note", "CreditNote", "CreditedQuantity", "cbc:PaymentDueDate"),
    ],
)
def test_ubl_xml_root(bill, root, quantity, due):
    xml = ubl_xml(einvoice_of(BILLS[bill]))
    assert f"<{root} xmlns=".encode() in xml
    assert f"<cbc:{quantity} ".encode() in xml
    assert first(due, xml) == "2013-02-15"


@pytest.mark.parametrize(
    ("customization", "parts", "said"),
    [
        (PEPPOL_BIS_3, {"seller": ["endpoint"]}, ["seller's endpoint and endpoint_scheme (BT-34)"]),
        (PEPPOL_BIS_3, {"customer": ["endpoint_scheme", "buyer_reference"]}, ["customer's endpoint", "buyer_reference (BT-10)"]),
        (PEPPOL_BIS_3, {"seller": ["contact"]}, ["seller's contact (BT-41)"]),
        (XRECHNUNG_3, {"seller": ["endpoint", "email"]}, ["seller's endpoint with endpoint_scheme, or email (BT-34)"]),
        (XRECHNUNG_3, {"seller": ["contact", "phone", "email", "city"]}, ["BT-41", "BT-42", "BT-43", "BT-37"]),
        (XRECHNUNG_3, {"customer": ["city", "postcode"]}, ["BT-52", "BT-53"]),
    ],
)  # fmt: skip
def test_ubl_xml_lists_what_a_customization_asks_for(customization, parts, said):
    with pytest.raises(EInvoiceError) as caught:
        ubl_xml(einvoice_of(without(BILLS["domestic"], **parts)), customization)
    assert [part for part in said if part not in str(caught.value)] == []


def test_who_has_no_endpoint_is_reached_by_email():
    xml = ubl_xml(einvoice_of(BILLS["by e-mail"]), XRECHNUNG_3).decode()
    assert [
        part in xml for part in ('<cbc:EndpointID schemeID="EM">rechnung@gruenau.example<', '="EM">m@gross.example<')
    ] == [True] * 2


def test_an_endpoint_without_its_scheme_gives_way_to_email():
    bill = BILLS["by e-mail"]
    nameless = {**bill, "seller": {**bill["seller"], "endpoint": "DE123456789"}}
    assert ubl_xml(einvoice_of(nameless), XRECHNUNG_3) == ubl_xml(einvoice_of(bill), XRECHNUNG_3)


def test_ubl_xml_for_peppol_abroad_asks_for_no_contact():
    bill = {**payload(ENERGY, buyer=FRENCH), "seller": {**SELLER, "contact": None, "phone": None}}
    assert ubl_xml(einvoice_of(bill), PEPPOL_BIS_3)


def test_ubl_xml_of_plain_en_16931_asks_for_nothing():
    parts = {"seller": ["endpoint", "contact", "phone"], "customer": ["endpoint", "buyer_reference"]}
    assert ubl_xml(einvoice_of(without(BILLS["domestic"], **parts)))


def test_ubl_xml_same_record_same_bytes():
    assert ubl_xml(einvoice_of(BILLS["domestic"])) == ubl_xml(einvoice_of(BILLS["domestic"]))
