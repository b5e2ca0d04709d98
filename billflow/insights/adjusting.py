"""What lines that price no usage follow from: discounts, minima and maxima, of a charge, a plan or a whole bill."""

from collections.abc import Callable, Iterable
from datetime import date
from fractions import Fraction

from billflow.catalog import Discount
from billflow.catalog.charges import Bounded
from billflow.insights.arithmetic import Step, as_text
from billflow.insights.recomputed import Recomputed, Row
from billflow.reference.discounts import added_up
from billflow.reference.stretches import Stretch, share


def adjusting_steps(bill: Recomputed, line: Row) -> list[Step]:
    """The steps to the amount of a line that is no part of a charge's price; [] for kinds that are not known here."""
    explain = EXPLAINED.get(line["line_type"])
    return [*explain(bill, line), Step("net", "net of this line", Fraction(line["net"]))] if explain else []


def _sum(lines: Iterable[Row]) -> Fraction:
    """What discounts and bounds look at: amounts with their tax where prices include it."""
    return sum((_amount(line) for line in lines), Fraction(0))


def _amount(line: Row) -> Fraction:
    return Fraction(line["net"] if line["gross"] is None else line["gross"])


def _billed(bill: Recomputed, line: Row) -> Step:
    """The lines of the same charge above a line."""
    above = [other for other in bill.of_same_charge(line) if other["line_no"] < line["line_no"]]
    numbers = ", ".join(str(other["line_no"]) for other in above)
    return Step(
        "charge", f"billed by this charge before: line {numbers}" if above else "nothing else billed", _sum(above)
    )


def _percent_off(bill: Recomputed, line: Row) -> list[Step]:
    base, found = _billed(bill, line), added_up(bill.discounts_of(line).values())
    off = base.value * found.percent / 100
    return [base, Step("percent", f"{as_text(found.percent)} % of it", off)]


def _amount_off(bill: Recomputed, line: Row) -> list[Step]:
    found = added_up(bill.discounts_of(line).values())
    text = "amounts off, never below 0, less what earlier stretches of the period took off already"
    return [_billed(bill, line), Step("discount", text, found.amount)]


def _bound(bill: Recomputed, line: Row) -> list[Step]:
    stretch = bill.stretch(line)
    if stretch is None:
        return []
    days = (stretch.start, stretch.end)
    return [_billed(bill, line), *_bounds(bill, line["line_type"], stretch.charge, days, stretch)]


def _bounds(
    bill: Recomputed, kind: str, bounded: Bounded, days: tuple[date, date], stretch: Stretch | None = None
) -> list[Step]:
    period = stretch.period if stretch else bill.period
    if kind.endswith("maximum"):
        return [
            Step("maximum", "most for the whole period, earlier stretches included", Fraction(bounded.maximum or 0))
        ]
    part = share(bounded.proration, *days, period)
    least = bill.printing.to_minor(Fraction(bounded.minimum or 0) * part)
    return [Step("minimum", f"least: {bounded.minimum:f} × {part} of the period", least)]


def _plan_bound(bill: Recomputed, line: Row) -> list[Step]:
    names = ("service_account_id", "subscription_id", "subscription_start", "price_from")
    own = [other for other in bill.before(line) if all(other[name] == line[name] for name in names)]
    billed = [other for other in own if not other["line_type"].startswith("plan_")]
    versions = bill.catalog.plan_versions(line["plan"])
    version = next(one for one in versions if one.valid_from == line["price_from"])
    days = (line["period_start"], line["period_end"])
    text = "billed by all charges of the plan for these days"
    return [Step("plan", text, _sum(billed)), *_bounds(bill, line["line_type"], version, days), _spread(line)]


def _spread(line: Row) -> Step:
    return Step("spread", "what is over or missing is spread over the taxes by net; this tax's part", _amount(line))


def _before_discount(bill: Recomputed) -> Fraction:
    return _sum(other for other in bill.lines if not other["line_type"].startswith("invoice_"))


def _invoice_discount(bill: Recomputed, line: Row) -> list[Step]:
    total, found = _before_discount(bill), added_up(bill.discounts_of(line).values())
    off = bill.printing.to_minor(total * found.percent / 100)
    fixed = min(bill.printing.to_minor(found.amount), total - off)
    return [
        Step("bill", "all lines before", total),
        Step("discount", f"{as_text(found.percent)} % of it, and {as_text(found.amount)}", off + fixed),
        Step("spread", "spread over the taxes by net; this tax's part", _amount(line)),
    ]


def _invoice_minimum(bill: Recomputed, line: Row) -> list[Step]:
    before = _sum(other for other in bill.lines if other["line_type"] != "invoice_minimum")
    least = Fraction(bill.catalog.invoice.minimum_of(bill.account["segment"]) or 0)
    segment = bill.account["segment"] or "default"
    return [
        Step("bill", "all lines before", before),
        Step("minimum", f"least amount of a bill, segment {segment}", least),
        _spread(line),
    ]


def _adjustment(bill: Recomputed, line: Row) -> list[Step]:
    member = next(one for one in bill.members if one.account_id == line["service_account_id"])
    return [
        Step("adjustment", f"adjustment {one.adjustment_id} of {one.date}: {one.description}", Fraction(one.amount))
        for one in member.adjustments
        if one.date == line["period_start"] and bill.printing.to_minor(Fraction(one.amount)) == _amount(line)
    ]


EXPLAINED: dict[str, Callable[[Recomputed, Row], list[Step]]] = {
    "percent_off": _percent_off,
    "amount_off": _amount_off,
    "maximum": _bound,
    "minimum": _bound,
    "plan_maximum": _plan_bound,
    "plan_minimum": _plan_bound,
    "invoice_discount": _invoice_discount,
    "invoice_minimum": _invoice_minimum,
    "adjustment": _adjustment,
}
"""`line_type` → what explains such a line."""


def shown(discounts: dict[str, Discount]) -> list[Row]:
    """Discounts as JSON."""
    return [{"code": code, **one.model_dump(mode="json", exclude_unset=True)} for code, one in discounts.items()]
