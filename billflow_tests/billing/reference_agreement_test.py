"""A few hundred random accounts, rated by Spark and by the independent rater in plain Python: every line is the same."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from billflow.billing.money import minor_digits
from billflow.catalog import Cycle
from billflow.reference import Subscription, UsageEvent, bill_account
from billflow_tests.billing.worlds import World, catalog

CALENDARS = {
    "tou": {
        "peak": [{"days": "mon-fri", "hours": ["8-12", "17-21"]}, {"months": "nov-feb", "hours": "22-2"}],
        "off": {},
    }
}
DISCOUNTS = {
    "loyal": {"percent": "5"},
    "staff": {"percent": "33.333", "applies_to": ["energy", "rent"]},
    "all": {"percent": "100"},
}


def price(dice: Random) -> str:
    return f"{Decimal(dice.randrange(1, 10**6)).scaleb(-dice.choice((2, 4, 6))):f}"


def random_tiers(dice: Random) -> list[dict]:
    bounds = sorted({Decimal(dice.randrange(1, 400)) / 4 for _ in range(dice.randrange(4))})
    return [
        {
            **({"up_to": str(bound)} if bound else {}),
            "unit_price": price(dice),
            **({"flat_fee": price(dice)} if dice.random() < 0.4 else {}),
        }
        for bound in (*bounds, None)
    ]


def random_charges(dice: Random) -> dict:
    tax = lambda: dice.choice(("std", "low", "zero", "none"))  # noqa: E731
    per = dice.choice(("day", "month", "year"))
    window = {"valid_from": "2026-01-09", "valid_to": "2026-01-24"} if dice.random() < 0.2 else {}
    return {
        "rent": {
            "model": "flat",
            "amount": price(dice),
            "per": per,
            "proration": dice.choice(("daily", "none")),
            "tax": tax(),
            **window,
        },
        "energy": {
            "model": "graduated",
            "metric": "kwh",
            "where": {"tou": "peak"},
            "tiers": random_tiers(dice),
            "tax": tax(),
        },
        "night": {
            "model": "per_unit",
            "metric": "kwh",
            "where": {"tou": "off"},
            "unit_price": price(dice),
            "tax": tax(),
        },
        "power": {"model": "graduated", "metric": "kw", "tiers": random_tiers(dice), "tax": tax()},
        "calls": {
            "model": "per_unit",
            "metric": "calls",
            "where": {"kind": ["a", "b"]},
            "unit_price": "0.0000005",
            "tax": tax(),
        },
        "other": {"model": "per_unit", "metric": "calls", "unit_price": price(dice), "tax": tax(), **window},
    }


def random_plan(dice: Random) -> list[dict]:
    changes = sorted({date(2026, 1, 1) + timedelta(days=dice.randrange(-40, 40)) for _ in range(dice.randrange(3))})
    return [
        {"valid_from": start.isoformat(), "charges": random_charges(dice)} for start in (date(2019, 1, 1), *changes)
    ]


def random_world(seed: int, currency: str, day: int) -> World:
    dice = Random(seed)
    plans = {f"p{number}": random_plan(dice) for number in range(6)}
    world = World(catalog(plans, calendars=CALENDARS, discounts=DISCOUNTS), currency=currency, cycle=Cycle(day=day))
    for number in range(60):
        account, zone = f"a{number}", dice.choice(("Europe/Berlin", "Australia/Sydney", "America/St_Johns"))
        change = date(2026, 1, 1) + timedelta(days=dice.randrange(60))
        discounts = dice.sample(sorted(DISCOUNTS), dice.randrange(3))
        quantity = Decimal(dice.choice(("1", "2", "2.5")))
        world.subscribe(
            account, dice.choice(list(plans)), timezone=zone, end_date=change, discounts=discounts, quantity=quantity
        )
        if dice.random() < 0.7:
            world.subscribe(account, dice.choice(list(plans)), start_date=change)
        for _ in range(dice.randrange(25)):
            random_use(world, account, dice)
    return world


def random_use(world: World, account: str, dice: Random) -> None:
    at = f"2026-01-{dice.randrange(1, 29):02d} {dice.randrange(24):02d}:{dice.randrange(60):02d}"
    quantity = f"{Decimal(dice.randrange(10**5)).scaleb(-dice.choice((0, 3, 5))):f}"
    covered = any(
        row["start_date"] <= date.fromisoformat(at[:10]) < row.get("end_date", date.max)
        for row in world.subscriptions
        if row["account_id"] == account
    )
    start = world.cycle.period(world.month).start
    if covered and date.fromisoformat(at[:10]) >= start:
        world.use(account, quantity, dice.choice(("kwh", "kwh", "kw", "calls")), at, kind=dice.choice(("a", "b", "c")))


def reference(world: World, account: dict) -> list[tuple]:
    own = [row for row in world.subscriptions if row["account_id"] == account["account_id"]]
    bill = bill_account(
        world.catalog,
        world.cycle.period(world.month),
        timezone=account["timezone"],
        minor_digits=minor_digits(world.currency),
        subscriptions=[
            Subscription(
                row["subscription_id"],
                row["plan"],
                row["start_date"],
                row.get("end_date"),
                row["quantity"],
                tuple(row["discounts"]),
            )
            for row in own
        ],
        usage=[
            UsageEvent(
                **{
                    name: row[name]
                    for name in ("usage_id", "subscription_id", "metric", "quantity", "event_time", "dimensions")
                }
            )
            for row in world.events
            if row["account_id"] == account["account_id"]
        ],
    )
    return [tuple(getattr(line, name) for name in COMPARED) for line in bill.lines] if bill else []


COMPARED = (
    "plan",
    "charge",
    "period_start",
    "period_end",
    "quantity",
    "unit_price",
    "net",
    "tax_category",
    "tax_rate",
    "usage_count",
)


@pytest.mark.parametrize(("seed", "currency", "day"), [(1, "EUR", 1), (2, "JPY", 1), (3, "KWD", 15)])
def test_every_line_agrees(spark, seed, currency, day):
    world = random_world(seed, currency, day)
    billed = defaultdict(list)
    for row in world.lines(spark).orderBy("account_id", "line_no").collect():
        billed[row["account_id"]].append(tuple(row[name] for name in COMPARED))
    expected = {account["account_id"]: reference(world, account) for account in world.accounts}
    assert sum(map(len, expected.values())) > 300
    assert dict(billed) == {account: lines for account, lines in expected.items() if lines}
