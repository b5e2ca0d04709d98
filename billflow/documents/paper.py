"""What a template prints: a payload turned into text, in the invoice's language and planned page by page.

A credit note's amounts are negative in the tables and positive here (PRICING: positive on paper).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from billflow.documents.attempts import Steps
from billflow.documents.bidi import isolated
from billflow.documents.brand import Brand, read_brand
from billflow.documents.charges import credited, flipped, of_accounts
from billflow.documents.daily import days_of
from billflow.documents.fonts import script_of
from billflow.documents.formatting import Formats, formats_of
from billflow.documents.layout import NAME, Layout, read_layout
from billflow.documents.notices import SECTION, Texts, notices_of, panel_of, read_texts
from billflow.documents.pages import height_of, page_alone, pages_of
from billflow.documents.pagination import wrap
from billflow.documents.payment_code import payment_code_of
from billflow.documents.pictures import Album
from billflow.documents.sections import parts_of
from billflow.documents.summary import (
    address_lines,
    by_section,
    credited_tax,
    labelled,
    spaced_iban,
    summary_note,
    summary_table,
    tax_table,
)
from billflow.documents.tables import Labels, Writing
from billflow.documents.templates import MAIN
from billflow.documents.widths import boldness

ADDRESS_WIDTH = 22.0  # em; words wider than that are broken, wherever an id or a name comes from outside
FACT_WIDTH = 13.0
PAYMENT_WIDTH = 16.5
NOTE_WIDTH = 26.9  # 229 pt in 8.5 pt
RETURN_ADDRESS_WIDTH = 34.0  # one line of the window (226 pt) in 6.5 pt
IMPRINT_WIDTH = 58.0
DETAILS_SPACE = 20.0
"""Points between the first page's own and details that share it."""
PROPERTIES = frozenset({"locale", "currency", "kind", "title", "seller_name", "charts", "payment_code"})
TEXTS = ("title", "continues", "labels", "lanes")
"""What of a section is printed as text."""

Payload = Mapping[str, Any]
Page = dict[str, Any]


@dataclass(frozen=True)
class Stationery:
    """What a set of templates brings: labels by language, the layout, the geometry of pictures, names of components,
    how the seller looks, and what it tells its customers.
    """

    labels: Mapping[str, Labels]
    layout: Layout
    pictures: Mapping[str, Any]
    components: frozenset[str]
    brand: Brand
    texts: Texts
    has_notices: bool
    """Whether the first page prints notices: a project's own may be of a version that knew of none."""

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> "Stationery":
        """Read `locales/*.json` and the YAML and JSON files beside them; a label that a language lacks is English."""
        pictures = _json("pictures.json", files["pictures.json"])
        names = [name for name in files if name.startswith("locales/") and name.endswith(".json")]
        labels = {name[8:-5]: _json(name, files[name]) for name in names}
        return cls(
            labels={language: labels["en"] | own for language, own in labels.items()},
            layout=read_layout(files[NAME]),
            pictures=pictures,
            components=frozenset(name[11:-4] for name in files if name.startswith("components/")),
            brand=read_brand(files),
            texts=read_texts(files),
            has_notices=b"bill.notices" in files[MAIN] and "notices" in pictures,
        )

    def formats(self, payload: Payload) -> Formats:
        return formats_of(
            payload["language"] or "en",
            payload["seller"]["country"] or "",
            payload["currency"],
            frozenset(self.labels),
        )


def _json(name: str, content: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(content))
    except ValueError as problem:
        raise ValueError(f"{name} is not valid JSON: {problem}") from None


