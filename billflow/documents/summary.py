"""The first page: who, to whom, how much, by when, and what it is made of."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from billflow.catalog.taxes import REASONS
from billflow.documents.charges import InvoiceLine, flipped, grouped, subscription_title
from billflow.documents.formatting import Formats
from billflow.documents.pagination import wrap
from billflow.documents.tables import Labels, sum_of

SUMMARY_ROWS = 12
SUMMARY_WIDTH = 36.0  # em, like all widths
CATEGORY_WIDTH = 9.0
IBAN_LENGTHS = range(15, 35)
POSTCODE_LAST = frozenset({"AU", "CA", "GB", "IE", "IN", "NZ", "US", "ZA"})

Groups = Mapping[str | None, Mapping[str | None, list[InvoiceLine]]]
"""Lines by subscription and section."""
Row = tuple[str, str, int]  # title, amount, level: 0 a subscription, 1 a section of it


def summary_table(lines: Sequence[InvoiceLine], formats: Formats, labels: Labels) -> dict[str, Any]:
    """Net by subscription and section; coarser when that is more than a page's worth: never over 12 rows.

    Two layers of texts, `main` rows and those `under` them, of as many lines each; `starts` are the rows with a rule.
    """
    rows = summary_rows(lines, labels)
    layers = [
        [
            "\n".join(_one_line(title) if level == layer else "" for title, _, level in rows),
            "\n".join(formats.amount(amount) if level == layer else "" for _, amount, level in rows),
        ]
        for layer in (0, 1)
    ]
    return {
        "lines": len(rows),
        "starts": [index for index, (_, _, level) in enumerate(rows) if level == 0],
        "nested": any(level for _, _, level in rows),
        "main": layers[0],
        "under": layers[1],
    }


def summary_rows(lines: Sequence[InvoiceLine], labels: Labels) -> list[Row]:
    """The finest summary that has at most 12 rows: by account where a bill is for several, else by subscription."""
    return next(rows for rows in _summaries(lines, labels) if len(rows) <= SUMMARY_ROWS)


def _summaries(lines: Sequence[InvoiceLine], labels: Labels) -> Iterator[list[Row]]:
    """The finest first; those with too many rows are not all made."""
    groups = grouped(lines)
    yield from _by_account(lines, labels)
    if len(groups) > 1:
        if len(groups) + sum(map(len, groups.values())) <= SUMMARY_ROWS:
            yield _by_section_of_subscription(groups, labels)
        yield _subscriptions(groups, labels, level=0)
    yield (sections := by_section(lines, labels))
    yield _shortened(sections, labels)


def summary_note(lines: Sequence[InvoiceLine], formats: Formats, labels: Labels) -> str:
    """What the summary is about: the one subscription by name, or how many there are."""
    names = [name for name in dict.fromkeys(line["subscription_id"] for line in lines) if name]
    if len(names) == 1:
        return _one_line(subscription_title(names[0], labels))
    return formats.counted(labels["subscriptions"], len(names)) if names else ""


def tax_table(taxes: Iterable[Mapping[str, Any]], formats: Formats, labels: Labels) -> dict[str, Any]:
    """Category with the reason why no tax is due, rate, base and tax of each pair, as four texts."""
    rows = [
        (
            _category(tax, labels["tax_categories"]),
            [formats.percent(tax["tax_rate"])],
            [formats.amount(tax["base"])],
            [formats.amount(tax["tax"])],
        )
        for tax in taxes
    ]
    return _table(rows, columns=4)


def _category(tax: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    category, reason = tax["tax_category"] or "", tax.get("reason") or ""
    name = names.get(category, category)
    # The catalogue's own words are English, and say what the name says in the bill's language.
    said = (name.casefold(), REASONS.get(category, "").casefold()) if category in names else (name.casefold(),)
    told = wrap(reason, CATEGORY_WIDTH) if reason and reason.casefold() not in said else []
    return [*wrap(name, CATEGORY_WIDTH), *told]


def labelled(rows: Iterable[tuple[str, str | None]], width: float) -> dict[str, Any]:
    """Labels beside values of at most `width` em, as two texts; rows without a value are left out."""
    table = _table([([label], wrap(value, width)) for label, value in rows if value], columns=2)
    return {"labels": table["cells"][0], "values": table["cells"][1], "lines": table["lines"]}


def _table(rows: Iterable[Sequence[Sequence[str]]], columns: int) -> dict[str, Any]:
    """Rows of cells, each some lines, as one text a column; `starts` are the lines at which a row begins."""
    lines: list[tuple[str, ...]] = []
    starts = []
    for row in rows:
        starts.append(len(lines))
        lines += zip_longest(*row, fillvalue="")
    texts = zip(*lines, strict=True) if lines else [()] * columns
    return {"lines": len(lines), "starts": starts, "cells": ["\n".join(text) for text in texts]}


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


def _by_account(lines: Sequence[InvoiceLine], labels: Labels) -> list[list[Row]]:
    """Summaries of a bill for several accounts: with the subscriptions of each, and without; none of any other bill."""
    if not any("account" in line for line in lines):
        return []
    accounts: dict[str, list[InvoiceLine]] = {}
    for line in lines:
        accounts.setdefault(line.get("account") or "", []).append(line)
    if len(accounts) < 2:
        return []
    totals = {account: (account, sum_of(line["net"] for line in own), 0) for account, own in accounts.items()}
    finer = [
        row
        for account, own in accounts.items()
        for row in (totals[account], *_subscriptions(grouped(own), labels, level=1))
    ]
    return [finer, list(totals.values())]


def _subscriptions(groups: Groups, labels: Labels, level: int) -> list[Row]:
    return [(subscription_title(name, labels), _net(sections), level) for name, sections in groups.items()]


def _by_section_of_subscription(groups: Groups, labels: Labels) -> list[Row]:
    rows: list[Row] = []
    for subscription, sections in groups.items():
        rows.append((subscription_title(subscription, labels), _net(sections), 0))
        rows += [(name or labels["charges"], _net({name: lines}), 1) for name, lines in sections.items()]
    return rows


def by_section(lines: Sequence[InvoiceLine], labels: Labels) -> list[Row]:
    """The net of each section, whatever the subscription, in order of first appearance."""
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
