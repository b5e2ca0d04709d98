"""Service windows: a charge of a subscription is rated over the days that all dates share (PRICING §4)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from billflow.catalog import BillingPeriod, Catalog, Charge, FlatCharge, PlanVersion
from billflow.catalog.charges import Proration
from billflow.reference.models import Subscription

StretchKey = tuple[str, str, date, date, str]
"""(account, subscription, its row's start, the version's, charge)."""


@dataclass(frozen=True)
class Service:
    """A row of a subscription under one version of its plan; it may serve no day at all."""

    account_id: str
    subscription: Subscription
    version: PlanVersion
    subscribed_on: date
    """First start_date of all rows of the subscription."""

    @property
    def plan_key(self) -> tuple[str, str, str]:
        """What shares a plan's maximum within a period."""
        return self.account_id, self.subscription.subscription_id, self.subscription.plan

    def days_in(self, period: BillingPeriod, *also: tuple[date | None, date | None]) -> tuple[date, date]:
        """The days `[start, end)` of service in a period, within further windows too; none when start >= end."""
        return _intersection(
            (period.start, period.end),
            (self.subscription.start_date, self.subscription.end_date),
            (self.version.valid_from, self.version.valid_to),
            *also,
        )


@dataclass(frozen=True)
class Stretch:
    """One charge to be rated on its own, from tier zero, over local days `[start, end)`; at least one day."""

    service: Service
    code: str
    charge: Charge
    period: BillingPeriod
    """The period that the days belong to: a charge in advance is also rated for the one after the bill's."""
    start: date
    end: date

    @property
    def subscription(self) -> Subscription:
        """The row that is charged."""
        return self.service.subscription

    @property
    def days(self) -> int:
        """Calendar days of service."""
        return (self.end - self.start).days

    @property
    def key(self) -> StretchKey:
        """What tells it from the other stretches of a period."""
        row = self.subscription
        return self.service.account_id, row.subscription_id, row.start_date, self.service.version.valid_from, self.code

    def contains(self, day: date) -> bool:
        """Whether a local day is one of service."""
        return self.start <= day < self.end

    def prorated(self, amount: Fraction) -> Fraction:
        """What is due for the days of service of an amount for the whole period."""
        return amount * share(self.charge.proration, self.start, self.end, self.period)


def share(proration: Proration, start: date, end: date, period: BillingPeriod) -> Fraction:
    """Days of service / days of the period; without proration the whole period is charged."""
    return Fraction((end - start).days, period.days) if proration == "daily" else Fraction(1)


def services(catalog: Catalog, account_id: str, subscriptions: Iterable[Subscription]) -> Iterator[Service]:
    """Rows by version of their plan in printing order: subscription, its start, plan version.

    KeyError when a subscription names a plan that is not in the catalogue.
    """
    ordered = sorted(subscriptions, key=lambda row: (row.subscription_id, row.start_date))
    subscribed_on: dict[str, date] = {}
    for row in ordered:
        first = subscribed_on.setdefault(row.subscription_id, row.start_date)
        for version in catalog.plan_versions(row.plan):
            yield Service(account_id, row, version, first)


def rated_stretches(catalog: Catalog, service: Service, code: str, period: BillingPeriod) -> Iterator[Stretch]:
    """What the bill for `period` rates of one charge, in printing order."""
    if not _is_in_advance(service.version.charges[code]):
        yield from _stretch(service, code, period)
        return
    if period.start <= _began(catalog, service, code) < period.end:
        # It began after the bill before this one, which could not cover these days.
        yield from _stretch(service, code, period)
    yield from stretch_ahead(catalog, service, code, period.following)


def stretch_ahead(catalog: Catalog, service: Service, code: str, covered: BillingPeriod) -> Iterator[Stretch]:
    """What the bill before the period `covered` rates of it: a charge in advance that began before it."""
    charge = service.version.charges.get(code)
    if charge and _is_in_advance(charge) and _began(catalog, service, code) < covered.start:
        yield from _stretch(service, code, covered)


def _is_in_advance(charge: Charge) -> bool:
    return isinstance(charge, FlatCharge) and charge.when == "advance"


def _began(catalog: Catalog, service: Service, code: str) -> date:
    row = service.subscription
    return max(row.start_date, catalog.charge_begins(row.plan, code))


def _stretch(service: Service, code: str, period: BillingPeriod) -> Iterator[Stretch]:
    charge = service.version.charges[code]
    start, end = service.days_in(period, (charge.valid_from, charge.valid_to))
    if start < end:
        yield Stretch(service, code, charge, period, start, end)


def _intersection(*windows: tuple[date | None, date | None]) -> tuple[date, date]:
    """Where all half-open windows overlap; None is open. At least one window must have both ends."""
    return (
        max(start for start, _ in windows if start is not None),
        min(end for _, end in windows if end is not None),
    )
