"""From events to one quantity: aggregates, increments, conversion (PRICING §1)."""

import math
from collections.abc import Sequence
from fractions import Fraction

from billflow.catalog import Increments, Metric, UsageCharge
from billflow.reference.local_events import LocalEvent
from billflow.reference.rounding import whole


def metered(metric: Metric, charge: UsageCharge, events: Sequence[LocalEvent]) -> Fraction:
    """The one quantity that events become, before conversion; 0 without events, whatever the aggregate."""
    match metric.aggregate:
        case "sum" | "count":
            return sum((counted(metric, charge, one) for one in events), Fraction(0))
        case "max":
            return max((Fraction(one.event.quantity) for one in events), default=Fraction(0))
        case "unique":
            return Fraction(len({one.value_of(metric.of or "") for one in events} - {None}))
        case "latest":
            last = max(events, key=lambda one: one.order, default=None)
            return Fraction(last.event.quantity) if last else Fraction(0)


def counted(metric: Metric, charge: UsageCharge, local: LocalEvent) -> Fraction:
    """What one event adds to a sum or a count."""
    return Fraction(1) if metric.aggregate == "count" else in_increments(charge.increments, local)


def in_increments(increments: Increments | None, local: LocalEvent) -> Fraction:
    """An event's quantity rounded up on its own: at least `first`, then whole steps of `then`; 0 stays 0."""
    quantity = Fraction(local.event.quantity)
    if increments is None or quantity == 0:
        return quantity
    first, then = Fraction(increments.first), Fraction(increments.then)
    return first + math.ceil(max(Fraction(0), quantity - first) / then) * then


def converted(charge: UsageCharge, quantity: Fraction) -> Fraction:
    """The quantity in the charge's own unit."""
    if charge.convert is None:
        return quantity
    return whole(quantity / Fraction(charge.convert.divide_by), charge.convert.round)
