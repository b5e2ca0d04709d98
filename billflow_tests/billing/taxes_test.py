"""What decides the tax of lines."""

from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import functions as F

from billflow.billing.invoices import invoice_taxes
from billflow.billing.taxes import depends_on_payer, reasons
from billflow.lake.schemas import INVOICE_LINES
from billflow_tests.billing.worlds import World, catalog, frame

STANDARD = {"category": "S", "rate": "0.19"}


@pytest.mark.parametrize(
    ("condition", "asks"),
    [
        ({}, False),
        ({"country": "AT"}, True),
        ({"postcode": ["99"]}, True),
        ({"segment": "public"}, True),
        ({"tax_id": False}, True),
        ({"country": "AT", "valid_from": "2027-01-01"}, False),
    ],
)
def test_taxes_of_the_period_that_ask_who_pays(condition: dict[str, Any], asks: bool) -> None:
    """Lines are not brought together with their accounts where none does (`bills.bill_lines`)."""
    other = {"category": "S", "rate": "0.2", **condition}
    world = World(catalog({}, taxes={"std": [STANDARD, other] if condition else [STANDARD]}))
    assert depends_on_payer(world.pricebook) is asks


EXEMPT = {"b": {"category": "E", "rate": "0", "reason": "Bonds"}, "a": {"category": "E", "rate": "0", "reason": "Alms"}}
PLACE = {"system": "s", "cycle": "c01", "month": "2026-06", "currency": "EUR", "net": Decimal(1)}


def line(account: str, code: str, category: str, month: str | None = None) -> dict[str, Any]:
    named = {"account_id": account, "invoice_id": account, "tax_code": code, "tax_category": category}
    rate = Decimal("0.19") if category == "S" else Decimal(0)
    return {**PLACE, **named, "tax_rate": rate, "difference_of": month}


def test_why_no_tax_is_due(spark) -> None:
    """Of several reasons the first; of another month's line what its own catalogue says, which may be nothing."""
    world = World(catalog({}, taxes={"std": [STANDARD], **EXEMPT}))
    before = World(catalog({}, taxes={"b": {**EXEMPT["b"], "reason": "Books"}}))
    lines = frame(
        spark,
        [
            line("both", "b", "E"),
            line("both", "a", "E"),
            line("one", "b", "E"),
            line("taxed", "std", "S"),
            line("none", "none", "O"),
            line("before", "b", "E", "2026-05"),
            line("unknown", "a", "E", "2026-05"),
        ],
        INVOICE_LINES,
    )
    why = reasons(world.pricebook, [(F.col("difference_of") == "2026-05", before.pricebook)])
    found = {row.account_id: row.reason for row in invoice_taxes(lines, ["EUR"], why).collect()}
    outside = "Not subject to tax"
    expected = {"both": "Alms", "one": "Bonds", "taxed": None, "none": outside, "before": "Books", "unknown": None}
    assert found == expected


def test_lines_are_not_sorted_for_their_taxes(spark) -> None:
    world = World(catalog({}, taxes={"std": [STANDARD], **EXEMPT}))
    groups = invoice_taxes(frame(spark, [line("a", "b", "E")], INVOICE_LINES), ["EUR"], reasons(world.pricebook))
    plan = groups._jdf.queryExecution().executedPlan().toString()
    assert "HashAggregate" in plan
    assert "Sort" not in plan
