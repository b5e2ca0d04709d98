"""E-invoices as UBL 2.1 (ISO/IEC 19845): an Invoice or a CreditNote of EN 16931, Peppol BIS 3 or XRechnung 3."""

from collections.abc import Callable, Iterable, Mapping

from billflow.documents.einvoice.lines import plain
from billflow.documents.einvoice.markup import DECLARATION, amount, attribute, leaf, tag
from billflow.documents.einvoice.terms import EMAIL, EInvoice, InvoiceLine, Party, Period, TaxSubtotal
from billflow.errors import EInvoiceError

EN16931 = "urn:cen.eu:en16931:2017"
PEPPOL_BIS_3 = f"{EN16931}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
XRECHNUNG_3 = f"{EN16931}#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
"""Customization ids (BT-24)."""

BILLING = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
"""The business process (BT-23) of Peppol's billing, which XRechnung shares."""

_OASIS = "urn:oasis:names:specification:ubl:schema:xsd"
_COMPONENTS = f' xmlns:cac="{_OASIS}:CommonAggregateComponents-2" xmlns:cbc="{_OASIS}:CommonBasicComponents-2"'

Need = tuple[str, Callable[[EInvoice], object]]

_REFERENCE: Need = ("the customer's buyer_reference (BT-10)", lambda bill: bill.buyer_reference)
_ADDRESSES: tuple[Need, ...] = (
    ("the seller's endpoint with endpoint_scheme, or email (BT-34)", lambda bill: _has_endpoint(bill.seller)),
    ("the customer's endpoint with endpoint_scheme, or email (BT-49)", lambda bill: _has_endpoint(bill.buyer)),
)
_PARTICIPANTS: tuple[Need, ...] = (
    ("the seller's endpoint and endpoint_scheme (BT-34)", lambda bill: _is_participant(bill.seller)),
    ("the customer's endpoint and endpoint_scheme (BT-49)", lambda bill: _is_participant(bill.buyer)),
)
_CONTACT: tuple[Need, ...] = (
    ("the seller's contact (BT-41)", lambda bill: bill.seller.contact),
    ("the seller's phone (BT-42)", lambda bill: bill.seller.phone),
    ("the seller's email (BT-43)", lambda bill: bill.seller.email),
    ("the seller's city (BT-37)", lambda bill: bill.seller.city),
    ("the seller's postcode (BT-38)", lambda bill: bill.seller.postcode),
    ("the customer's city (BT-52)", lambda bill: bill.buyer.city),
    ("the customer's postcode (BT-53)", lambda bill: bill.buyer.postcode),
)
NEEDS: Mapping[str, tuple[Need, ...]] = {
    PEPPOL_BIS_3: (*_PARTICIPANTS, _REFERENCE),
    XRECHNUNG_3: (*_ADDRESSES, _REFERENCE, *_CONTACT),
}
"""What a customization asks for beyond EN 16931 (PEPPOL-EN16931-R003, R010, R020, CL008; BR-DE-2 to 9 and 15)."""


def ubl_xml(einvoice: EInvoice, customization: str = EN16931) -> bytes:
    """The XML of a UBL file (UTF-8); the same record gives the same bytes.

    Raises EInvoiceError that lists what the customization asks for and the bill lacks.
    """
    _check(einvoice, customization)
    root = "CreditNote" if einvoice.is_credit_note else "Invoice"
    document = tag(
        root,
        leaf("cbc:CustomizationID", customization),
        leaf("cbc:ProfileID", None if customization == EN16931 else BILLING),
        *_head(einvoice),
        _period(einvoice.period),
        tag("cac:BillingReference", tag("cac:InvoiceDocumentReference", leaf("cbc:ID", einvoice.preceding))),
        tag("cac:AccountingSupplierParty", _party(einvoice.seller)),
        tag("cac:AccountingCustomerParty", _party(einvoice.buyer)),
        _delivery(einvoice.deliver_to),
        _payment(einvoice),
        _taxes(einvoice),
        _totals(einvoice),
        *_lines(einvoice),
        having=f' xmlns="{_OASIS}:{root}-2"{_COMPONENTS}',
    )
    return (DECLARATION + document).encode()


def _check(einvoice: EInvoice, customization: str) -> None:
    needs = list(NEEDS.get(customization, ()))
    if {einvoice.seller.country, einvoice.buyer.country} == {"DE"}:
        needs += _CONTACT if customization == PEPPOL_BIS_3 else ()  # Peppol's rules DE-R-001 to 15
    lacking = [name for name, given in needs if not given(einvoice)]
    if lacking:
        raise EInvoiceError(
            f"this bill lacks what {customization.rpartition('#')[2]} asks for: {'; '.join(lacking)}",
            where=f"e-invoice {einvoice.number}",
            remedy="add these to the seller and the customer, or export it as plain EN 16931",
        )


def _has_endpoint(party: Party) -> bool:
    return bool(party.endpoint and party.endpoint_scheme)


def _is_participant(party: Party) -> bool:
    """Peppol's network delivers to participants, not to e-mail addresses."""
    return _has_endpoint(party) and party.endpoint_scheme != EMAIL


