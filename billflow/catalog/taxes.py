"""Taxes: rates with their EN 16931 category, by date and by who is taxed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from billflow.strict_yaml import AtLeastOne, ExactDecimal, Strict

FIRST_DAY = date(1, 1, 1)
LAST_DAY = date(9999, 12, 31)

Category = Literal["S", "Z", "E", "AE", "K", "G", "O"]

UNTAXED = ("Z", "E", "AE", "K", "G", "O")

REASONS = {
    "E": "Exempt from tax",
    "AE": "Reverse charge",
    "K": "Intra-community supply",
    "G": "Export outside the EU",
    "O": "Not subject to tax",
}
"""Why no tax is due, where a tax does not say so itself (EN 16931 BT-120 wants a reason for these categories)."""


def _fraction(rate: Decimal) -> Decimal:
    if rate > 1:
        raise ValueError('the rate is a fraction; write 10 % as "0.10"')
    return rate


def _listed(value: Any) -> Any:
    return value if value is None or isinstance(value, list | tuple) else [value]


_Written = str | Annotated[list[str], Field(min_length=1)]

Texts = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=_Written), AtLeastOne]
"""One text or a list of them."""


@dataclass(frozen=True)
class TaxPayer:
    """What decides which tax a customer pays: columns of `customers`."""

    country: str | None = None
    postcode: str | None = None
    segment: str | None = None
    tax_id: str | None = None


ANYBODY = TaxPayer()
"""A customer of whom nothing is known."""


class Tax(Strict):
    """A tax rate (a fraction: "0.10" is 10 %) with its EN 16931 category, and whom it is for (default: everyone)."""

    category: Category
    rate: Annotated[ExactDecimal, Field(ge=0), AfterValidator(_fraction)]
    valid_from: date = FIRST_DAY
    reason: str | None = None
    """Why no tax is due; printed on the bill."""
    country: Texts | None = None
    postcode: Texts | None = None
    """How the postcodes of a region begin."""
    segment: Texts | None = None
    tax_id: bool | None = None
    """Only customers with a tax id (true), or without one (false)."""

    @model_validator(mode="before")
    @classmethod
    def _only_s_has_a_rate(cls, given: Any) -> Any:
        untaxed = isinstance(given, dict) and given.get("category") in UNTAXED
        return {"rate": "0", **given} if untaxed else given

    @model_validator(mode="after")
    def _rate_fits_category(self) -> "Tax":
        if self.category != "S" and self.rate:
            raise ValueError(f"category {self.category} has no rate; leave rate out, or write category S")
        return self

    @property
    def conditions(self) -> int:
        """How many things must fit. Of several taxes that do, the one with most conditions decides."""
        return sum(one is not None for one in (self.country, self.postcode, self.segment, self.tax_id))

    @property
    def explanation(self) -> str | None:
        """Why no tax is due; None where one is."""
        return self.reason or REASONS.get(self.category)

    def fits(self, payer: TaxPayer) -> bool:
        """Whether the tax is one for this customer."""
        return (
            (self.country is None or payer.country in self.country)
            and (self.postcode is None or (payer.postcode or "").startswith(self.postcode))
            and (self.segment is None or payer.segment in self.segment)
            and (self.tax_id is None or self.tax_id == bool(payer.tax_id))
        )

    def for_whom(self) -> tuple[Any, ...]:
        """The conditions, to compare: the order in which values are listed means nothing."""
        listed = (self.country, self.postcode, self.segment)
        return (*(None if one is None else frozenset(one) for one in listed), self.tax_id)


def _told_apart(taxes: tuple[Tax, ...]) -> tuple[Tax, ...]:
    keys = [(tax.valid_from, tax.for_whom()) for tax in taxes]
    for day, whom in keys:
        if keys.count((day, whom)) > 1:
            since = f"from {day}" if day > FIRST_DAY else "from the beginning"
            raise ValueError(f"two versions are valid {since}; give each a valid_from or customers of its own")
    return taxes


def _by_listing(value: Any) -> str:
    return "~many" if isinstance(value, list | tuple) else "~one"


DatedTax = Annotated[
    Annotated[Tax, Tag("~one")] | Annotated[tuple[Tax, ...], AtLeastOne, AfterValidator(_told_apart), Tag("~many")],
    Discriminator(_by_listing),
]


def in_force(taxes: Iterable[Tax], day: date) -> list[Tax]:
    """Of each kind of customers the version that is valid on `day`, those with most conditions first.

    Among equally many the order of the catalogue decides.
    """
    newest: dict[tuple[Any, ...], Tax] = {}
    for tax in taxes:
        before = newest.get(tax.for_whom())
        if tax.valid_from <= day and (before is None or before.valid_from < tax.valid_from):
            newest[tax.for_whom()] = tax
    return sorted(newest.values(), key=lambda tax: -tax.conditions)
