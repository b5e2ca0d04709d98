"""Amounts as they are printed: with the digits of their currency's minor unit."""

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

from billflow.billing.money import minor_digits

MONEY = ("net", "gross", "tax", "base", "total")
"""Columns of published tables that are amounts."""

_EXACT = Context(prec=40)
"""Python's own context would refuse an amount of more than 28 digits."""


def in_minor(row: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """The row, its amounts without the zeros that their column's type gives them."""
    unit = Decimal(1).scaleb(-minor_digits(currency))
    return {
        name: value.quantize(unit, context=_EXACT) if name in MONEY and value is not None else value
        for name, value in row.items()
    }