def _head(einvoice: EInvoice) -> Iterable[str]:
    credit = einvoice.is_credit_note
    yield leaf("cbc:ID", einvoice.number)
    yield leaf("cbc:IssueDate", einvoice.issue_date)
    yield leaf("cbc:DueDate", None if credit else einvoice.due_date)
    yield leaf("cbc:CreditNoteTypeCode" if credit else "cbc:InvoiceTypeCode", einvoice.type_code)
    yield leaf("cbc:Note", einvoice.note)
    yield leaf("cbc:DocumentCurrencyCode", einvoice.currency)
    yield leaf("cbc:BuyerReference", einvoice.buyer_reference)


def _party(party: Party) -> str:
    return tag(
        "cac:Party",
        leaf("cbc:EndpointID", party.endpoint, having=attribute("schemeID", party.endpoint_scheme)),
        tag("cac:PartyIdentification", leaf("cbc:ID", party.identifier)),
        _address("cac:PostalAddress", party),
        _tax_scheme("VAT", party.vat_id),
        _tax_scheme("FC", party.tax_registration),
        tag("cac:PartyLegalEntity", leaf("cbc:RegistrationName", party.name), leaf("cbc:CompanyID", party.legal_id)),
        tag(
            "cac:Contact",
            leaf("cbc:Name", party.contact),
            leaf("cbc:Telephone", party.phone),
            leaf("cbc:ElectronicMail", party.email),
        ),
    )


def _tax_scheme(scheme: str, tax_id: str | None) -> str:
    """BT-31 is of the scheme VAT, BT-32 of any other."""
    if tax_id is None:
        return ""
    return tag("cac:PartyTaxScheme", leaf("cbc:CompanyID", tax_id), tag("cac:TaxScheme", leaf("cbc:ID", scheme)))


def _address(name: str, party: Party) -> str:
    return tag(
        name,
        leaf("cbc:StreetName", party.street),
        leaf("cbc:CityName", party.city),
        leaf("cbc:PostalZone", party.postcode),
        tag("cac:Country", leaf("cbc:IdentificationCode", party.country)),
    )


def _delivery(to: Party | None) -> str:
    return tag("cac:Delivery", tag("cac:DeliveryLocation", _address("cac:Address", to))) if to else ""


def _payment(einvoice: EInvoice) -> str:
    payment = einvoice.payment
    return tag(
        "cac:PaymentMeans",
        leaf("cbc:PaymentMeansCode", payment.code),
        leaf("cbc:PaymentDueDate", einvoice.due_date if einvoice.is_credit_note else None),
        leaf("cbc:PaymentID", payment.reference),
        tag("cac:PayeeFinancialAccount", leaf("cbc:ID", payment.account), leaf("cbc:Name", payment.holder)),
    )


def _taxes(einvoice: EInvoice) -> str:
    of = attribute("currencyID", einvoice.currency)
    return tag(
        "cac:TaxTotal",
        leaf("cbc:TaxAmount", amount(einvoice.tax), having=of),
        *(_subtotal(tax, of) for tax in einvoice.breakdown),
    )


def _subtotal(tax: TaxSubtotal, of: str) -> str:
    return tag(
        "cac:TaxSubtotal",
        leaf("cbc:TaxableAmount", amount(tax.base), having=of),
        leaf("cbc:TaxAmount", amount(tax.tax), having=of),
        tag(
            "cac:TaxCategory",
            leaf("cbc:ID", tax.category),
            leaf("cbc:Percent", plain(tax.percent)),
            leaf("cbc:TaxExemptionReasonCode", tax.reason_code),
            leaf("cbc:TaxExemptionReason", tax.reason),
            tag("cac:TaxScheme", leaf("cbc:ID", "VAT")),
        ),
    )


def _totals(einvoice: EInvoice) -> str:
    of = attribute("currencyID", einvoice.currency)
    return tag(
        "cac:LegalMonetaryTotal",
        leaf("cbc:LineExtensionAmount", amount(einvoice.net), having=of),
        leaf("cbc:TaxExclusiveAmount", amount(einvoice.net), having=of),
        leaf("cbc:TaxInclusiveAmount", amount(einvoice.total), having=of),
        leaf("cbc:PayableAmount", amount(einvoice.total), having=of),
    )


def _lines(einvoice: EInvoice) -> Iterable[str]:
    of = attribute("currencyID", einvoice.currency)
    name, quantity = (
        ("cac:CreditNoteLine", "cbc:CreditedQuantity")
        if einvoice.is_credit_note
        else ("cac:InvoiceLine", "cbc:InvoicedQuantity")
    )
    for line in einvoice.lines:
        yield tag(
            name,
            leaf("cbc:ID", line.id),
            leaf("cbc:Note", line.note),
            leaf(quantity, plain(line.quantity), having=attribute("unitCode", line.unit_code)),
            leaf("cbc:LineExtensionAmount", amount(line.net), having=of),
            _period(line.period),
            _item(line),
            tag("cac:Price", leaf("cbc:PriceAmount", plain(line.price), having=of)),
        )


def _item(line: InvoiceLine) -> str:
    return tag(
        "cac:Item",
        leaf("cbc:Name", line.name),
        tag(
            "cac:ClassifiedTaxCategory",
            leaf("cbc:ID", line.category),
            leaf("cbc:Percent", None if line.category == "O" else plain(line.percent)),  # BR-O-05
            tag("cac:TaxScheme", leaf("cbc:ID", "VAT")),
        ),
    )


def _period(period: Period | None) -> str:
    if period is None:
        return ""
    return tag("cac:InvoicePeriod", leaf("cbc:StartDate", period.first), leaf("cbc:EndDate", period.last))
