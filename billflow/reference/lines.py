"""The printed lines of one rated charge: rounding, lines of zero, percentage discounts (PRICING §1, §3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from billflow.catalog import BillingPeriod, Catalog, FlatCharge
from billflow.reference.models import Line, UsageEvent
from billflow.reference.pricing import Part, flat_part, metered, usage_parts
from billflow.reference.rounding import PUBLISHED_DIGITS, rounded
from billflow.reference.stretches import Stretch

MOST_PERCENT = Fraction(100)


@dataclass(frozen=True)
class Rating:
    """What all charges of one bill are rated with; `minor_digits` are those of its currency (ISO 4217)."""

    catalog: Catalog
    period: BillingPeriod
    minor_digits: int

    def lines(self, stretch: Stretch, events: Sequence[UsageEvent]) -> list[Line]:
        """The printed lines of one charge: its parts in order, then its discount; empty when nothing is due.

        `events` are those that this charge prices. LookupError when a discount is not in the catalogue, or
        when the tax has no rate on the issue date.
        """
        printed = self._printed(self._parts(stretch, events), used=bool(events))
        if not printed:
            return []
        lines = [self._line(stretch, part) for part in printed]
        lines[0] = replace(lines[0], usage_count=len(events))
        discount = self._discount(stretch, lines)
        return [*lines, self._line(stretch, discount)] if discount.amount else lines

    def _parts(self, stretch: Stretch, events: Sequence[UsageEvent]) -> list[Part]:
        charge = stretch.charge
        if isinstance(charge, FlatCharge):
            return [flat_part(charge, stretch, self.period)]
        return list(usage_parts(charge, metered(self.catalog.metrics[charge.metric], events)))

    def _printed(self, parts: list[Part], *, used: bool) -> list[Part]:
        """Parts of zero are left out; if a charge with events has no other, its first stays."""
        nonzero = [part for part in parts if rounded(part.amount, self.minor_digits)]
        return nonzero or (parts[:1] if used else [])

    def _discount(self, stretch: Stretch, lines: Sequence[Line]) -> Part:
        """The percents of all discounts on the charge, off the sum of its rounded nets, rounded once."""
        net = sum((Fraction(line.net) for line in lines), Fraction(0))
        off = rounded(net * self._percent(stretch) / 100, self.minor_digits)
        return Part(Fraction(1), -Fraction(off))

    def _percent(self, stretch: Stretch) -> Fraction:
        # A code counts once, however often a row repeats it.
        discounts = [self.catalog.discounts[code] for code in dict.fromkeys(stretch.subscription.discounts)]
        percents = (
            Fraction(discount.percent)
            for discount in discounts
            if discount.applies_to is None or stretch.code in discount.applies_to
        )
        return min(sum(percents, Fraction(0)), MOST_PERCENT)

    def _line(self, stretch: Stretch, part: Part) -> Line:
        tax = self.catalog.tax_on(stretch.charge.tax, self.period.issue_date)
        return Line(
            subscription_id=stretch.subscription.subscription_id,
            plan=stretch.subscription.plan,
            charge=stretch.code,
            period_start=stretch.start,
            period_end=stretch.end,
            quantity=rounded(part.quantity, PUBLISHED_DIGITS),
            unit_price=rounded(part.unit_price, PUBLISHED_DIGITS),
            net=rounded(part.amount, self.minor_digits),
            tax_code=stretch.charge.tax,
            tax_category=tax.category,
            tax_rate=tax.rate,
            usage_count=0,
        )
