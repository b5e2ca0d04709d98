import pytest

from billflow.codes import PAYMENT_URL_NAMES
from billflow.documents.payment_code import PaymentCode, is_creditor_reference, is_iban, payment_code_of
from billflow.documents.sample import CREDIT_NOTE, ILLUSTRATED, INVOICE

DE = "DE89370400440532013000"
PAGE = "https://pay.example/{invoice_id}?a={amount}&c={currency}&r={reference}"


def euro(*, seller=None, reference="INV-1", minor_digits=2, currency="EUR", **invoice):
    payload = {
        **ILLUSTRATED,
        "currency": currency,
        "seller": {**INVOICE["seller"], **(seller or {})},
        "invoice": {**INVOICE["invoice"], **invoice},
    }
    return payment_code_of(payload, reference=reference, minor_digits=minor_digits)


def lines(**parts):
    return euro(**parts).text.split("\n")


def test_transfer():
    assert euro() == PaymentCode("transfer", f"BCD\n002\n1\nSCT\n\nAcme Energy Ltd\n{DE}\nEUR150.43\n\n\nINV-1")


@pytest.mark.parametrize(
    ("parts", "line", "shown"),
    [
        ({"seller": {"iban": "de89 3704 0044 0532 0130 00"}}, 6, DE),
        ({"seller": {"bic": "cobadeffxxx"}}, 4, "COBADEFFXXX"),
        ({"seller": {"bic": "COBADEFF"}}, 4, "COBADEFF"),
        ({"seller": {"bic": "not one"}}, 4, ""),
        ({"seller": {"name": "Ö" * 71}}, 5, "Ö" * 70),
        ({"seller": {"name": "Two\nlines\tand more "}}, 5, "Two lines and more"),
        ({"seller": {"iban": "CH9300762011623852957", "bic": "POFICHBEXXX"}}, 6, "CH9300762011623852957"),
        ({"total": "0.0100"}, 7, "EUR0.01"),
        ({"total": "999999999.9900"}, 7, "EUR999999999.99"),
        ({"total": "1E+3"}, 7, "EUR1000.00"),
        ({"reference": "x" * 141}, 10, "x" * 140),
        ({"reference": "RF18 5390 0754 7034"}, 9, "RF18539007547034"),
        ({"reference": "RF19 5390 0754 7034"}, 10, "RF19 5390 0754 7034"),
    ],
)
def test_transfer_line(parts, line, shown):
    assert lines(**parts)[line] == shown


@pytest.mark.parametrize(
    "parts",
    [
        {"seller": {"iban": None}},
        {"seller": {"iban": "DE88370400440532013000"}},
        {"seller": {"iban": "AE070331234567890123456"}},
        {"seller": {"iban": "CH9300762011623852957"}},
        {"total": "1000000000.0000"},
        {"total": "0.0050"},
        {"total": "150.4350"},
        {"currency": "AUD"},
        {"seller": {"name": "電" * 70}, "reference": "電" * 140},
    ],
)
def test_no_transfer(parts):
    assert euro(**parts) is None
    linked = {**parts, "seller": {**parts.get("seller", {}), "payment_url": "https://pay.example"}}
    assert euro(**linked) == PaymentCode("link", "https://pay.example")


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ({}, "https://pay.example/id-1?a=150.43&c=AUD&r=INV-1"),
        ({"reference": "A/1 &ü"}, "https://pay.example/id-1?a=150.43&c=AUD&r=A%2F1%20%26%C3%BC"),
        ({"total": "4072.0000", "currency": "JPY", "minor_digits": 0}, "https://pay.example/id-1?a=4072&c=JPY&r=INV-1"),
        ({"total": "4.1250", "currency": "KWD", "minor_digits": 3}, "https://pay.example/id-1?a=4.125&c=KWD&r=INV-1"),
    ],
)
def test_link(parts, shown):
    code = euro(**{"currency": "AUD", "seller": {"payment_url": PAGE}, "invoice_id": "id-1", **parts})
    assert code == PaymentCode("link", shown)


def test_link_fills_every_placeholder():
    url = "https://pay.example/" + "".join(f"{{{name}}}" for name in PAYMENT_URL_NAMES)
    assert "{" not in euro(currency="AUD", seller={"payment_url": url}).text


def test_link_that_no_code_of_version_13_holds():
    assert euro(currency="AUD", seller={"payment_url": "https://pay.example/" + "x" * 312}) is None


@pytest.mark.parametrize(
    "invoice", [{"status": "draft"}, {"kind": "credit_note"}, {"total": "0.0000"}, {"total": "-0.0100"}]
)
def test_no_code_for_what_is_not_to_be_paid(invoice):
    assert euro(seller={"payment_url": PAGE}, **invoice) is None
    assert euro(seller={"payment_url": PAGE}) is not None


def test_no_code_for_the_sample_credit_note():
    assert payment_code_of({**CREDIT_NOTE, "currency": "EUR"}, reference="CN-1", minor_digits=2) is None


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (DE, True),
        ("GB29NWBK60161331926819", True),
        ("MT84MALT011000012345MTLCAST001S", True),
        ("DE89370400440532013001", False),
        ("DE98370400440532013000", False),
        ("", False),
        ("AU00 1234", False),
        ("DE8937040044\n532013000", False),
    ],
)
def test_is_iban(text, valid):
    assert is_iban(text) is valid


@pytest.mark.parametrize(("text", "valid"), [("RF18539007547034", True), ("RF18539007547035", False), ("RF18", False)])
def test_is_creditor_reference(text, valid):
    assert is_creditor_reference(text) is valid
