"""How usage is priced: one class per model (PRICING §2, §6)."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations, product
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from billflow.catalog.charges import AnyUsageCharge, FlatCharge, NotNegative, Positive, Where
from billflow.strict_yaml import AtLeastOne, ExactDecimal, Strict

AnyTier = TypeVar("AnyTier", bound="_Tier")


class PerUnitCharge(AnyUsageCharge):
    """Quantity × unit price."""

    model: Literal["per_unit"]
    unit_price: ExactDecimal


class _Tier(Strict):
    """`(the tier before, up_to]`; the last one is open. The flat fee is due when the tier is entered."""

    up_to: ExactDecimal | None = None
    flat_fee: ExactDecimal | None = None


class Tier(_Tier):
    """A tier with a price per unit."""

    unit_price: ExactDecimal | None = None

    @model_validator(mode="after")
    def _is_priced(self) -> "Tier":
        if self.unit_price is None and self.flat_fee is None:
            raise ValueError('a tier without price; give it a unit_price or a flat_fee ("0" if it is free)')
        return self

    @property
    def price(self) -> Decimal:
        """What a unit of the tier costs."""
        return self.unit_price or Decimal(0)


def _fraction(rate: Decimal) -> Decimal:
    if abs(rate) > 1:
        raise ValueError('the rate is a fraction; write 1.3 % as "0.013"')
    return rate


Rate = Annotated[ExactDecimal, AfterValidator(_fraction)]
"""A fraction: "0.013" is 1.3 %."""


class PercentageTier(_Tier):
    """A tier whose price is a share of the amount in it."""

    rate: Rate | None = None

    @model_validator(mode="after")
    def _is_priced(self) -> "PercentageTier":
        if self.rate is None and self.flat_fee is None:
            raise ValueError('a tier without price; give it a rate or a flat_fee ("0" if it is free)')
        return self

    @property
    def price(self) -> Decimal:
        """The share that is due of the amount in the tier."""
        return self.rate or Decimal(0)


def _in_order(tiers: tuple[AnyTier, ...]) -> tuple[AnyTier, ...]:
    if not tiers:
        raise ValueError("at least 1 is needed; add one")
    bounds = [tier.up_to for tier in tiers[:-1]]
    closed = [bound for bound in bounds if bound is not None]
    if len(closed) != len(bounds):
        raise ValueError("only the last tier may be open; give the others an up_to")
    if tiers[-1].up_to is not None:
        raise ValueError(f"the last tier ends at {tiers[-1].up_to}; leave its up_to out, so that it is open")
    if any(upper <= lower for lower, upper in zip([Decimal(0), *closed], closed, strict=False)):
        raise ValueError(
            f"tiers out of order or overlapping: up_to {', '.join(map(str, closed))}; "
            "let each up_to be above the one before"
        )
    return tiers


class GraduatedCharge(AnyUsageCharge):
    """Every unit at the price of its own tier, plus the flat fee of every tier entered."""

    model: Literal["graduated"]
    tiers: Annotated[tuple[Tier, ...], AfterValidator(_in_order), Field(json_schema_extra={"minItems": 1})]


class VolumeCharge(AnyUsageCharge):
    """All units at the price of the tier that the total falls in, plus that tier's flat fee."""

    model: Literal["volume"]
    tiers: Annotated[tuple[Tier, ...], AfterValidator(_in_order), Field(json_schema_extra={"minItems": 1})]


class GraduatedPercentageCharge(AnyUsageCharge):
    """As graduated, a tier's price being a share of the amount in it."""

    model: Literal["graduated_percentage"]
    tiers: Annotated[tuple[PercentageTier, ...], AfterValidator(_in_order), Field(json_schema_extra={"minItems": 1})]


class PackageCharge(AnyUsageCharge):
    """Every package begun at the price of a whole one."""

    model: Literal["package"]
    size: Positive
    price: ExactDecimal


