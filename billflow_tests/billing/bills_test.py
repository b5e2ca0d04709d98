"""What is known of all bills from the prices alone."""

import pytest

from billflow.billing.bills import only_add
from billflow_tests.billing.worlds import World, catalog

UNIT = {"model": "per_unit", "metric": "kwh", "unit_price": "0.25"}
CARD = {"model": "percentage", "metric": "kwh", "rate": "0.02"}
PERCENT, AMOUNT = {"percent": "10", "applies_to": ["a"]}, {"amount": "1", "applies_to": ["a"]}


@pytest.mark.parametrize(
    ("charge", "more", "expected"),
    [
        ({"model": "flat", "amount": "5"}, {}, True),
        ({"model": "flat", "amount": "0"}, {}, True),
        ({"model": "flat", "amount": "-0.01"}, {}, False),
        (UNIT, {}, True),
        ({**UNIT, "unit_price": "-0.25"}, {}, False),
        ({**UNIT, "minimum": "3"}, {}, True),
        ({**UNIT, "maximum": "30"}, {}, False),
        ({**UNIT, "included": "10"}, {}, True),
        ({"model": "graduated", "metric": "kwh", "tiers": [{"up_to": "9", "unit_price": "1"}, {"unit_price": "-1"}]}, {}, False),
        ({"model": "volume", "metric": "kwh", "tiers": [{"unit_price": "1", "flat_fee": "-1"}]}, {}, False),
        ({"model": "package", "metric": "kwh", "size": "10", "price": "2"}, {}, True),
        ({**CARD, "fixed_fee": "0.1", "event_minimum": "0.2", "event_maximum": "9"}, {}, True),
        ({**CARD, "fixed_fee": "-0.1"}, {}, False),
        (UNIT, {"discounts": {"ten": PERCENT}}, False),
        (UNIT, {"discounts": {"one": AMOUNT}}, False),
        (UNIT, {"discounts": {"one": {"amount": "1", "applies_to": "invoice"}}}, False),
        (UNIT, {"invoice": {"minimum": "5"}}, True),
    ],
)  # fmt: skip
def test_only_add(charge, more, expected):
    world = World(catalog({"p": {"a": {"tax": "std", **charge}}}, **more))
    assert only_add(world.pricebook) is expected


@pytest.mark.parametrize(("bound", "expected"), [({}, True), ({"minimum": "5"}, False), ({"maximum": "5"}, False)])
def test_bounds_of_plans(bound, expected):
    """A plan with a minimum may print a maximum too, as far as its parts tell."""
    world = World(catalog({"p": {"charges": {"a": {"tax": "std", **UNIT}}, **bound}}))
    assert only_add(world.pricebook) is expected