def paper_of(payload: Payload, stationery: Stationery) -> Steps[tuple[Page, Page]]:
    """All texts of one document, as the templates read them from `bill.json` and `details.json`, in steps.

    Details that are short enough are `shared`: on the first page, so that the bill has one.
    """
    formats = stationery.formats(payload)
    labels = stationery.labels[formats.language]
    shown = _as_credited(payload) if payload["invoice"]["kind"] == "credit_note" else payload
    shown = {**shown, "lines": of_accounts(shown["lines"], payload)}
    writing = Writing(formats, labels, {"currency": payload["currency"]})
    first_page = _first_page(shown, formats, labels)
    notices = notices_of(stationery.texts, payload, formats.language, _values(payload, first_page))
    first_page["notices"] = panel_of(notices if stationery.has_notices else (), stationery.layout.width)
    yield
    parts = yield from parts_of(shown, writing, stationery.layout, stationery.components)
    yield
    album = Album(formats, labels, stationery.pictures)
    alone = page_alone(parts, stationery.layout.height, most=album.room(first_page) - DETAILS_SPACE)
    short = DETAILS_SPACE + height_of(alone) if alone is not None else None
    pictures = _pictures(shown, first_page, album, short)
    yield
    taken, shared = pictures.pop("taken"), pictures.pop("shared")
    if notices and pictures["notices"] is None:
        shown = {**shown, SECTION: [asdict(notice) for notice in notices]}
        parts = yield from parts_of(shown, writing, stationery.layout, stationery.components)
        alone, shared = None, False
    is_alone = alone is not None and not taken
    pages = [alone] if is_alone else list(pages_of(parts, stationery.layout.height, taken=taken))
    bill, details = first_page | pictures, {"pages": pages, "taken": taken, "shared": shared}
    return (bill, details) if formats.left_to_right else (bill | isolated(_printed(bill)), _isolated(details))


def _isolated(details: Page) -> Page:
    """Details in which right-to-left texts are isolated, and nothing else."""
    pages = [
        {"parts": [part | isolated({name: part[name] for name in TEXTS}) for part in page["parts"]]}
        for page in details["pages"]
    ]
    return {**details, "pages": pages}


def typeface_of(formats: Formats, families: Sequence[str], *, accessible: bool) -> Page:
    """What templates read from `typeface.json`: how to set the text of a language, in which families.

    `digits` are those of page numbers; `joined` letters must not be spaced out; what is `accessible` has headings and
    tables that screen readers find.
    """
    return {
        "language": formats.language,
        "direction": formats.locale.text_direction,
        "fonts": list(families),
        "digits": formats.digits,
        "joined": script_of(formats.language) is not None,
        "accessible": accessible,
    }


def _printed(bill: Page) -> Page:
    """Without what is no text of the page: names of things, and what stands in the PDF's properties too."""
    return {name: part for name, part in bill.items() if name not in PROPERTIES}


def _pictures(payload: Payload, first_page: Page, album: Album, details: float | None) -> Page:
    code = payment_code_of(payload, reference=_reference(payload), minor_digits=album.formats.minor_digits)
    parts = [(section, net) for section, net, _ in by_section(payload["lines"], album.labels)]
    days = payload.get("days")
    shown = {**payload, "days": days_of(payload["usage"]) if days is None else days}
    return album.pictures(shown, parts, code, first_page, details)


def _as_credited(payload: Payload) -> Payload:
    invoice = payload["invoice"]
    return {
        **payload,
        "invoice": {**invoice, **{key: flipped(invoice[key]) for key in ("net", "tax", "total")}},
        "lines": [credited(line) for line in payload["lines"]],
        "taxes": [credited_tax(tax) for tax in payload["taxes"]],
    }


def _first_page(payload: Payload, formats: Formats, labels: Labels) -> Page:
    invoice = payload["invoice"]
    return {
        "locale": formats.language,
        "currency": payload["currency"],
        "kind": invoice["kind"],
        "draft": invoice["status"] == "draft",
        "title": _reference(payload),
        "amount": formats.money(invoice["total"]),
        "payable": _is_payable(payload),
        "running_title": f"{labels[invoice['kind']]} {_reference(payload)}",
        "when": _when(payload, formats, labels),
        "due_date": formats.date(invoice["due_date"]),
        **_parties(payload, formats, labels),
        "facts": labelled(_facts(payload, formats, labels), FACT_WIDTH),
        "summary_note": summary_note(payload["lines"], formats, labels),
        "summary": summary_table(payload["lines"], formats, labels),
        "totals": f"{formats.amount(invoice['net'])}\n{formats.amount(invoice['tax'])}",
        "taxes": tax_table(payload["taxes"], formats, labels),
        "payment": {**labelled(_payment(payload, labels), PAYMENT_WIDTH), "note": _note(payload, formats, labels)},
    }


def _when(payload: Payload, formats: Formats, labels: Labels) -> str:
    """Until when the amount is paid, or what becomes of it."""
    if payload["invoice"]["kind"] == "credit_note":
        return str(labels["credit_by"])
    return _filled(labels["due_by" if _is_payable(payload) else "nothing_due"], payload, formats)


