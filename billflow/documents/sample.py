"""Small payloads that use every part of the templates: an invoice with usage, a credit note, a bill with pictures."""

from typing import Any

_SELLER = {
    "name": "Acme Energy Ltd",
    "street": "1 Grid Way",
    "city": "Sydney",
    "postcode": "2000",
    "country": "AU",
    "tax_id": "51824753556",
    "iban": "DE89370400440532013000",
    "email": "bills@acme.example",
}
_CUSTOMER = {
    "account_id": "A-1001",
    "name": "Mary Poole",
    "street": "17 Wattle Street",
    "city": "Newtown",
    "postcode": "2042",
    "country": "AU",
    "tax_id": None,
}


def _line(number: int, section: str, description: str, figures: tuple[str, str, str]) -> dict[str, Any]:
    quantity, unit_price, net = figures
    return {
        "line_no": str(number),
        "service_account_id": "A-1001",
        "subscription_id": "S-1001",
        "section": section,
        "description": description,
        "period_start": "2013-01-01",
        "period_end": "2013-02-01",
        "quantity": quantity,
        "unit": "kWh" if section == "Energy" else "day",
        "unit_price": unit_price,
        "net": net,
        "tax_category": "S",
        "tax_rate": "0.1000",
    }


INVOICE: dict[str, Any] = {
    "version": 2,
    "language": "en",
    "currency": "AUD",
    "seller": _SELLER,
    "customer": _CUSTOMER,
    "members": [],
    "invoice": {
        "invoice_id": "c01-2013-01-A-1001",
        "invoice_number": "INV-2013-00000001",
        "kind": "invoice",
        "status": "confirmed",
        "corrects": None,
        "period_start": "2013-01-01",
        "period_end": "2013-02-01",
        "issue_date": "2013-02-01",
        "due_date": "2013-02-15",
        "net": "136.7500",
        "tax": "13.6800",
        "total": "150.4300",
    },
    "lines": [
        _line(1, "Supply", "Daily supply charge", ("31.000000000000", "1.200000000000", "37.2000")),
        _line(2, "Energy", "Peak energy", ("187.500000000000", "0.310000000000", "58.1300")),
        _line(3, "Energy", "Off-peak energy", ("218.000000000000", "0.190000000000", "41.4200")),
    ],
    "taxes": [{"tax_category": "S", "tax_rate": "0.1000", "base": "136.7500", "tax": "13.6800"}],
    "usage": [
        {
            "subscription_id": "S-1001",
            "metric": "energy_kwh",
            "unit": "kWh",
            "daily": True,
            "aggregate": "sum",
            "records": 1488,
            "dimensions": ["readings"],
            "rows": [[f"2013-01-{day:02d}", f"{11 + day * 7 % 5}.{day:02d}", "48"] for day in range(1, 32)],
        }
    ],
}

CREDIT_NOTE: dict[str, Any] = {
    **INVOICE,
    "invoice": {
        **INVOICE["invoice"],
        "invoice_id": "c01-2013-01-A-1001-cn1",
        "invoice_number": "CN-2013-00000001",
        "kind": "credit_note",
        "corrects": "c01-2013-01-A-1001",
        "net": "-37.2000",
        "tax": "-3.7200",
        "total": "-40.9200",
    },
    "lines": [_line(1, "Supply", "Daily supply charge", ("-31.000000000000", "1.200000000000", "-37.2000"))],
    "taxes": [{"tax_category": "S", "tax_rate": "0.1000", "base": "-37.2000", "tax": "-3.7200"}],
    "usage": [],
}

ILLUSTRATED: dict[str, Any] = {
    **INVOICE,
    "currency": "EUR",
    "history": [
        {
            "metric": "energy_kwh",
            "unit": "kWh",
            "months": [
                *([f"2012-{month:02d}", f"{390 + month * 37 % 90}.{month}"] for month in range(1, 13)),
                ["2013-01", "405.5"],
            ],
        }
    ],
    "days": [
        {
            "metric": "energy_kwh",
            "unit": "kWh",
            "days": [[day, quantity] for day, _, quantity in INVOICE["usage"][0]["rows"]],
        }
    ],
}

SAMPLES = (INVOICE, CREDIT_NOTE, ILLUSTRATED)
