"""Payloads as e-invoices of EN 16931; both XML formats and their check start from this one record."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billflow.catalog.taxes import REASONS
from billflow.documents.einvoice.lines import UNIT_CODES, invoice_line, period_of
from billflow.documents.einvoice.rules import disagreements, missing_parts, unmet_conditions
from billflow.documents.einvoice.terms import (
    CREDIT_NOTE,
    CREDIT_TRANSFER,
    EMAIL,
    INVOICE,
    NOT_DEFINED,
    SEPA_CREDIT_TRANSFER,
    EInvoice,
    Party,
    Payment,
    Period,
    TaxSubtotal,
)
from billflow.errors import EInvoiceError

REASON_CODES = {"AE": "VATEX-EU-AE", "K": "VATEX-EU-IC", "G": "VATEX-EU-G", "O": "VATEX-EU-O"}
"""VATEX codes (BT-121) that follow from the category alone; for E the law that exempts decides."""

IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")

VAT_PREFIX = re.compile("AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI")
"""How VAT identifiers of the EU and of Northern Ireland begin; others, if at all, with their country's code."""

COMPLETE = "complete the seller, the customer or the tax, or send the PDF without an e-invoice"
COMPARE = "compare the rows of this bill in invoices, invoice_lines and invoice_taxes, and bill it again"

Payload = Mapping[str, Any]


def einvoice_of(payload: Payload, *, unit_codes: Mapping[str, str] = UNIT_CODES) -> EInvoice:
    """The e-invoice of a payload (see `payload.invoice_payloads`).

    Read beyond that, where they are there: `reason` of a row of `taxes` (else the catalogue's text for its category);
    `endpoint`, `endpoint_scheme`, `contact`, `phone` and `email` of the seller and the customer, `buyer_reference` of
    the customer. Who has no endpoint is reached by e-mail. `unit_codes` are by unit in small letters.

    Raises EInvoiceError that lists what EN 16931 asks for and the bill lacks, or which of its figures do not agree.
    """
    number = payload["invoice"]["invoice_number"] or payload["invoice"]["invoice_id"]
    _refuse_for("this bill cannot be an e-invoice, it lacks", missing_parts(payload), number, COMPLETE)
    einvoice = _einvoice(payload, unit_codes)
    _refuse_for("this bill cannot be an e-invoice", unmet_conditions(einvoice), number, COMPLETE)
    _refuse_for("the bill's figures do not agree", disagreements(einvoice), number, COMPARE)
    return einvoice


def _refuse_for(what: str, problems: list[str], number: str, remedy: str) -> None:
    if problems:
        raise EInvoiceError(f"{what}: {'; '.join(problems)}", where=f"e-invoice {number}", remedy=remedy)


def _einvoice(payload: Payload, unit_codes: Mapping[str, str]) -> EInvoice:
    invoice, customer = payload["invoice"], payload["customer"]
    credit = invoice["kind"] == "credit_note"
    period = period_of(invoice["period_start"], invoice["period_end"]) or Period(*2 * [invoice["issue_date"]])
    breakdown = tuple(_subtotal(tax, credit=credit) for tax in payload["taxes"])
    categories = {tax.category for tax in breakdown}
    # BR-O-02 forbids VAT identifiers where nothing is subject to VAT.
    with_vat = categories != {"O"}
    buyer = _buyer(customer, with_vat=with_vat)
    return EInvoice(
        number=invoice["invoice_number"],
        issue_date=invoice["issue_date"],
        type_code=CREDIT_NOTE if credit else INVOICE,
        currency=payload["currency"],
        due_date=invoice["due_date"],
        buyer_reference=customer.get("buyer_reference"),
        note=invoice.get("correction_reason"),
        preceding=invoice.get("corrects_number") or invoice.get("corrects"),
        seller=_seller(payload["seller"], with_vat=with_vat),
        buyer=buyer,
        deliver_to=buyer if "K" in categories else None,  # BR-IC-12
        period=period,
        payment=_payment(payload),
        net=_amount(invoice["net"], credit=credit),
        tax=_amount(invoice["tax"], credit=credit),
        total=_amount(invoice["total"], credit=credit),
        breakdown=breakdown,
        lines=tuple(
            invoice_line(line, credit=credit, unit_codes=unit_codes, within=period) for line in payload["lines"]
        ),
    )


