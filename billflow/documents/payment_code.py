"""What a payment code says: a SEPA credit transfer for euro, or the seller's own payment page for any currency.

A transfer is written as the European Payments Council's guideline EPC069-12 has it (version 002, UTF-8), which banking
apps know as GiroCode or EPC QR: error correction M, QR version 13 at most, that is 331 bytes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

MOST_BYTES = 331
LONGEST_NAME, LONGEST_TEXT = 70, 140
LEAST_AMOUNT, MOST_AMOUNT = Decimal("0.01"), Decimal("999999999.99")

EEA = re.compile("AT|BE|BG|CY|CZ|DE|DK|EE|ES|FI|FR|GR|HR|HU|IE|IS|IT|LI|LT|LU|LV|MT|NL|NO|PL|PT|RO|SE|SI|SK")
SEPA_BEYOND_EEA = re.compile("AD|AL|CH|GB|GI|MC|MD|ME|MK|RS|SM|VA")
"""Countries of the SEPA scheme (EPC409-09) in whose codes the bank's BIC is mandatory."""

IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")
CREDITOR_REFERENCE = re.compile(r"RF\d{2}[A-Z0-9]{1,21}")
LINE_BREAKS = re.compile(r"[\s\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class PaymentCode:
    """The text of a code, and whether it is a `transfer` for a banking app or a `link` to open."""

    kind: Literal["transfer", "link"]
    text: str


def payment_code_of(payload: Mapping[str, Any], *, reference: str, minor_digits: int) -> PaymentCode | None:
    """The code that pays this document: a transfer where one can be made, else a link, else None.

    None too for what is not to be paid: a draft, a credit note, a total of zero or less. `minor_digits` are the
    currency's, for the amount of a link. Of the seller it reads name, iban, bic and payment_url, the last two optional.
    """
    if not _is_due(payload["invoice"]):
        return None
    codes = [
        PaymentCode("transfer", _transfer(payload, reference)),
        PaymentCode("link", _link(payload, reference, minor_digits)),
    ]
    return next((code for code in codes if 0 < len(code.text.encode()) <= MOST_BYTES), None)


def is_iban(text: str) -> bool:
    """Whether a text without spaces is an IBAN whose checksum (ISO 13616) is right."""
    return bool(IBAN.fullmatch(text)) and _has_checksum(text)


def is_creditor_reference(text: str) -> bool:
    """Whether a text without spaces is a reference of ISO 11649 whose checksum is right."""
    return bool(CREDITOR_REFERENCE.fullmatch(text)) and _has_checksum(text)


def _is_due(invoice: Mapping[str, Any]) -> bool:
    return invoice["kind"] == "invoice" and invoice["status"] != "draft" and Decimal(invoice["total"]) > 0


def _transfer(payload: Mapping[str, Any], reference: str) -> str:
    """The lines of a transfer, without empty ones at the end; an empty text where none can be made."""
    seller, amount = payload["seller"], Decimal(payload["invoice"]["total"])
    iban, bic = (_without_spaces(seller.get(key)) for key in ("iban", "bic"))
    bic = bic if BIC.fullmatch(bic) else ""
    if payload["currency"] != "EUR" or not _takes_transfers(iban, bic) or not _is_transferable(amount):
        return ""
    structured = _without_spaces(reference)
    remittance = [structured] if is_creditor_reference(structured) else ["", _line(reference, LONGEST_TEXT)]
    name = _line(seller["name"], LONGEST_NAME)
    lines = ["BCD", "002", "1", "SCT", bic, name, iban, f"EUR{amount:.2f}", "", *remittance]
    return "\n".join(lines)


def _takes_transfers(iban: str, bic: str) -> bool:
    return is_iban(iban) and bool(EEA.match(iban) or (bic and SEPA_BEYOND_EEA.match(iban)))


def _is_transferable(amount: Decimal) -> bool:
    return LEAST_AMOUNT <= amount <= MOST_AMOUNT and amount == round(amount, 2)


def _link(payload: Mapping[str, Any], reference: str, minor_digits: int) -> str:
    """The seller's payment_url with its placeholders (`codes.PAYMENT_URL_NAMES`) filled in; empty without one."""
    url, invoice = payload["seller"].get("payment_url") or "", payload["invoice"]
    values = {
        "invoice_id": invoice["invoice_id"],
        "reference": reference,
        "amount": f"{Decimal(invoice['total']):.{minor_digits}f}",
        "currency": payload["currency"],
    }
    for name, value in values.items():
        url = url.replace(f"{{{name}}}", quote(value, safe=""))
    return str(url)


def _has_checksum(text: str) -> bool:
    """ISO 7064 mod 97-10: the first four characters behind the others, letters as 10 to 35."""
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def _without_spaces(text: str | None) -> str:
    return "".join((text or "").split()).upper()


def _line(text: str, longest: int) -> str:
    return LINE_BREAKS.sub(" ", text).strip()[:longest].rstrip()
