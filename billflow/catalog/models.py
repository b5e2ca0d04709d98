"""The catalogue: what `catalog/*.yaml` may say, as frozen models."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from billflow.catalog.calendars import Calendar
from billflow.catalog.charges import NO_TAX, OWN_CODES, Bounded, NotNegative
from billflow.catalog.price_models import Charge
from billflow.catalog.taxes import ANYBODY, FIRST_DAY, LAST_DAY, DatedTax, Tax, TaxPayer, in_force
from billflow.strict_yaml import AtLeastOne, ExactDecimal, Strict

V = TypeVar("V")

_Names = Annotated[list[str], Field(min_length=1)]

INVOICE = "invoice"
"""`applies_to: invoice` takes a discount off the whole bill."""


def _named(dimension: str) -> str:
    if not dimension.strip():
        raise ValueError("names no dimension; write e.g. of: device")
    return dimension


class Metric(Strict):
    """How usage events become one quantity."""

    aggregate: Literal["sum", "count", "max", "unique", "latest"]
    of: Annotated[str, AfterValidator(_named)] | None = None
    """The dimension whose distinct values `unique` counts."""
    unit: str | None = None
    name: str | None = None
    """What bills call it; without one, its code in words."""

    @model_validator(mode="after")
    def _unique_names_its_dimension(self) -> "Metric":
        if (self.aggregate == "unique") != (self.of is not None):
            raise ValueError("aggregate: unique and `of` go together; write e.g. {aggregate: unique, of: device}")
        return self


class Discount(Strict):
    """A percentage or an amount off each of the charges that `applies_to` names (default: all), or off the bill.

    It counts for a charge when it is valid on the first day that the charge is rated for, and for at most `periods`
    billing periods, the first being the one in which both the subscription and the discount have begun.
    """

    percent: ExactDecimal | None = Field(default=None, gt=0, le=100)
    amount: ExactDecimal | None = Field(default=None, gt=0)
    applies_to: Literal["invoice"] | tuple[str, ...] | None = None
    name: str | None = None
    valid_from: date = FIRST_DAY
    valid_to: date = LAST_DAY
    """First day on which it is no longer valid."""
    periods: int | None = Field(default=None, ge=1)

    @field_validator("applies_to", mode="before", json_schema_input_type=str | _Names | None)
    @classmethod
    def _names_charges(cls, value: Any) -> Any:
        if isinstance(value, str) and value != INVOICE:
            return (value,)
        if isinstance(value, list | tuple) and not value:
            raise ValueError("at least 1 is needed; name a charge, or leave applies_to out to mean all")
        return value

    @model_validator(mode="after")
    def _percent_or_amount(self) -> "Discount":
        if (self.percent is None) == (self.amount is None):
            raise ValueError("a discount is either a percent or an amount; write one of the two")
        if self.valid_from >= self.valid_to:
            raise ValueError("valid_to is not after valid_from; valid_to is the first day not covered")
        return self

    @property
    def is_of_invoice(self) -> bool:
        """Whether it is taken off the whole bill."""
        return self.applies_to == INVOICE

    def is_of(self, charge: str) -> bool:
        """Whether it is taken off a charge."""
        return not self.is_of_invoice and (self.applies_to is None or charge in self.applies_to)


class PlanVersion(Bounded):
    """A plan's charges while it is valid: from `valid_from` until the next version or `valid_to`."""

    name: str | None = None
    valid_from: date = FIRST_DAY
    valid_to: date | None = None
    """First day on which the version is no longer valid."""
    currency: str | None = None
    prices_include_tax: bool = False
    charges: dict[str, Charge] = Field(min_length=1)

    @model_validator(mode="after")
    def _dates_in_order(self) -> "PlanVersion":
        if self.valid_to and self.valid_from >= self.valid_to:
            raise ValueError("valid_to is not after valid_from; valid_to is the first day not covered")
        return self

    @field_validator("charges")
    @classmethod
    def _codes_are_free(cls, charges: dict[str, Charge]) -> dict[str, Charge]:
        for code in charges:
            if code in OWN_CODES:
                raise ValueError(f"the code {code!r} is that of lines which billflow makes; give the charge another")
        return charges

    @model_validator(mode="after")
    def _bounds_in_arrears(self) -> "PlanVersion":
        ahead = [code for code, charge in self.charges.items() if getattr(charge, "when", "arrears") == "advance"]
        if ahead and (self.minimum is not None or self.maximum is not None):
            raise ValueError(
                f"a plan with a minimum or maximum has the charge {ahead[0]!r} in advance; bill it in arrears"
            )
        return self


def _by_listing(value: Any) -> str:
    return "~many" if isinstance(value, list | tuple) else "~one"


def _by_segment(value: Any) -> Any:
    if isinstance(value, list | tuple):
        raise ValueError('a list; write an amount, or one by segment: {business: "20", default: "5"}')  # noqa: TRY004
    return value if value is None or isinstance(value, dict) else {DEFAULT: value}


DEFAULT = "default"
"""The segment that stands for all that are not named."""


_Minimum = NotNegative | dict[str, NotNegative]


class InvoiceRules(Strict):
    """What holds for a bill as a whole."""

    minimum: Annotated[dict[str, NotNegative], BeforeValidator(_by_segment, json_schema_input_type=_Minimum)] = Field(
        default_factory=dict
    )
    """By the customer's segment; `default` for the others. One amount is for all. Bills in another currency than the
    project's have none."""

    def minimum_of(self, segment: str | None) -> Decimal | None:
        """The least net of a bill; None when there is none."""
        return self.minimum.get(segment or DEFAULT, self.minimum.get(DEFAULT))


Plan = Annotated[
    Annotated[PlanVersion, Tag("~one")] | Annotated[tuple[PlanVersion, ...], AtLeastOne, Tag("~many")],
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
    invoice: InvoiceRules = Field(default_factory=InvoiceRules)

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

    def taxes_on(self, code: str, day: date) -> list[Tax]:
        """The rates of a tax in force on `day` (the issue date decides): the first that fits a customer is theirs."""
        if code == NO_TAX:
            return [Tax(category="O", rate=Decimal(0))]
        return in_force(_versions(self.taxes[code]), day)

    def tax_on(self, code: str, day: date, payer: TaxPayer = ANYBODY) -> Tax:
        """The tax of a customer on `day`; category O at 0 for `none`. LookupError when none fits."""
        for tax in self.taxes_on(code, day):
            if tax.fits(payer):
                return tax
        raise LookupError(f"tax {code!r} has no rate on {day} for {payer}")

    def charge_begins(self, plan: str, code: str) -> date:
        """The first day on which a plan has a charge."""
        begins = [
            max(version.valid_from, version.charges[code].valid_from or FIRST_DAY)
            for version in self.plan_versions(plan)
            if code in version.charges
        ]
        return min(begins)

    def overlapping_versions(self, plan: str) -> list[tuple[PlanVersion, PlanVersion]]:
        """Pairs of neighbouring versions of a plan that are valid on the same day."""
        return [
            (earlier, later)
            for earlier, later in pairwise(self.plan_versions(plan))
            if (earlier.valid_to or LAST_DAY) > later.valid_from or earlier.valid_from == later.valid_from
        ]
