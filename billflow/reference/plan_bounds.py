"""The least and greatest amount of a plan over all its charges (PRICING §1, §6)."""

from fractions import Fraction

from billflow.reference.bounds import Bounds
from billflow.reference.models import Line
from billflow.reference.printing import Origin, Printing, origin_of, sum_of
from billflow.reference.spreading import spread_lines
from billflow.reference.stretches import Service, share

MAXIMUM = "plan_maximum"
MINIMUM = "plan_minimum"


def plan_bound_lines(printing: Printing, bounds: Bounds, service: Service, lines: list[Line]) -> list[Line]:
    """The lines that bring `lines`, all of a plan's stretch, within its bounds."""
    start, end = service.days_in(printing.period)
    if start >= end:
        return []
    origin, version = origin_of(service, start, end), service.version
    prorated = share(version.proration, start, end, printing.period)
    above, missing = bounds.adjustments(service.plan_key, version, sum_of(lines), prorated)
    return [
        *_adjusting(printing, service, origin, MAXIMUM, above, lines),
        *_adjusting(printing, service, origin, MINIMUM, missing, lines),
    ]


def _adjusting(
    printing: Printing, service: Service, origin: Origin, charge: str, amount: Fraction, lines: list[Line]
) -> list[Line]:
    bearing = [line for line in lines if line.net]
    if bearing:
        return spread_lines(printing, origin, charge, amount, bearing)
    first_charge = next(iter(service.version.charges.values()))
    return printing.amounts(origin, charge, first_charge.tax, amount)
