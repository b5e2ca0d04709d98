"""What a bill says, as texts in tables: what every rival prints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billflow.documents.formatting import formats_of

LANGUAGES = frozenset({"en"})


@dataclass(frozen=True)
class TableText:
    """A title, the labels of columns, rows; how many of the first columns are left-aligned."""

    title: str
    labels: list[str]
    rows: list[list[str]]
    left: int


@dataclass(frozen=True)
class Content:
    """One bill in English."""

    title: str
    address: list[str]
    facts: list[list[str]]
    amount: str
    tables: list[TableText]


def content_of(payload: Mapping[str, Any]) -> Content:
    formats = formats_of("en", payload["seller"]["country"], payload["currency"], LANGUAGES)
    invoice, customer = payload["invoice"], payload["customer"]
    charges = [
        [
            line["description"],
            formats.period(line["period_start"], line["period_end"]),
            f"{formats.number(line['quantity'])} {line['unit'] or ''}",
            formats.amount(line["unit_price"]),
            formats.amount(line["net"]),
        ]
        for line in payload["lines"]
    ]
    taxes = [
        [tax["tax_category"], formats.percent(tax["tax_rate"]), formats.amount(tax["base"]), formats.amount(tax["tax"])]
        for tax in payload["taxes"]
    ]
    return Content(
        title=f"{payload['seller']['name']}: invoice {invoice['invoice_number']}",
        address=[customer["name"], customer["street"], f"{customer['city']} {customer['postcode']}"],
        facts=[
            ["Account", customer["account_id"]],
            ["Issued", formats.date(invoice["issue_date"])],
            ["Due", formats.date(invoice["due_date"])],
        ],
        amount=formats.money(invoice["total"]),
        tables=[
            TableText("Tax", ["Category", "Rate", "Net amount", "Tax"], taxes, 1),
            TableText("Charges in detail", ["Description", "Period", "Quantity", "Unit price", "Net"], charges, 2),
            *(_usage(meter, formats) for meter in payload["usage"]),
        ],
    )


def _usage(meter: Mapping[str, Any], formats: Any) -> TableText:
    rows = [
        [f"{formats.day(time[:10])} {time[11:]}", *values, formats.number(quantity)]
        for time, quantity, *values in meter["rows"]
    ]
    title = f"{meter['metric']} {meter['subscription_id']}"
    return TableText(title, ["Time", *meter["dimensions"], "Quantity"], rows, 1 + len(meter["dimensions"]))
