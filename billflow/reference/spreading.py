"""Amounts spread in proportion to net, the last cents to the largest remainders (PRICING §1, §3)."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from billflow.reference.models import Line
from billflow.reference.printing import Origin, Printing, sum_of

TaxKey = tuple[str, Decimal, bool]
"""(category, rate, whether the amounts include the tax)."""


def spread(amount: Fraction, weights: Sequence[Fraction], digits: int) -> list[Fraction]:
    """`amount` in parts of the minor unit in proportion to `weights`; of equal remainders the first comes first.

    Weights that add up to 0 give no proportion: the first part is all of it.
    """
    total, units = sum(weights, Fraction(0)), amount * 10**digits
    if total == 0:
        return [amount, *[Fraction(0)] * (len(weights) - 1)]
    shares = [units * weight / total for weight in weights]
    floors = [math.floor(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda at: floors[at] - shares[at])
    for at in by_remainder[: int(units) - sum(floors)]:
        floors[at] += 1
    return [Fraction(units_of_one, 10**digits) for units_of_one in floors]


def by_tax(lines: Iterable[Line]) -> dict[TaxKey, list[Line]]:
    """Lines by what they are taxed with, in that order."""
    groups: dict[TaxKey, list[Line]] = {}
    for line in lines:
        groups.setdefault((line.tax_category, line.tax_rate, line.gross is not None), []).append(line)
    return dict(sorted(groups.items()))


def smallest_tax_code(lines: Iterable[Line]) -> str:
    """The code that stands for lines of one category and rate: one that an amount bears, where there is one."""
    return min((line.net == 0, line.tax_code) for line in lines)[1]


def spread_lines(
    printing: Printing, origin: Origin, charge: str, amount: Fraction, lines: Iterable[Line], *, sign: int = 1
) -> list[Line]:
    """One line per tax of `lines`, which take their part of `amount`, times `sign`; zero ones are left out."""
    groups = by_tax(lines)
    parts = spread(amount, [sum_of(group) for group in groups.values()], printing.minor_digits)
    return [
        line
        for ((_, _, includes_tax), group), part in zip(groups.items(), parts, strict=True)
        for line in printing.amounts(
            replace(origin, includes_tax=includes_tax), charge, smallest_tax_code(group), sign * part
        )
    ]
