"""Small catalogues and accounts for the tests of the reference rater."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from billflow.catalog import BillingPeriod, Catalog, Cycle
from billflow.reference import Subscription, UsageEvent, bill_account, unrated_events

JANUARY = Cycle(day=1).period("2013-01")
METRICS = {"units": {"aggregate": "sum"}, "kw": {"aggregate": "max"}, "calls": {"aggregate": "count"}}
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


def graduated(*tiers, **options):
    """Tiers as (up_to, unit_price, flat_fee), None where there is none."""
    keys = ("up_to", "unit_price", "flat_fee")
    written = [{key: value for key, value in zip(keys, tier, strict=True) if value is not None} for tier in tiers]
    return {"model": "graduated", "metric": "units", "tiers": written, **options}


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


def billed(catalog, *usage, subscriptions=None, period: BillingPeriod = JANUARY, timezone="UTC", minor_digits=2):
    """The bill of an account with one subscription to plan `p`, unless told otherwise."""
    return bill_account(
        catalog,
        period,
        timezone=timezone,
        minor_digits=minor_digits,
        subscriptions=[held()] if subscriptions is None else subscriptions,
        usage=usage,
    )


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
