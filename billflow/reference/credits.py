"""Days that were billed in advance and are not served come back (PRICING §4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from billflow.catalog import BillingPeriod, Catalog, FlatCharge
from billflow.reference.discounts import charge_reduction
from billflow.reference.models import BilledAhead, Line, Member, Subscription
from billflow.reference.pricing import ONE, Part, flat_amount
from billflow.reference.printing import Printing, origin_of
from billflow.reference.stretches import Service, Stretch, services, stretch_ahead


def billed_services(catalog: Catalog, member: Member, billed: Sequence[BilledAhead]) -> list[Service]:
    """The account's services; a row that was billed ahead and is gone stands among them with no day of service."""
    known = list(member.subscriptions)
    gone = [_gone(one) for one in billed if not any(_held_by(row, one) for row in known)]
    unique = {(row.subscription_id, row.start_date): row for row in gone}
    return list(services(catalog, member.account_id, [*known, *unique.values()]))


@dataclass(frozen=True)
class Credit:
    """What the bill before took in advance for days of this period, and what it was billed for."""

    service: Service
    charge: FlatCharge
    billed: BilledAhead


def credits_of(printing: Printing, account: Sequence[Service], billed: Iterable[BilledAhead]) -> list[Credit]:
    """By line of the bill before, what may come back of it; LookupError when its charge is not in the catalogue."""
    return [_credit(account, one) for one in billed if one.period_start >= printing.period.start]


def credit_line(printing: Printing, account: Sequence[Service], credit: Credit) -> list[Line]:
    """The line that gives back the days that `account`, all that it holds, does not serve; [] when it serves all."""
    billed = credit.billed
    served_until = min(_served_until(printing, account, billed), billed.period_end)
    due = _amount(credit, served_until, printing.period)
    back = _amount(credit, billed.period_end, printing.period) - due
    origin, tax = origin_of(credit.service, served_until, billed.period_end), credit.charge.tax
    line = printing.line(origin, billed.charge, tax, Part(ONE, -back))
    if not line.net:
        return []
    return [line, *printing.amounts(origin, billed.charge, tax, -_percent_off(printing, credit, line))]


def _percent_off(printing: Printing, credit: Credit, line: Line) -> Fraction:
    """What was taken off the days that come back: a percentage; fixed discounts are not given back."""
    billed, period = credit.billed, printing.period
    stretch = Stretch(credit.service, billed.charge, credit.charge, period, billed.period_start, billed.period_end)
    reduction = charge_reduction(printing.catalog, stretch)
    return printing.to_minor(Fraction(line.net) * reduction.percent / 100)


def _amount(credit: Credit, until: date, period: BillingPeriod) -> Fraction:
    days = (until - credit.billed.period_start).days
    return flat_amount(credit.charge, Fraction(credit.billed.quantity), days, period)


def _served_until(printing: Printing, account: Sequence[Service], billed: BilledAhead) -> date:
    """The day up to which the line is still served: by what would be billed ahead now, versions one after another."""
    ahead = [
        stretch
        for service in account
        if _is_of(service.subscription, billed)
        for stretch in stretch_ahead(printing.catalog, service, billed.charge, printing.period)
    ]
    until = billed.period_start
    for stretch in sorted(ahead, key=lambda stretch: stretch.start):
        until = stretch.end if stretch.start <= until < stretch.end else until
    return until


def _credit(account: Sequence[Service], billed: BilledAhead) -> Credit:
    """It is printed with the last row that had begun, under the version of the day."""
    held = [service for service in account if _held_by(service.subscription, billed)]
    last = max(service.subscription.start_date for service in held)
    for service in held:
        charge = service.version.charges.get(billed.charge)
        is_in_force = service.version.valid_from <= billed.period_start < (service.version.valid_to or date.max)
        if service.subscription.start_date == last and is_in_force and isinstance(charge, FlatCharge):
            return Credit(service, charge, billed)
    raise LookupError(f"plan {billed.plan!r} has no flat charge {billed.charge!r} on {billed.period_start}")


def _is_of(row: Subscription, billed: BilledAhead) -> bool:
    return (row.subscription_id, row.plan) == (billed.subscription_id, billed.plan)


def _held_by(row: Subscription, billed: BilledAhead) -> bool:
    return _is_of(row, billed) and row.start_date <= billed.period_start


def _gone(billed: BilledAhead) -> Subscription:
    day = billed.period_start
    return Subscription(billed.subscription_id, billed.plan, day, day, Decimal(0), ())
