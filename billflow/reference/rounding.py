"""From exact fractions to decimals and whole numbers, rounded once, half away from zero (PRICING §3)."""

import math
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Literal

PUBLISHED_DIGITS = 12
"""Decimals of a published quantity or unit price."""


def rounded(value: Fraction, digits: int) -> Decimal:
    """`value` to `digits` decimals, HALF_UP: 0.5 → 1, -0.5 → -1."""
    units = math.floor(abs(value) * 10**digits + Fraction(1, 2))
    # From sign, digits and exponent: no decimal context, so no second rounding at its precision.
    return Decimal((int(value < 0 < units), tuple(map(int, str(units))), -digits))


def whole(value: Fraction, how: Literal["none", "up", "down", "half_up"]) -> Fraction:
    """`value` as a whole number; unchanged for `none`."""
    match how:
        case "none":
            return value
        case "up":
            return Fraction(math.ceil(value))
        case "down":
            return Fraction(math.floor(value))
        case "half_up":
            return Fraction(rounded(value, 0))


def total_of(amounts: Iterable[Decimal], digits: int) -> Decimal:
    """The exact sum of amounts that have at most `digits` decimals."""
    return rounded(sum(map(Fraction, amounts), Fraction(0)), digits)
