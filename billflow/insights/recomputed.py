"""One published bill worked out once more in plain Python, and the way from each of its lines to what made it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from billflow.billing.money import minor_digits
from billflow.billing.parts import FLAT
from billflow.catalog import BillingPeriod, Catalog, Discount, TaxPayer
from billflow.insights.family import BEFORE, Family
from billflow.reference import Adjustment, Bill, BilledAhead, Line, Member, Subscription, UsageEvent, bill_family
from billflow.reference.allowances import Metering
from billflow.reference.discounts import charge_discounts, invoice_discounts
from billflow.reference.printing import Printing
from billflow.reference.stretches import Service, Stretch, rated_stretches, services
from billflow.reference.usage import FamilyUsage

Row = dict[str, Any]

_SAME_CHARGE = ("service_account_id", "subscription_id", "plan", "charge", "period_start", "period_end")
_COMPARED = ("quantity", "unit_price", "net", "gross", "tax_code", "tax_category", "tax_rate", "usage_count")


def members_of(family: Family) -> list[Member]:
    """The accounts of a bill as the reference rater takes them, the invoiced one first."""
    rows = {table: _by_account(found.to_pylist()) for table, found in family.tables.items()}
    return [
        Member(
            account_id=account,
            timezone=rows["accounts"][account][0]["timezone"],
            subscriptions=[_subscription(row) for row in rows["subscriptions"][account]],
            usage=[_event(row) for row in rows["usage"][account]],
            adjustments=[_adjustment(row) for row in rows["adjustments"][account]],
        )
        for account in family.members
    ]


def _by_account(rows: list[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["account_id"]].append(row)
    return grouped


def _subscription(row: Row) -> Subscription:
    names = ("subscription_id", "plan", "start_date", "end_date", "quantity")
    return Subscription(**{name: row[name] for name in names}, discounts=tuple(row["discounts"] or ()))


def _event(row: Row) -> UsageEvent:
    names = ("usage_id", "subscription_id", "metric", "quantity")
    at = row["event_time"].replace(tzinfo=UTC)
    return UsageEvent(**{name: row[name] for name in names}, event_time=at, dimensions=dict(row["dimensions"] or ()))


def _adjustment(row: Row) -> Adjustment:
    return Adjustment(**{name: row[name] for name in ("adjustment_id", "date", "amount", "description", "tax")})


def billed_ahead(family: Family, period: BillingPeriod) -> list[BilledAhead]:
    """What the bills before took in advance for days of a period."""
    names = ("subscription_id", "plan", "charge", "period_start", "period_end", "service_account_id")
    return [
        BilledAhead(**{name: row[name] for name in names}, quantity=row["subscription_quantity"])
        for row in family.tables[BEFORE].to_pylist()
        if row["line_type"] == FLAT and row["difference_of"] is None and row["period_start"] >= period.start
    ]


@dataclass(frozen=True)
class Recomputed:
    """`lines` are the published ones (INVOICE_LINES) in order; everything else follows from the bill's inputs."""

    catalog: Catalog
    period: BillingPeriod
    family: Family
    lines: Sequence[Row]
    project_currency: str

    @cached_property
    def account(self) -> Row:
        """The row of ACCOUNTS of who is invoiced."""
        rows: list[Row] = self.family.tables["accounts"].to_pylist()
        return next(row for row in rows if row["account_id"] == self.family.invoiced)

    @cached_property
    def members(self) -> list[Member]:
        """Who shares the bill."""
        return members_of(self.family)

    @cached_property
    def printing(self) -> Printing:
        """How its amounts are rounded and taxed."""
        payer = TaxPayer(**{name: self.account[name] for name in ("country", "postcode", "segment", "tax_id")})
        return Printing(self.catalog, self.period, payer, minor_digits(self.account["currency"]))

    @cached_property
    def bill(self) -> Bill | None:
        """The bill by the reference rater."""
        return bill_family(
            self.catalog,
            self.period,
            members=self.members,
            payer=self.printing.payer,
            minor_digits=self.printing.minor_digits,
            in_project_currency=self.account["currency"] == self.project_currency,
            billed_ahead=billed_ahead(self.family, self.period),
        )

    @cached_property
    def services(self) -> list[Service]:
        """Every row of a subscription under every version of its plan."""
        return [
            service
            for member in self.members
            for service in services(self.catalog, member.account_id, member.subscriptions)
        ]

    @cached_property
    def metering(self) -> Metering:
        """What its charges have measured."""
        usage = FamilyUsage(self.catalog, self.members)
        return Metering(self.catalog, usage, list(self._stretches.values()))

    @cached_property
    def _stretches(self) -> dict[tuple[Any, ...], Stretch]:
        found = (
            stretch
            for service in self.services
            for code in service.version.charges
            for stretch in rated_stretches(self.catalog, service, code, self.period)
        )
        return {(*stretch.key, stretch.start): stretch for stretch in found}

    def stretch(self, line: Row) -> Stretch | None:
        """The charge and its days that a line is of; None for lines of a plan or the bill as a whole."""
        names = ("service_account_id", "subscription_id", "subscription_start", "price_from", "charge", "period_start")
        return self._stretches.get(tuple(line[name] for name in names))

    def of_same_charge(self, line: Row) -> list[Row]:
        """The published lines of the same charge and days, in order; the line itself is among them."""
        return [other for other in self.lines if _charge_of(other) == _charge_of(line)]

    def before(self, line: Row) -> list[Row]:
        """The published lines above it."""
        return [other for other in self.lines if other["line_no"] < line["line_no"]]

    def discounts_of(self, line: Row) -> dict[str, Discount]:
        """The discounts in force for a line's charge, or for the bill where the line is of it as a whole."""
        stretch = self.stretch(line)
        if stretch:
            return charge_discounts(self.catalog, stretch)
        if line["line_type"] == "invoice_discount":
            return invoice_discounts(self.catalog, self.services, self.period)
        return {}

    def local_time(self, event: UsageEvent, account_id: str) -> datetime:
        """When an event was by the clock of the account that made it."""
        return event.event_time.astimezone(self._zones[account_id])

    @cached_property
    def _zones(self) -> dict[str, ZoneInfo]:
        return {member.account_id: ZoneInfo(member.timezone) for member in self.members}

    @cached_property
    def _expected(self) -> dict[tuple[Any, ...], list[Line]]:
        grouped: dict[tuple[Any, ...], list[Line]] = defaultdict(list)
        for line in self.bill.lines if self.bill else ():
            grouped[tuple(getattr(line, name) for name in _SAME_CHARGE)].append(line)
        return grouped

    def expected(self, line: Row) -> Line | None:
        """The recomputed line that a published one should equal; None when there is no such line."""
        alike = self._expected[_charge_of(line)]
        place = self.of_same_charge(line).index(line)
        return alike[place] if place < len(alike) else None

    def differences(self, line: Row) -> list[str]:
        """In what a published line is not what follows from its inputs; empty when it agrees."""
        expected = self.expected(line)
        if expected is None:
            return ["the line does not follow from the account's subscriptions and usage at all"]
        pairs = ((name, line[name], getattr(expected, name)) for name in _COMPARED)
        return [f"{name} is {one}, but works out as {other}" for name, one, other in pairs if one != other]

    def missing(self) -> list[str]:
        """Lines that should have been billed and were not."""
        published: dict[tuple[Any, ...], int] = defaultdict(int)
        for line in self.lines:
            published[_charge_of(line)] += 1
        return [
            f"{line.charge} of {line.period_start} to {line.period_end}, net {line.net}, is not on the bill"
            for key, alike in self._expected.items()
            for line in alike[published[key] :]
        ]


def _charge_of(line: Row) -> tuple[Any, ...]:
    return tuple(line[name] for name in _SAME_CHARGE)
