"""One account's bill for one period, and the usage that no charge prices (PRICING §3, §5)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from billflow.catalog import BillingPeriod, Catalog, FlatCharge
from billflow.reference.lines import Rating
from billflow.reference.local_events import LocalEvent, localized
from billflow.reference.models import Bill, Line, Subscription, TaxGroup, UsageEvent
from billflow.reference.rounding import rounded, total_of
from billflow.reference.stretches import Stretch, stretches


def bill_account(
    catalog: Catalog,
    period: BillingPeriod,
    *,
    timezone: str,
    minor_digits: int,
    subscriptions: Iterable[Subscription],
    usage: Iterable[UsageEvent],
) -> Bill | None:
    """The bill for `period` of the account that holds `subscriptions`; None when it has no line.

    `timezone` is the account's (IANA name), `minor_digits` its currency's (EUR 2, JPY 0). Usage outside the
    period, by local day, is left alone. LookupError when a plan, discount or tax rate is missing.
    """
    events = _by_subscription(catalog, timezone, usage)
    rating = Rating(catalog, period, minor_digits)
    lines = [
        line
        for stretch in stretches(catalog, period, subscriptions)
        for line in rating.lines(stretch, _priced(stretch, events[stretch.subscription.subscription_id]))
    ]
    return _bill(lines, minor_digits) if lines else None


def unrated_events(
    catalog: Catalog,
    period: BillingPeriod,
    *,
    timezone: str,
    minor_digits: int,  # noqa: ARG001 - see above
    subscriptions: Iterable[Subscription],
    usage: Iterable[UsageEvent],
) -> list[UsageEvent]:
    """Events of the period, in the order given, that no charge in force on their local day prices.

    Those on a day without subscription are among them. Usage of other periods is not.
    """
    zone = ZoneInfo(timezone)
    rated = list(stretches(catalog, period, subscriptions))
    return [
        local.event
        for local in (localized(event, catalog, zone) for event in usage)
        if period.start <= local.day < period.end and not any(_prices(stretch, local) for stretch in rated)
    ]


def _by_subscription(
    catalog: Catalog, timezone: str, usage: Iterable[UsageEvent]
) -> defaultdict[str, list[LocalEvent]]:
    zone = ZoneInfo(timezone)
    grouped: defaultdict[str, list[LocalEvent]] = defaultdict(list)
    for event in usage:
        grouped[event.subscription_id].append(localized(event, catalog, zone))
    return grouped


def _priced(stretch: Stretch, events: Iterable[LocalEvent]) -> list[UsageEvent]:
    return [local.event for local in events if _prices(stretch, local)]


def _prices(stretch: Stretch, local: LocalEvent) -> bool:
    """Whether an event falls to a stretch: its subscription, its day of service, its metric and `where`."""
    return (
        not isinstance(stretch.charge, FlatCharge)
        and local.event.subscription_id == stretch.subscription.subscription_id
        and stretch.contains(local.day)
        and local.is_priced_by(stretch.charge)
    )


def _bill(lines: Sequence[Line], minor_digits: int) -> Bill:
    taxes = _tax_groups(lines, minor_digits)
    net = total_of((line.net for line in lines), minor_digits)
    tax = total_of((group.tax for group in taxes), minor_digits)
    total = total_of((net, tax), minor_digits)
    return Bill("credit_note" if total < 0 else "invoice", tuple(lines), taxes, net, tax, total)


def _tax_groups(lines: Sequence[Line], minor_digits: int) -> tuple[TaxGroup, ...]:
    """Tax per (category, rate), in that order: the rate of the sum of nets, rounded once; never per line."""
    nets: defaultdict[tuple[str, Decimal], list[Decimal]] = defaultdict(list)
    for line in lines:
        nets[line.tax_category, line.tax_rate].append(line.net)
    return tuple(
        _tax_group(category, rate, total_of(amounts, minor_digits), minor_digits)
        for (category, rate), amounts in sorted(nets.items())
    )


def _tax_group(category: str, rate: Decimal, base: Decimal, minor_digits: int) -> TaxGroup:
    return TaxGroup(category, rate, base, rounded(Fraction(base) * Fraction(rate), minor_digits))
