"""Bills of every kind that an e-invoice must carry, as payloads."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from itertools import count
from typing import Any

from billflow.bench.bills import bill
from billflow.documents.einvoice.lines import UNIT_CODES
from billflow.documents.sample import CREDIT_NOTE, INVOICE

SELLER = {
    "name": "Stadtwerke Grünau GmbH",
    "street": "Am Wehr 1",
    "city": "Grünau",
    "postcode": "12527",
    "country": "DE",
    "tax_id": "DE123456789",
    "iban": "DE89 3704 0044 0532 0130 00",
    "email": "rechnung@gruenau.example",
    "contact": "Kundendienst",
    "phone": "+49 30 1234567",
    "endpoint": "DE123456789",
    "endpoint_scheme": "9930",
}
BUYER = {
    "account_id": "A-1001",
    "name": "Möbel Groß KG",
    "street": "Lange Straße 17",
    "city": "Köln",
    "postcode": "50667",
    "country": "DE",
    "tax_id": None,
    "endpoint": "04011000-12345-03",
    "endpoint_scheme": "0204",
    "buyer_reference": "04011000-12345-03",
}
FRENCH = {**BUYER, "name": "Électricité & Fils", "city": "Lyon", "postcode": "69001", "country": "FR"}
FRENCH_COMPANY = {**FRENCH, "tax_id": "FR32123456789"}
AMERICAN = {**BUYER, "name": "Prairie Inc", "city": "Lincoln", "postcode": "68508", "country": "US", "tax_id": "47-12"}

Figures = tuple[str, str, str | None, str, str, str, str]
"""Description, quantity, unit, unit price, net, tax category, tax rate."""

ENERGY = ("Arbeitspreis", "187.500000000000", "kWh", "0.310000000000", "58.1300", "S", "0.1900")
SUPPLY = ("Grundpreis", "31.000000000000", "day", "1.200000000000", "37.2000", "S", "0.1900")


def line(number: int, figures: Figures) -> dict[str, Any]:
    description, quantity, unit, unit_price, net, category, rate = figures
    return {
        **INVOICE["lines"][0],
        "line_no": str(number),
        "section": "Strom",
        "description": description,
        "quantity": quantity,
        "unit": unit,
        "unit_price": unit_price,
        "net": net,
        "tax_category": category,
        "tax_rate": rate,
    }


def payload(*lines: Figures, buyer: dict[str, Any] = BUYER, currency: str = "EUR", **head: Any) -> dict[str, Any]:
    """A bill of these lines with the taxes and totals that follow from them; `head` changes its `invoice`."""
    numbers, bases = count(1), defaultdict(Decimal)
    for *_, net, category, rate in lines:
        bases[category, rate] += Decimal(net)
    taxes = [taxed(category, rate, base) for (category, rate), base in bases.items()]
    net, tax = sum(bases.values()), sum(Decimal(row["tax"]) for row in taxes)
    amounts = {"net": f"{net:.4f}", "tax": f"{tax:.4f}", "total": f"{net + tax:.4f}"}
    return {
        **INVOICE,
        "language": "de",
        "currency": currency,
        "seller": SELLER,
        "customer": buyer,
        "invoice": {**INVOICE["invoice"], **amounts, **head},
        "lines": [line(next(numbers), figures) for figures in lines],
        "taxes": taxes,
        "usage": [],
    }


def taxed(category: str, rate: str, base: Decimal) -> dict[str, str]:
    tax = (base * Decimal(rate)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {"tax_category": category, "tax_rate": rate, "base": f"{base:.4f}", "tax": f"{tax:.4f}"}


def with_tax(category: str, rate: str = "0.0000", **options: Any) -> dict[str, Any]:
    """Energy and supply, taxed in one way."""
    return payload((*ENERGY[:5], category, rate), (*SUPPLY[:5], category, rate), **options)


def named(name: str) -> dict[str, Any]:
    """A bill to somebody of that name, for something of that name."""
    return payload((name, *ENERGY[1:]), buyer={**BUYER, "name": name, "street": name})


CREDIT = {"kind": "credit_note", "invoice_number": "CN-2013-00000001"}

BILLS: dict[str, dict[str, Any]] = {
    "domestic": payload(ENERGY, SUPPLY),
    "two rates": payload(ENERGY, ("Wasser", "12", "m3", "1.85", "22.2000", "S", "0.0700")),
    "mixed with exempt": payload(ENERGY, ("Briefmarken", "1", None, "3.00", "3.0000", "E", "0.0000")),
    "reverse charge": with_tax("AE", buyer=FRENCH_COMPANY),
    "reverse charge at home": with_tax("AE", buyer={**BUYER, "tax_id": "214/5678/1234"}),
    "intra-community": with_tax("K", buyer=FRENCH_COMPANY),
    "export": with_tax("G", buyer=AMERICAN, currency="USD"),
    "exempt": with_tax("E"),
    "zero rate": with_tax("Z"),
    "outside scope": with_tax("O", buyer=FRENCH_COMPANY),
    "credit note": payload(
        ("Gutschrift Grundpreis", "-31.000000000000", "day", "1.200000000000", "-37.2000", "S", "0.1900"),
        ("Rest", "2.000000000000", "kWh", "0.310000000000", "0.6200", "S", "0.1900"),
        **CREDIT,
        correction="takes_back",
        corrects_number="INV-2013-00000001",
        correction_reason="Zählerstand war falsch",
    ),
    "credit note without an original": payload((*SUPPLY[:1], "-1", None, "5.00", "-5.0000", "S", "0.1900"), **CREDIT),
    "replacement": payload(
        ENERGY, correction="replaces", corrects_number="INV-2013-00000001", correction_reason="Zählerstand war falsch"
    ),
    "discount": payload(
        ENERGY, ("Treuerabatt 5 %", "1.000000000000", None, "-2.910000000000", "-2.9100", "S", "0.1900")
    ),
    "minimum": payload(ENERGY, ("Mindestumsatz", "187.5", "kWh", "0.00", "41.8700", "S", "0.1900")),
    "tiers and proration": payload(
        ("Grundpreis anteilig", "1.000000000000", "month", "100.000000000000", "54.8400", "S", "0.1900"),
        ("Staffelpreis", "250.000000000000", "kWh", "0.318000000000", "79.5000", "S", "0.1900"),
        ("Rückrechnung", "-16.000000000000", "kWh", "5.000000000000", "-70.0000", "S", "0.1900"),
    ),
    "a total below zero": payload(ENERGY, ("Guthaben", "1", None, "-100", "-100.0000", "S", "0.1900")),
    "nothing to pay": payload(ENERGY, ("Guthaben", "1", None, "-58.13", "-58.1300", "S", "0.1900")),
    "400 lines": {**bill(lines=400), "seller": SELLER, "customer": BUYER, "currency": "EUR", "language": "de"},
    "umlauts": named("Ärger & Söhne Straßenbau „Öl“"),
    "arabic": named("شركة الكهرباء"),
    "markup": named("""<b>&amp; "O'Neill" > ]]> é"""),
    "australian": {**INVOICE, "customer": {**INVOICE["customer"], "tax_id": "53004085616"}},
    "australian credit note": CREDIT_NOTE,
}
BILLS["advance"] = payload(ENERGY, SUPPLY)
BILLS["advance"]["lines"][1] |= {"period_start": "2013-02-01", "period_end": "2013-03-01"}
BILLS["no transfer"] = {**payload(ENERGY), "seller": {**SELLER, "iban": None}}
BILLS["by e-mail"] = {
    **payload(ENERGY, buyer={**BUYER, "endpoint": None, "email": "m@gross.example"}),
    "seller": {**SELLER, "endpoint": None, "endpoint_scheme": None},
}
BILLS["tax number"] = {**payload(ENERGY), "seller": {**SELLER, "tax_id": "29/123/45678"}}
# Of a price of 0.22 the tax is 0.22 × 19 / 119 = 0.0351 → 0.04, though 19 % of the 0.18 that remain are 0.0342.
BILLS["prices include tax"] = payload(
    ("Flat", "1", "month", "0.18", "0.1800", "S", "0.1900"), tax="0.0400", total="0.2200"
)
BILLS["prices include tax"]["taxes"][0]["tax"] = "0.0400"
BILLS["every unit"] = payload(*((f"In {unit}", "1", unit, "1", "1.0000", "S", "0.1900") for unit in UNIT_CODES))
