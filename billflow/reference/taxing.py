"""Taxes per category and rate, and what of a gross price is tax (PRICING §3, §6)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from billflow.reference.models import Line, TaxGroup
from billflow.reference.printing import Printing, sum_of
from billflow.reference.rounding import PUBLISHED_DIGITS, rounded
from billflow.reference.spreading import by_tax, smallest_tax_code, spread


def with_nets(printing: Printing, lines: Sequence[Line]) -> list[Line]:
    """Lines whose amounts include tax get their nets: the tax of their group is spread over them, in line order."""
    places: defaultdict[tuple[str, Decimal], list[int]] = defaultdict(list)
    for place, line in enumerate(lines):
        if line.gross is not None:
            places[line.tax_category, line.tax_rate].append(place)
    settled = list(lines)
    for group in places.values():
        for place, line in zip(group, _settled(printing, [lines[place] for place in group]), strict=True):
            settled[place] = line
    return settled


def _settled(printing: Printing, group: list[Line]) -> list[Line]:
    grosses = [_gross(line) for line in group]
    taxes = spread(_tax_within(printing, group), grosses, printing.minor_digits)
    return [
        _with_net(line, rounded(gross - tax, printing.minor_digits))
        for line, gross, tax in zip(group, grosses, taxes, strict=True)
    ]


def _tax_within(printing: Printing, group: list[Line]) -> Fraction:
    rate = Fraction(group[0].tax_rate)
    return printing.to_minor(sum(map(_gross, group), Fraction(0)) * rate / (1 + rate))


def _gross(line: Line) -> Fraction:
    return Fraction(line.gross or 0)


def _with_net(line: Line, net: Decimal) -> Line:
    unit_price = Fraction(net) / Fraction(line.quantity) if line.quantity else Fraction(0)
    return replace(line, net=net, unit_price=rounded(unit_price, PUBLISHED_DIGITS))


def tax_groups(printing: Printing, lines: Sequence[Line]) -> tuple[TaxGroup, ...]:
    """Tax per (category, rate), in that order: the rate of the sum of nets, rounded once; never per line."""
    pairs = sorted({(line.tax_category, line.tax_rate) for line in lines})
    return tuple(
        _tax_group(printing, [line for line in lines if (line.tax_category, line.tax_rate) == pair]) for pair in pairs
    )


def _tax_group(printing: Printing, group: list[Line]) -> TaxGroup:
    first, parts = group[0], by_tax(group).values()
    tax = sum((_tax_of(printing, part) for part in parts), Fraction(0))
    return TaxGroup(
        category=first.tax_category,
        rate=first.tax_rate,
        base=rounded(sum_of(group), printing.minor_digits),
        tax=rounded(tax, printing.minor_digits),
        reason=printing.tax(smallest_tax_code(group)).explanation,
    )


def _tax_of(printing: Printing, lines: list[Line]) -> Fraction:
    """The tax of lines whose amounts all include it, or all do not."""
    if lines[0].gross is not None:
        return _tax_within(printing, lines)
    return printing.to_minor(sum_of(lines) * Fraction(lines[0].tax_rate))
