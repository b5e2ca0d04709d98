"""What every charge of a plan has, and charges that do not depend on usage (PRICING §1, §4, §6)."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from billflow.shown_values import shown
from billflow.strict_yaml import ExactDecimal, Strict

OWN_CODES = ("plan_minimum", "plan_maximum", "invoice_discount", "invoice_minimum", "adjustment")
"""Codes of lines that no charge of a plan makes."""

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


_Written = str | bool | Annotated[list[str | bool], Field(min_length=1)]

Where = Annotated[dict[str, tuple[str, ...]], BeforeValidator(_listed, json_schema_input_type=dict[str, _Written])]
"""Dimension (or calendar) → the values that count; all dimensions must fit."""

NotNegative = Annotated[ExactDecimal, Field(ge=0)]
Positive = Annotated[ExactDecimal, Field(gt=0)]
Proration = Literal["daily", "none"]
"""Whether amounts for a whole period are cut to the days of service."""


class Bounded(Strict):
    """What has a least and a greatest amount a period. The minimum is cut to the days of service, the maximum never."""

    minimum: NotNegative | None = None
    maximum: NotNegative | None = None
    proration: Proration = "daily"

    @model_validator(mode="after")
    def _minimum_below_maximum(self) -> "Bounded":
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}; let it be at most that")
        return self


class AnyCharge(Bounded):
    """What every charge has."""

    tax: str
    name: str | None = None
    section: str | None = None
    unit: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    """First day on which the charge is no longer sold."""

    @model_validator(mode="after")
    def _dates_in_order(self) -> "AnyCharge":
        if self.valid_from and self.valid_to and self.valid_from >= self.valid_to:
            raise ValueError("valid_to is not after valid_from; valid_to is the first day not covered")
        return self


class FlatCharge(AnyCharge):
    """An amount per period, times the subscription's quantity, by days of service."""

    model: Literal["flat"]
    amount: ExactDecimal
    per: Literal["day", "month", "year"] = "month"
    """`day` is charged for each day of service; `year` a twelfth a month."""
    when: Literal["arrears", "advance"] = "arrears"
    """`advance` on month M's bill covers M+1, and the days of M when the charge began within M."""

    @model_validator(mode="after")
    def _bounds_in_arrears(self) -> "FlatCharge":
        if self.when == "advance" and (self.minimum is not None or self.maximum is not None):
            raise ValueError("a charge in advance has no minimum and no maximum; leave them out, or bill it in arrears")
        return self


class Increments(Strict):
    """Each event's quantity is rounded up on its own: at least `first`, then whole steps of `then`; 0 stays 0."""

    first: NotNegative
    then: Positive


_DIVISOR_DIGITS = 12


def _few_digits(divisor: Decimal) -> Decimal:
    """Quantities stay exact fractions of the divisor until a line rounds them: it times the days must be small."""
    if len(divisor.normalize().as_tuple().digits) > _DIVISOR_DIGITS:
        raise ValueError(f"more than {_DIVISOR_DIGITS} significant digits; divide by a rounder number")
    return divisor


class Convert(Strict):
    """Another unit: the quantity divided, then made a whole number where `round` says so."""

    divide_by: Annotated[Positive, AfterValidator(_few_digits)]
    round: Literal["none", "up", "down", "half_up"] = "none"


class AnyUsageCharge(AnyCharge):
    """What every charge for usage has: from events to one quantity (PRICING §1)."""

    metric: str
    where: Where = Field(default_factory=dict)
    increments: Increments | None = None
    convert: Convert | None = None
    included: NotNegative | None = None
    """Free units of each period, after conversion, cut to the days of service."""
    pool: Literal["account", "hierarchy"] | None = None
    """Whose subscriptions share the `included` units of this charge, in order of use."""

    @model_validator(mode="after")
    def _pool_has_units(self) -> "AnyUsageCharge":
        if self.pool and self.included is None:
            raise ValueError("a pool shares `included` units, and there are none; add included, or leave pool out")
        return self
