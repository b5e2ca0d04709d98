"""Reads an e-invoice back, CII or UBL, and compares every amount of it with the bill that it was made from.

Nothing of what wrote it is used here: the payload alone says what must be there.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

Payload = Mapping[str, Any]
Pair = tuple[str, object, object]  # what it is, as the bill has it, as the e-invoice has it

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

_UNECE = "urn:un:unece:uncefact:data:standard"
_OASIS = "urn:oasis:names:specification:ubl:schema:xsd"
_NAMESPACES = {
    "rsm": f"{_UNECE}:CrossIndustryInvoice:100",
    "ram": f"{_UNECE}:ReusableAggregateBusinessInformationEntity:100",
    "udt": f"{_UNECE}:UnqualifiedDataType:100",
    "cac": f"{_OASIS}:CommonAggregateComponents-2",
    "cbc": f"{_OASIS}:CommonBasicComponents-2",
}


@dataclass(frozen=True)
class ReadLine:
    """A line: id, quantity, price, net, category, rate (a fraction; 0 where none is said) and its note."""

    id: str
    quantity: Decimal
    price: Decimal
    net: Decimal
    category: str
    rate: Decimal
    note: str


@dataclass(frozen=True)
class ReadTax:
    """A row of the VAT breakdown; `rate` is a fraction."""

    category: str
    rate: Decimal
    base: Decimal
    tax: Decimal


@dataclass(frozen=True)
class ReadInvoice:
    """What an e-invoice says. Dates are ISO; amounts are as written: positive on a credit note."""

    number: str
    type_code: str
    currency: str
    issue_date: str
    due_date: str
    period: tuple[str, str]
    lines: tuple[ReadLine, ...]
    taxes: tuple[ReadTax, ...]
    line_total: Decimal
    net: Decimal
    tax: Decimal
    total: Decimal
    payable: Decimal


_HEADER = "rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeSettlement/"
_SUMS = f"{_HEADER}ram:SpecifiedTradeSettlementHeaderMonetarySummation/"
_LINE = "ram:SpecifiedLineTradeSettlement/"
_LINE_TAX = f"{_LINE}ram:ApplicableTradeTax/"

_CII = {
    "number": "rsm:ExchangedDocument/ram:ID",
    "type_code": "rsm:ExchangedDocument/ram:TypeCode",
    "currency": f"{_HEADER}ram:InvoiceCurrencyCode",
    "issue_date": "rsm:ExchangedDocument/ram:IssueDateTime/udt:DateTimeString",
    "due_date": f"{_HEADER}ram:SpecifiedTradePaymentTerms/ram:DueDateDateTime/udt:DateTimeString",
    "first": f"{_HEADER}ram:BillingSpecifiedPeriod/ram:StartDateTime/udt:DateTimeString",
    "last": f"{_HEADER}ram:BillingSpecifiedPeriod/ram:EndDateTime/udt:DateTimeString",
    "line_total": f"{_SUMS}ram:LineTotalAmount",
    "net": f"{_SUMS}ram:TaxBasisTotalAmount",
    "tax": f"{_SUMS}ram:TaxTotalAmount",
    "total": f"{_SUMS}ram:GrandTotalAmount",
    "payable": f"{_SUMS}ram:DuePayableAmount",
    "lines": "rsm:SupplyChainTradeTransaction/ram:IncludedSupplyChainTradeLineItem",
    "line_id": "ram:AssociatedDocumentLineDocument/ram:LineID",
    "line_note": "ram:AssociatedDocumentLineDocument/ram:IncludedNote/ram:Content",
    "line_quantity": "ram:SpecifiedLineTradeDelivery/ram:BilledQuantity",
    "line_price": "ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice/ram:ChargeAmount",
    "line_net": f"{_LINE}ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount",
    "line_category": f"{_LINE_TAX}ram:CategoryCode",
    "line_percent": f"{_LINE_TAX}ram:RateApplicablePercent",
    "taxes": f"{_HEADER}ram:ApplicableTradeTax",
    "tax_category": "ram:CategoryCode",
    "tax_percent": "ram:RateApplicablePercent",
    "tax_base": "ram:BasisAmount",
    "tax_tax": "ram:CalculatedAmount",
}

_INVOICE = {
    "number": "cbc:ID",
    "type_code": "cbc:InvoiceTypeCode",
    "currency": "cbc:DocumentCurrencyCode",
    "issue_date": "cbc:IssueDate",
    "due_date": "cbc:DueDate",
    "first": "cac:InvoicePeriod/cbc:StartDate",
    "last": "cac:InvoicePeriod/cbc:EndDate",
    "line_total": "cac:LegalMonetaryTotal/cbc:LineExtensionAmount",
    "net": "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount",
    "tax": "cac:TaxTotal/cbc:TaxAmount",
    "total": "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount",
    "payable": "cac:LegalMonetaryTotal/cbc:PayableAmount",
    "lines": "cac:InvoiceLine",
    "line_id": "cbc:ID",
    "line_note": "cbc:Note",
    "line_quantity": "cbc:InvoicedQuantity",
    "line_price": "cac:Price/cbc:PriceAmount",
    "line_net": "cbc:LineExtensionAmount",
    "line_category": "cac:Item/cac:ClassifiedTaxCategory/cbc:ID",
    "line_percent": "cac:Item/cac:ClassifiedTaxCategory/cbc:Percent",
    "taxes": "cac:TaxTotal/cac:TaxSubtotal",
    "tax_category": "cac:TaxCategory/cbc:ID",
    "tax_percent": "cac:TaxCategory/cbc:Percent",
    "tax_base": "cbc:TaxableAmount",
    "tax_tax": "cbc:TaxAmount",
}

_CREDIT_NOTE = {
    **_INVOICE,
    "type_code": "cbc:CreditNoteTypeCode",
    "due_date": "cac:PaymentMeans/cbc:PaymentDueDate",
    "lines": "cac:CreditNoteLine",
    "line_quantity": "cbc:CreditedQuantity",
}

_PATHS = {
    f"{{{_NAMESPACES['rsm']}}}CrossIndustryInvoice": _CII,
    f"{{{_OASIS}:Invoice-2}}Invoice": _INVOICE,
    f"{{{_OASIS}:CreditNote-2}}CreditNote": _CREDIT_NOTE,
}


def read_einvoice(xml: bytes) -> ReadInvoice:
    """An e-invoice in CII or UBL (UTF-8). ValueError says what is missing, or that it is of another kind."""
    root = _root(xml)
    paths = _PATHS.get(root.tag)
    if paths is None:
        raise ValueError(f"not an e-invoice in CII or UBL: its root is {root.tag}")
    return ReadInvoice(
        number=_text(root, paths["number"]),
        type_code=_text(root, paths["type_code"]),
        currency=_text(root, paths["currency"]),
        issue_date=_iso(_text(root, paths["issue_date"])),
        due_date=_iso(_text(root, paths["due_date"])),
        period=(_iso(_text(root, paths["first"])), _iso(_text(root, paths["last"]))),
        lines=tuple(_line(line, paths) for line in root.iterfind(paths["lines"], _NAMESPACES)),
        taxes=tuple(_tax(tax, paths) for tax in root.iterfind(paths["taxes"], _NAMESPACES)),
        line_total=Decimal(_text(root, paths["line_total"])),
        net=Decimal(_text(root, paths["net"])),
        tax=Decimal(_text(root, paths["tax"])),
        total=Decimal(_text(root, paths["total"])),
        payable=Decimal(_text(root, paths["payable"])),
    )


def differences(payload: Payload, xml: bytes) -> list[str]:
    """What an e-invoice says otherwise than the payload that it was made from; empty when they agree.

    Compared are number, kind, currency, dates, totals, the VAT breakdown and of every line quantity, price, net,
    category and rate; a line that is billed as one piece must have the real quantity and price in its note.
    """
    found = read_einvoice(xml)
    credit = payload["invoice"]["kind"] == "credit_note"
    pairs = [
        *_head_pairs(payload["invoice"], payload["currency"], found),
        *_total_pairs(payload["invoice"], found, credit=credit),
        *_tax_pairs(payload["taxes"], found.taxes, credit=credit),
        *_line_pairs(payload["lines"], found.lines, credit=credit),
    ]
    return [f"{what}: the bill has {ours}, the e-invoice {theirs}" for what, ours, theirs in pairs if ours != theirs]


def _head_pairs(invoice: Payload, currency: str, found: ReadInvoice) -> Iterator[Pair]:
    yield "number", invoice["invoice_number"], found.number
    yield "kind", {"invoice": "380", "credit_note": "381"}[invoice["kind"]], found.type_code
    yield "currency", currency, found.currency
    yield "issue date", invoice["issue_date"], found.issue_date
    yield "due date", invoice["due_date"], found.due_date
    yield "period", (invoice["period_start"], invoice["period_end"]), (found.period[0], _day_after(found.period[1]))


def _total_pairs(invoice: Payload, found: ReadInvoice, *, credit: bool) -> Iterator[Pair]:
    net, tax, total = (_turned(invoice[name], credit=credit) for name in ("net", "tax", "total"))
    yield "sum of lines", net, found.line_total
    yield "net", net, found.net
    yield "tax", tax, found.tax
    yield "total", total, found.total
    yield "amount due", total, found.payable


def _tax_pairs(taxes: list[Payload], found: tuple[ReadTax, ...], *, credit: bool) -> Iterator[Pair]:
    yield "rows of taxes", len(taxes), len(found)
    for tax, read in zip(taxes, found, strict=False):
        name = f"tax {tax['tax_category']} {tax['tax_rate']}"
        yield f"{name}, category", tax["tax_category"], read.category
        yield f"{name}, rate", Decimal(tax["tax_rate"]), read.rate
        yield f"{name}, base", _turned(tax["base"], credit=credit), read.base
        yield f"{name}, tax", _turned(tax["tax"], credit=credit), read.tax


def _line_pairs(lines: list[Payload], found: tuple[ReadLine, ...], *, credit: bool) -> Iterator[Pair]:
    yield "lines", len(lines), len(found)
    for line, read in zip(lines, found, strict=False):
        name = f"line {line['line_no']}"
        yield f"{name}, number", str(line["line_no"]), read.id
        yield f"{name}, net", _turned(line["net"], credit=credit), read.net
        yield f"{name}, category", line["tax_category"], read.category
        yield f"{name}, rate", Decimal(line["tax_rate"]), read.rate
        yield f"{name}, quantity and price", _factors(line, read, credit=credit), (read.quantity, read.price)


def _factors(line: Payload, read: ReadLine, *, credit: bool) -> tuple[Decimal, Decimal]:
    """Quantity and price that the line should have; one piece at its net is as good where the note tells the rest."""
    quantity, price = Decimal(line["quantity"]), Decimal(line["unit_price"])
    net = _turned(line["net"], credit=credit)
    one = Decimal(1).copy_sign(net), net.copy_abs()
    if (read.quantity, read.price) == one and {quantity, price} <= set(map(Decimal, NUMBER.findall(read.note))):
        return one
    negative = ((quantity < 0) != (price < 0)) != credit
    return (quantity.copy_abs().copy_negate() if negative else quantity.copy_abs()), price.copy_abs()


def _turned(amount: str, *, credit: bool) -> Decimal:
    return Decimal(amount).copy_negate() if credit else Decimal(amount)


def _day_after(day: str) -> str:
    return (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()


def _root(xml: bytes) -> ET.Element:
    text = xml.decode()
    # Entities that grow without end or name files need a document type; no e-invoice has one.
    if "<!DOCTYPE" in text:
        raise ValueError("an e-invoice has no document type")
    parser: Any = ET.XMLPullParser(("start",))
    parser.feed(text)
    parser.close()
    root: ET.Element = next(parser.read_events())[1]
    return root


def _line(line: ET.Element, paths: Mapping[str, str]) -> ReadLine:
    return ReadLine(
        id=_text(line, paths["line_id"]),
        quantity=Decimal(_text(line, paths["line_quantity"])),
        price=Decimal(_text(line, paths["line_price"])),
        net=Decimal(_text(line, paths["line_net"])),
        category=_text(line, paths["line_category"]),
        rate=Decimal(_text(line, paths["line_percent"], default="0")).scaleb(-2),
        note=_text(line, paths["line_note"], default=""),
    )


def _tax(tax: ET.Element, paths: Mapping[str, str]) -> ReadTax:
    return ReadTax(
        category=_text(tax, paths["tax_category"]),
        rate=Decimal(_text(tax, paths["tax_percent"], default="0")).scaleb(-2),
        base=Decimal(_text(tax, paths["tax_base"])),
        tax=Decimal(_text(tax, paths["tax_tax"])),
    )


def _text(element: ET.Element, path: str, *, default: str | None = None) -> str:
    found = element.findtext(path, default, _NAMESPACES)
    if found is None:
        raise ValueError(f"the e-invoice lacks {path}")
    return found


def _iso(date: str) -> str:
    """CII writes 20130201."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if date.isdigit() else date
