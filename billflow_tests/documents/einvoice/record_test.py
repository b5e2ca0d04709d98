from decimal import Decimal

import pytest

from billflow.documents.einvoice.record import einvoice_of, is_vat_id
from billflow.documents.einvoice.terms import Period
from billflow.errors import EInvoiceError, UsageError
from billflow_tests.documents.einvoice.bills import AMERICAN, BILLS, BUYER, ENERGY, SELLER, SUPPLY, payload, with_tax


def changed(bill, **parts):
    return {**bill, **{name: {**bill[name], **part} for name, part in parts.items()}}


@pytest.mark.parametrize(
    ("bill", "expected"),
    [
        ("domestic", ("380", "INV-2013-00000001", "95.33", "18.11", "113.44", None, None)),
        ("credit note", ("381", "CN-2013-00000001", "36.58", "6.95", "43.53", "INV-2013-00000001", "Zählerstand war falsch")),
        ("replacement", ("380", "INV-2013-00000001", "58.13", "11.04", "69.17", "INV-2013-00000001", "Zählerstand war falsch")),
        ("australian credit note", ("381", "CN-2013-00000001", "37.20", "3.72", "40.92", "c01-2013-01-A-1001", None)),
        ("a total below zero", ("380", "INV-2013-00000001", "-41.87", "-7.96", "-49.83", None, None)),
    ],
)  # fmt: skip
def test_einvoice_of_head(bill, expected):
    found = einvoice_of(BILLS[bill])
    amounts = [f"{amount:.2f}" for amount in (found.net, found.tax, found.total)]
    assert (found.type_code, found.number, *amounts, found.preceding, found.note) == expected


def test_einvoice_of_period_includes_its_last_day():
    assert einvoice_of(BILLS["domestic"]).period == Period("2013-01-01", "2013-01-31")


@pytest.mark.parametrize(
    ("bill", "identifier", "legal_id", "vat_id", "tax_registration"),
    [
        ("domestic", None, None, "DE123456789", None),
        ("tax number", "29/123/45678", None, None, "29/123/45678"),
        ("outside scope", "DE123456789", None, None, None),
        ("australian", "51824753556", None, None, "51824753556"),
    ],
)
def test_einvoice_of_seller_identifiers(bill, identifier, legal_id, vat_id, tax_registration):
    seller = einvoice_of(BILLS[bill]).seller
    found = (seller.identifier, seller.legal_id, seller.vat_id, seller.tax_registration)
    assert found == (identifier, legal_id, vat_id, tax_registration)


@pytest.mark.parametrize(
    ("bill", "legal_id", "vat_id"),
    [
        ("domestic", None, None),
        ("intra-community", None, "FR32123456789"),
        ("reverse charge at home", "214/5678/1234", None),
        ("outside scope", "FR32123456789", None),
        ("export", "47-12", None),
    ],
)
def test_einvoice_of_buyer_identifiers(bill, legal_id, vat_id):
    buyer = einvoice_of(BILLS[bill]).buyer
    assert (buyer.identifier, buyer.legal_id, buyer.vat_id) == ("A-1001", legal_id, vat_id)


@pytest.mark.parametrize(
    ("tax_id", "country", "expected"),
    [
        ("DE123456789", "DE", True),
        ("DE123456789", "CH", True),
        ("EL123456789", "GR", True),
        ("XI123456789", "GB", True),
        ("GB123456789", "GB", True),
        ("CHE-123.456.789", "CH", True),
        ("29/123/45678", "DE", False),
        ("51824753556", "AU", False),
        ("ABN 51", "AU", False),
    ],
)
def test_is_vat_id(tax_id, country, expected):
    assert is_vat_id(tax_id, country) is expected


@pytest.mark.parametrize(
    ("bill", "code", "account", "is_iban"),
    [
        ("domestic", "58", "DE89370400440532013000", True),
        ("export", "30", "DE89370400440532013000", True),
        ("no transfer", "1", None, False),
        ("credit note", "1", None, False),
        ("nothing to pay", "1", None, False),
        ("a total below zero", "1", None, False),
    ],
)
def test_einvoice_of_payment(bill, code, account, is_iban):
    payment = einvoice_of(BILLS[bill]).payment
    assert (payment.code, payment.account, payment.is_iban) == (code, account, is_iban)
    assert payment.reference == BILLS[bill]["invoice"]["invoice_number"]


