"""E-invoices as UN/CEFACT Cross Industry Invoice: Factur-X 1.0, which is ZUGFeRD 2, profile EN 16931."""

from billflow.documents.einvoice.lines import plain
from billflow.documents.einvoice.markup import DECLARATION, amount, attribute, leaf, tag
from billflow.documents.einvoice.terms import EInvoice, InvoiceLine, Party, Payment, Period, TaxSubtotal

GUIDELINE = "urn:cen.eu:en16931:2017"

_UNECE = "urn:un:unece:uncefact:data:standard"
_NAMESPACES = (
    f' xmlns:rsm="{_UNECE}:CrossIndustryInvoice:100"'
    f' xmlns:ram="{_UNECE}:ReusableAggregateBusinessInformationEntity:100"'
    f' xmlns:udt="{_UNECE}:UnqualifiedDataType:100"'
)


def cii_xml(einvoice: EInvoice) -> bytes:
    """The XML of a Factur-X file (UTF-8); the same record gives the same bytes."""
    document = tag(
        "rsm:CrossIndustryInvoice",
        tag(
            "rsm:ExchangedDocumentContext",
            tag("ram:GuidelineSpecifiedDocumentContextParameter", leaf("ram:ID", GUIDELINE)),
        ),
        _header(einvoice),
        tag(
            "rsm:SupplyChainTradeTransaction",
            *map(_line, einvoice.lines),
            _agreement(einvoice),
            _delivery(einvoice),
            _settlement(einvoice),
        ),
        having=_NAMESPACES,
    )
    return (DECLARATION + document).encode()


def _header(einvoice: EInvoice) -> str:
    return tag(
        "rsm:ExchangedDocument",
        leaf("ram:ID", einvoice.number),
        leaf("ram:TypeCode", einvoice.type_code),
        _date("ram:IssueDateTime", einvoice.issue_date),
        tag("ram:IncludedNote", leaf("ram:Content", einvoice.note)),
    )


def _line(line: InvoiceLine) -> str:
    return tag(
        "ram:IncludedSupplyChainTradeLineItem",
        tag(
            "ram:AssociatedDocumentLineDocument",
            leaf("ram:LineID", line.id),
            tag("ram:IncludedNote", leaf("ram:Content", line.note)),
        ),
        tag("ram:SpecifiedTradeProduct", leaf("ram:Name", line.name)),
        tag(
            "ram:SpecifiedLineTradeAgreement",
            tag("ram:NetPriceProductTradePrice", leaf("ram:ChargeAmount", plain(line.price))),
        ),
        tag(
            "ram:SpecifiedLineTradeDelivery",
            leaf("ram:BilledQuantity", plain(line.quantity), having=attribute("unitCode", line.unit_code)),
        ),
        tag(
            "ram:SpecifiedLineTradeSettlement",
            tag(
                "ram:ApplicableTradeTax",
                leaf("ram:TypeCode", "VAT"),
                leaf("ram:CategoryCode", line.category),
                leaf("ram:RateApplicablePercent", None if line.category == "O" else plain(line.percent)),  # BR-O-05
            ),
            _period(line.period),
            tag(
                "ram:SpecifiedTradeSettlementLineMonetarySummation",
                leaf("ram:LineTotalAmount", amount(line.net)),
            ),
        ),
    )


def _agreement(einvoice: EInvoice) -> str:
    return tag(
        "ram:ApplicableHeaderTradeAgreement",
        leaf("ram:BuyerReference", einvoice.buyer_reference),
        _party("ram:SellerTradeParty", einvoice.seller),
        _party("ram:BuyerTradeParty", einvoice.buyer),
    )


