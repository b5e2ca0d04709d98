"""What the oracles share: rounding, local time and the invoice they expect. Nothing here comes from billflow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

K = TypeVar("K")


@dataclass(frozen=True)
class ExpectedInvoice(Generic[K]):
    """An invoice as the rules of pricing give it. `lines`: charge → (quantity, net)."""

    net: Decimal
    tax: Decimal
    total: Decimal
    lines: Mapping[K, tuple[Fraction, Decimal]]


def cents(amount: Fraction | Decimal) -> Decimal:
    """Rounded to two places, half away from zero, from the exact fraction."""
    exact = Fraction(amount) * 100
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return Decimal(whole if exact >= 0 else -whole).scaleb(-2)


def tax_of(groups: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """Σ round(Σ nets * rate) over the (rate, Σ nets) of each tax group."""
    return sum((cents(Fraction(rate) * Fraction(nets)) for rate, nets in groups), Decimal("0.00"))


def local_time(wall: datetime, zone: ZoneInfo) -> datetime:
    """The wall clock time of the instant that `wall` means.

    A time that does not exist moves forward by the gap, one that exists twice is the first: `fold=0` says both.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC).astimezone(zone).replace(tzinfo=None)


def bounds(month: str) -> tuple[date, date]:
    """'2013-01' → its first day and the first day of the next month."""
    year, number = int(month[:4]), int(month[5:])
    return date(year, number, 1), date(year + number // 12, number % 12 + 1, 1)


def share_served(month: str, start: date, end: date | None) -> Fraction:
    """Days of [start, end) in the month / days of the month; end None is open."""
    first, after = bounds(month)
    served = min(end or after, after) - max(start, first)
    return Fraction(max(served.days, 0), (after - first).days)