def test_einvoice_of_an_account_that_is_no_iban():
    payment = einvoice_of(changed(BILLS["domestic"], seller={"iban": "062-000 1234"})).payment
    assert (payment.code, payment.account, payment.is_iban) == ("30", "062-0001234", False)


@pytest.mark.parametrize(
    ("category", "buyer", "reason", "code"),
    [
        ("S", BUYER, None, None),
        ("Z", BUYER, None, None),
        ("E", BUYER, "Exempt from tax", None),
        ("AE", AMERICAN, "Reverse charge", "VATEX-EU-AE"),
        ("G", AMERICAN, "Export outside the EU", "VATEX-EU-G"),
        ("O", BUYER, "Not subject to tax", "VATEX-EU-O"),
    ],
)
def test_einvoice_of_reasons(category, buyer, reason, code):
    (tax,) = einvoice_of(with_tax(category, "0.1900" if category == "S" else "0", buyer=buyer)).breakdown
    assert (tax.reason, tax.reason_code) == (reason, code)


@pytest.mark.parametrize(("category", "expected"), [("E", "§ 4 Nr. 11b UStG"), ("Z", None)])
def test_einvoice_of_the_reason_of_the_payload(category, expected):
    bill = with_tax(category)
    bill["taxes"][0]["reason"] = "§ 4 Nr. 11b UStG"
    assert einvoice_of(bill).breakdown[0].reason == expected


def test_einvoice_of_delivers_within_the_community_to_the_buyer():
    assert einvoice_of(BILLS["intra-community"]).deliver_to == einvoice_of(BILLS["intra-community"]).buyer
    assert einvoice_of(BILLS["domestic"]).deliver_to is None


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"invoice": {"invoice_number": None}}, ["legal number", "drafts", "c01-2013-01-A-1001"]),
        ({"seller": {"tax_id": None, "country": None}}, ["the seller's country (BR-09); the seller's tax_id (BR-CO-26)"]),
        ({"seller": {"name": " "}}, ["the seller's name (BR-06)"]),
        ({"customer": {"name": None, "country": ""}}, ["the customer's name", "the customer's country"]),
        ({"invoice": {"due_date": None}}, ["the due date"]),
    ],
)  # fmt: skip
def test_einvoice_of_lists_what_is_missing(parts, said):
    with pytest.raises(EInvoiceError) as caught:
        einvoice_of(changed(BILLS["domestic"], **parts))
    assert [part for part in said if part not in str(caught.value)] == []
    assert isinstance(caught.value, UsageError)
    assert "→" in str(caught.value)


def test_einvoice_of_an_unknown_customer():
    with pytest.raises(EInvoiceError, match="the customer's name"):
        einvoice_of({**BILLS["domestic"], "customer": None})


@pytest.mark.parametrize(
    ("lines", "part", "said"),
    [
        (1, {"tax_category": None}, "the tax category of line 1 (BR-CO-04)"),
        (2, {"tax_category": None}, "the tax category of lines 1, 2 (BR-CO-04)"),
        (8, {"tax_category": None}, "the tax category of lines 1, 2, 3, 4, 5 and 3 more (BR-CO-04)"),
        (1, {"description": None, "section": None}, "a description of line 1 (BR-25)"),
    ],
)
def test_einvoice_of_lists_what_lines_lack(lines, part, said):
    bill = payload(*lines * [ENERGY])
    bill["lines"] = [{**line, **part} for line in bill["lines"]]
    with pytest.raises(EInvoiceError) as caught:
        einvoice_of(bill)
    assert said in str(caught.value)


def test_einvoice_of_a_bill_without_lines():
    with pytest.raises(EInvoiceError, match=r"a line \(BR-16\)"):
        einvoice_of({**payload(), "lines": []})


def test_einvoice_of_gives_line_numbers_and_order():
    lines = einvoice_of(payload(ENERGY, SUPPLY)).lines
    assert [(line.id, line.name, line.net) for line in lines] == [
        ("1", "Arbeitspreis", Decimal("58.13")),
        ("2", "Grundpreis", Decimal("37.20")),
    ]


def test_einvoice_of_reads_contacts():
    einvoice = einvoice_of(BILLS["domestic"])
    assert (einvoice.seller.contact, einvoice.seller.phone, einvoice.seller.email) == (
        SELLER["contact"],
        SELLER["phone"],
        SELLER["email"],
    )
    assert einvoice.buyer_reference == BUYER["buyer_reference"]
