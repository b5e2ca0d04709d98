"""Lines of bills as those of e-invoices: unit codes, signs, and prices that times the quantity are the net."""

import datetime as dt
from collections.abc import Mapping
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

from billflow.documents.einvoice.terms import InvoiceLine, Period

ONE = "C62"
"""The unit of what has none, and of units that the list does not know."""

_UNITS = {
    "WHR": "wh",
    "KWH": "kwh",
    "MWH": "mwh",
    "KWT": "kw",
    "KVA": "kva",
    "KVR": "kvar",
    "K3": "kvarh",
    "3B": "mj",
    "GV": "gj",
    "SEC": "s sec second seconds",
    "MIN": "min minute minutes",
    "HUR": "h hour hours",
    "DAY": "day days",
    "WEE": "week weeks",
    "MON": "month months",
    "ANN": "year years",
    "AD": "byte bytes",
    "2P": "kb",
    "4L": "mb",
    "E34": "gb",
    "E35": "tb",
    "LTR": "l litre litres",
    "MTQ": "m3 m³",
    "KMT": "km",
    "KGM": "kg",
}

UNIT_CODES: Mapping[str, str] = {unit: code for code, units in _UNITS.items() for unit in units.split()}
"""Units, in small letters, to codes of UN/ECE Recommendation 20, whose code list EN 16931 prescribes (BR-CL-23)."""

SLACK = Decimal("0.02")
"""How far a line's net may be from quantity × price: rule R120 of Peppol BIS Billing 3.0."""

_EXACT = Context(prec=100)

PayloadLine = Mapping[str, Any]


def invoice_line(line: PayloadLine, *, credit: bool, unit_codes: Mapping[str, str], within: Period) -> InvoiceLine:
    """A line of a payload as BG-25; with `credit` the signs are turned.

    A negative price becomes a negative quantity (BR-27). A net that is not quantity × price (a minimum, proration,
    tiers) becomes the price of one piece, and the note tells what was billed. A period that is not `within` that of
    the invoice goes into the note too: Peppol's R110 and R111 refuse it elsewhere.
    """
    unit, net = line["unit"], _signed(Decimal(line["net"]), negated=credit)
    quantity, price = _factors(Decimal(line["quantity"]), Decimal(line["unit_price"]), negated=credit)
    notes, unit_code = [], unit_codes.get((unit or "").lower(), ONE)
    if abs(_EXACT.subtract(_EXACT.multiply(quantity, price), net)) > SLACK:
        notes.append(billed_factors(line))
        quantity, price, unit_code = Decimal(1).copy_sign(net), net.copy_abs(), ONE
    period = period_of(line["period_start"], line["period_end"])
    if period and not within.first <= period.first <= period.last <= within.last:
        notes.append(f"{period.first} – {period.last}")
        period = None
    return InvoiceLine(
        id=str(line["line_no"]),
        note="; ".join(notes) or None,
        quantity=quantity,
        unit_code=unit_code,
        net=net,
        period=period,
        price=price,
        category=line["tax_category"],
        percent=Decimal(line["tax_rate"]).scaleb(2),
        name=line["description"] or line["section"],
    )


def billed_factors(line: PayloadLine) -> str:
    """Quantity and price as the bill has them: `187.5 kWh × 0.31`."""
    quantity, price = plain(Decimal(line["quantity"])), plain(Decimal(line["unit_price"]))
    return f"{quantity} {line['unit']} × {price}" if line["unit"] else f"{quantity} × {price}"


def period_of(start: str | None, end: str | None) -> Period | None:
    """From the first day and the first day not in it; None for what has no period."""
    return Period(start, max(start, _day_before(end))) if start and end else None


def plain(number: Decimal) -> str:
    """All its digits, without exponent and trailing zeros."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _factors(quantity: Decimal, price: Decimal, *, negated: bool) -> tuple[Decimal, Decimal]:
    return _signed(quantity, negated=negated != price.is_signed()), price.copy_abs()


def _signed(number: Decimal, *, negated: bool) -> Decimal:
    return number.copy_negate() if negated else number


@lru_cache(maxsize=4096)
def _day_before(day: str) -> str:
    return (dt.date.fromisoformat(day) - dt.timedelta(days=1)).isoformat()
