"""Included units: taken off a charge's quantity, or used up in order of time by all who share them (PRICING §1, §2)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from billflow.catalog import Catalog, FlatCharge, MatrixCharge, UsageCharge
from billflow.reference.local_events import LocalEvent
from billflow.reference.matrix import price_position
from billflow.reference.metering import converted, counted, metered
from billflow.reference.stretches import Stretch
from billflow.reference.usage import FamilyUsage

ONLY = 0
"""The position of the one price of a charge that is no matrix."""

StretchKey = tuple[object, ...]


@dataclass(frozen=True)
class Metering:
    """What every charge of a bill has measured, its included units taken off."""

    catalog: Catalog
    usage: FamilyUsage
    stretches: Sequence[Stretch]
    """All that the bill rates: pools are found among them."""

    def quantities(self, stretch: Stretch, charge: UsageCharge) -> dict[int, Fraction]:
        """Quantity by position of the price: one for most charges; for a matrix one per price used, in order."""
        if charge.pool or (isinstance(charge, MatrixCharge) and charge.included is not None):
            return self._from_pool(stretch)
        metric = self.catalog.metrics[charge.metric]
        cells = by_price(charge, self.usage.priced_by(stretch))
        return {
            position: _beyond(stretch, charge, converted(charge, metered(metric, charge, events)))
            for position, events in cells.items()
        }

    def _from_pool(self, stretch: Stretch) -> dict[int, Fraction]:
        members = [other for other in self.stretches if _share_units(stretch, other)]
        allowance = sum((allowance_of(member) for member in members), Fraction(0))
        beyond = self._used_beyond(members, allowance)
        return {position: beyond[stretch.key, position] for position in self._positions(stretch)}

    def _positions(self, stretch: Stretch) -> Iterable[int]:
        return by_price(_usage_charge(stretch), self.usage.priced_by(stretch))

    def _used_beyond(self, members: Sequence[Stretch], allowance: Fraction) -> dict[tuple[StretchKey, int], Fraction]:
        """What each member (and price) used after the allowance was used up, event by event in order of time."""
        uses = [
            (local, position, member)
            for member in members
            for position, events in by_price(_usage_charge(member), self.usage.priced_by(member)).items()
            for local in events
        ]
        totals: defaultdict[tuple[StretchKey, int], Fraction] = defaultdict(Fraction)
        beyond: defaultdict[tuple[StretchKey, int], Fraction] = defaultdict(Fraction)
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


def _share_units(one: Stretch, other: Stretch) -> bool:
    """Whether two stretches draw on one allowance: the same charge of the same plan version, within the pool."""
    pool = _usage_charge(one).pool
    if pool is None:
        return one.key == other.key
    same_account = one.service.account_id == other.service.account_id
    return _sold_as(one) == _sold_as(other) and (pool == "hierarchy" or same_account)


def _sold_as(stretch: Stretch) -> tuple[object, ...]:
    return stretch.subscription.plan, stretch.service.version.valid_from, stretch.code


def _usage_charge(stretch: Stretch) -> UsageCharge:
    if isinstance(stretch.charge, FlatCharge):
        raise TypeError(f"charge {stretch.code!r} is flat: it has no usage")
    return stretch.charge
