"""Where an invoice comes from: each line down to the price and the usage records that made it, as one JSON document."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from billflow.catalog import BillingPeriod, Cycle, parse_catalog
from billflow.errors import RunFailedError, UsageError
from billflow.insights.adjusting import adjusting_steps, shown
from billflow.insights.arithmetic import PricedPart, Step, as_decimal, as_text, priced_parts
from billflow.insights.family import TABLES, Families, bills_before
from billflow.insights.published_invoice import PublishedInvoice, period_of
from billflow.insights.recomputed import Recomputed, Row
from billflow.lake.catalogs import kept_catalog
from billflow.lake.manifest import read_manifest
from billflow.lake.storage import Storage
from billflow.reference.local_events import LocalEvent
from billflow.settings import Settings

_INVOICE = (
    "invoice_id",
    "invoice_number",
    "kind",
    "status",
    "corrects",
    "system",
    "account_id",
    "cycle",
    "month",
    "period_start",
    "period_end",
    "issue_date",
    "currency",
    "net",
    "tax",
    "total",
)
_LINE = (
    "line_no",
    "section",
    "description",
    "line_type",
    "service_account_id",
    "subscription_id",
    "plan",
    "charge",
    "metric",
    "period_start",
    "period_end",
    "quantity",
    "unit",
    "unit_price",
    "net",
    "gross",
    "usage_count",
)


def recomputed(storage: Storage, settings: Settings, published: PublishedInvoice) -> Recomputed:
    """The bill worked out again from what its run read, under the catalogue that its run used."""
    invoice, partition = published.invoice, published.partition
    key = f"{invoice['cycle']}|{invoice['month']}"
    if not partition.catalog:
        raise RunFailedError(
            "the catalogue that this bill was made with was not kept",
            where=key,
            remedy=f"bill it again: billflow run --cycle {invoice['cycle']} --month {invoice['month']}",
        )
    catalog = parse_catalog(kept_catalog(storage, partition.catalog), where="catalog")
    period = period_of(settings, invoice)
    tables = {table: partition.tables.get(table, ()) for table in TABLES}
    before = bills_before(read_manifest(storage), invoice["cycle"], period, partition.late_after)
    families = Families(storage, tables, before)
    family = families.read(invoice["system"], invoice["account_id"])
    own = [line for line in published.lines if line["difference_of"] is None]
    return Recomputed(catalog, period, family, own, settings.currency)


def explanation(
    published: PublishedInvoice,
    bill: Recomputed,
    line_no: int | None,
    most: int | None,
    late: Mapping[str, Recomputed] = MappingProxyType({}),
) -> Row:
    """The document of an invoice, or of one of its lines; with at most `most` usage records a line.

    `late` are the months of which it has differences (`late_explained.late_recomputed`).

    {invoice, correction, catalog, code_version, agrees, differences, lines: [{…, price, window, tier, discounts, steps,
    tax, usage, agrees, differences}]}. `correction` is {takes_back or replaces: number, reason} of an invoice that
    corrects another one, else None. UsageError when there is no such line.
    """
    chosen = [line for line in published.lines if line_no in (None, line["line_no"])]
    if not chosen:
        raise UsageError(
            f"invoice {published.invoice['invoice_id']} has no line {line_no}",
            where="--line",
            remedy=f"it has lines 1 to {len(published.lines)}",
        )
    lines = [_line(published, bill, line, most, late) for line in chosen]
    differences = [] if line_no or published.is_reversal else bill.missing()
    return {
        "invoice": {name: published.invoice[name] for name in _INVOICE},
        "correction": _correction(published),
        "catalog": published.partition.catalog,
        "code_version": published.partition.code_version,
        "agrees": not differences and all(line["agrees"] for line in lines),
        "differences": differences,
        "lines": lines,
    }


def _correction(published: PublishedInvoice) -> Row | None:
    """What a bill of a correction does with which invoice, and why."""
    correction = published.partition.correction
    if correction is None:
        return None
    return {"takes_back" if published.is_reversal else "replaces": published.corrects, "reason": correction.reason}


def _line(
    published: PublishedInvoice, own: Recomputed, line: Row, most: int | None, late: Mapping[str, Recomputed]
) -> Row:
    of_late = late.get(line["difference_of"])
    known = line["difference_of"] is None or (of_late is not None and line in of_late.lines)
    if published.is_reversal or not known:
        return _corrected(published, own, line)
    bill = of_late or own
    part = _part(bill, line)
    steps = [_correction_step(published, line)] if of_late else []
    steps += part.steps if part else adjusting_steps(bill, line)
    differences = bill.differences(line)
    return {
        **{name: line[name] for name in _LINE},
        "price": _price(bill, line),
        "window": _window(bill, line),
        "tier": part.tier if part else None,
        "discounts": shown(bill.discounts_of(line)),
        "steps": [step.document() for step in [*steps, *_amount(bill, line, part)]],
        "tax": _tax(published, line),
        "usage": _usage(part.events, bill, line, most) if part and part.events else None,
        "agrees": not differences,
        "differences": differences,
    }


def _corrected(published: PublishedInvoice, bill: Recomputed, line: Row) -> Row:
    """A line that corrects a confirmed month or invoice: its arithmetic is that of that month's own bill."""
    step = _correction_step(published, line)
    nothing: Row = {"price": None, "tier": None, "discounts": [], "usage": None, "agrees": True, "differences": []}
    own = {name: line[name] for name in _LINE}
    return {**own, **nothing, "window": _window(bill, line), "steps": [step.document()], "tax": _tax(published, line)}


