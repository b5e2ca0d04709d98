"""What each customer of a generated telecom project owes for its month, from the project's own files.

An independent program in plain Python: it uses nothing of billflow. It knows the features that the example uses and
no more: sum, count and max; calendars of days and hours; flat, per_unit and graduated; taxes; proration by days.
`python -m billflow_tests.acceptance.telecom_oracle FOLDER 2026-06` prints a summary.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML

from billflow_tests.acceptance.expected import ExpectedInvoice, bounds, cents, share_served, tax_of
from billflow_tests.acceptance.telecom_rows import (
    Event,
    Subscription,
    accounts_of,
    events_by_stretch,
    subscriptions_of,
)


class LineKey(NamedTuple):
    """Which line: `start` tells the stretches of one subscription apart, `part` is '', 'tier 1', 'fee 1', …"""

    subscription_id: str
    start: date
    plan: str
    charge: str
    part: str


@dataclass
class Expected:
    """Invoices by account, and what happened to the rows of usage and customers by kind.

    `identical_duplicate` and `other_month` rows are not in quarantine; all other kinds are.
    """

    invoices: dict[str, ExpectedInvoice[LineKey]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    billed: Counter[str] = field(default_factory=Counter)
    """Rows of usage that were priced, by metric."""

    @property
    def quarantined(self) -> dict[str, int]:
        """Rows in quarantine by kind."""
        return {kind: rows for kind, rows in self.kinds.items() if kind not in ("identical_duplicate", "other_month")}


def expected(folder: Path, month: str) -> Expected:
    """All invoices of `month`."""
    found = Expected()
    catalog = _catalog(folder)
    zone = ZoneInfo(_yaml(folder / "billflow.yaml")["timezone"])
    accounts = accounts_of(folder, found.kinds)
    subscriptions = [entry for entry in subscriptions_of(folder) if entry.account_id in accounts]
    events = events_by_stretch(folder, subscriptions, catalog, zone, found.kinds)
    nets: dict[str, dict] = defaultdict(dict)
    for subscription in subscriptions:
        mine = _in_month(events[subscription.subscription_id, subscription.start], month, found)
        if served := share_served(month, subscription.start, subscription.end):
            nets[subscription.account_id].update(_lines(subscription, served, mine, catalog, found))
    found.invoices = {account: _invoice(lines, catalog) for account, lines in nets.items() if lines}
    return found


def _yaml(file: Path) -> dict:
    return YAML(typ="safe", pure=True).load(file)


def _catalog(folder: Path) -> dict[str, dict]:
    merged: dict[str, dict] = defaultdict(dict)
    for file in sorted((folder / "catalog").glob("*.yaml")):
        for section, entries in _yaml(file).items():
            merged[section].update(entries)
    return merged


def _in_month(events: list[Event], month: str, found: Expected) -> list[Event]:
    first, after = bounds(month)
    mine = [event for event in events if first <= event.at.date() < after]
    found.kinds["other_month"] += len(events) - len(mine)
    return mine


def _lines(
    subscription: Subscription, served: Fraction, events: list[Event], catalog: dict, found: Expected
) -> dict[LineKey, tuple[Fraction, Decimal, str]]:
    """Key → (quantity, net, tax) of one stretch. Raises when an event is priced by no charge or by two."""
    lines = {}
    priced: Counter[int] = Counter()
    for code, charge in catalog["plans"][subscription.plan]["charges"].items():
        mine = [event for event in events if "metric" in charge and _is_for(charge, event)]
        priced.update(map(id, mine))
        for part, quantity, net in _kept(_parts(charge, served, mine, catalog), had_events=bool(mine)):
            key = LineKey(subscription.subscription_id, subscription.start, subscription.plan, code, part)
            lines[key] = (quantity, net, charge["tax"])
    for event in events:
        if priced[id(event)] != 1:
            raise AssertionError(f"{event} is priced {priced[id(event)]} times on {subscription.plan}")
        found.billed[event.metric] += 1
    return lines


def _is_for(charge: dict, event: Event) -> bool:
    for dimension, wanted in charge.get("where", {}).items():
        if event.dimensions.get(dimension) not in (wanted if isinstance(wanted, list) else [wanted]):
            return False
    return charge["metric"] == event.metric


def _parts(
    charge: dict, served: Fraction, events: list[Event], catalog: dict
) -> Iterator[tuple[str, Fraction, Decimal]]:
    """(part, quantity, net) of every line of a charge, those of zero among them."""
    if charge["model"] == "flat":
        yield "", served, cents(Fraction(charge["amount"]) * served)
        return
    quantity = _quantity(catalog["metrics"][charge["metric"]]["aggregate"], events)
    if charge["model"] == "per_unit":
        yield "", quantity, cents(quantity * Fraction(charge["unit_price"]))
        return
    if charge["model"] != "graduated":
        raise NotImplementedError(charge["model"])
    below = Fraction(0)
    for number, tier in enumerate(charge["tiers"], start=1):
        if number > 1 and quantity <= below:
            return
        top = min(quantity, Fraction(tier["up_to"])) if "up_to" in tier else quantity
        yield f"tier {number}", top - below, cents((top - below) * Fraction(tier.get("unit_price", 0)))
        yield f"fee {number}", Fraction(1), cents(Fraction(tier.get("flat_fee", 0)))
        below = top if "up_to" not in tier else Fraction(tier["up_to"])


def _kept(parts: Iterable[tuple[str, Fraction, Decimal]], *, had_events: bool) -> list[tuple[str, Fraction, Decimal]]:
    """Without the lines of zero; one of them stays when the charge had events and nothing else to show."""
    every = list(parts)
    return [part for part in every if part[2]] or (every[:1] if had_events else [])


def _quantity(aggregate: str, events: list[Event]) -> Fraction:
    if aggregate == "count":
        return Fraction(len(events))
    quantities = [event.quantity for event in events]
    return max(quantities, default=Fraction(0)) if aggregate == "max" else sum(quantities, Fraction(0))


def _invoice(lines: dict[LineKey, tuple[Fraction, Decimal, str]], catalog: dict) -> ExpectedInvoice[LineKey]:
    groups: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for _, net, code in lines.values():
        tax = catalog["taxes"][code]
        groups[tax["category"], str(tax["rate"])] += net
    net = sum(groups.values(), Decimal("0.00"))
    tax = tax_of((Decimal(rate), nets) for (_, rate), nets in groups.items())
    return ExpectedInvoice(
        net, tax, net + tax, {key: (quantity, amount) for key, (quantity, amount, _) in lines.items()}
    )


def main(folder: Path, month: str) -> None:
    """Print what was found."""
    found = expected(folder, month)
    total = sum(invoice.total for invoice in found.invoices.values())
    sys.stdout.write(
        f"{month}: {len(found.invoices)} invoices, total {total}\n"
        f"billed {dict(found.billed)}\n"
        f"other rows {dict(found.kinds)}\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
