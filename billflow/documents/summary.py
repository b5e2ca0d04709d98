"""The first page: who, to whom, how much, by when, and what it is made of."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from billflow.documents.charges import InvoiceLine, Labels, flipped, grouped, subscription_title, sum_of
from billflow.documents.formatting import Formats
from billflow.documents.pagination import wrap

SUMMARY_ROWS = 15
SUMMARY_WIDTH = 36.0
IBAN_LENGTHS = range(15, 35)
POSTCODE_LAST = frozenset({"AU", "CA", "GB", "IE", "IN", "NZ", "US", "ZA"})

Row = tuple[str, str, int]  # title, amount, level: 0 a subscription, 1 a section of it


def summary_rows(lines: Sequence[InvoiceLine], formats: Formats, labels: Labels) -> list[Row]:
    """Net by subscription and section; coarser when that is more than a page's worth: never over 15 rows."""
    groups = grouped(lines)
    detailed = _by_section_of_subscription(groups, labels)
    subscriptions = [(subscription_title(name, labels), _net(sections), 0) for name, sections in groups.items()]
    choices = ([_by_section(lines, labels)] if len(groups) == 1 else [detailed, subscriptions]) + [
        _by_section(lines, labels)
    ]
    rows = next((rows for rows in choices if len(rows) <= SUMMARY_ROWS), None)
    rows = rows or _shortened(choices[-1], labels)
    return [(_one_line(title), formats.amount(amount), level) for title, amount, level in rows]


def summary_note(lines: Sequence[InvoiceLine], labels: Labels) -> str:
    """What the summary is about: the one subscription by name, or how many there are."""
    names = [name for name in grouped(lines) if name]
    if len(names) == 1:
        return _one_line(subscription_title(names[0], labels))
    return str(labels["subscriptions"]).replace("{count}", str(len(names))) if names else ""


def tax_rows(taxes: Iterable[Mapping[str, Any]], formats: Formats, labels: Labels) -> list[list[str]]:
    """Category, rate, base and tax of each pair."""
    categories = labels["tax_categories"]
    return [
        [
            categories.get(tax["tax_category"], tax["tax_category"]),
            formats.percent(tax["tax_rate"]),
            formats.amount(tax["base"]),
            formats.amount(tax["tax"]),
        ]
        for tax in taxes
    ]


def address_lines(party: Mapping[str, Any], formats: Formats, *, home: str) -> list[str]:
    """Street, city with postcode and, unless it is `home`, the country by its name."""
    country = party["country"] or ""
    city = [party["postcode"], party["city"]]
    town = " ".join(part for part in (reversed(city) if country in POSTCODE_LAST else city) if part)
    abroad = formats.locale.territories.get(country, country) if country != home else ""
    return [line for line in (party["street"], town, abroad) if line]


def spaced_iban(iban: str) -> str:
    """An IBAN in groups of four; anything else as it is."""
    plain = iban.replace(" ", "")
    is_iban = len(plain) in IBAN_LENGTHS and plain[:2].isalpha() and plain[2:4].isdigit()
    return " ".join(plain[at : at + 4] for at in range(0, len(plain), 4)) if is_iban else iban


def credited_tax(tax: Mapping[str, Any]) -> dict[str, Any]:
    return {**tax, "base": flipped(tax["base"]), "tax": flipped(tax["tax"])}


def _by_section_of_subscription(
    groups: Mapping[str | None, Mapping[str | None, list[InvoiceLine]]], labels: Labels
) -> list[Row]:
    rows: list[Row] = []
    for subscription, sections in groups.items():
        rows.append((subscription_title(subscription, labels), _net(sections), 0))
        rows += [(name or labels["charges"], _net({name: lines}), 1) for name, lines in sections.items()]
    return rows


def _by_section(lines: Sequence[InvoiceLine], labels: Labels) -> list[Row]:
    sections: dict[str, list[str]] = {}
    for line in lines:
        sections.setdefault(line["section"] or labels["charges"], []).append(line["net"])
    return [(name, sum_of(nets), 0) for name, nets in sections.items()]


def _shortened(rows: Sequence[Row], labels: Labels) -> list[Row]:
    """The largest rows by themselves, in order; the others as one."""
    kept = sorted(rows, key=lambda row: -abs(Decimal(row[1])))[: SUMMARY_ROWS - 1]
    others = sum_of(amount for title, amount, level in rows if (title, amount, level) not in kept)
    return [row for row in rows if row in kept] + [(labels["other_charges"], others, 0)]


def _net(sections: Mapping[str | None, list[InvoiceLine]]) -> str:
    return sum_of(line["net"] for lines in sections.values() for line in lines)


def _one_line(title: str) -> str:
    first, *more = wrap(title, SUMMARY_WIDTH)
    return f"{first}…" if more else first