def _correction_step(published: PublishedInvoice, line: Row) -> Step:
    back = line["line_type"] == "reversal"
    what = "a line billed before comes back" if back else "the line as it is with all usage of that month"
    text = f"of {line['difference_of']}, for usage that came late: {what}"
    if published.is_reversal:
        text = f"line {line['line_no']} of invoice {published.corrects} comes back"
    return Step("correction", text, Fraction(line["net"]))


def _part(bill: Recomputed, line: Row) -> PricedPart | None:
    """The part of its charge that a line prints; None for what is taken off, added, or not of a charge."""
    stretch = bill.stretch(line)
    if stretch is None:
        return None
    parts = list(priced_parts(bill.metering, stretch))
    printed = [part for part in parts if bill.printing.to_minor(part.amount)]
    alike = bill.of_same_charge(line)
    place = alike.index(line)
    if not printed and not line["net"]:
        return parts[0]
    return printed[place] if place < len(printed) else None


def _amount(bill: Recomputed, line: Row, part: PricedPart | None) -> Iterator[Step]:
    """From the exact amount to the net that is printed."""
    if part is None:
        return
    minor = bill.printing.to_minor(part.amount)
    yield Step("amount", f"{as_text(part.quantity)} × {as_text(part.unit_price)}", part.amount)
    if minor != part.amount:
        yield Step("rounded", "rounded once, half away from zero, to the minor unit", minor)
    if line["gross"] is not None:
        net = Fraction(line["net"])
        yield Step("net", f"without {as_text(minor - net)} of tax, which the price includes", net)


def _price(bill: Recomputed, line: Row) -> Row | None:
    """The version of the plan, and the charge as its catalogue has it."""
    if line["plan"] is None:
        return None
    versions = bill.catalog.plan_versions(line["plan"])
    version = next((one for one in versions if one.valid_from == line["price_from"]), None)
    if version is None:
        return None
    charge = version.charges.get(line["charge"])
    return {
        "plan": line["plan"],
        "name": version.name,
        "valid_from": version.valid_from,
        "valid_to": version.valid_to,
        "includes_tax": version.prices_include_tax,
        "minimum": version.minimum,
        "maximum": version.maximum,
        "charge": charge.model_dump(mode="json", exclude_unset=True) if charge else None,
    }


def _window(bill: Recomputed, line: Row) -> Row:
    """The days that a line is for, and what they are the overlap of."""
    stretch = bill.stretch(line)
    period = stretch.period if stretch else _period_of(bill, line)
    window = {
        "start": line["period_start"],
        "end": line["period_end"],
        "days": (line["period_end"] - line["period_start"]).days,
        "period_start": period.start,
        "period_end": period.end,
        "period_days": period.days,
    }
    if stretch:
        window["subscription_start"] = stretch.subscription.start_date
        window["subscription_end"] = stretch.subscription.end_date
        window["charge_start"], window["charge_end"] = stretch.charge.valid_from, stretch.charge.valid_to
    return window


def _period_of(bill: Recomputed, line: Row) -> BillingPeriod:
    """The bill's period, or that of the month that a line corrects."""
    month = line["difference_of"]
    return Cycle(day=bill.period.day).period(month) if month else bill.period


def _tax(published: PublishedInvoice, line: Row) -> Row:
    """The line's tax, which is worked out once for all lines of its category and rate."""
    same = ("tax_category", "tax_rate")
    group: Mapping[str, Any] = next(
        (row for row in published.taxes if all(row[name] == line[name] for name in same)), {}
    )
    return {
        "code": line["tax_code"],
        "category": line["tax_category"],
        "rate": line["tax_rate"],
        "group_base": group.get("base"),
        "group_tax": group.get("tax"),
        "reason": group.get("reason"),
    }


def _usage(events: Sequence[LocalEvent], bill: Recomputed, line: Row, most: int | None) -> Row:
    """The records behind a line in order of time; `quantity` is the sum of all of them."""
    total = sum((Fraction(one.event.quantity) for one in events), Fraction(0))
    records = events[:most]
    return {
        "count": len(events),
        "quantity": as_decimal(total),
        "records": [_record(one, bill, line["service_account_id"]) for one in records],
        "more": len(events) - len(records),
    }


def _record(local: LocalEvent, bill: Recomputed, account_id: str) -> Row:
    event = local.event
    return {
        "usage_id": event.usage_id,
        "subscription_id": event.subscription_id,
        "event_time": event.event_time.isoformat(),
        "local_time": bill.local_time(event, account_id).isoformat(),
        "quantity": event.quantity,
        "dimensions": dict(event.dimensions),
        "calendars": {name: value for name, value in local.names.items() if value is not None},
    }
