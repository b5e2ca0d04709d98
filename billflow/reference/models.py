"""What goes into the reference rater (accounts with subscriptions and usage) and what comes out of it (a bill)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True)
class Subscription:
    """A plan held in `[start_date, end_date)`; a change of plan or quantity is a further row of its id."""

    subscription_id: str
    plan: str
    start_date: date
    end_date: date | None
    """First day not served."""
    quantity: Decimal
    """How many are held; it multiplies flat charges only."""
    discounts: tuple[str, ...]


@dataclass(frozen=True)
class UsageEvent:
    """One measured use. `event_time` carries an offset (UTC in the lake); ValueError when it does not."""

    usage_id: str
    subscription_id: str
    metric: str
    quantity: Decimal
    event_time: datetime
    dimensions: Mapping[str, str]

    def __post_init__(self) -> None:
        """A naive time would silently be read in this machine's own zone."""
        if self.event_time.utcoffset() is None:
            raise ValueError(f"usage {self.usage_id!r}: {self.event_time} has no offset; give it in UTC")


@dataclass(frozen=True)
class Adjustment:
    """A one-off amount on the bill of the period that its local `date` lies in; negative to give back."""

    adjustment_id: str
    date: date
    amount: Decimal
    description: str
    tax: str | None
    """A tax of the catalogue; None for no tax."""


@dataclass(frozen=True)
class BilledAhead:
    """A flat charge that the bill before took in advance: one of its published lines, without those of discounts."""

    subscription_id: str
    plan: str
    charge: str
    period_start: date
    period_end: date
    """First day not covered."""
    quantity: Decimal
    """The subscription's quantity at that time; the printed line's is 1."""
    service_account_id: str = ""


@dataclass(frozen=True)
class Member:
    """An account of the family that gets one bill, with what it holds and used."""

    account_id: str
    timezone: str
    """IANA name."""
    subscriptions: Sequence[Subscription]
    usage: Sequence[UsageEvent]
    adjustments: Sequence[Adjustment] = ()


@dataclass(frozen=True)
class Line:
    """A printed line: `quantity` and `unit_price` to 12 decimals, `net` in the currency's minor unit."""

    subscription_id: str | None
    """None for adjustments and for lines of the bill as a whole."""
    plan: str | None
    charge: str
    period_start: date
    period_end: date
    """First day not covered."""
    quantity: Decimal
    unit_price: Decimal
    net: Decimal
    tax_code: str
    tax_category: str
    tax_rate: Decimal
    """A fraction: 0.10 is 10 %."""
    usage_count: int
    """Events behind the rated charge, on its first printed line; 0 on its others."""
    service_account_id: str
    """The account that was served; the invoiced one for lines of the bill as a whole."""
    gross: Decimal | None
    """The amount with its tax where the plan's prices include tax, else None."""


@dataclass(frozen=True)
class TaxGroup:
    """All lines of one category and rate: `base` is the sum of their nets, `tax` rounded once from it.

    Where prices include tax, their part of `tax` is taken out of the sum of the gross amounts instead.
    """

    category: str
    rate: Decimal
    base: Decimal
    tax: Decimal
    reason: str | None
    """Why no tax is due; None where one is."""


@dataclass(frozen=True)
class Bill:
    """What one invoiced account owes for one period, in the currency's minor unit; total = net + tax."""

    kind: Literal["invoice", "credit_note"]
    lines: tuple[Line, ...]
    taxes: tuple[TaxGroup, ...]
    net: Decimal
    tax: Decimal
    total: Decimal
