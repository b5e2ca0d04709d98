"""The lines that a charge may print, in printing order: flat amount, units and fees of tiers, discounts, bounds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from billflow.catalog import (
    Charge,
    FlatCharge,
    GraduatedCharge,
    GraduatedPercentageCharge,
    MatrixCharge,
    PackageCharge,
    PercentageCharge,
    PerUnitCharge,
    PlanVersion,
    VolumeCharge,
)

FLAT, UNITS, FEE = "flat", "units", "fee"
"""A flat amount; the units in a tier `(above, up_to]` at its price; the fee of a tier that is entered."""
VOLUME, VOLUME_FEE = "volume", "volume_fee"
"""All units, and the fee, of the tier that the total falls in."""
PACKAGES, PAID_EVENTS, EVENTS = "packages", "paid_events", "events"
"""Packages of `up_to` units; events beyond the first `above`; events that were priced one by one."""
PERCENT_OFF, AMOUNT_OFF, MAXIMUM, MINIMUM = "percent_off", "amount_off", "maximum", "minimum"
PLAN_MAXIMUM, PLAN_MINIMUM = "plan_maximum", "plan_minimum"
"""What a charge, or a plan, is brought to; one line a tax."""

ALONE = (FLAT, FEE, VOLUME_FEE, EVENTS, PERCENT_OFF, AMOUNT_OFF, MAXIMUM, MINIMUM, PLAN_MAXIMUM, PLAN_MINIMUM)
"""Kinds that are printed with quantity 1 (PRICING §3)."""
ADJUSTING = (PERCENT_OFF, AMOUNT_OFF, MAXIMUM, MINIMUM)
"""Kinds that follow from the other lines of their charge."""

TAKING = (PERCENT_OFF, AMOUNT_OFF, MAXIMUM, PLAN_MAXIMUM)
"""Kinds that make a bill smaller."""


@dataclass(frozen=True)
class Part:
    """What may become one line."""

    cell: int
    """Which price of a matrix it belongs to; 0 elsewhere, -1 for what a matrix prints besides."""
    position: int
    kind: str
    above: Decimal | None
    up_to: Decimal | None
    price: Decimal | None
    label: str
    carries: bool
    """Whether it is the first of its cell, and so stands for the cell's events."""
    tax_code: str


Discount = tuple[Decimal | None, Decimal | None, Any, Any, Any]


def parts_of(charge: Charge, label: str, unit: str | None, *, discounts: Iterable[Discount]) -> list[Part]:
    """All parts of a charge, numbered."""
    adjusting = list(_adjusting(charge, label, list(discounts)))
    parts = [*_priced(charge, label, unit), *(replace(part, tax_code=charge.tax) for part in adjusting)]
    cell = -1 if isinstance(charge, MatrixCharge) else 0
    cells = [replace(part, cell=cell) if part.kind in ADJUSTING else part for part in parts]
    return [replace(part, position=at, tax_code=charge.tax) for at, part in enumerate(cells)]


def _part(kind: str, label: str, price: Decimal | None = None, **more: Any) -> Part:
    given = {"cell": 0, "position": 0, "above": None, "up_to": None, "carries": False, "tax_code": "", **more}
    return Part(kind=kind, label=label, price=price, **given)


def _priced(charge: Charge, label: str, unit: str | None) -> Iterator[Part]:
    match charge:
        case FlatCharge():
            yield _part(FLAT, label, charge.amount, carries=True)
        case PerUnitCharge():
            yield _part(UNITS, label, charge.unit_price, above=Decimal(0), carries=True)
        case GraduatedCharge() | GraduatedPercentageCharge():
            yield from _tiers(charge, (UNITS, FEE), label, unit)
        case VolumeCharge():
            yield from _tiers(charge, (VOLUME, VOLUME_FEE), label, unit)
        case PackageCharge():
            size = f"{label}, packages of {charge.size:f}{_suffix(unit)}"
            yield _part(PACKAGES, size, charge.price, up_to=charge.size, carries=True)
        case PercentageCharge():
            yield from _percentage(charge, label)
        case MatrixCharge():
            yield from _matrix(charge, label)


def _tiers(
    charge: GraduatedCharge | GraduatedPercentageCharge | VolumeCharge,
    kinds: tuple[str, str],
    label: str,
    unit: str | None,
) -> Iterator[Part]:
    """Each tier's units before its fee."""
    above = Decimal(0)
    for tier in charge.tiers:
        alone = above == 0 and tier.up_to is None
        span = "" if alone else f", {_span(above, tier.up_to, unit)}"
        carries = kinds[0] == VOLUME or above == 0
        yield _part(kinds[0], f"{label}{span}", tier.price, above=above, up_to=tier.up_to, carries=carries)
        if tier.flat_fee:
            yield _part(kinds[1], f"{label}, fee{span}", tier.flat_fee, above=above, up_to=tier.up_to)
        above = tier.up_to or above


def _percentage(charge: PercentageCharge, label: str) -> Iterator[Part]:
    if charge.is_bounded:
        yield _part(EVENTS, label, charge.rate, carries=True)
        return
    yield _part(UNITS, label, charge.rate, above=Decimal(0), carries=True)
    if charge.fixed_fee:
        yield _part(PAID_EVENTS, f"{label}, fee per event", charge.fixed_fee, above=Decimal(charge.free_events))


def _matrix(charge: MatrixCharge, label: str) -> Iterator[Part]:
    for at, price in enumerate(charge.prices):
        named = ", ".join("/".join(price.when[name]) for name in charge.dimensions if name in price.when)
        yield _part(UNITS, f"{label}, {named}", price.unit_price, above=Decimal(0), cell=at, carries=True)
    if charge.default is not None:
        others = f"{label}, other"
        yield _part(UNITS, others, charge.default, above=Decimal(0), cell=len(charge.prices), carries=True)


def _adjusting(charge: Charge, label: str, discounts: list[Discount]) -> Iterator[Part]:
    if any(percent is not None for percent, *_ in discounts):
        yield _part(PERCENT_OFF, f"{label}, discount")
    if any(amount is not None for _, amount, *_ in discounts):
        yield _part(AMOUNT_OFF, f"{label}, discount")
    if charge.maximum is not None:
        yield _part(MAXIMUM, f"{label}, no more than {charge.maximum:f}")
    if charge.minimum is not None:
        yield _part(MINIMUM, f"{label}, up to the minimum")


def bound_parts(version: PlanVersion, taxes: Iterable[str], label: str) -> list[Part]:
    """One part a tax for the plan's maximum, and one for its minimum."""
    kinds = [
        (PLAN_MAXIMUM, version.maximum, f"{label}, no more than {version.maximum}"),
        (PLAN_MINIMUM, version.minimum, f"{label}, up to the minimum"),
    ]
    # A version without bounds has its maximum part too, which prints nothing: it stands for what the version bills.
    due = [(kind, text) for kind, bound, text in kinds if bound is not None or kind == PLAN_MAXIMUM]
    parts = [_part(kind, text, tax_code=tax) for kind, text in due for tax in sorted(taxes)]
    return [replace(part, position=at) for at, part in enumerate(parts)]


def _suffix(unit: str | None) -> str:
    return f" {unit}" if unit else ""


def _span(above: Decimal, up_to: Decimal | None, unit: str | None) -> str:
    if up_to is None:
        return f"above {above:f}{_suffix(unit)}"
    return f"{above:f} to {up_to:f}{_suffix(unit)}"