def _seller(seller: Payload, *, with_vat: bool) -> Party:
    tax_id = _compact(seller["tax_id"])
    vat_id = tax_id if with_vat and is_vat_id(tax_id, seller["country"]) else None
    return _party(
        seller,
        identifier=None if vat_id else tax_id,  # BR-CO-26: something must identify the seller
        legal_id=None,
        vat_id=vat_id,
        tax_registration=tax_id if with_vat and not vat_id else None,
    )


def _buyer(customer: Payload, *, with_vat: bool) -> Party:
    tax_id = _compact(customer["tax_id"] or "")
    vat_id = tax_id if with_vat and is_vat_id(tax_id, customer["country"]) else None
    legal_id = None if vat_id else tax_id or None
    return _party(customer, identifier=customer["account_id"], legal_id=legal_id, vat_id=vat_id, tax_registration=None)


def _party(
    party: Payload, *, identifier: str | None, legal_id: str | None, vat_id: str | None, tax_registration: str | None
) -> Party:
    endpoint, scheme = _electronic_address(party)
    return Party(
        name=party["name"],
        street=party["street"],
        city=party["city"],
        postcode=party["postcode"],
        country=party["country"],
        identifier=identifier,
        legal_id=legal_id,
        vat_id=vat_id,
        tax_registration=tax_registration,
        endpoint=endpoint,
        endpoint_scheme=scheme,
        contact=party.get("contact"),
        phone=party.get("phone"),
        email=party.get("email"),
    )


def _electronic_address(party: Payload) -> tuple[str | None, str | None]:
    """BT-34 or BT-49 with its scheme, without which it says nothing (BR-62, BR-63)."""
    if party.get("endpoint") and party.get("endpoint_scheme"):
        return party["endpoint"], party["endpoint_scheme"]
    email = party.get("email") or None
    return email, EMAIL if email else None


def is_vat_id(tax_id: str, country: str) -> bool:
    """Whether a tax id begins like a VAT identifier (BR-CO-09), such as `DE` or `EL`, or with its holder's country."""
    return VAT_PREFIX.match(tax_id) is not None or tax_id[:2] == country


def _payment(payload: Payload) -> Payment:
    """By transfer, where the bill is to be paid and says to which account."""
    invoice, seller = payload["invoice"], payload["seller"]
    account = _compact(seller["iban"] or "")
    if invoice["kind"] == "credit_note" or not account or Decimal(invoice["total"]) <= 0:
        return Payment(NOT_DEFINED, None, is_iban=False, holder=None, reference=invoice["invoice_number"])
    is_iban = IBAN.fullmatch(account) is not None
    code = SEPA_CREDIT_TRANSFER if is_iban and payload["currency"] == "EUR" else CREDIT_TRANSFER
    return Payment(code, account, is_iban=is_iban, holder=seller["name"], reference=invoice["invoice_number"])


def _subtotal(tax: Mapping[str, Any], *, credit: bool) -> TaxSubtotal:
    category = tax["tax_category"]
    return TaxSubtotal(
        category=category,
        percent=Decimal(tax["tax_rate"]).scaleb(2),
        base=_amount(tax["base"], credit=credit),
        tax=_amount(tax["tax"], credit=credit),
        # BR-S-10 and BR-Z-10 forbid a reason where the rate says all.
        reason=(tax.get("reason") or REASONS[category]) if category in REASONS else None,
        reason_code=REASON_CODES.get(category),
    )


def _amount(text: str, *, credit: bool) -> Decimal:
    return Decimal(text).copy_negate() if credit else Decimal(text)


def _compact(text: str) -> str:
    return text.replace(" ", "")
