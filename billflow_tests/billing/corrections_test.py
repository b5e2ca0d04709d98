"""A reversal is the invoice negative, line by line; with the new bill all that was billed is what it comes to now."""

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import functions as F

from billflow.billing.corrections import (
    issued,
    late_lines,
    replacement_number,
    reversal_number,
    reversed_invoices,
    reversed_lines,
    reversed_taxes,
)
from billflow.billing.differences import POSITION, billed_so_far
from billflow.billing.differences import unsettled as unsettled_charges
from billflow.lake import schemas, tables
from billflow_tests.billing.period_test import of_world, small_world
from billflow_tests.billing.worlds import frame

MONTH = "2026-01"
Row = dict[str, Any]


@pytest.mark.parametrize(("corrections", "numbers"), [(0, (1, 2)), (1, (3, 4)), (2, (5, 6))])
def test_correction_numbers(corrections, numbers):
    assert (reversal_number(corrections), replacement_number(corrections)) == numbers


@pytest.fixture(scope="module")
def both(spark) -> dict[str, tuple[list[Row], list[Row]]]:
    """Table → rows of the bills of a small world, and of what takes them back."""
    billing = of_world(spark, small_world()).in_steps()
    billing.priced.persist()
    found = {
        "invoices": tables.conformed(billing.invoices, schemas.INVOICES),
        "lines": tables.conformed(billing.lines, schemas.INVOICE_LINES),
        "taxes": tables.conformed(billing.taxes, schemas.INVOICE_TAXES),
    }
    was = {name: [row.asDict() for row in rows.collect()] for name, rows in found.items()}
    known = {"invoices": schemas.INVOICES, "lines": schemas.INVOICE_LINES, "taxes": schemas.INVOICE_TAXES}
    kept = {name: frame(spark, rows, known[name]) for name, rows in was.items()}
    back = reversed_invoices(kept["invoices"], 1)
    made = {
        "invoices": back,
        "lines": reversed_lines(kept["lines"], back),
        "taxes": reversed_taxes(kept["taxes"], back),
    }
    return {name: (was[name], [row.asDict() for row in rows.collect()]) for name, rows in made.items()}


@pytest.mark.parametrize(
    ("table", "negative"),
    [("invoices", ("net", "tax", "total")), ("lines", ("quantity", "net", "gross")), ("taxes", ("base", "tax"))],
)
def test_every_row_comes_back(both, table, negative):
    """All else stays, but what says which document it is."""
    own = {"invoice_id", "kind", "corrects", "line_type", "usage_count"}
    was, back = both[table]
    assert len(was) == len(back) > 1
    turned = [
        {name: -row[name] if name in negative and row[name] is not None else row[name] for name in row} for row in back
    ]
    assert Counter(_without(row, own) for row in turned) == Counter(_without(row, own) for row in was)


def _without(row: Row, names: set[str]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((name, str(value)) for name, value in row.items() if name not in names))


def test_a_reversal_says_what_it_is(both):
    was, back = both["invoices"]
    assert {row["corrects"] for row in back} == {row["invoice_id"] for row in was}
    assert not {row["invoice_id"] for row in back} & {row["invoice_id"] for row in was}
    assert {row["kind"] for row in back} == {"credit_note"}
    assert {(row["line_type"], row["usage_count"]) for row in both["lines"][1]} == {("reversal", 0)}
    ids = {row["account_id"]: row["invoice_id"] for row in back}
    for table in ("lines", "taxes"):
        assert all(row["invoice_id"] == ids[row["account_id"]] for row in both[table][1])


def test_of_a_credit_note_it_is_an_invoice(spark):
    row = {
        "account_id": "a",
        "invoice_id": "i",
        "kind": "credit_note",
        "cycle": "c01",
        "month": MONTH,
        "total": Decimal(-5),
    }
    [back] = reversed_invoices(frame(spark, [row], schemas.INVOICES), 1).collect()
    assert (back["kind"], back["total"], back["corrects"]) == ("invoice", Decimal(5), "i")
    [dated] = issued(frame(spark, [row], schemas.INVOICES), "j", date(2026, 3, 1), 14).collect()
    assert (dated["corrects"], dated["issue_date"], dated["due_date"]) == ("j", date(2026, 3, 1), date(2026, 3, 15))


def line(net: str, kind: str = "units", of: str | None = None, at: int = 1, **more: Any) -> Row:
    return {"account_id": "a", "charge": "e", "line_no": at, "line_type": kind, "difference_of": of, "quantity": Decimal(net), "net": Decimal(net), **more}  # fmt: skip


def test_what_a_new_bill_takes_over(spark):
    """Differences of other months as they are; those of its own month on other bills come back."""
    original = [
        line("150"),
        line("-7", "reversal", "2025-12", 2),
        line("8", of="2025-12", at=3),
        line("70", "reversal", MONTH, 4),
    ]
    elsewhere = [line("-150", "reversal", MONTH, month="2026-02"), line("80", of=MONTH, at=2, month="2026-02")]
    elsewhere += [line("5", of="2025-12", at=3, month="2026-02")]
    known = [frame(spark, rows, schemas.INVOICE_LINES) for rows in (original, elsewhere)]
    found = late_lines(*known, MONTH).orderBy("line_no").collect()
    assert [(row["line_no"], row["difference_of"], row["line_type"], int(row["net"])) for row in found] == [
        (1, "2025-12", "reversal", -7),
        (2, "2025-12", "units", 8),
        (3, MONTH, "reversal", 150),
        (4, MONTH, "reversal", -80),
    ]


def back(net: str, of: str | None = None) -> Row:
    return line(net, "reversal", of)


STEPS: list[tuple[list[Row], list[int], int]] = [
    ([line("150")], [150], 150),
    ([back("-150", MONTH), line("80", of=MONTH)], [80], 80),
    ([back("-150"), line("90"), back("150", MONTH), back("-80", MONTH)], [90], 90),
    ([back("-90", MONTH), line("95", of=MONTH)], [95], 95),
    # The new bill is taken back, and nothing is due any more.
    (
        [back("-90"), *(back(net, MONTH) for net in ("-150", "80", "150", "-80", "90", "-95"))],
        [],
        0,
    ),
]
"""Lines that one confirmation after the other bills for a month; what then counts as billed; what it all comes to."""


def test_what_counts_as_billed_after_each_confirmation(spark):
    """Steps are accounts here: each has the lines of all steps up to its own."""
    rows, known = [], schemas.INVOICE_LINES
    for step in range(len(STEPS)):
        for at, (lines, _, _) in enumerate(STEPS[: step + 1]):
            rows += [{**one, "account_id": str(step), "month": str(at)} for one in lines]
    placed = frame(spark, rows, known).withColumn(POSITION, F.col("month").cast("int"))
    original, later = placed.where("_position = 0").drop(POSITION), placed.where("_position > 0")
    found: dict[str, list[int]] = {}
    for row in billed_so_far(original, later).collect():
        found.setdefault(row["account_id"], []).append(int(row["net"]))
    assert found == {str(step): stands for step, (_, stands, _) in enumerate(STEPS) if stands}
    due = [line(str(total), account_id=str(step)) for step, (_, _, total) in enumerate(STEPS) if total]
    assert unsettled_charges(placed.drop(POSITION), frame(spark, due, known)).collect() == []
