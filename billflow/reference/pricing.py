"""From a quantity to priced parts, in exact fractions: the price models (PRICING §2, §4)."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from billflow.catalog import (
    BillingPeriod,
    FlatCharge,
    GraduatedCharge,
    GraduatedPercentageCharge,
    PackageCharge,
    PercentageCharge,
    PerUnitCharge,
    VolumeCharge,
)

ONE = Fraction(1)


@dataclass(frozen=True)
class Part:
    """What becomes one line: quantity times unit price, not yet rounded."""

    quantity: Fraction
    unit_price: Fraction

    @property
    def amount(self) -> Fraction:
        """The exact net."""
        return self.quantity * self.unit_price


def flat_amount(charge: FlatCharge, quantity: Fraction, days: int, period: BillingPeriod) -> Fraction:
    """The amount for `days` of service in a period; only flat charges multiply by the subscription's quantity."""
    if days and charge.proration == "none":
        days = period.days
    match charge.per:
        case "day":
            share = Fraction(days)
        case "month":
            share = Fraction(days, period.days)
        case "year":
            share = Fraction(days, period.days * 12)
    return Fraction(charge.amount) * quantity * share


QuantityCharge = (
    PerUnitCharge | GraduatedCharge | GraduatedPercentageCharge | VolumeCharge | PackageCharge | PercentageCharge
)
"""Priced by one quantity; PercentageCharge only without bounds of events."""


def usage_parts(charge: QuantityCharge, quantity: Fraction, *, events: int = 0) -> Iterator[Part]:
    """The parts of a quantity that `events` events made, in printing order; there is always a first one."""
    match charge:
        case PerUnitCharge():
            yield Part(quantity, Fraction(charge.unit_price))
        case GraduatedCharge() | GraduatedPercentageCharge():
            yield from _graduated_parts(charge, quantity)
        case VolumeCharge():
            yield from _volume_parts(charge, quantity)
        case PackageCharge():
            yield Part(Fraction(math.ceil(quantity / Fraction(charge.size))), Fraction(charge.price))
        case PercentageCharge():
            yield Part(quantity, Fraction(charge.rate))
            yield Part(Fraction(max(0, events - charge.free_events)), Fraction(charge.fixed_fee))


def _graduated_parts(charge: GraduatedCharge | GraduatedPercentageCharge, quantity: Fraction) -> Iterator[Part]:
    """Per tier entered its units, then its fee; the first is entered at zero too, and takes what is below."""
    lower = Fraction(0)
    for tier in charge.tiers:
        if tier is not charge.tiers[0] and quantity <= lower:
            return
        upper = quantity if tier.up_to is None else min(quantity, Fraction(tier.up_to))
        yield Part(upper - lower, Fraction(tier.price))
        yield Part(ONE, Fraction(tier.flat_fee or 0))
        lower = upper


def _volume_parts(charge: VolumeCharge, quantity: Fraction) -> Iterator[Part]:
    """All units at the price of the tier that the quantity falls in, then that tier's fee."""
    for tier in charge.tiers:
        if tier.up_to is None or quantity <= Fraction(tier.up_to):
            yield Part(quantity, Fraction(tier.price))
            yield Part(ONE, Fraction(tier.flat_fee or 0))
            return


def bounded_part(charge: PercentageCharge, values: Sequence[Fraction], allowance: Fraction | None) -> Part:
    """Events priced one by one: `values` in order of use, of which the allowance covers the first.

    The first `free_events` cost nothing, and use up the allowance like the others.
    """
    paid = list(_beyond(values, allowance))[charge.free_events :]
    return Part(ONE, sum((_event_price(charge, value) for value in paid), Fraction(0)))


def _beyond(values: Sequence[Fraction], allowance: Fraction | None) -> Iterator[Fraction]:
    left = allowance or Fraction(0)
    for value in values:
        covered = min(left, value)
        left -= covered
        yield value - covered


def _event_price(charge: PercentageCharge, value: Fraction) -> Fraction:
    price = Fraction(charge.rate) * value + Fraction(charge.fixed_fee)
    if charge.event_minimum is not None:
        price = max(price, Fraction(charge.event_minimum))
    return price if charge.event_maximum is None else min(price, Fraction(charge.event_maximum))
