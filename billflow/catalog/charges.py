"""Charges of a plan: what is priced, and how (PRICING §2, §6)."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from billflow.strict_yaml import AtLeastOne, ExactDecimal, Strict, shown

NO_TAX = "none"
"""`tax: none` says that there is none; leaving `tax` out is a mistake."""


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {dimension: _allowed(dimension, allowed) for dimension, allowed in value.items()}


def _allowed(dimension: Any, values: Any) -> tuple[str, ...]:
    listed = values if isinstance(values, list | tuple) else [values]
    if not listed:
        raise ValueError(f"{dimension}: no value is given; name at least one, or leave the dimension out")
    return tuple(_dimension_text(dimension, one) for one in listed)


def _dimension_text(dimension: Any, value: Any) -> str:
    """A value as usage has it: YAML's true is the text `true`."""
    if value is None or isinstance(value, dict | list | tuple):
        raise ValueError(f"{dimension}: {shown(value)} is not a value; write a text, a number, true or false")
    return str(value).lower() if isinstance(value, bool) else str(value)


Where = Annotated[dict[str, tuple[str, ...]], BeforeValidator(_listed)]
"""Dimension (or calendar) → the values that count; all dimensions must fit."""


class _Charge(Strict):
    tax: str
    name: str | None = None
    section: str | None = None
    unit: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    """First day on which the charge is no longer sold."""

    @model_validator(mode="after")
    def _dates_in_order(self) -> "_Charge":
        if self.valid_from and self.valid_to and self.valid_from >= self.valid_to:
            raise ValueError("valid_to is not after valid_from; valid_to is the first day not covered")
        return self


class FlatCharge(_Charge):
    """An amount per period, times the subscription's quantity, by days of service."""

    model: Literal["flat"]
    amount: ExactDecimal
    per: Literal["day", "month", "year"] = "month"
    """`day` is charged for each day of service; `year` a twelfth a month."""
    proration: Literal["daily", "none"] = "daily"
    when: Literal["arrears"] = "arrears"


class _UsageCharge(_Charge):
    metric: str
    where: Where = Field(default_factory=dict)


class PerUnitCharge(_UsageCharge):
    """Quantity × unit price."""

    model: Literal["per_unit"]
    unit_price: ExactDecimal


class Tier(Strict):
    """`(the tier before, up_to]`; the last one is open. The flat fee is due when the tier is entered."""

    up_to: ExactDecimal | None = None
    unit_price: ExactDecimal | None = None
    flat_fee: ExactDecimal | None = None

    @model_validator(mode="after")
    def _is_priced(self) -> "Tier":
        if self.unit_price is None and self.flat_fee is None:
            raise ValueError('a tier without price; give it a unit_price or a flat_fee ("0" if it is free)')
        return self


class GraduatedCharge(_UsageCharge):
    """Every unit at the price of its own tier, plus the flat fee of every tier entered."""

    model: Literal["graduated"]
    tiers: Annotated[tuple[Tier, ...], AtLeastOne]

    @field_validator("tiers", mode="after")
    @classmethod
    def _in_order(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        bounds = [tier.up_to for tier in tiers[:-1]]
        if tiers[-1].up_to is not None:
            raise ValueError(f"the last tier ends at {tiers[-1].up_to}; leave its up_to out, so that it is open")
        closed = [bound for bound in bounds if bound is not None]
        if len(closed) != len(bounds):
            raise ValueError("only the last tier may be open; give the others an up_to")
        if any(upper <= lower for lower, upper in zip([Decimal(0), *closed], closed, strict=False)):
            raise ValueError(
                f"tiers out of order or overlapping: up_to {', '.join(map(str, closed))}; "
                "let each up_to be above the one before"
            )
        return tiers


UsageCharge = PerUnitCharge | GraduatedCharge


def _by_model(value: Any) -> str | None:
    model = value.get("model") if isinstance(value, dict) else getattr(value, "model", None)
    return None if model is None else f"~{model}"


Charge = Annotated[
    Annotated[FlatCharge, Tag("~flat")]
    | Annotated[PerUnitCharge, Tag("~per_unit")]
    | Annotated[GraduatedCharge, Tag("~graduated")],
    Discriminator(_by_model),
]