class PercentageCharge(AnyUsageCharge):
    """A share of the amount, and a fee per paid event; each event's may have bounds."""

    model: Literal["percentage"]
    rate: Rate
    fixed_fee: ExactDecimal = Decimal(0)
    free_events: int = Field(default=0, ge=0)
    """The first events in time, of each period; they pay no fixed fee, and nothing at all where events are bounded."""
    event_minimum: NotNegative | None = None
    event_maximum: NotNegative | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether each event is priced on its own."""
        return self.event_minimum is not None or self.event_maximum is not None

    @model_validator(mode="after")
    def _event_bounds_in_order(self) -> "PercentageCharge":
        least, most = self.event_minimum, self.event_maximum
        if least is not None and most is not None and least > most:
            raise ValueError("event_minimum is above event_maximum; let it be at most that")
        if self.is_bounded and self.pool:
            raise ValueError("events with bounds are priced one by one and cannot share a pool; leave pool out")
        return self


class MatrixPrice(Strict):
    """The price of a combination of dimension values."""

    when: Where = Field(min_length=1, json_schema_extra={"minProperties": 1})
    unit_price: ExactDecimal


class MatrixCharge(AnyUsageCharge):
    """Quantity × the unit price of its dimensions' values; of several that fit, the one that names most dimensions."""

    model: Literal["matrix"]
    dimensions: Annotated[tuple[str, ...], AtLeastOne]
    prices: Annotated[tuple[MatrixPrice, ...], AtLeastOne]
    default: ExactDecimal | None = None
    """For every other combination; without it such usage is unrated."""

    @field_validator("dimensions")
    @classmethod
    def _each_once(cls, dimensions: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(dimensions)) < len(dimensions):
            raise ValueError("a dimension is named twice; keep one of the two")
        return dimensions

    @model_validator(mode="after")
    def _prices_are_told_apart(self) -> "MatrixCharge":
        for at, price in enumerate(self.prices):
            if unknown := [name for name in price.when if name not in self.dimensions]:
                raise ValueError(
                    f"prices[{at}].when names {unknown[0]!r}, which dimensions do not; add it there, or mend the name"
                )
            for name, values in price.when.items():
                if not set(values) & set(self.where.get(name, values)):
                    raise ValueError(
                        f"prices[{at}] is for {name} {', '.join(values)}, which `where` leaves out; add it there, or "
                        "take the price away"
                    )
        if tie := next(_ties(self.prices), None):
            shown_tie = ", ".join(f"{name} {value}" for name, value in sorted(tie.items()))
            raise ValueError(
                f"two prices fit {shown_tie} equally well; keep one of them, or add a price that names all of it"
            )
        return self


Cell = tuple[tuple[str, ...], tuple[str, ...]]
"""(names of dimensions in order, one value of each)."""


def cells(price: MatrixPrice) -> Iterator[Cell]:
    """Every combination of single values that a price names."""
    names = tuple(sorted(price.when))
    for values in product(*(dict.fromkeys(price.when[name]) for name in names)):
        yield names, values


def _ties(prices: tuple[MatrixPrice, ...]) -> Iterator[dict[str, str]]:
    """Combinations that two prices fit which name equally many dimensions, and that no price fits better."""
    known: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for price in prices:
        for names, values in cells(price):
            found = known.setdefault(names, set())
            if values in found:
                yield dict(zip(names, values, strict=True))
            found.add(values)
    for one, other in combinations(known, 2):
        if len(one) == len(other):
            yield from (both for both in _overlaps(known, one, other) if not _fits_better(known, both, len(one)))


def _overlaps(
    known: dict[tuple[str, ...], set[tuple[str, ...]]], one: tuple[str, ...], other: tuple[str, ...]
) -> Iterator[dict[str, str]]:
    shared = [name for name in one if name in other]
    by_shared: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for values in known[other]:
        named = dict(zip(other, values, strict=True))
        by_shared.setdefault(tuple(named[name] for name in shared), []).append(named)
    for values in known[one]:
        named = dict(zip(one, values, strict=True))
        for match in by_shared.get(tuple(named[name] for name in shared), ()):
            yield {**match, **named}


def _fits_better(known: dict[tuple[str, ...], set[tuple[str, ...]]], both: dict[str, str], than: int) -> bool:
    return any(
        len(names) > than and set(names) <= both.keys() and tuple(both[name] for name in names) in found
        for names, found in known.items()
    )


UsageCharge = (
    PerUnitCharge
    | GraduatedCharge
    | VolumeCharge
    | PackageCharge
    | PercentageCharge
    | GraduatedPercentageCharge
    | MatrixCharge
)


def _by_model(value: Any) -> str | None:
    model = value.get("model") if isinstance(value, dict) else getattr(value, "model", None)
    return None if model is None else f"~{model}"


Charge = Annotated[
    Annotated[FlatCharge, Tag("~flat")]
    | Annotated[PerUnitCharge, Tag("~per_unit")]
    | Annotated[GraduatedCharge, Tag("~graduated")]
    | Annotated[VolumeCharge, Tag("~volume")]
    | Annotated[PackageCharge, Tag("~package")]
    | Annotated[PercentageCharge, Tag("~percentage")]
    | Annotated[GraduatedPercentageCharge, Tag("~graduated_percentage")]
    | Annotated[MatrixCharge, Tag("~matrix")],
    Discriminator(_by_model),
]
