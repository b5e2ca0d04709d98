"""From a quantity to priced parts, in exact fractions: metrics and price models (PRICING §1, §2, §4)."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction

from billflow.catalog import BillingPeriod, FlatCharge, GraduatedCharge, Metric, UsageCharge
from billflow.reference.models import UsageEvent
from billflow.reference.stretches import Stretch


@dataclass(frozen=True)
class Part:
    """What becomes one line: quantity times unit price, not yet rounded."""

    quantity: Fraction
    unit_price: Fraction

    @property
    def amount(self) -> Fraction:
        """The exact net."""
        return self.quantity * self.unit_price


def metered(metric: Metric, events: Collection[UsageEvent]) -> Fraction:
    """The one quantity that events become; 0 without events, whatever the aggregate."""
    quantities = [Fraction(event.quantity) for event in events]
    match metric.aggregate:
        case "sum":
            return sum(quantities, Fraction(0))
        case "count":
            return Fraction(len(quantities))
        case "max":
            return max(quantities, default=Fraction(0))


def flat_part(charge: FlatCharge, stretch: Stretch, period: BillingPeriod) -> Part:
    """Quantity 1 at the amount for the days of service; only flat charges multiply by the subscription's."""
    amount = Fraction(charge.amount) * Fraction(stretch.subscription.quantity)
    days = stretch.days if charge.proration == "daily" else period.days
    match charge.per:
        case "day":
            share = Fraction(days)
        case "month":
            share = Fraction(days, period.days)
        case "year":
            share = Fraction(days, period.days * 12)
    return Part(Fraction(1), amount * share)


def usage_parts(charge: UsageCharge, quantity: Fraction) -> Iterator[Part]:
    """The parts of a metered quantity in printing order; there is always a first one."""
    if isinstance(charge, GraduatedCharge):
        yield from _graduated_parts(charge, quantity)
    else:
        yield Part(quantity, Fraction(charge.unit_price))


def _graduated_parts(charge: GraduatedCharge, quantity: Fraction) -> Iterator[Part]:
    """Per tier entered its units, then its fee; the first is entered at zero too, and takes what is below."""
    lower = Fraction(0)
    for position, tier in enumerate(charge.tiers):
        if position > 0 and quantity <= lower:
            return
        upper = quantity if tier.up_to is None else min(quantity, Fraction(tier.up_to))
        yield Part(upper - lower, Fraction(tier.unit_price or 0))
        yield Part(Fraction(1), Fraction(tier.flat_fee or 0))
        lower = upper
