"""What EN 16931-1 calls the parts of an invoice, as far as bills have them: business terms (BT) and groups (BG).

Texts are never empty: what is not there is None. Amounts are in the invoice's currency, with two decimals at most, and
positive on a credit note. Dates are ISO; periods include their last day.
"""

from dataclasses import dataclass
from decimal import Decimal

INVOICE, CREDIT_NOTE = "380", "381"
"""Type codes (BT-3), of UNTDID 1001."""

NOT_DEFINED, CREDIT_TRANSFER, SEPA_CREDIT_TRANSFER = "1", "30", "58"
"""Payment means (BT-81), of UNTDID 4461."""

EMAIL = "EM"
"""An e-mail address as an electronic address, of CEF's list EAS."""


@dataclass(frozen=True, slots=True)
class Party:
    """The seller (BG-4) or the buyer (BG-7): name BT-27/44, address BG-5/8 and what identifies it.

    identifier: BT-29/46, the account's number for a buyer. legal_id: BT-30/47. vat_id: BT-31/48, with the prefix of
    its country. tax_registration: BT-32, a seller's tax number that is no VAT identifier. endpoint and
    endpoint_scheme: the electronic address BT-34/49 and its list (Peppol's EAS). contact, phone, email: BT-41 to
    BT-43, BT-56 to BT-58.
    """

    name: str
    street: str | None
    city: str | None
    postcode: str | None
    country: str
    identifier: str | None
    legal_id: str | None
    vat_id: str | None
    tax_registration: str | None
    endpoint: str | None
    endpoint_scheme: str | None
    contact: str | None
    phone: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class Period:
    """An invoicing period, of the invoice (BG-14: BT-73, BT-74) or of a line (BG-26: BT-134, BT-135)."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """BG-25: id BT-126, note BT-127, quantity BT-129 in units of unit_code BT-130, net BT-131, period BG-26.

    price: BT-146, never negative (BR-27). category and percent: BT-151, BT-152. name: BT-153.
    """

    id: str
    note: str | None
    quantity: Decimal
    unit_code: str
    net: Decimal
    period: Period | None
    price: Decimal
    category: str
    percent: Decimal
    name: str


@dataclass(frozen=True, slots=True)
class TaxSubtotal:
    """BG-23, a row of the VAT breakdown: BT-118 category, BT-119 percent, BT-116 base, BT-117 tax.

    reason and reason_code: BT-120, BT-121, why no tax is due.
    """

    category: str
    percent: Decimal
    base: Decimal
    tax: Decimal
    reason: str | None
    reason_code: str | None


@dataclass(frozen=True, slots=True)
class Payment:
    """BG-16: BT-81 code, BT-84 account (an IBAN or a number of another kind), BT-85 holder, BT-83 reference."""

    code: str
    account: str | None
    is_iban: bool
    holder: str | None
    reference: str


@dataclass(frozen=True, slots=True)
class EInvoice:
    """One invoice or credit note.

    number BT-1, issue_date BT-2, type_code BT-3, currency BT-5, due_date BT-9, buyer_reference BT-10, note BT-22,
    preceding BT-25 (the number of the invoice that it takes back or replaces), deliver_to BG-15 (whose address it is),
    net BT-106 and BT-109, tax BT-110, total BT-112 and BT-115.
    """

    number: str
    issue_date: str
    type_code: str
    currency: str
    due_date: str
    buyer_reference: str | None
    note: str | None
    preceding: str | None
    seller: Party
    buyer: Party
    deliver_to: Party | None
    period: Period
    payment: Payment
    net: Decimal
    tax: Decimal
    total: Decimal
    breakdown: tuple[TaxSubtotal, ...]
    lines: tuple[InvoiceLine, ...]

    @property
    def is_credit_note(self) -> bool:
        return self.type_code == CREDIT_NOTE
