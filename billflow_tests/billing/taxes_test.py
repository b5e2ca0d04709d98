"""What decides the tax of lines."""

from typing import Any

import pytest

from billflow.billing.taxes import depends_on_payer
from billflow_tests.billing.worlds import World, catalog

STANDARD = {"category": "S", "rate": "0.19"}


@pytest.mark.parametrize(
    ("condition", "asks"),
    [
        ({}, False),
        ({"country": "AT"}, True),
        ({"postcode": ["99"]}, True),
        ({"segment": "public"}, True),
        ({"tax_id": False}, True),
        ({"country": "AT", "valid_from": "2027-01-01"}, False),
    ],
)
def test_taxes_of_the_period_that_ask_who_pays(condition: dict[str, Any], asks: bool) -> None:
    """Lines are not brought together with their accounts where none does (`bills.bill_lines`)."""
    other = {"category": "S", "rate": "0.2", **condition}
    world = World(catalog({}, taxes={"std": [STANDARD, other] if condition else [STANDARD]}))
    assert depends_on_payer(world.pricebook) is asks
