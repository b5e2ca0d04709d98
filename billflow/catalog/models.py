"""The catalogue: what `catalog/*.yaml` may say, as frozen models."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from billflow.catalog.calendars import Calendar
from billflow.catalog.charges import NO_TAX, Charge
from billflow.strict_yaml import AtLeastOne, ExactDecimal, Strict

V = TypeVar("V")

FIRST_DAY = date(1, 1, 1)
LAST_DAY = date(9999, 12, 31)


class Metric(Strict):
    """How usage events become one quantity."""

    aggregate: Literal["sum", "count", "max"]
    unit: str | None = None
    name: str | None = None


def _fraction(rate: Decimal) -> Decimal:
    if rate > 1:
        raise ValueError('the rate is a fraction; write 10 % as "0.10"')
    return rate


class Tax(Strict):
    """A tax rate (a fraction: "0.10" is 10 %) with its EN 16931 category."""

    category: Literal["S", "Z", "E", "AE", "K", "G", "O"]
    rate: Annotated[ExactDecimal, Field(ge=0), AfterValidator(_fraction)]
    valid_from: date = FIRST_DAY


class Discount(Strict):
    """A percentage off the charges that `applies_to` names (all of them when it is left out)."""

    percent: ExactDecimal = Field(gt=0, le=100)
    applies_to: tuple[str, ...] | None = Field(default=None, min_length=1)
    name: str | None = None


class PlanVersion(Strict):
    """A plan's charges while it is valid: from `valid_from` until the next version or `valid_to`."""

    name: str | None = None
    valid_from: date = FIRST_DAY
    valid_to: date | None = None
    """First day on which the version is no longer valid."""
    currency: str | None = None
    charges: dict[str, Charge] = Field(min_length=1)

    @model_validator(mode="after")
    def _dates_in_order(self) -> "PlanVersion":
        if self.valid_to and self.valid_from >= self.valid_to:
            raise ValueError("valid_to is not after valid_from; valid_to is the first day not covered")
        return self


def _by_listing(value: Any) -> str:
    return "~many" if isinstance(value, list | tuple) else "~one"


def _begin_apart(taxes: tuple[Tax, ...]) -> tuple[Tax, ...]:
    days = [tax.valid_from for tax in taxes]
    for day in days:
        if days.count(day) > 1:
            since = f"from {day}" if day > FIRST_DAY else "from the beginning"
            raise ValueError(f"two versions are valid {since}; give each a valid_from of its own")
    return taxes


Plan = Annotated[
    Annotated[PlanVersion, Tag("~one")] | Annotated[tuple[PlanVersion, ...], AtLeastOne, Tag("~many")],
    Discriminator(_by_listing),
]
DatedTax = Annotated[
    Annotated[Tax, Tag("~one")] | Annotated[tuple[Tax, ...], AtLeastOne, AfterValidator(_begin_apart), Tag("~many")],
    Discriminator(_by_listing),
]


def _versions(one_or_many: V | tuple[V, ...]) -> tuple[V, ...]:
    return one_or_many if isinstance(one_or_many, tuple) else (one_or_many,)


class Catalog(Strict):
    """All that is sold. `plan_versions` and `tax_on` are the ways in; references between parts are checked on load."""

    metrics: dict[str, Metric] = Field(default_factory=dict)
    calendars: dict[str, Calendar] = Field(default_factory=dict)
    taxes: dict[str, DatedTax] = Field(default_factory=dict)
    plans: dict[str, Plan] = Field(default_factory=dict)
    discounts: dict[str, Discount] = Field(default_factory=dict)

    @field_validator("taxes")
    @classmethod
    def _none_is_reserved(cls, taxes: dict[str, DatedTax]) -> dict[str, DatedTax]:
        if NO_TAX in taxes:
            raise ValueError(f"the name {NO_TAX!r} means that there is no tax; give this tax another name")
        return taxes

    def plan_versions(self, plan: str) -> tuple[PlanVersion, ...]:
        """The versions of a plan in order of `valid_from`, each with its `valid_to` filled in (it is exclusive)."""
        ordered = sorted(_versions(self.plans[plan]), key=lambda version: version.valid_from)
        following = [version.valid_from for version in ordered[1:]] + [LAST_DAY]
        return tuple(
            version.model_copy(update={"valid_to": version.valid_to or end})
            for version, end in zip(ordered, following, strict=True)
        )

    def tax_on(self, code: str, day: date) -> Tax:
        """The version of a tax in force on `day` (the issue date decides); category O at 0 for `none`."""
        if code == NO_TAX:
            return Tax(category="O", rate=Decimal(0))
        versions = [tax for tax in _versions(self.taxes[code]) if tax.valid_from <= day]
        if not versions:
            raise LookupError(f"tax {code!r} has no rate on {day}")
        return max(versions, key=lambda tax: tax.valid_from)

    def overlapping_versions(self, plan: str) -> list[tuple[PlanVersion, PlanVersion]]:
        """Pairs of neighbouring versions of a plan that are valid on the same day."""
        return [
            (earlier, later)
            for earlier, later in pairwise(self.plan_versions(plan))
            if (earlier.valid_to or LAST_DAY) > later.valid_from or earlier.valid_from == later.valid_from
        ]
