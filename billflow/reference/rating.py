"""The printed lines of one rated charge: its parts, discounts, maximum and minimum (PRICING §1, §3)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from billflow.catalog import FlatCharge, MatrixCharge, PercentageCharge
from billflow.reference.allowances import Metering, allowance_of
from billflow.reference.bounds import Allotment, Bounds
from billflow.reference.discounts import charge_reduction
from billflow.reference.local_events import LocalEvent
from billflow.reference.matrix import price_at
from billflow.reference.metering import converted, in_increments
from billflow.reference.models import Line
from billflow.reference.pricing import ONE, Part, bounded_part, flat_amount, usage_parts
from billflow.reference.printing import Printing, origin_of, sum_of
from billflow.reference.stretches import Stretch


@dataclass(frozen=True)
class Rating:
    """What all charges of one bill are rated with. Stretches come in order of time: earlier ones use up budgets."""

    printing: Printing
    metering: Metering
    bounds: Bounds
    allotment: Allotment

    def lines(self, stretch: Stretch) -> list[Line]:
        """The lines of one charge in printing order; empty when nothing is due.

        LookupError when a discount is not in the catalogue, or when the payer has no such tax on the issue date.
        """
        events = self.metering.usage.priced_by(stretch)
        printed = self._printed(stretch, list(self._parts(stretch, events)), used=bool(events))
        return [replace(printed[0], usage_count=len(events)), *printed[1:]] if printed else []

    def _printed(self, stretch: Stretch, parts: list[Part], *, used: bool) -> list[Line]:
        """Lines of zero are left out; if a charge with events has no other, that of its first part stays."""
        origin, tax = origin_of(stretch.service, stretch.start, stretch.end), stretch.charge.tax
        priced = [self.printing.line(origin, stretch.code, tax, part) for part in parts]
        adjusting = self._adjustments(stretch, sum_of(priced))
        lines = [line for line in priced if line.net]
        lines += self.printing.amounts(origin, stretch.code, tax, *adjusting)
        return lines or (priced[:1] if used else [])

    def _parts(self, stretch: Stretch, events: list[LocalEvent]) -> Iterator[Part]:
        charge = stretch.charge
        if isinstance(charge, FlatCharge):
            quantity = Fraction(stretch.subscription.quantity)
            yield Part(ONE, flat_amount(charge, quantity, stretch.days, stretch.period))
        elif isinstance(charge, PercentageCharge) and charge.is_bounded:
            values = [converted(charge, in_increments(charge.increments, one)) for one in events]
            yield bounded_part(charge, values, allowance_of(stretch))
        else:
            for position, quantity in self.metering.quantities(stretch, charge).items():
                if isinstance(charge, MatrixCharge):
                    yield Part(quantity, Fraction(price_at(charge, position)))
                else:
                    yield from usage_parts(charge, quantity, events=len(events))

    def _adjustments(self, stretch: Stretch, net: Fraction) -> Iterator[Fraction]:
        """Percentage discount, fixed discount, maximum and minimum, each from what the ones before leave."""
        to_minor, charge = self.printing.to_minor, stretch.charge
        reduction = charge_reduction(self.printing.catalog, stretch)
        key = (*stretch.service.plan_key, stretch.code, stretch.period)
        off = to_minor(net * reduction.percent / 100)
        given = self.allotment.give(key, to_minor(reduction.amount), net - off)
        yield -off
        yield -given
        yield from self.bounds.adjustments(key, charge, net - off - given, stretch.prorated(ONE))
