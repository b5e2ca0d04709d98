"""Included units: taken off a charge's quantity, or used up in order of time by all who share them (PRICING §1, §2)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from billflow.catalog import Catalog, FlatCharge, MatrixCharge, UsageCharge
from billflow.reference.local_events import LocalEvent
from billflow.reference.matrix import price_position
from billflow.reference.metering import converted, counted, metered
from billflow.reference.stretches import Stretch, StretchKey
from billflow.reference.usage import FamilyUsage

ONLY = 0
"""The position of the one price of a charge that is no matrix."""

PoolKey = tuple[object, ...]
Used = defaultdict[tuple[StretchKey, int], Fraction]
"""Units by stretch and position of the price."""


@dataclass(frozen=True)
class Metering:
    """What every charge of a bill has measured, its included units taken off."""

    catalog: Catalog
    usage: FamilyUsage
    stretches: Sequence[Stretch]
    """All that the bill rates: pools are found among them."""
    _pools: dict[PoolKey, Used] = field(default_factory=dict)

    def quantities(self, stretch: Stretch, charge: UsageCharge) -> dict[int, Fraction]:
        """Quantity by position of the price: one for most charges; for a matrix one per price used, in order."""
        if charge.pool or (isinstance(charge, MatrixCharge) and charge.included is not None):
            return self._from_pool(stretch, charge)
        metric = self.catalog.metrics[charge.metric]
        cells = by_price(charge, self.usage.priced_by(stretch))
        return {
            position: _beyond(stretch, charge, converted(charge, metered(metric, charge, events)))
            for position, events in cells.items()
        }

    def _from_pool(self, stretch: Stretch, charge: UsageCharge) -> dict[int, Fraction]:
        pool = _pool_of(stretch)
        if pool not in self._pools:
            self._pools[pool] = self._used_beyond([other for other in self.stretches if _pool_of(other) == pool])
        positions = by_price(charge, self.usage.priced_by(stretch))
        return {position: self._pools[pool][stretch.key, position] for position in positions}

    def _used_beyond(self, members: Sequence[Stretch]) -> Used:
        """What each member (and price) used after the allowance was used up, event by event in order of time."""
        allowance = sum((allowance_of(member) for member in members), Fraction(0))
        uses = [
            (local, position, member)
            for member in members
            for position, events in by_price(_usage_charge(member), self.usage.priced_by(member)).items()
            for local in events
        ]
        totals: Used = defaultdict(Fraction)
        beyond: Used = defaultdict(Fraction)
        drawn = Fraction(0)
        for local, position, member in sorted(uses, key=lambda use: use[0].order):
            at, charge = (member.key, position), _usage_charge(member)
            before = converted(charge, totals[at])
            totals[at] += counted(self.catalog.metrics[charge.metric], charge, local)
            step = converted(charge, totals[at]) - before
            beyond[at] += max(Fraction(0), drawn + step - allowance) - max(Fraction(0), drawn - allowance)
            drawn += step
        return beyond


def allowance_of(stretch: Stretch) -> Fraction:
    """The included units of a stretch, by its days of service."""
    return stretch.prorated(Fraction(_usage_charge(stretch).included or 0))


def by_price(charge: UsageCharge, events: Sequence[LocalEvent]) -> dict[int, list[LocalEvent]]:
    """Events by the position of their price, in catalogue order; a charge that is no matrix has one, used or not."""
    if not isinstance(charge, MatrixCharge):
        return {ONLY: list(events)}
    cells: dict[int, list[LocalEvent]] = {}
    for local in events:
        position = price_position(charge, local)
        if position is not None:
            cells.setdefault(position, []).append(local)
    return dict(sorted(cells.items()))


def _beyond(stretch: Stretch, charge: UsageCharge, quantity: Fraction) -> Fraction:
    if charge.included is None:
        return quantity
    return max(Fraction(0), quantity - allowance_of(stretch))


def _pool_of(stretch: Stretch) -> PoolKey:
    """What stretches that draw on one allowance have in common: the charge, the plan version, and whose they are."""
    sold_as = stretch.subscription.plan, stretch.service.version.valid_from, stretch.code
    pool = None if isinstance(stretch.charge, FlatCharge) else stretch.charge.pool
    match pool:
        case None:
            return stretch.key
        case "account":
            return stretch.service.account_id, *sold_as
        case "hierarchy":
            return sold_as


def _usage_charge(stretch: Stretch) -> UsageCharge:
    if isinstance(stretch.charge, FlatCharge):
        raise TypeError(f"charge {stretch.code!r} is flat: it has no usage")
    return stretch.charge
