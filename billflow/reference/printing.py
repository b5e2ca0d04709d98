"""How amounts become printed lines of one bill: rounded once, with the tax of who pays (PRICING §3)."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from billflow.catalog import BillingPeriod, Catalog, Tax, TaxPayer
from billflow.reference.models import Line
from billflow.reference.pricing import ONE, Part
from billflow.reference.rounding import PUBLISHED_DIGITS, rounded
from billflow.reference.stretches import Service


@dataclass(frozen=True)
class Origin:
    """What a line is for: the account and subscription served, and the days."""

    account_id: str
    subscription_id: str | None
    plan: str | None
    start: date
    end: date
    includes_tax: bool = False


def origin_of(service: Service, start: date, end: date) -> Origin:
    """Lines of a subscription, for days of its service."""
    row = service.subscription
    includes_tax = service.version.prices_include_tax
    return Origin(service.account_id, row.subscription_id, row.plan, start, end, includes_tax)


@dataclass(frozen=True)
class Printing:
    """What all lines of a bill have in common. Amounts of plans with gross prices stay gross until the taxes."""

    catalog: Catalog
    period: BillingPeriod
    payer: TaxPayer
    minor_digits: int

    def to_minor(self, amount: Fraction) -> Fraction:
        """An amount in the currency's minor unit."""
        return Fraction(rounded(amount, self.minor_digits))

    def tax(self, code: str) -> Tax:
        """The payer's tax on the issue date; LookupError when there is none."""
        return self.catalog.tax_on(code, self.period.issue_date, self.payer)

    def line(self, origin: Origin, charge: str, tax_code: str, part: Part) -> Line:
        """A line that prices a quantity."""
        tax = self.tax(tax_code)
        amount = rounded(part.amount, self.minor_digits)
        return Line(
            subscription_id=origin.subscription_id,
            plan=origin.plan,
            charge=charge,
            period_start=origin.start,
            period_end=origin.end,
            quantity=rounded(part.quantity, PUBLISHED_DIGITS),
            unit_price=rounded(part.unit_price, PUBLISHED_DIGITS),
            net=amount,
            tax_code=tax_code,
            tax_category=tax.category,
            tax_rate=tax.rate,
            usage_count=0,
            service_account_id=origin.account_id,
            gross=amount if origin.includes_tax else None,
        )

    def amounts(self, origin: Origin, charge: str, tax_code: str, *nets: Fraction) -> list[Line]:
        """Lines of quantity 1 for amounts that are not worked out from units; zero ones are left out."""
        minor = [self.to_minor(net) for net in nets]
        return [self.line(origin, charge, tax_code, Part(ONE, net)) for net in minor if net]


def sum_of(lines: list[Line]) -> Fraction:
    """The nets of lines, added up."""
    return sum((Fraction(line.net) for line in lines), Fraction(0))
