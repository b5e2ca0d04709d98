"""A charge as a row of a table: what rating needs to know of it, and the lines that it may print."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pyspark.sql.types import MapType, StructType

from billflow.lake.schemas import DAY, FLAG, MONEY, QUANTITY, RATE, TEXT, TEXTS, WHOLE, columns

ARREARS, AHEAD, BEGUN, BACK = "arrears", "ahead", "begun", "back"
"""When a charge falls due: for the period itself; in advance for the next one; for the period's days, when a charge
that is billed in advance has begun within it; for days billed in advance that come back."""

EVERY_CELL = -1
"""The `cell` of what a matrix charge prints besides the lines of its prices."""


@dataclass(frozen=True)
class Rate:
    """A charge in force on `[window_start, window_end)`, with what rating needs of it."""

    charge_id: int
    """In printing order. Bounds of a plan version are rows of their own, after its charges."""
    plan: str
    price_from: date
    """The first day of the plan's version."""
    currency: str
    digits: int
    is_gross: bool
    """Whether prices include tax."""
    charge: str
    section: str
    unit: str | None
    metric: str | None
    aggregate: str | None
    window_start: date
    window_end: date
    first_epoch: int
    last_epoch: int
    where: dict[str, list[str]]
    due: str
    begins: date
    """The first day on which the plan has the charge."""
    period_days: int
    """Days of the whole period that the window is part of: what a month's price is cut by."""
    prorated: bool
    per: str | None
    increments: int | None
    """Which of `Pricebook.increments`."""
    multiply: Decimal
    divide: Decimal
    """Unit conversion: × multiply ÷ divide."""
    rounding: str
    included: Decimal | None
    pool: str | None
    is_matrix: bool
    default_cell: int | None
    in_order: bool
    """Whether its events must be looked at one by one, in order of time."""
    rate: Decimal | None
    fixed_fee: Decimal | None
    free_events: int
    event_minimum: Decimal | None
    event_maximum: Decimal | None
    minimum: Decimal | None
    maximum: Decimal | None
    is_capped: bool
    """Whether some version of the charge has a maximum: then all of them use it up."""
    of_plan: bool
    """Whether the bounds are those of a plan."""
    first_tax: str
    """The charge's tax; of a plan's bounds that of its first charge."""
    discounts: dict[str, tuple[Decimal | None, Decimal | None, date, date, int | None]]
    """Code → percent, amount, first and last day, number of periods."""


_DISCOUNT = columns(percent=RATE, amount=MONEY, valid_from=DAY, valid_to=DAY, periods=WHOLE)

RATES = columns(
    charge_id=WHOLE,
    plan=TEXT,
    price_from=DAY,
    currency=TEXT,
    digits=WHOLE,
    is_gross=FLAG,
    charge=TEXT,
    section=TEXT,
    unit=TEXT,
    metric=TEXT,
    aggregate=TEXT,
    window_start=DAY,
    window_end=DAY,
    first_epoch=WHOLE,
    last_epoch=WHOLE,
    where=MapType(TEXT, TEXTS),
    due=TEXT,
    begins=DAY,
    period_days=WHOLE,
    prorated=FLAG,
    per=TEXT,
    increments=WHOLE,
    multiply=QUANTITY,
    divide=QUANTITY,
    rounding=TEXT,
    included=QUANTITY,
    pool=TEXT,
    is_matrix=FLAG,
    default_cell=WHOLE,
    in_order=FLAG,
    rate=QUANTITY,
    fixed_fee=QUANTITY,
    free_events=WHOLE,
    event_minimum=QUANTITY,
    event_maximum=QUANTITY,
    minimum=QUANTITY,
    maximum=QUANTITY,
    is_capped=FLAG,
    of_plan=FLAG,
    first_tax=TEXT,
    discounts=MapType(TEXT, _DISCOUNT),
)
"""`Rate` as a table."""

PARTS = columns(
    charge_id=WHOLE,
    cell=WHOLE,
    position=WHOLE,
    kind=TEXT,
    above=QUANTITY,
    up_to=QUANTITY,
    price=QUANTITY,
    label=TEXT,
    carries=FLAG,
    tax_code=TEXT,
)
"""`billflow.billing.parts.Part` as a table."""

_WORDS = ("plan", "price_from", "currency", "digits", "is_gross", "charge", "section", "unit", "metric", "due")
WORDS = StructType(
    [RATES[name] for name in ("charge_id", *_WORDS, "period_days", "prorated", "per")]
    + [PARTS[name] for name in ("position", "kind", "label", "tax_code")]
)
"""What a line says of its charge and part, and what its text depends on: nothing that decides its net."""


NO_TERMS: dict[str, Any] = {
    "metric": None,
    "aggregate": None,
    "where": {},
    "per": None,
    "increments": None,
    "multiply": Decimal(1),
    "divide": Decimal(1),
    "rounding": "none",
    "included": None,
    "pool": None,
    "is_matrix": False,
    "default_cell": None,
    "in_order": False,
    "rate": None,
    "fixed_fee": None,
    "free_events": 0,
    "event_minimum": None,
    "event_maximum": None,
}
"""Of what counts no usage."""
