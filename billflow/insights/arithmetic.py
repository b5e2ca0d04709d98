"""How a quantity and an amount came about, step by step: from usage to units, from units to a rounded net."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from billflow.catalog import (
    FlatCharge,
    GraduatedCharge,
    GraduatedPercentageCharge,
    MatrixCharge,
    Metric,
    PackageCharge,
    PercentageCharge,
    UsageCharge,
    VolumeCharge,
)
from billflow.reference.allowances import Metering, allowance_of, by_price
from billflow.reference.local_events import LocalEvent
from billflow.reference.matrix import price_at
from billflow.reference.metering import converted, in_increments, metered
from billflow.reference.pricing import ONE, bounded_part, flat_amount, usage_parts
from billflow.reference.rounding import PUBLISHED_DIGITS, rounded
from billflow.reference.stretches import Stretch


def as_decimal(value: Fraction) -> Decimal:
    """Exactly where a decimal can say it, else to 12 digits."""
    digits = next((digits for digits in range(41) if (value * 10**digits).denominator == 1), PUBLISHED_DIGITS)
    return rounded(value, digits)


def as_text(value: Fraction) -> str:
    """As a decimal; where that is not exact, the fraction beside it."""
    shown = as_decimal(value)
    exact = Fraction(shown) == value
    return f"{shown:f}" if exact else f"{shown:f}… ({value.numerator}/{value.denominator})"


@dataclass(frozen=True)
class Step:
    """One step of a calculation: what was done, and what it gave."""

    name: str
    text: str
    value: Fraction

    def document(self) -> dict[str, object]:
        """As JSON; `fraction` where no decimal is exact."""
        shown = as_decimal(self.value)
        fraction = {} if Fraction(shown) == self.value else {"fraction": str(self.value)}
        return {"step": self.name, "text": self.text, "value": shown, **fraction}


@dataclass(frozen=True)
class PricedPart:
    """What may be printed as one line of a charge: quantity × unit price, not rounded yet."""

    quantity: Fraction
    unit_price: Fraction
    steps: tuple[Step, ...] = ()
    events: tuple[LocalEvent, ...] = ()
    tier: dict[str, object] | None = None

    @property
    def amount(self) -> Fraction:
        """The exact net."""
        return self.quantity * self.unit_price


def priced_parts(metering: Metering, stretch: Stretch) -> Iterator[PricedPart]:
    """All parts of a charge in printing order; those that round to zero are not printed."""
    charge = stretch.charge
    if isinstance(charge, FlatCharge):
        yield _flat(stretch, charge)
        return
    events = metering.usage.priced_by(stretch)
    if isinstance(charge, PercentageCharge) and charge.is_bounded:
        yield _one_by_one(stretch, charge, events)
        return
    cells = by_price(charge, events)
    for position, quantity in metering.quantities(stretch, charge).items():
        own = cells[position]
        steps = tuple(_to_quantity(metering, stretch, charge, own, quantity))
        if isinstance(charge, MatrixCharge):
            named = dict(charge.prices[position].when) if position < len(charge.prices) else {}
            tier: dict[str, object] = {"when": named or "default"}
            yield PricedPart(quantity, Fraction(price_at(charge, position)), steps, tuple(own), tier)
        else:
            yield from _tiers(charge, quantity, steps, tuple(own))


def _flat(stretch: Stretch, charge: FlatCharge) -> PricedPart:
    quantity = Fraction(stretch.subscription.quantity)
    amount = flat_amount(charge, quantity, stretch.days, stretch.period)
    whole = stretch.days if charge.proration == "daily" else stretch.period.days
    share = {
        "day": f"{whole} days",
        "month": f"{whole}/{stretch.period.days} days",
        "year": f"{whole}/{stretch.period.days} days ÷ 12",
    }[charge.per]
    text = f"{charge.amount:f} per {charge.per} × {as_text(quantity)} held × {share}"
    return PricedPart(ONE, amount, (Step("share", text, amount),))


def _one_by_one(stretch: Stretch, charge: PercentageCharge, events: Sequence[LocalEvent]) -> PricedPart:
    values = [converted(charge, in_increments(charge.increments, one)) for one in events]
    part = bounded_part(charge, values, allowance_of(stretch))
    total = sum(values, Fraction(0))
    bounds = f"each between {_or(charge.event_minimum, 'nothing')} and {_or(charge.event_maximum, 'any amount')}"
    steps = [Step("sum", f"value of {counted_events(events)}", total)]
    if charge.included is not None:
        steps.append(Step("included", "included value, used up in order of time", allowance_of(stretch)))
    priced = f"{charge.rate:f} of each event's value + {charge.fixed_fee:f}, {bounds}; {charge.free_events} free"
    return PricedPart(part.quantity, part.unit_price, (*steps, Step("each event", priced, part.amount)), tuple(events))


def counted_events(events: Sequence[LocalEvent]) -> str:
    """How many there are, in words."""
    return f"{len(events):,} event{'s' * (len(events) != 1)}"


def _or(amount: Decimal | None, otherwise: str) -> str:
    return otherwise if amount is None else f"{amount:f}"


def _aggregated(metric: Metric, events: Sequence[LocalEvent]) -> str:
    """What an aggregate does; where one event decides, which."""
    count = counted_events(events)
    match metric.aggregate:
        case "sum":
            return f"sum of {count}"
        case "count":
            return f"number of events: {count}"
        case "unique":
            return f"distinct values of {metric.of} in {count}"
        case "max":
            decides = max(events, key=lambda one: one.event.quantity, default=None)
            return f"greatest of {count}" + _deciding(decides)
        case "latest":
            return f"latest of {count}" + _deciding(max(events, key=lambda one: one.order, default=None))


def _deciding(local: LocalEvent | None) -> str:
    return f", {local.event.usage_id}" if local else ""


def _to_quantity(
    metering: Metering, stretch: Stretch, charge: UsageCharge, events: Sequence[LocalEvent], quantity: Fraction
) -> Iterator[Step]:
    """Aggregate → increments → conversion → included units."""
    metric = metering.catalog.metrics[charge.metric]
    plain = charge.model_copy(update={"increments": None})
    yield Step(metric.aggregate, _aggregated(metric, events), metered(metric, plain, events))
    measured = metered(metric, charge, events)
    if charge.increments:
        each = f"each event at least {charge.increments.first:f}, then whole steps of {charge.increments.then:f}"
        yield Step("increments", each, measured)
    own = converted(charge, measured)
    if charge.convert:
        how = "" if charge.convert.round == "none" else f", rounded {charge.convert.round.replace('_', ' ')}"
        yield Step("convert", f"÷ {charge.convert.divide_by:f}{how}", own)
    if charge.included is not None:
        yield Step("included", _included(stretch, charge), quantity)


def _included(stretch: Stretch, charge: UsageCharge) -> str:
    allowance = f"{as_text(allowance_of(stretch))} included"
    days = "" if charge.proration == "none" else f" ({charge.included:f} × {stretch.days}/{stretch.period.days} days)"
    if charge.pool:
        return f"left after a pool per {charge.pool}, to which this brings {allowance}{days}, used up in order of time"
    if isinstance(charge, MatrixCharge):
        return f"left after {allowance}{days}, used up in order of time by all its prices"
    return f"beyond {allowance}{days}"


def _tiers(
    charge: UsageCharge, quantity: Fraction, steps: tuple[Step, ...], events: tuple[LocalEvent, ...]
) -> Iterator[PricedPart]:
    """The parts of a quantity, each with the tier (or the package, or the events) that it is of."""
    if isinstance(charge, MatrixCharge):
        raise TypeError("a matrix has prices, not tiers")
    for place, part in enumerate(usage_parts(charge, quantity, events=len(events))):
        tier, more = _of_part(charge, quantity, place, len(events), part.quantity)
        yield PricedPart(part.quantity, part.unit_price, (*steps, *more), events, tier)


def _of_part(
    charge: UsageCharge, quantity: Fraction, place: int, events: int, counted: Fraction
) -> tuple[dict[str, object] | None, list[Step]]:
    """The tier of the part at a place, and the steps that are of this part only."""
    match charge:
        case GraduatedCharge() | GraduatedPercentageCharge():
            return _tier(charge, place // 2, is_fee=bool(place % 2), counted=counted)
        case VolumeCharge():
            return _tier(charge, _volume_tier(charge, quantity), is_fee=bool(place % 2), counted=counted)
        case PackageCharge():
            return None, [Step("packages", f"whole packages of {charge.size:f}", counted)]
        case PercentageCharge() if place:
            return None, [Step("events", f"{events} events, the first {charge.free_events} free", counted)]
    return None, []


def _volume_tier(charge: VolumeCharge, quantity: Fraction) -> int:
    return next(at for at, tier in enumerate(charge.tiers) if tier.up_to is None or quantity <= Fraction(tier.up_to))


def _tier(
    charge: GraduatedCharge | GraduatedPercentageCharge | VolumeCharge, at: int, *, is_fee: bool, counted: Fraction
) -> tuple[dict[str, object], list[Step]]:
    tier, above = charge.tiers[at], Decimal(0) if at == 0 else charge.tiers[at - 1].up_to
    found: dict[str, object] = {
        "number": at + 1,
        "above": above,
        "up_to": tier.up_to,
        "price": tier.price,
        "flat_fee": tier.flat_fee,
    }
    what = f"above {above or Decimal(0):f}" + ("" if tier.up_to is None else f" up to {tier.up_to:f}")
    if is_fee:
        return found, [Step("fee", f"fee of the tier {what}", ONE)]
    of_all = "all units, in the tier" if isinstance(charge, VolumeCharge) else "in the tier"
    return found, [Step("tier", f"{of_all} {what}", counted)]
