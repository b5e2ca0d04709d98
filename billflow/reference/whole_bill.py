"""What is taken off and added to a bill as a whole, and one-off amounts (PRICING §1, §3)."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from fractions import Fraction

from billflow.catalog.charges import NO_TAX
from billflow.reference.discounts import invoice_reduction
from billflow.reference.models import Line, Member
from billflow.reference.printing import Origin, Printing, sum_of
from billflow.reference.spreading import spread_lines
from billflow.reference.stretches import Service

ADJUSTMENT = "adjustment"
DISCOUNT = "invoice_discount"
MINIMUM = "invoice_minimum"


def adjustment_lines(printing: Printing, member: Member) -> Iterator[Line]:
    """The account's one-off amounts that lie in the period, in order of their days."""
    for one in sorted(member.adjustments, key=lambda one: (one.date, one.adjustment_id)):
        if printing.period.start <= one.date < printing.period.end:
            origin = Origin(member.account_id, None, None, one.date, one.date + timedelta(days=1))
            yield from printing.amounts(origin, ADJUSTMENT, one.tax or NO_TAX, Fraction(one.amount))


def discount_lines(printing: Printing, account_id: str, services: Iterable[Service], lines: list[Line]) -> list[Line]:
    """What the discounts of the bill take off `lines`, spread over their taxes; never more than there is."""
    net = sum_of(lines)
    if net <= 0:
        return []
    reduction = invoice_reduction(printing.catalog, services, printing.period)
    off = printing.to_minor(net * reduction.percent / 100)
    off += min(printing.to_minor(reduction.amount), net - off)
    return spread_lines(printing, _of_bill(printing, account_id), DISCOUNT, off, lines, sign=-1)


def minimum_lines(printing: Printing, account_id: str, lines: list[Line]) -> list[Line]:
    """What is missing to the least amount of a bill for the payer's segment; nothing where the bill is negative."""
    minimum = printing.catalog.invoice.minimum_of(printing.payer.segment)
    target, net = printing.to_minor(Fraction(minimum or 0)), sum_of(lines)
    if not 0 <= net < target:
        return []
    return spread_lines(printing, _of_bill(printing, account_id), MINIMUM, target - net, lines)


def _of_bill(printing: Printing, account_id: str) -> Origin:
    return Origin(account_id, None, None, printing.period.start, printing.period.end)
