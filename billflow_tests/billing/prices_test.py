"""Every figure of PRICING.md that the models of this version cover, through the Spark rating: all in one job."""

from collections import defaultdict
from decimal import Decimal

import pytest

from billflow_tests.billing.worlds import World, catalog


def tiers(*rows: tuple[str | None, str | None, str | None]) -> dict:
    listed = [dict(zip(("up_to", "unit_price", "flat_fee"), row, strict=True)) for row in rows]
    clean = [{key: value for key, value in tier.items() if value is not None} for tier in listed]
    return {"c": {"model": "graduated", "metric": "kwh", "tax": "none", "tiers": clean}}


PLANS = {
    "fees": tiers(("10", "10", "2"), ("20", "5", "3"), (None, "5", "3")),
    "small": tiers(("0.1", "10", None), ("1", "5", None), (None, "2", None)),
    "flat_then": tiers(("5", None, "100"), ("10", None, "50"), ("15", "5", None), (None, "1", None)),
    "flat_then_10": tiers(("5", None, "100"), ("10", None, "50"), ("15", "10", None), (None, "5", None)),
    "unit": {"c": {"model": "per_unit", "metric": "kwh", "tax": "none", "unit_price": "5.12345"}},
    "dust": {"c": {"model": "per_unit", "metric": "kwh", "tax": "none", "unit_price": "0.0049999995"}},
    "wide": {"c": {"model": "per_unit", "metric": "kwh", "tax": "none", "unit_price": "0.123456789012"}},
    "rent": {"c": {"model": "flat", "amount": "100.00", "tax": "none"}},
    "rent_whole": {"c": {"model": "flat", "amount": "100.00", "tax": "none", "proration": "none"}},
    "daily": {"c": {"model": "flat", "amount": "1.20", "per": "day", "tax": "none"}},
    "yearly": {"c": {"model": "flat", "amount": "1200.00", "per": "year", "tax": "none"}},
    "third": {"c": {"model": "flat", "amount": "0.01", "tax": "none"}},
}

USED = [
    ("fees", "0", "2"),
    ("fees", "1", "12"),
    ("fees", "10", "102"),
    ("fees", "11", "110"),
    ("fees", "12", "115"),
    ("fees", "21", "163"),
    ("small", "0.05", "0.5"),
    ("small", "0.5", "3.0"),
    ("flat_then", "22", "182"),
    ("flat_then_10", "0", "100"),
    ("flat_then_10", "3", "100"),
    ("flat_then_10", "5", "100"),
    ("flat_then_10", "5.001", "150"),
    ("flat_then_10", "7", "150"),
    ("flat_then_10", "12", "170"),
    ("flat_then_10", "22", "235"),
    ("unit", "10", "51.23"),
    ("dust", "1", "0.00"),
    ("wide", "99999999999.999999999999", "12345678901.20"),
]

SERVED = [
    ("rent", {"start_date": "2026-01-15"}, "54.84"),
    ("rent", {}, "100.00"),
    ("rent", {"quantity": Decimal(3)}, "300.00"),
    ("rent_whole", {"start_date": "2026-01-15"}, "100.00"),
    ("daily", {"start_date": "2026-01-15"}, "20.40"),
    ("yearly", {}, "100.00"),
    ("third", {"end_date": "2026-01-16"}, "0.00"),
    ("third", {"end_date": "2026-01-17"}, "0.01"),
]


@pytest.fixture(scope="module")
def nets(spark):
    from datetime import date

    world = World(catalog(PLANS))
    for number, (plan, quantity, _) in enumerate(USED):
        world.subscribe(f"used{number}", plan)
        if Decimal(quantity):
            world.use(f"used{number}", quantity)
    for number, (plan, given, _) in list(enumerate(SERVED)):
        dated = {key: date.fromisoformat(value) if isinstance(value, str) else value for key, value in given.items()}
        world.subscribe(f"served{number}", plan, **dated)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in world.lines(spark).collect():
        sums[row["account_id"]] += row["net"]
    return sums


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(USED)), ids=[f"{plan} {quantity}" for plan, quantity, _ in USED]
)
def test_usage(nets, number, case):
    assert nets[f"used{number}"] == Decimal(case[2])


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(SERVED)), ids=[f"{plan} {given}" for plan, given, _ in SERVED]
)
def test_service(nets, number, case):
    assert nets[f"served{number}"] == Decimal(case[2])


@pytest.mark.parametrize(("currency", "amount", "expected"), [("JPY", "1000", "323"), ("KWD", "10.000", "3.226")])
def test_minor_units(spark, currency, amount, expected):
    from datetime import date

    world = World(catalog({"p": {"c": {"model": "flat", "amount": amount, "tax": "none"}}}), currency=currency)
    world.subscribe("a", "p", end_date=date(2026, 1, 11))
    assert [row["net"] for row in world.lines(spark).collect()] == [Decimal(expected)]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, "1.40"),
        ({"convert": {"divide_by": 1, "round": "up"}}, "2"),
        ({"convert": {"divide_by": "0.5"}}, "2.80"),
        ({"included": "1"}, "0.40"),
    ],
)
def test_what_is_paid_for_is_not_always_what_was_measured(spark, terms, expected):
    """Each in a catalogue of its own: where all charges take quantities as they are, nothing is worked out of them."""
    world = World(
        catalog({"only": {"c": {"model": "per_unit", "metric": "kwh", "tax": "none", "unit_price": "1", **terms}}})
    )
    world.subscribe("a", "only")
    world.use("a", "1.4")
    assert [row["net"] for row in world.lines(spark).collect()] == [Decimal(expected)]
