"""What EN 16931 asks of a bill: parts that must be there, conditions of tax categories, and figures that agree."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision

from billflow.documents.einvoice.lines import plain
from billflow.documents.einvoice.terms import EInvoice, TaxSubtotal

CENT = Decimal("0.01")

Rate = tuple[str, Decimal]  # category and percent


def missing_parts(payload: Mapping[str, Any]) -> list[str]:
    """What a payload lacks, by its own names and the rule of EN 16931 that asks for it."""
    invoice, seller, customer = (payload[part] or {} for part in ("invoice", "seller", "customer"))
    needed = {
        "a legal number, which drafts do not have (BR-02)": invoice["invoice_number"],
        "the date of issue (BR-03)": invoice["issue_date"],
        "the due date (BR-CO-25)": invoice["due_date"],
        "the seller's name (BR-06)": seller.get("name"),
        "the seller's country (BR-09)": seller.get("country"),
        "the seller's tax_id (BR-CO-26)": seller.get("tax_id"),
        "the customer's name (BR-07)": customer.get("name"),
        "the customer's country (BR-11)": customer.get("country"),
        "a line (BR-16)": payload["lines"],
    }
    return [name for name, found in needed.items() if not _given(found)] + list(_missing_in_lines(payload["lines"]))


def _given(part: object) -> bool:
    return bool(part.strip() if isinstance(part, str) else part)


def _missing_in_lines(lines: list[Mapping[str, Any]]) -> Iterator[str]:
    nameless = [line["line_no"] for line in lines if not (line["description"] or line["section"])]
    untaxed = [line["line_no"] for line in lines if not line["tax_category"]]
    if nameless:
        yield f"a description of {_lines(nameless)} (BR-25)"
    if untaxed:
        yield f"the tax category of {_lines(untaxed)} (BR-CO-04); give the charge a tax"


def _lines(numbers: list[str]) -> str:
    shown, more = ", ".join(map(str, numbers[:5])), len(numbers) - 5
    return f"{'lines' if len(numbers) > 1 else 'line'} {shown}{f' and {more} more' if more > 0 else ''}"


_CONDITIONS: Mapping[str, tuple[tuple[str, Callable[[EInvoice], object]], ...]] = {
    "AE": (
        (
            "reverse charge (AE) asks for the customer's tax_id (BR-AE-02)",
            lambda bill: bill.buyer.vat_id or bill.buyer.legal_id,
        ),
    ),
    "K": (
        (
            "an intra-community supply (K) asks for the seller's VAT identifier (BR-IC-02)",
            lambda bill: bill.seller.vat_id,
        ),
        (
            "an intra-community supply (K) asks for the customer's VAT identifier (BR-IC-02)",
            lambda bill: bill.buyer.vat_id,
        ),
    ),
    "G": (("an export (G) asks for the seller's VAT identifier (BR-G-02)", lambda bill: bill.seller.vat_id),),
    "O": (
        (
            "what is not subject to tax (O) needs an invoice of its own (BR-O-11)",
            lambda bill: {tax.category for tax in bill.breakdown} == {"O"},
        ),
    ),
    "S": (
        (
            "the standard rate (S) may not be 0; the tax is of category Z or E (BR-S-05)",
            lambda bill: all(tax.percent for tax in bill.breakdown if tax.category == "S"),
        ),
    ),
}


def unmet_conditions(einvoice: EInvoice) -> list[str]:
    """Conditions of the invoice's tax categories that its parties do not meet, and amounts with too many decimals."""
    categories = dict.fromkeys(tax.category for tax in einvoice.breakdown)
    unmet = [text for name in categories for text, met in _CONDITIONS.get(name, ()) if not met(einvoice)]
    too_fine = [f"{amount:f}" for amount in _amounts(einvoice) if amount != amount.quantize(CENT)]
    decimals = [f"amounts may have two decimals (BR-DEC): {', '.join(too_fine[:5])}"] if too_fine else []
    return unmet + decimals


def _amounts(einvoice: EInvoice) -> Iterator[Decimal]:
    yield from (einvoice.net, einvoice.tax, einvoice.total)
    for tax in einvoice.breakdown:
        yield from (tax.base, tax.tax)
    yield from (line.net for line in einvoice.lines)


def disagreements(einvoice: EInvoice) -> list[str]:
    """Figures that break an identity of EN 16931 (BR-CO-10, 14, 15 and 17, BR-x-08), both sides of each."""
    breakdown = einvoice.breakdown
    identities = [
        ("the sum of the lines is not the net (BR-CO-10)", _sum(line.net for line in einvoice.lines), einvoice.net),
        ("the sum of the taxes is not the tax (BR-CO-14)", _sum(tax.tax for tax in breakdown), einvoice.tax),
        ("net and tax are not the total (BR-CO-15)", einvoice.net + einvoice.tax, einvoice.total),
        *_bases(einvoice),
    ]
    broken = [f"{what}: {left:f} and {right:f}" for what, left, right in identities if left != right]
    slack = Decimal(5).scaleb(-1 - get_currency_precision(einvoice.currency))
    return broken + [
        f"the tax of {_named(tax.category, tax.percent)} is {tax.tax:f} of {tax.base:f} (BR-CO-17)"
        for tax in breakdown
        if not _is_tax_of(tax, slack)
    ]


def _bases(einvoice: EInvoice) -> Iterator[tuple[str, Decimal, Decimal]]:
    """The nets of the lines of each category and rate beside the base that the breakdown has (BR-S-08 and the like)."""
    nets: defaultdict[Rate, Decimal] = defaultdict(Decimal)
    for line in einvoice.lines:
        nets[line.category, line.percent] += line.net
    bases = {(tax.category, tax.percent): tax.base for tax in einvoice.breakdown}
    for rate in {**nets, **bases}:
        base = bases.get(rate, Decimal(0))
        yield f"the lines of {_named(*rate)} are not its base (BR-{rate[0]}-08)", nets[rate], base


def _is_tax_of(subtotal: TaxSubtotal, slack: Decimal) -> bool:
    """Whether it is base × rate, but for its rounding.

    Where prices include the tax it was the tax that was rounded, and the base follows: that much again times the rate.
    """
    fraction = subtotal.percent.scaleb(-2)
    return abs(subtotal.base * fraction - subtotal.tax) <= slack * (1 + fraction)


def _named(category: str, percent: Decimal) -> str:
    return f"{category} {plain(percent)} %"


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