def _party(name: str, party: Party) -> str:
    return tag(
        name,
        leaf("ram:ID", party.identifier),
        leaf("ram:Name", party.name),
        tag("ram:SpecifiedLegalOrganization", leaf("ram:ID", party.legal_id)),
        tag(
            "ram:DefinedTradeContact",
            leaf("ram:PersonName", party.contact),
            tag("ram:TelephoneUniversalCommunication", leaf("ram:CompleteNumber", party.phone)),
            tag("ram:EmailURIUniversalCommunication", leaf("ram:URIID", party.email)),
        ),
        _address(party),
        tag(
            "ram:URIUniversalCommunication",
            leaf("ram:URIID", party.endpoint, having=attribute("schemeID", party.endpoint_scheme)),
        ),
        _registration("VA", party.vat_id),
        _registration("FC", party.tax_registration),
    )


def _address(party: Party) -> str:
    return tag(
        "ram:PostalTradeAddress",
        leaf("ram:PostcodeCode", party.postcode),
        leaf("ram:LineOne", party.street),
        leaf("ram:CityName", party.city),
        leaf("ram:CountryID", party.country),
    )


def _registration(scheme: str, tax_id: str | None) -> str:
    return tag("ram:SpecifiedTaxRegistration", leaf("ram:ID", tax_id, having=attribute("schemeID", scheme)))


def _delivery(einvoice: EInvoice) -> str:
    if einvoice.deliver_to is None:
        # The one element that must be there even when it is empty.
        return "<ram:ApplicableHeaderTradeDelivery/>"
    return tag("ram:ApplicableHeaderTradeDelivery", tag("ram:ShipToTradeParty", _address(einvoice.deliver_to)))


def _settlement(einvoice: EInvoice) -> str:
    return tag(
        "ram:ApplicableHeaderTradeSettlement",
        leaf("ram:PaymentReference", einvoice.payment.reference),
        leaf("ram:InvoiceCurrencyCode", einvoice.currency),
        _payment(einvoice.payment),
        *map(_subtotal, einvoice.breakdown),
        _period(einvoice.period),
        tag("ram:SpecifiedTradePaymentTerms", _date("ram:DueDateDateTime", einvoice.due_date)),
        _totals(einvoice),
        tag("ram:InvoiceReferencedDocument", leaf("ram:IssuerAssignedID", einvoice.preceding)),
    )


def _payment(payment: Payment) -> str:
    return tag(
        "ram:SpecifiedTradeSettlementPaymentMeans",
        leaf("ram:TypeCode", payment.code),
        tag(
            "ram:PayeePartyCreditorFinancialAccount",
            leaf("ram:IBANID", payment.account if payment.is_iban else None),
            leaf("ram:AccountName", payment.holder),
            leaf("ram:ProprietaryID", None if payment.is_iban else payment.account),
        ),
    )


def _subtotal(tax: TaxSubtotal) -> str:
    return tag(
        "ram:ApplicableTradeTax",
        leaf("ram:CalculatedAmount", amount(tax.tax)),
        leaf("ram:TypeCode", "VAT"),
        leaf("ram:ExemptionReason", tax.reason),
        leaf("ram:BasisAmount", amount(tax.base)),
        leaf("ram:CategoryCode", tax.category),
        leaf("ram:ExemptionReasonCode", tax.reason_code),
        leaf("ram:RateApplicablePercent", plain(tax.percent)),
    )


def _totals(einvoice: EInvoice) -> str:
    return tag(
        "ram:SpecifiedTradeSettlementHeaderMonetarySummation",
        leaf("ram:LineTotalAmount", amount(einvoice.net)),
        leaf("ram:TaxBasisTotalAmount", amount(einvoice.net)),
        leaf("ram:TaxTotalAmount", amount(einvoice.tax), having=attribute("currencyID", einvoice.currency)),
        leaf("ram:GrandTotalAmount", amount(einvoice.total)),
        leaf("ram:DuePayableAmount", amount(einvoice.total)),
    )


def _period(period: Period | None) -> str:
    if period is None:
        return ""
    return tag(
        "ram:BillingSpecifiedPeriod",
        _date("ram:StartDateTime", period.first),
        _date("ram:EndDateTime", period.last),
    )


def _date(name: str, iso: str) -> str:
    """Format 102 is CCYYMMDD."""
    return tag(name, leaf("udt:DateTimeString", iso.replace("-", ""), having=' format="102"'))
