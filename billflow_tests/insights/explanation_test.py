"""Every line of random bills, over all price models and options, is explained down to its net."""

from collections import Counter
from dataclasses import asdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema

from billflow.catalog import Cycle
from billflow.insights.adjusting import EXPLAINED
from billflow.insights.arithmetic import priced_parts
from billflow.insights.explanation import explanation
from billflow.insights.family import BEFORE, TABLES, Family
from billflow.insights.published_invoice import PublishedInvoice
from billflow.insights.recomputed import Recomputed
from billflow.lake.manifest import AccountCounts, Correction, PublishedPartition
from billflow.lake.schemas import INVOICES, SCHEMAS
from billflow.reference import Line
from billflow.reference.bounds import Allotment, Bounds
from billflow.reference.rating import Rating
from billflow.reference.stretches import Service, Stretch
from billflow_tests.billing.random_worlds import random_world
from billflow_tests.billing.worlds import World

NOTHING = AccountCounts(accounts=0, invoiced=0, without_lines=0, held=0)
PARTITION = PublishedPartition(
    run_id="r", status="draft", period_start="", period_end="", counts=NOTHING, totals={}, tables={}
)


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as the lake has them, with all columns."""
    schema = to_arrow_schema(SCHEMAS[name], timezone="UTC")
    full = [{"system": "default", "source": "s", **row} for row in rows]
    for row in full:
        if "dimensions" in row:
            row["dimensions"] = list(row["dimensions"].items())
    return pa.Table.from_pylist([{column: row.get(column) for column in schema.names} for row in full], schema)


def family(world: World, top: str) -> Family:
    members = [one for one in world.accounts if one.get("invoiced_account_id", one["account_id"]) == top]
    ids = [one["account_id"] for one in members]
    rows = {
        "accounts": members,
        "subscriptions": world.subscriptions,
        "usage": world.events,
        "adjustments": world.adjustments,
    }
    own = {name: [row for row in rows[name] if row["account_id"] in ids] for name in TABLES}
    ordered = tuple(sorted(ids, key=lambda one: (one != top, one)))
    return Family("default", top, ordered, {name: table(name, own.get(name, [])) for name in (*TABLES, BEFORE)})


class _Noting(Rating):
    """Rates, and keeps what each charge was adjusted by."""

    adjusted: ClassVar[dict[Any, list[Any]]] = {}

    def _adjustments(self, stretch, net):
        found = self.adjusted[stretch.key, stretch.start] = list(super()._adjustments(stretch, net))
        return iter(found)


ADJUSTING = ("percent_off", "amount_off", "maximum", "minimum")


def kinds_of(bill: Recomputed) -> dict[tuple[Any, ...], tuple[Stretch, list[str]]]:
    """What each charge prints, in order, by account, subscription, plan, charge and first day."""
    rating = _Noting(bill.printing, bill.metering, Bounds(bill.printing.to_minor), Allotment())
    found = {}
    for stretch in bill.metering.stretches:
        rating.lines(stretch)
        priced = [part for part in priced_parts(bill.metering, stretch) if bill.printing.to_minor(part.amount)]
        nets = zip(ADJUSTING, rating.adjusted[stretch.key, stretch.start], strict=True)
        kinds = ["units" for _ in priced] + [kind for kind, net in nets if bill.printing.to_minor(net)]
        key = (*stretch.key[:2], stretch.subscription.plan, stretch.code, stretch.start)
        found[key] = stretch, kinds or ["units"]
    return found


def published_lines(world: World, own: Family) -> list[dict[str, Any]]:
    """The bill of a family, by the reference rater, as a run would publish it."""
    bill = Recomputed(world.catalog, world.period, own, [], world.currency)
    kinds, lines = kinds_of(bill), []
    for number, line in enumerate(bill.bill.lines if bill.bill else (), 1):
        key = (line.service_account_id, line.subscription_id, line.plan, line.charge, line.period_start)
        stretch, left = kinds.get(key) or (_of_plan(bill, line), [line.charge])
        more = {"subscription_start": None, "price_from": None}
        if stretch:
            more = {"subscription_start": stretch.subscription.start_date, "price_from": stretch.version.valid_from if isinstance(stretch, Service) else stretch.service.version.valid_from}  # fmt: skip
        texts = dict.fromkeys(("section", "description", "metric", "unit"))
        lines.append(
            {**asdict(line), **texts, **more, "line_no": number, "line_type": left.pop(0), "difference_of": None}
        )
    return lines


def _of_plan(bill: Recomputed, line: Line) -> Service | None:
    """The row and version whose bounds a line is of."""
    wanted = (line.service_account_id, line.subscription_id, (line.period_start, line.period_end))
    return next((one for one in bill.services if (one.account_id, one.subscription.subscription_id, one.days_in(bill.period)) == wanted), None)  # fmt: skip


@pytest.fixture(scope="module")
def bills() -> list[tuple[PublishedInvoice, Recomputed]]:
    """The bills of some worlds."""
    found = []
    for world in map(random_world, (1, 2, 3)):
        for account in world.accounts:
            top = account["account_id"]
            if account.get("invoiced_account_id", top) == top:
                own = family(world, top)
                lines = published_lines(world, own)
                bill = Recomputed(world.catalog, world.period, own, lines, world.currency)
                invoice = dict.fromkeys(INVOICES.names)
                found += [(PublishedInvoice(invoice, lines, [], PARTITION), bill)] if lines else []
    return found


def explained(bills: list[tuple[PublishedInvoice, Recomputed]]) -> list[dict[str, Any]]:
    return [line for published, bill in bills for line in explanation(published, bill, None, 3)["lines"]]


def test_every_line_agrees(bills):
    for published, bill in bills:
        document = explanation(published, bill, None, 3)
        assert (document["agrees"], document["differences"]) == (True, [])


def test_the_steps_end_at_the_net(bills):
    lines = explained(bills)
    assert len(lines) > 400
    for line in lines:
        assert line["steps"][-1]["value"] == line["net"], line


def test_every_kind_of_line_has_steps(bills):
    counted = Counter(line["line_type"] for line in explained(bills))
    assert set(counted) == {"units", *EXPLAINED}


def test_a_percentage_comes_to_its_line(bills):
    """The step before the net is worked out from the lines above it."""
    for line in explained(bills):
        if line["line_type"] == "percent_off" and line["gross"] is None:
            assert line["steps"][-2]["value"].quantize(line["net"], ROUND_HALF_UP) == -line["net"]


def test_usage_stands_behind_its_lines(bills):
    lines = [line for line in explained(bills) if line["usage_count"] and line["usage"]]
    assert len(lines) > 50
    for line in lines:
        usage = line["usage"]
        assert len(usage["records"]) + usage["more"] == usage["count"]
        assert usage["count"] <= line["usage_count"]
        assert all(record["local_time"] for record in usage["records"])
        window = line["window"]
        days = {record["local_time"][:10] for record in usage["records"]}
        assert all(str(window["start"]) <= day < str(window["end"]) for day in days)


@pytest.mark.parametrize(
    ("column", "value"), [("net", Decimal("123456.78")), ("quantity", Decimal(7777)), ("tax_rate", Decimal("0.77"))]
)
def test_a_line_that_was_changed_is_found(bills, column, value):
    published, bill = bills[0]
    changed = [{**line, column: value} if line["line_no"] == 2 else line for line in published.lines]
    other = Recomputed(bill.catalog, bill.period, bill.family, changed, bill.project_currency)
    document = explanation(PublishedInvoice(published.invoice, changed, [], PARTITION), other, 2, 3)
    assert not document["agrees"]
    assert [text for text in document["lines"][0]["differences"] if text.startswith(f"{column} is {value}")]


def test_a_line_that_corrects_a_month_is_of_its_days(bills):
    published, bill = bills[0]
    before = Cycle(day=bill.period.day).period("2012-02")
    late = {"difference_of": "2012-02", "period_start": before.start, "period_end": before.end}
    lines = [{**published.lines[0], **late}]
    other = Recomputed(bill.catalog, bill.period, bill.family, lines, bill.project_currency)
    window = explanation(PublishedInvoice(published.invoice, lines, [], PARTITION), other, 1, 3)["lines"][0]["window"]
    assert (window["days"], window["period_days"]) == (29, 29)


@pytest.mark.parametrize(
    ("invoice_id", "correction", "text"),
    [
        ("back", {"takes_back": "INV-1", "reason": "wrong rent"}, "line 1 of invoice INV-1 comes back"),
        ("new", {"replaces": "INV-1", "reason": "wrong rent"}, None),
    ],
)
def test_the_bills_of_a_correction_say_what_they_correct(bills, invoice_id, correction, text):
    """What takes an invoice back is explained by that one: it does not follow from prices and usage."""
    published, bill = bills[0]
    made = Correction(invoice="old", number="INV-1", reversal="back", replacement="new", reason="wrong rent", system="s", account="a")  # fmt: skip
    invoice = {**published.invoice, "invoice_id": invoice_id}
    partition = PARTITION.model_copy(update={"correction": made})
    document = explanation(PublishedInvoice(invoice, published.lines, [], partition, "INV-1"), bill, None, 3)
    assert (document["correction"], document["agrees"]) == (correction, True)
    steps = document["lines"][0]["steps"]
    assert [step["text"] for step in steps if step["step"] == "correction"] == ([text] if text else [])


def test_a_line_that_is_gone_is_found(bills):
    published, bill = bills[0]
    rest = list(published.lines[:-1])
    other = Recomputed(bill.catalog, bill.period, bill.family, rest, bill.project_currency)
    assert "is not on the bill" in explanation(PublishedInvoice(published.invoice, rest, [], PARTITION), other, None, 3)["differences"][0]  # fmt: skip
