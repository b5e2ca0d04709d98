"""A bar chart as a small SVG: before and after, side by side."""

from base64 import b64encode
from collections.abc import Sequence
from decimal import Decimal
from xml.sax.saxutils import escape

from billflow.insights.listing import Listing

_LABEL, _BARS, _NUMBER, _ROW = 190, 330, 200, 40
_BEFORE, _AFTER = "#9aa5b1", "#2563eb"


def before_and_after(title: str, rows: Sequence[tuple[str, Decimal, Decimal]]) -> str:
    """SVG with two bars a row: (name, before, after). Bars are as long as the amounts are large; red is below zero."""
    largest = max((abs(amount) for _, *amounts in rows for amount in amounts), default=Decimal(0)) or Decimal(1)
    width, height = _LABEL + _BARS + _NUMBER, 46 + _ROW * len(rows)
    drawn = [_row(46 + _ROW * at, row, largest) for at, row in enumerate(rows)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="12">'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    )
    key = (
        f'<text x="10" y="22" font-size="14" font-weight="600" fill="#111827">{escape(title)}</text>'
        + _swatch(_LABEL + _BARS, _BEFORE, "before")
        + _swatch(_LABEL + _BARS + 80, _AFTER, "after")
    )
    return head + key + "".join(drawn) + "</svg>"


def _swatch(left: int, colour: str, text: str) -> str:
    return (
        f'<rect x="{left}" y="12" width="11" height="11" fill="{colour}"/>'
        f'<text x="{left + 16}" y="22" fill="#374151">{text}</text>'
    )


def _row(top: int, row: tuple[str, Decimal, Decimal], largest: Decimal) -> str:
    name, before, after = row
    shown = name if len(name) <= 26 else f"{name[:25]}…"
    label = f'<text x="10" y="{top + 20}" fill="#111827">{escape(shown)}</text>'
    return label + _bar(top, before, largest, _BEFORE) + _bar(top + 16, after, largest, _AFTER)


def _bar(top: int, amount: Decimal, largest: Decimal, colour: str) -> str:
    length = max(int(abs(amount) / largest * _BARS), 1)
    fill = colour if amount >= 0 else "#dc2626"
    return (
        f'<rect x="{_LABEL}" y="{top}" width="{length}" height="14" fill="{fill}"/>'
        f'<text x="{_LABEL + length + 6}" y="{top + 11}" fill="#374151">{amount:,.2f}</text>'
    )


def as_image(title: str, svg: str) -> str:
    """Markdown of an image that carries its own content."""
    content = b64encode(svg.encode()).decode()
    return f"![{title}](data:image/svg+xml;base64,{content})"


def totals_chart(totals: Listing, plans: Listing, currency: str) -> str:
    """SVG of what one currency's bills and plans come to, without tax."""
    whole = [
        ("all bills", row["net_before"], row["net_after"]) for row in totals.records() if row["currency"] == currency
    ]
    parts = [
        (row["plan"] or "not of a plan", row["before"], row["after"])
        for row in plans.records()
        if row["currency"] == currency
    ]
    return before_and_after(f"Nets in {currency}", [*whole, *parts[:8]])
