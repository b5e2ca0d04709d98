import copy
from decimal import Decimal

import pytest

from billflow.documents.einvoice.cii import cii_xml
from billflow.documents.einvoice.reading import ReadLine, ReadTax, differences, read_einvoice
from billflow.documents.einvoice.record import einvoice_of
from billflow.documents.einvoice.ubl import ubl_xml
from billflow_tests.documents.einvoice.bills import BILLS

WRITERS = (cii_xml, ubl_xml)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("bill", BILLS)
def test_differences_of_what_was_written(bill, write):
    assert differences(BILLS[bill], write(einvoice_of(BILLS[bill]))) == []


@pytest.mark.parametrize("write", WRITERS)
def test_read_einvoice(write):
    found = read_einvoice(write(einvoice_of(BILLS["two rates"])))
    assert (found.number, found.type_code, found.currency) == ("INV-2013-00000001", "380", "EUR")
    assert (found.issue_date, found.due_date, found.period) == (
        "2013-02-01",
        "2013-02-15",
        ("2013-01-01", "2013-01-31"),
    )
    assert found.lines[0] == ReadLine("1", *map(Decimal, ("187.5", "0.31", "58.13")), "S", Decimal("0.19"), "")
    assert found.taxes[1] == ReadTax("S", *map(Decimal, ("0.07", "22.20", "1.55")))
    amounts = (found.line_total, found.net, found.tax, found.total, found.payable)
    assert amounts == tuple(map(Decimal, ("80.33", "80.33", "12.59", "92.92", "92.92")))


def altered(bill, part, name, value):
    new = copy.deepcopy(BILLS[bill])
    (new[part][0] if isinstance(new[part], list) else new[part])[name] = value
    return new


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("bill", "part", "name", "value", "said"),
    [
        ("domestic", "invoice", "invoice_number", "INV-2", "number: the bill has INV-2, the e-invoice INV-2013-00000001"),
        ("domestic", "invoice", "kind", "credit_note", "kind: the bill has 381, the e-invoice 380"),
        ("domestic", "invoice", "issue_date", "2013-02-02", "issue date: the bill has 2013-02-02, the e-invoice 2013-02-01"),
        ("domestic", "invoice", "due_date", "2013-02-16", "due date: the bill has 2013-02-16, the e-invoice 2013-02-15"),
        ("domestic", "invoice", "period_end", "2013-02-02", "period: "),
        ("domestic", "invoice", "net", "95.3400", "net: the bill has 95.3400, the e-invoice 95.33"),
        ("domestic", "invoice", "tax", "18.1200", "tax: the bill has 18.1200, the e-invoice 18.11"),
        ("domestic", "invoice", "total", "113.4500", "amount due: the bill has 113.4500, the e-invoice 113.44"),
        ("credit note", "invoice", "total", "43.5300", "total: the bill has -43.5300, the e-invoice 43.53"),
        ("two rates", "taxes", "base", "58.1400", "tax S 0.1900, base: the bill has 58.1400, the e-invoice 58.13"),
        ("two rates", "taxes", "tax", "11.0500", "tax S 0.1900, tax: the bill has 11.0500, the e-invoice 11.04"),
        ("two rates", "taxes", "tax_rate", "0.2000", "tax S 0.2000, rate: the bill has 0.2000, the e-invoice 0.19"),
        ("two rates", "taxes", "tax_category", "Z", "tax Z 0.1900, category: the bill has Z, the e-invoice S"),
        ("domestic", "lines", "net", "58.1400", "line 1, net: the bill has 58.1400, the e-invoice 58.13"),
        ("domestic", "lines", "tax_category", "E", "line 1, category: the bill has E, the e-invoice S"),
        ("domestic", "lines", "tax_rate", "0.0700", "line 1, rate: the bill has 0.0700, the e-invoice 0.19"),
        ("domestic", "lines", "line_no", "9", "line 9, number: the bill has 9, the e-invoice 1"),
        ("domestic", "lines", "quantity", "187.6", "line 1, quantity and price: "),
        ("domestic", "lines", "quantity", "-187.5", "line 1, quantity and price: "),
        ("domestic", "lines", "unit_price", "0.32", "line 1, quantity and price: "),
        ("credit note", "lines", "quantity", "31", "line 1, quantity and price: "),
        ("tiers and proration", "lines", "unit_price", "101", "line 1, quantity and price: "),
    ],
)  # fmt: skip
def test_differences(write, bill, part, name, value, said):
    xml = write(einvoice_of(BILLS[bill]))
    assert [found for found in differences(altered(bill, part, name, value), xml) if found.startswith(said)]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("part", "said"), [("lines", "lines: the bill has 1, "), ("taxes", "rows of taxes: the bill has 1, ")]
)
def test_differences_of_a_row_more(write, part, said):
    bill = BILLS["two rates"]
    xml = write(einvoice_of(bill))
    assert [found for found in differences({**bill, part: bill[part][:1]}, xml) if found.startswith(said)]


@pytest.mark.parametrize("write", WRITERS)
def test_differences_of_another_currency(write):
    bill = BILLS["domestic"]
    assert differences({**bill, "currency": "CHF"}, write(einvoice_of(bill))) == [
        "currency: the bill has CHF, the e-invoice EUR"
    ]


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (b"<a/>", "not an e-invoice in CII or UBL: its root is a"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "no document type"),
        ("<a/>".encode("utf-16"), "utf-8"),
        (cii_xml(einvoice_of(BILLS["domestic"])).replace(b"ram:DuePayableAmount", b"ram:Other"), "lacks .*DuePayableAmount"),
    ],
)  # fmt: skip
def test_read_einvoice_of_something_else(xml, said):
    with pytest.raises(ValueError, match=said):
        read_einvoice(xml)
