"""Small catalogues and accounts for the tests of the reference rater."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from billflow.catalog import BillingPeriod, Catalog, Cycle
from billflow.reference import (
    Adjustment,
    BilledAhead,
    Member,
    Subscription,
    UsageEvent,
    bill_account,
    bill_family,
    unrated_events,
)

JANUARY = Cycle(day=1).period("2013-01")
FEBRUARY = Cycle(day=1).period("2013-02")
METRICS = {
    "units": {"aggregate": "sum"},
    "kw": {"aggregate": "max"},
    "calls": {"aggregate": "count"},
    "devices": {"aggregate": "unique", "of": "device"},
    "names": {"aggregate": "unique", "of": "tou"},
    "level": {"aggregate": "latest"},
}
TAXES = {"gst": {"category": "S", "rate": "0.10"}, "high": {"category": "S", "rate": "0.20"}}


def catalog_of(charges=None, *, plans=None, **sections):
    """One plan `p` with `charges` (no tax unless they say so), or several plans; the metrics above."""
    plans = plans or {"p": {"charges": charges}}
    versions = [one for plan in plans.values() for one in (plan if isinstance(plan, list) else [plan])]
    for charge in (charge for version in versions for charge in version["charges"].values()):
        charge.setdefault("tax", "none")
    return Catalog.model_validate({"metrics": METRICS, "taxes": TAXES, "plans": plans, **sections})


def flat(amount, **options):
    return {"model": "flat", "amount": amount, **options}


def per_unit(unit_price, **options):
    return {"model": "per_unit", "metric": "units", "unit_price": unit_price, **options}


def _tiers(tiers, keys):
    return [{key: value for key, value in zip(keys, tier, strict=True) if value is not None} for tier in tiers]


def graduated(*tiers, **options):
    """Tiers as (up_to, unit_price, flat_fee), None where there is none."""
    written = _tiers(tiers, ("up_to", "unit_price", "flat_fee"))
    return {"model": "graduated", "metric": "units", "tiers": written, **options}


def volume(*tiers, **options):
    """Tiers as those of `graduated`."""
    return {**graduated(*tiers, **options), "model": "volume"}


def graduated_percentage(*tiers, **options):
    """Tiers as (up_to, rate, flat_fee), None where there is none."""
    written = _tiers(tiers, ("up_to", "rate", "flat_fee"))
    return {"model": "graduated_percentage", "metric": "units", "tiers": written, **options}


def package(size, price, **options):
    return {"model": "package", "metric": "units", "size": size, "price": price, **options}


def percentage(rate, **options):
    return {"model": "percentage", "metric": "units", "rate": rate, **options}


def matrix(*prices, default=None, **options):
    """Prices as (unit_price, dimensions it names)."""
    written = [{"when": when, "unit_price": unit_price} for unit_price, when in prices]
    names = list(dict.fromkeys(name for _, when in prices for name in when))
    otherwise = {"default": default} if default else {}
    return {"model": "matrix", "metric": "units", "dimensions": names, "prices": written, **otherwise, **options}


def held(plan="p", start="2000-01-01", end=None, *, quantity="1", discounts=(), subscription_id="s"):
    return Subscription(
        subscription_id,
        plan,
        date.fromisoformat(start),
        date.fromisoformat(end) if end else None,
        Decimal(quantity),
        tuple(discounts),
    )


def used(quantity, at="2013-01-10T12:00", *, metric="units", zone="UTC", subscription_id="s", usage_id=None, **dims):
    """An event at a wall clock time of `zone`; an offset in `at` stands."""
    time = datetime.fromisoformat(at)
    time = time if time.tzinfo else time.replace(tzinfo=ZoneInfo(zone))
    name = usage_id or f"{at}/{quantity}"
    return UsageEvent(name, subscription_id, metric, Decimal(quantity), time.astimezone(UTC), dims)


def billed(
    catalog, *usage, subscriptions=None, period: BillingPeriod = JANUARY, timezone="UTC", minor_digits=2, **options
):
    """The bill of an account with one subscription to plan `p`, unless told otherwise."""
    return bill_account(
        catalog,
        period,
        timezone=timezone,
        minor_digits=minor_digits,
        subscriptions=[held()] if subscriptions is None else subscriptions,
        usage=usage,
        **options,
    )


def member(account_id, *usage, subscriptions=(), timezone="UTC", adjustments=()):
    return Member(account_id, timezone, tuple(subscriptions), usage, tuple(adjustments))


def billed_family(catalog, *members, period: BillingPeriod = JANUARY, minor_digits=2, **options):
    return bill_family(catalog, period, members=members, minor_digits=minor_digits, **options)


def adjusted(amount, day="2013-01-10", *, tax=None, adjustment_id="a"):
    return Adjustment(adjustment_id, date.fromisoformat(day), Decimal(amount), "one-off", tax)


def ahead(start="2013-02-01", end="2013-03-01", *, plan="p", charge="c", quantity="1", **options):
    """What the bill of January took for February."""
    days = date.fromisoformat(start), date.fromisoformat(end)
    return BilledAhead("s", plan, charge, *days, Decimal(quantity), **options)


def unrated(catalog, *usage, subscriptions=None, period: BillingPeriod = JANUARY, timezone="UTC"):
    return unrated_events(
        catalog,
        period,
        timezone=timezone,
        minor_digits=2,
        subscriptions=[held()] if subscriptions is None else subscriptions,
        usage=usage,
    )


def nets(bill):
    """(charge, net) of every line; [] when there is no bill."""
    return [(line.charge, str(line.net)) for line in bill.lines] if bill else []


def net_of(bill):
    return str(bill.net) if bill else "no bill"


def days(bill):
    """(first day, first day not covered, net) of every line."""
    return [(str(line.period_start), str(line.period_end), str(line.net)) for line in bill.lines] if bill else []


def taxes(bill):
    """(category, rate, base, tax) of every group."""
    return [(group.category, *map(str, (group.rate, group.base, group.tax))) for group in bill.taxes]
