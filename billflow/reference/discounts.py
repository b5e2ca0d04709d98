"""Which discounts are in force, and how much they take off (PRICING §1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from billflow.catalog import BillingPeriod, Catalog, Discount
from billflow.reference.models import Subscription
from billflow.reference.stretches import Service, Stretch

MOST_PERCENT = Fraction(100)


@dataclass(frozen=True)
class Reduction:
    """Discounts in force, added up: first the percentage, then the amount."""

    percent: Fraction
    amount: Fraction


def added_up(discounts: Iterable[Discount]) -> Reduction:
    """At most 100 %."""
    listed = list(discounts)
    percent = sum((Fraction(one.percent) for one in listed if one.percent is not None), Fraction(0))
    amount = sum((Fraction(one.amount) for one in listed if one.amount is not None), Fraction(0))
    return Reduction(min(percent, MOST_PERCENT), amount)


def charge_reduction(catalog: Catalog, stretch: Stretch) -> Reduction:
    """What comes off a charge; KeyError when a discount is not in the catalogue."""
    return added_up(charge_discounts(catalog, stretch).values())


def charge_discounts(catalog: Catalog, stretch: Stretch) -> dict[str, Discount]:
    """The discounts by code that count for a charge; KeyError when one is not in the catalogue."""
    return {
        code: discount
        for code, discount in _held(catalog, stretch.service)
        if discount.is_of(stretch.code) and _counts(discount, stretch.service, stretch.start, stretch.period)
    }


def invoice_reduction(catalog: Catalog, services: Iterable[Service], period: BillingPeriod) -> Reduction:
    """What comes off the bill."""
    return added_up(invoice_discounts(catalog, services, period).values())


def invoice_discounts(catalog: Catalog, services: Iterable[Service], period: BillingPeriod) -> dict[str, Discount]:
    """The bill's discounts: each code once, if any row served in the period makes it count."""
    return {
        code: discount
        for service in services
        if _is_served(service.subscription, period)
        for code, discount in _held(catalog, service)
        if discount.is_of_invoice
        and _counts(discount, service, max(service.subscription.start_date, period.start), period)
    }


def _is_served(row: Subscription, period: BillingPeriod) -> bool:
    return row.start_date < period.end and (row.end_date is None or row.end_date > period.start)


def _held(catalog: Catalog, service: Service) -> Iterable[tuple[str, Discount]]:
    # A code counts once, however often a row repeats it.
    return [(code, catalog.discounts[code]) for code in dict.fromkeys(service.subscription.discounts)]


def _counts(discount: Discount, service: Service, first_day: date, period: BillingPeriod) -> bool:
    """Whether it is valid on the first day rated, and its number of periods is not over."""
    if not discount.valid_from <= first_day < discount.valid_to:
        return False
    begun = period.number_of(max(service.subscribed_on, discount.valid_from))
    return discount.periods is None or period.number - begun < discount.periods
