"""The bill of an account or a family of accounts for one period, and the usage that no charge prices."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from billflow.catalog import BillingPeriod, Catalog, TaxPayer
from billflow.reference.allowances import Metering
from billflow.reference.bounds import Allotment, Bounds
from billflow.reference.credits import Credit, billed_services, credit_line, credits_of
from billflow.reference.models import Adjustment, Bill, BilledAhead, Line, Member, Subscription, UsageEvent
from billflow.reference.plan_bounds import plan_bound_lines
from billflow.reference.printing import Printing
from billflow.reference.rating import Rating
from billflow.reference.rounding import total_of
from billflow.reference.stretches import Service, Stretch, rated_stretches, services
from billflow.reference.taxing import tax_groups, with_nets
from billflow.reference.usage import FamilyUsage, local_events, prices
from billflow.reference.whole_bill import adjustment_lines, discount_lines, minimum_lines

EVERYONE = TaxPayer()


def bill_family(
    catalog: Catalog,
    period: BillingPeriod,
    *,
    members: Sequence[Member],
    payer: TaxPayer = EVERYONE,
    minor_digits: int,
    in_project_currency: bool = True,
    billed_ahead: Iterable[BilledAhead] = (),
) -> Bill | None:
    """The one bill for `period` of all `members`, the first of which is invoiced; None when it has no line.

    `payer` is what the invoiced account's taxes and segment depend on, `minor_digits` are its currency's (EUR 2,
    JPY 0). `billed_ahead` are the lines of the bill before for charges in advance. Usage and adjustments outside
    the period, by local day, are left alone. LookupError when a plan, discount, tax rate or member is missing.
    """
    family = _family(catalog, members, list(billed_ahead))
    printing = Printing(catalog, period, payer, minor_digits)
    invoiced, lines = members[0].account_id, _lines_of_family(printing, family)
    if not lines:
        return None
    held = [service for account in family for service in account.services]
    lines += discount_lines(printing, invoiced, held, lines)
    if in_project_currency:
        lines += minimum_lines(printing, invoiced, lines)
    return _bill(printing, with_nets(printing, lines))


def bill_account(
    catalog: Catalog,
    period: BillingPeriod,
    *,
    timezone: str,
    minor_digits: int,
    subscriptions: Iterable[Subscription],
    usage: Iterable[UsageEvent],
    adjustments: Iterable[Adjustment] = (),
    payer: TaxPayer = EVERYONE,
    in_project_currency: bool = True,
    billed_ahead: Iterable[BilledAhead] = (),
    account_id: str = "",
) -> Bill | None:
    """`bill_family` for an account on its own; `timezone` is the account's (IANA name)."""
    alone = Member(account_id, timezone, tuple(subscriptions), tuple(usage), tuple(adjustments))
    return bill_family(
        catalog,
        period,
        members=[alone],
        payer=payer,
        minor_digits=minor_digits,
        in_project_currency=in_project_currency,
        billed_ahead=billed_ahead,
    )


def unrated_events(
    catalog: Catalog,
    period: BillingPeriod,
    *,
    timezone: str,
    minor_digits: int,  # noqa: ARG001 - see above
    subscriptions: Iterable[Subscription],
    usage: Iterable[UsageEvent],
) -> list[UsageEvent]:
    """Events of the period, in the order given, that no charge in force on their local day prices.

    Those on a day without subscription are among them. Usage of other periods is not.
    """
    alone = Member("", timezone, tuple(subscriptions), tuple(usage))
    rated = list(_rated(catalog, services(catalog, "", alone.subscriptions), period))
    return [
        local.event
        for local in local_events(catalog, alone)
        if period.start <= local.day < period.end and not any(prices(stretch, local) for stretch in rated)
    ]


@dataclass(frozen=True)
class _Account:
    """A member with what it holds, and what was billed ahead for it."""

    member: Member
    services: list[Service]
    billed_ahead: list[BilledAhead]


def _family(catalog: Catalog, members: Sequence[Member], billed_ahead: list[BilledAhead]) -> list[_Account]:
    """The invoiced account first, then the others by their ids."""
    if strangers := {one.service_account_id for one in billed_ahead} - {member.account_id for member in members}:
        raise LookupError(f"account {min(strangers)!r} was billed ahead and is not a member")
    ordered = [*members[:1], *sorted(members[1:], key=lambda member: member.account_id)]
    return [
        _Account(member, billed_services(catalog, member, ahead), ahead)
        for member in ordered
        for ahead in [[one for one in billed_ahead if one.service_account_id == member.account_id]]
    ]


def _rated(catalog: Catalog, held: Iterable[Service], period: BillingPeriod) -> Iterator[Stretch]:
    for service in held:
        for code in service.version.charges:
            yield from rated_stretches(catalog, service, code, period)


def _lines_of_family(printing: Printing, family: Sequence[_Account]) -> list[Line]:
    catalog, period = printing.catalog, printing.period
    held = (service for account in family for service in account.services)
    usage = FamilyUsage(catalog, [account.member for account in family])
    metering = Metering(catalog, usage, list(_rated(catalog, held, period)))
    rating = Rating(printing, metering, Bounds(printing.to_minor), Allotment())
    return [line for account in family for line in _lines_of_account(rating, account)]


def _lines_of_account(rating: Rating, account: _Account) -> Iterator[Line]:
    printing, plan_bounds = rating.printing, Bounds(rating.printing.to_minor)
    ahead = credits_of(printing, account.services, account.billed_ahead)
    for service in account.services:
        lines = [
            line for code in service.version.charges for line in _lines_of_charge(rating, account, service, code, ahead)
        ]
        yield from lines
        yield from plan_bound_lines(printing, plan_bounds, service, lines)
    yield from adjustment_lines(printing, account.member)


def _lines_of_charge(
    rating: Rating, account: _Account, service: Service, code: str, ahead: list[Credit]
) -> Iterator[Line]:
    for stretch in rated_stretches(rating.printing.catalog, service, code, rating.printing.period):
        yield from rating.lines(stretch)
    for credit in ahead:
        if credit.service is service and credit.billed.charge == code:
            yield from credit_line(rating.printing, account.services, credit)


def _bill(printing: Printing, lines: Sequence[Line]) -> Bill:
    taxes, digits = tax_groups(printing, lines), printing.minor_digits
    net = total_of((line.net for line in lines), digits)
    tax = total_of((group.tax for group in taxes), digits)
    total = total_of((net, tax), digits)
    return Bill("credit_note" if total < 0 else "invoice", tuple(lines), taxes, net, tax, total)
