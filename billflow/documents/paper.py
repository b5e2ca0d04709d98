"""What a template prints: a payload turned into text, in the invoice's language and planned page by page.

A credit note's amounts are negative in the tables and positive here (PRICING: positive on paper).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billflow.documents.charges import Labels, credited, flipped
from billflow.documents.formatting import Formats, formats_of
from billflow.documents.pages import Sheets, detail_pages
from billflow.documents.pagination import wrap
from billflow.documents.summary import (
    address_lines,
    credited_tax,
    spaced_iban,
    summary_note,
    summary_rows,
    tax_rows,
)

ADDRESS_WIDTH = 22.0  # em; words wider than that are broken, wherever an id or a name comes from outside
FACT_WIDTH = 13.0

Payload = Mapping[str, Any]
Page = dict[str, Any]


@dataclass(frozen=True)
class Stationery:
    """The labels by language and the geometry that a set of templates brings."""

    labels: Mapping[str, Labels]
    geometry: Mapping[str, Any]

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> "Stationery":
        """Read `locales/*.json` and `layout.json` of a template set."""
        languages = {name: name[8:-5] for name in files if name.startswith("locales/") and name.endswith(".json")}
        labels = {language: json.loads(files[name]) for name, language in languages.items()}
        return cls(
            labels={language: labels["en"] | own for language, own in labels.items()},
            geometry=json.loads(files["layout.json"]),
        )

    def formats(self, payload: Payload) -> Formats:
        return formats_of(
            payload["language"] or "en",
            payload["seller"]["country"] or "",
            payload["currency"],
            frozenset(self.labels),
        )


def paper_of(payload: Payload, stationery: Stationery) -> Page:
    """All texts of one document, as the templates read them from `bill.json`."""
    formats = stationery.formats(payload)
    labels = stationery.labels[formats.language]
    shown = _as_credited(payload) if payload["invoice"]["kind"] == "credit_note" else payload
    return {
        "locale": formats.language,
        "currency": shown["currency"],
        **_first_page(shown, formats, labels),
        **detail_pages(shown["lines"], shown["usage"], Sheets.of(formats, labels, stationery.geometry)),
    }


def _as_credited(payload: Payload) -> Payload:
    invoice = payload["invoice"]
    return {
        **payload,
        "invoice": {**invoice, **{key: flipped(invoice[key]) for key in ("net", "tax", "total")}},
        "lines": [credited(line) for line in payload["lines"]],
        "taxes": [credited_tax(tax) for tax in payload["taxes"]],
    }


def _first_page(payload: Payload, formats: Formats, labels: Labels) -> Page:
    invoice, seller, customer = payload["invoice"], payload["seller"], payload["customer"]
    home = seller["country"]
    return {
        "kind": invoice["kind"],
        "draft": invoice["status"] == "draft",
        "title": invoice["invoice_number"] or invoice["invoice_id"],
        "seller": {**seller, "address": address_lines(seller, formats, home=home)},
        "customer": [
            "\n".join(wrap(line, ADDRESS_WIDTH))
            for line in (customer["name"], *address_lines(customer, formats, home=home))
        ],
        "facts": _facts(payload, formats, labels),
        "amount": formats.money(invoice["total"]),
        "payable": invoice["kind"] == "invoice" and _is_positive(invoice["total"]),
        "due_date": formats.date(invoice["due_date"]),
        "iban": spaced_iban(seller["iban"]) if seller["iban"] else None,
        "summary_note": summary_note(payload["lines"], labels),
        "summary": summary_rows(payload["lines"], formats, labels),
        "totals": {key: formats.amount(invoice[key]) for key in ("net", "tax")},
        "taxes": tax_rows(payload["taxes"], formats, labels),
    }


def _facts(payload: Payload, formats: Formats, labels: Labels) -> list[tuple[str, str]]:
    """Label and value of what identifies the document; what it lacks is left out."""
    invoice, customer = payload["invoice"], payload["customer"]
    facts = [
        ("number", invoice["invoice_number"]),
        ("invoice_id", invoice["invoice_id"]),
        ("corrects", invoice.get("corrects")),
        ("account", customer["account_id"]),
        ("your_tax_id", customer["tax_id"]),
        ("period", formats.period(invoice["period_start"], invoice["period_end"])),
        ("issue_date", formats.date(invoice["issue_date"])),
        ("due_date", formats.date(invoice["due_date"]) if invoice["kind"] == "invoice" else None),
    ]
    return [(labels[name], "\n".join(wrap(value, FACT_WIDTH))) for name, value in facts if value]


def _is_positive(amount: str) -> bool:
    return not amount.startswith("-") and bool(amount.strip("0."))
