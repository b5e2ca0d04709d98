from xml.etree import ElementTree as ET

import pytest

from billflow.documents.einvoice.cii import cii_xml
from billflow.documents.einvoice.record import einvoice_of
from billflow_tests.documents.einvoice.bills import BILLS


def texts(bill, name):
    """Texts of all elements of that name, in order."""
    return [element.text for element in ET.fromstring(cii_xml(einvoice_of(BILLS[bill]))).iter() if element.tag.endswith(f"}}{name}")]  # fmt: skip


@pytest.mark.parametrize(
    ("bill", "name", "expected"),
    [
        ("domestic", "TypeCode", ["380", "VAT", "VAT", "58", "VAT"]),
        ("domestic", "DateTimeString", ["20130201", *["20130101", "20130131"] * 3, "20130215"]),
        ("domestic", "BilledQuantity", ["187.5", "31"]),
        ("domestic", "IBANID", ["DE89370400440532013000"]),
        ("domestic", "RateApplicablePercent", ["19", "19", "19"]),
        ("outside scope", "RateApplicablePercent", ["0"]),
        ("intra-community", "ExemptionReason", ["Intra-community supply"]),
        ("intra-community", "CountryID", ["DE", "FR", "FR"]),
        ("credit note", "IssuerAssignedID", ["INV-2013-00000001"]),
        ("credit note", "Content", ["Zählerstand war falsch"]),
        ("minimum", "Content", ["187.5 kWh × 0"]),
        ("discount", "ChargeAmount", ["0.31", "2.91"]),
        ("discount", "LineTotalAmount", ["58.13", "-2.91", "55.22"]),
        ("markup", "LineOne", ["Am Wehr 1", """<b>&amp; "O'Neill" > ]]> é"""]),
        ("arabic", "Name", ["شركة الكهرباء", "Stadtwerke Grünau GmbH", "شركة الكهرباء"]),
        ("no transfer", "PayeePartyCreditorFinancialAccount", []),
    ],
)
def test_cii_xml(bill, name, expected):
    assert texts(bill, name) == expected


def test_cii_xml_same_record_same_bytes():
    assert cii_xml(einvoice_of(BILLS["domestic"])) == cii_xml(einvoice_of(BILLS["domestic"]))
