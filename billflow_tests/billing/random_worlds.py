"""Random catalogues and bases: every model and option of PRICING.md, in every combination that a catalogue may have."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from billflow.catalog import Catalog, Cycle
from billflow_tests.billing.worlds import World

METRICS = {
    "kwh": {"aggregate": "sum"},
    "kw": {"aggregate": "max"},
    "calls": {"aggregate": "count"},
    "devices": {"aggregate": "unique", "of": "device"},
    "hours": {"aggregate": "unique", "of": "tou"},
    "level": {"aggregate": "latest"},
}
CALENDARS = {
    "tou": {
        "peak": [{"days": "mon-fri", "hours": ["8-12", "17-21"]}, {"months": "nov-feb", "hours": "22-2"}],
        "off": {},
    }
}
TAXES: dict[str, Any] = {
    "std": [
        {"category": "S", "rate": "0.19"},
        {"category": "S", "rate": "0.2", "country": "AT"},
        {"category": "S", "rate": "0.18", "postcode": ["99", "88"], "valid_from": "2025-12-01"},
        {"category": "AE", "country": ["FR", "ES"], "tax_id": True},
        {"category": "E", "segment": "public", "reason": "exempt by law"},
    ],
    "low": [{"category": "S", "rate": "0.07"}, {"category": "S", "rate": "0.05", "valid_from": "2026-01-20"}],
    "same": {"category": "S", "rate": "0.19"},
    "zero": {"category": "Z", "rate": "0"},
}
COUNTRIES, SEGMENTS, POSTCODES = ("DE", "AT", "FR", None), ("public", "shop", None), ("99999", "10115", None)
ZONES = ("Europe/Berlin", "Australia/Sydney", "America/St_Johns", "Asia/Kathmandu")


@dataclass
class Dice:
    """Chances with names."""

    random: Random

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def number(self, below: int, *scales: int) -> str:
        return f"{Decimal(self.random.randrange(1, below)).scaleb(-self.random.choice(scales)):f}"

    def price(self) -> str:
        return self.number(10**6, 2, 4, 6)

    def some(self, share: float, **options: Any) -> dict[str, Any]:
        return options if self.chance(share) else {}


def tiers(dice: Dice, price: str = "unit_price") -> list[dict[str, Any]]:
    bounds = sorted({Decimal(dice.random.randrange(1, 400)) / 4 for _ in range(dice.random.randrange(4))})
    return [
        {
            **({"up_to": str(bound)} if bound else {}),
            price: dice.price() if price == "unit_price" else dice.number(10**4, 5, 6),
            **dice.some(0.4, flat_fee=dice.price()),
        }
        for bound in (*bounds, None)
    ]


def bounds(dice: Dice) -> dict[str, Any]:
    least, most = sorted((Decimal(dice.number(30000, 2)), Decimal(dice.number(90000, 2))))
    given = {**dice.some(0.25, minimum=str(least)), **dice.some(0.25, maximum=str(most))}
    return {**given, **dice.some(0.2, proration="none")}


def common(dice: Dice) -> dict[str, Any]:
    window = {"valid_from": "2026-01-09", "valid_to": "2026-01-24"}
    return {"tax": dice.one("std", "low", "same", "zero", "none"), **dice.some(0.1, **window), **bounds(dice)}


def usage_options(dice: Dice, metric: str) -> dict[str, Any]:
    options: dict[str, Any] = {"metric": metric, **common(dice)}
    options |= dice.some(0.3, where={"tou": dice.one("peak", "off")})
    options |= dice.some(0.2, where={"kind": [dice.one("a", "b"), "c"]})
    if metric == "kwh":
        options |= dice.some(0.3, increments={"first": dice.number(60, 0, 1), "then": dice.number(20, 0, 1)})
    rounding = dice.one("none", "up", "down", "half_up")
    options |= dice.some(0.4, convert={"divide_by": dice.one("60", "1000", "1.5", "7", "0.25"), "round": rounding})
    options |= dice.some(0.4, included=dice.number(2000, 1, 2))
    if "included" in options and metric in ("kwh", "calls"):
        options |= dice.some(0.4, pool=dice.one("account", "hierarchy"))
    return options


def charge(dice: Dice) -> dict[str, Any]:
    model = dice.one(
        "flat", "per_unit", "graduated", "volume", "package", "percentage", "graduated_percentage", "matrix"
    )
    if model == "flat":
        return flat(dice)
    options = usage_options(dice, dice.one("kwh", "kwh", "kwh", *METRICS))
    priced = _PRICED[model](dice, options)
    return {"model": model, **options, **priced}


def flat(dice: Dice) -> dict[str, Any]:
    options = common(dice) | {"model": "flat", "amount": dice.price(), "per": dice.one("day", "month", "year")}
    if dice.chance(0.25):
        options = {name: value for name, value in options.items() if name not in ("minimum", "maximum")}
        options["when"] = "advance"
    return options


def percentage(dice: Dice, options: dict[str, Any]) -> dict[str, Any]:
    found = {
        "rate": dice.number(10**4, 5, 6),
        **dice.some(0.5, fixed_fee=dice.price(), free_events=dice.random.randrange(4)),
    }
    rounds = options.get("convert", {}).get("round", "none") != "none"
    if options["metric"] != "kwh" or rounds or "pool" in options or dice.chance(0.5):
        return found
    least, most = sorted((Decimal(dice.number(300, 2)), Decimal(dice.number(900, 2))))
    either = {**dice.some(0.7, event_minimum=str(least)), **dice.some(0.7, event_maximum=str(most))}
    return found | (either or {"event_minimum": str(least)})


def can_fit(when: dict[str, Any], where: dict[str, Any]) -> bool:
    """Whether a charge for such usage may meet the price; a catalogue with one that it cannot meet is refused."""
    met, allowed = listed(when), listed(where)
    return all(set(met[name]) & set(allowed[name]) for name in met.keys() & allowed.keys())


def listed(where: dict[str, Any]) -> dict[str, Any]:
    return {name: allowed if isinstance(allowed, list) else [allowed] for name, allowed in where.items()}


def matrix(dice: Dice, options: dict[str, Any]) -> dict[str, Any]:
    prices = [
        {"when": {"kind": "a"}, "unit_price": dice.price()},
        {"when": {"kind": ["a", "b"], "device": ["x", "y"]}, "unit_price": dice.price()},
        {"when": {"kind": "c"}, "unit_price": dice.price()},
        {"when": {"tou": "peak", "kind": "b", "device": "z"}, "unit_price": dice.price()},
    ]
    if options["metric"] not in ("kwh", "calls"):
        options.pop("included", None)
    drawn = [one for one in prices if dice.chance(0.7)] or prices[:1]
    kept = [one for one in drawn if can_fit(one["when"], options.get("where", {}))] or prices[1:2]
    return {"dimensions": ["kind", "device", "tou"], "prices": kept, **dice.some(0.5, default=dice.price())}


_PRICED = {
    "per_unit": lambda dice, _: {"unit_price": dice.price()},
    "graduated": lambda dice, _: {"tiers": tiers(dice)},
    "volume": lambda dice, _: {"tiers": tiers(dice)},
    "package": lambda dice, _: {"size": dice.number(200, 0, 1), "price": dice.price()},
    "percentage": percentage,
    "graduated_percentage": lambda dice, _: {"tiers": tiers(dice, "rate")},
    "matrix": matrix,
}


def plan(dice: Dice) -> dict[str, Any] | list[dict[str, Any]]:
    changes = sorted(
        {date(2026, 1, 1) + timedelta(days=dice.random.randrange(-40, 70)) for _ in range(dice.random.randrange(3))}
    )
    gross = dice.chance(0.2)
    return [version(dice, start, gross=gross) for start in (date(2019, 1, 1), *changes)]


def version(dice: Dice, start: date, *, gross: bool) -> dict[str, Any]:
    codes = dice.random.sample(["rent", "energy", "night", "power", "calls", "other"], dice.random.randrange(1, 5))
    charges = {code: charge(dice) for code in codes}
    ahead = any(one.get("when") == "advance" for one in charges.values())
    limits = {} if ahead or dice.chance(0.5) else bounds(dice)
    return {"valid_from": start.isoformat(), "charges": charges, "prices_include_tax": gross, **limits}


def discounts(dice: Dice) -> dict[str, Any]:
    dated = {"valid_from": "2025-11-10", "valid_to": "2026-01-20"}
    return {
        "loyal": {"percent": "5", **dice.some(0.5, periods=dice.random.randrange(1, 5))},
        "staff": {"percent": "33.333", "applies_to": ["energy", "rent", "night"]},
        "all": {"percent": "100", **dated},
        "ten": {"amount": "10.00", **dice.some(0.3, **dated)},
        "welcome": {"amount": "25", "applies_to": ["energy", "calls"], "periods": 2},
        "bill": {"percent": "7.5", "applies_to": "invoice", **dice.some(0.3, periods=2)},
        "coupon": {"amount": "12.34", "applies_to": "invoice", **dice.some(0.3, **dated)},
    }


@dataclass
class Base:
    """A world under construction."""

    dice: Dice
    world: World
    plans: list[str]
    held: list[str] = field(default_factory=list)

    def account(self, name: str, **more: Any) -> None:
        dice = self.dice
        who = {
            "timezone": dice.one(*ZONES),
            "country": dice.one(*COUNTRIES),
            "segment": dice.one(*SEGMENTS),
            "postcode": dice.one(*POSTCODES),
            "tax_id": dice.one("X1", None),
            **more,
        }
        self.world.accounts.append({"account_id": name, "currency": self.world.currency, **who})
        for number in range(dice.random.randrange(1, 4)):
            self.subscription(name, f"{name}-{number}")
        for number in range(dice.random.randrange(3)):
            self.adjustment(name, number)

    def subscription(self, account: str, subscription: str) -> None:
        dice = self.dice
        begin = dice.one(date(2020, 1, 1), date(2025, 12, 20) + timedelta(days=dice.random.randrange(45)))
        change = date(2026, 1, 1) + timedelta(days=dice.random.randrange(60))
        code = dice.one(*self.plans)
        for start, end in ((begin, change), (change, None)) if begin < change else ((begin, None),):
            if end is None and dice.chance(0.3) and begin < change:
                continue
            self.world.subscribe(
                account,
                code if dice.chance(0.6) else dice.one(*self.plans),
                subscription_id=subscription,
                start_date=start,
                end_date=end,
                quantity=Decimal(dice.one("1", "2", "2.5")),
                discounts=dice.random.sample(sorted(self.world.catalog.discounts), dice.random.randrange(4)),
            )
        for _ in range(dice.random.randrange(25)):
            self.use(account, subscription)

    def use(self, account: str, subscription: str) -> None:
        dice = self.dice
        day = self.world.period.start + timedelta(days=dice.random.randrange(self.world.period.days))
        hour = f"{dice.random.randrange(24):02d}:{dice.one('00', '30', '59')}"
        rows = [row for row in self.world.subscriptions if row["subscription_id"] == subscription]
        if any(row["start_date"] <= day < (row["end_date"] or date.max) for row in rows):
            self.world.use(
                account,
                "0" if dice.chance(0.05) else dice.number(10**5, 1, 3, 5),
                dice.one("kwh", "kwh", *METRICS),
                f"{day} {hour}",
                subscription,
                **{name: dice.one(*values) for name, values in _DIMENSIONS.items() if dice.chance(0.8)},
            )

    def adjustment(self, account: str, number: int) -> None:
        dice, period = self.dice, self.world.period
        amount = Decimal(dice.number(20000, 2, 3)) * dice.one(1, 1, -1)
        self.world.adjustments.append(
            {
                "adjustment_id": f"{account}-{number}",
                "account_id": account,
                "date": period.start + timedelta(days=dice.random.randrange(period.days)),
                "amount": amount,
                "description": "by hand",
                "tax": dice.one("std", "low", None, "none"),
            }
        )


_DIMENSIONS = {"kind": ("a", "b", "c"), "device": ("x", "y", "z")}


def random_world(seed: int, *, accounts: int = 60, plans: int = 12) -> World:
    """The world of a seed: its currency, cycle day, catalogue, accounts (some of them children) and their usage."""
    dice = Dice(Random(seed))
    codes = [f"p{number}" for number in range(plans)]
    known = {
        "metrics": METRICS,
        "calendars": CALENDARS,
        "taxes": TAXES,
        "discounts": discounts(dice),
        "invoice": dice.one({}, {"minimum": "40.00"}, {"minimum": {"public": "500.00", "default": "7.77"}}),
    }
    known |= {"plans": {code: plan(dice) for code in codes}}
    made = Catalog.model_validate(known)
    day, currency = dice.one(1, 1, 15, 31), dice.one("EUR", "EUR", "JPY", "KWD")
    base = Base(dice, World(made, currency=currency, cycle=Cycle(day=day), written=known), codes)
    for number in range(accounts):
        top = f"a{number - number % 4}"
        child = number % 4 > 1 and dice.chance(0.5)
        base.account(f"a{number}", **({"invoiced_account_id": top} if child else {}))
    return base.world