def _note(payload: Payload, formats: Formats, labels: Labels) -> str:
    """How to pay, in lines."""
    if payload["invoice"]["kind"] == "credit_note":
        text = labels["credit_note_text"]
    else:
        text = labels["payment_note" if _is_payable(payload) else "no_payment_note"]
    return "\n".join(wrap(_filled(text, payload, formats), NOTE_WIDTH))


def _filled(label: str, payload: Payload, formats: Formats) -> str:
    invoice = payload["invoice"]
    amount, date = formats.money(invoice["total"]), formats.date(invoice["due_date"])
    return label.replace("{amount}", amount).replace("{date}", date)


def _values(payload: Payload, first_page: Page) -> dict[str, str]:
    """What notices may name, as the document prints it."""
    customer = payload["customer"]
    return {
        "account_id": customer["account_id"],
        "amount": first_page["amount"],
        "customer": customer["name"] or "",
        "due_date": first_page["due_date"],
        "reference": first_page["title"],
        "seller": first_page["seller_name"] or "",
    }


def _parties(payload: Payload, formats: Formats, labels: Labels) -> Page:
    """The seller in one line above the address and in the imprint of each page; the customer's name and address."""
    seller, customer = payload["seller"], payload["customer"]
    home = seller["country"]
    return_address = [seller["name"], *address_lines(seller, formats, home=home)]
    tax_id = f"{labels['seller_tax_id']} {seller['tax_id']}" if seller["tax_id"] else None
    imprint = " · ".join(filter(None, [*return_address, tax_id, seller["email"]]))
    name = wrap(customer["name"] or "", ADDRESS_WIDTH / boldness())
    address = [part for line in address_lines(customer, formats, home=home) for part in wrap(line, ADDRESS_WIDTH)]
    return {
        "seller_name": seller["name"],
        "return_address": wrap(" · ".join(return_address), RETURN_ADDRESS_WIDTH)[0],
        "imprint": "\n".join(wrap(imprint, IMPRINT_WIDTH)[:2]),
        "customer": ["\n".join(name), "\n" * len(name) + "\n".join(address)],
        "customer_lines": len(name) + len(address),
    }


def _facts(payload: Payload, formats: Formats, labels: Labels) -> list[tuple[str, str | None]]:
    """Label and value of what identifies the document."""
    invoice, customer = payload["invoice"], payload["customer"]
    return [
        (labels["number"], invoice["invoice_number"]),
        (labels["invoice_id"], invoice["invoice_id"]),
        *_corrects(invoice, labels),
        (labels["account"], customer["account_id"]),
        (labels["your_tax_id"], customer["tax_id"]),
        (labels["period"], formats.period(invoice["period_start"], invoice["period_end"])),
        (labels["issue_date"], formats.date(invoice["issue_date"])),
        (labels["due_date"], formats.date(invoice["due_date"]) if invoice["kind"] == "invoice" else None),
    ]


def _corrects(invoice: Mapping[str, Any], labels: Labels) -> list[tuple[str, str | None]]:
    """Which invoice it takes back or replaces, and why. A project's own labels may know of no corrections."""
    kind = invoice.get("correction")
    if kind is None:
        return [(labels["corrects"], invoice.get("corrects"))]
    return [(labels[kind], invoice["corrects_number"]), (labels["correction_reason"], invoice["correction_reason"])]


def _payment(payload: Payload, labels: Labels) -> list[tuple[str, str | None]]:
    seller = payload["seller"]
    transfer = [
        (labels["pay_to"], seller["name"]),
        (labels["iban"], spaced_iban(seller["iban"] or "")),
        (labels["reference"], _reference(payload)),
    ]
    return [*(transfer if _is_payable(payload) else []), (labels["questions"], seller["email"])]


def _reference(payload: Payload) -> str:
    return str(payload["invoice"]["invoice_number"] or payload["invoice"]["invoice_id"])


def _is_payable(payload: Payload) -> bool:
    return payload["invoice"]["kind"] == "invoice" and _is_positive(payload["invoice"]["total"])


def _is_positive(amount: str) -> bool:
    return not amount.startswith("-") and bool(amount.strip("0."))
