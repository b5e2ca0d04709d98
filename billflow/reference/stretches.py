"""Service windows: a charge of a subscription is rated over the days that all dates share (PRICING §4)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from billflow.catalog import BillingPeriod, Catalog, Charge
from billflow.reference.models import Subscription


@dataclass(frozen=True)
class Stretch:
    """One charge to be rated on its own, from tier zero, over local days `[start, end)`; at least one day."""

    subscription: Subscription
    code: str
    charge: Charge
    start: date
    end: date

    @property
    def days(self) -> int:
        """Calendar days of service."""
        return (self.end - self.start).days

    def contains(self, day: date) -> bool:
        """Whether a local day is one of service."""
        return self.start <= day < self.end


def stretches(catalog: Catalog, period: BillingPeriod, subscriptions: Iterable[Subscription]) -> Iterator[Stretch]:
    """All rated charges in printing order: subscription, its start, plan version, order in the catalogue.

    KeyError when a subscription names a plan that is not in the catalogue.
    """
    ordered = sorted(subscriptions, key=lambda row: (row.subscription_id, row.start_date))
    for subscription in ordered:
        for version in catalog.plan_versions(subscription.plan):
            for code, charge in version.charges.items():
                start, end = _intersection(
                    (period.start, period.end),
                    (subscription.start_date, subscription.end_date),
                    (version.valid_from, version.valid_to),
                    (charge.valid_from, charge.valid_to),
                )
                if start < end:
                    yield Stretch(subscription, code, charge, start, end)


def _intersection(*windows: tuple[date | None, date | None]) -> tuple[date, date]:
    """Where all half-open windows overlap; None is open. At least one window must have both ends."""
    return (
        max(start for start, _ in windows if start is not None),
        min(end for _, end in windows if end is not None),
    )
