"""One bill a customer: which documents are on it, in which currency, and that sums are those of each system."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import functions as F

from billflow.billing.consolidation import (
    bill_totals,
    bills_to_show,
    consolidated_bills,
    consolidated_items,
    unreconciled,
)
from billflow.lake import schemas
from billflow_tests.sources.merging.frames import frame

MAY, JUNE = (date(2026, 5, 1), date(2026, 6, 1)), (date(2026, 6, 1), date(2026, 7, 1))


def bill(account: str, number: str, amount: str, day: int = 3, **more: Any) -> dict[str, Any]:
    usual = {"system": "shop", "line_no": 1, "quantity": Decimal(1), "currency": "EUR"}
    placed = {"account_id": account, "bill_id": number, "issue_date": date(2026, 5, day), "amount": Decimal(amount)}
    return {**usual, **placed, **more}


def invoice(account: str, total: str, **more: Any) -> dict[str, Any]:
    usual = {"system": "own", "kind": "invoice", "currency": "EUR", "issue_date": MAY[1], "tax": Decimal(0)}
    return {**usual, "account_id": account, "invoice_id": f"i-{account}", "net": Decimal(total), "total": Decimal(total), **more}  # fmt: skip


def member(customer: str, system: str, account: str, *, leads: bool = False, cycle: str = "c01") -> dict[str, Any]:
    return {"customer_id": customer, "system": system, "account_id": account, "leads": leads, "cycle": cycle}


MEMBERS = [
    member("both", "own", "1", leads=True),
    member("both", "shop", "1"),
    member("two", "own", "2", leads=True),
    member("two", "own", "3"),
    member("one", "own", "4", leads=True),
    member("shop only", "shop", "5", leads=True),
    member("elsewhere", "shop", "6", leads=True, cycle="c15"),
    member("leader without invoice", "own", "7", leads=True),
    member("leader without invoice", "own", "8"),
    member("leader without invoice", "shop", "8"),
]
INVOICES = [invoice("1", "10"), invoice("2", "20"), invoice("3", "-3", kind="credit_note"), invoice("4", "40"), invoice("8", "80")]  # fmt: skip
BILLS = [
    bill("1", "b1", "1.005", tax_amount=Decimal("0.10")),
    bill("1", "b1", "1.005", line_no=2),
    bill("1", "b2", "7", currency="USD"),
    bill("1", "june", "7", issue_date=date(2026, 6, 1)),
    bill("5", "b5", "-5"),
    bill("6", "b6", "6"),
    bill("8", "b8", "8"),
]


@pytest.fixture(scope="module")
def made(spark):
    customers = frame(spark, schemas.CUSTOMER_ACCOUNTS, MEMBERS)
    invoices = frame(spark, schemas.INVOICES, INVOICES)
    nothing = frame(spark, schemas.CONSOLIDATED_ITEMS, [])
    bills = bills_to_show(frame(spark, schemas.BILLS, BILLS), customers, "c01", [MAY], nothing)
    items = consolidated_items(invoices, bills, customers, "c01", "2026-05").cache()
    return items, consolidated_bills(items, customers).cache(), bills, invoices, customers


def test_items(made):
    items = made[0]
    found = {(row["customer_id"], row["item"], row["document_id"], row["currency"], row["total"]) for row in items.collect()}  # fmt: skip
    assert found == {
        ("both", "invoice", "i-1", "EUR", Decimal(10)),
        ("both", "bill", "b1", "EUR", Decimal("2.11")),
        ("both", "bill", "b2", "USD", Decimal(7)),
        ("two", "invoice", "i-2", "EUR", Decimal(20)),
        ("two", "credit_note", "i-3", "EUR", Decimal(-3)),
        ("shop only", "bill", "b5", "EUR", Decimal(-5)),
        ("leader without invoice", "invoice", "i-8", "EUR", Decimal(80)),
        ("leader without invoice", "bill", "b8", "EUR", Decimal(8)),
    }


def test_bills(made):
    found = {
        (row["customer_id"], row["currency"]): (row["invoices"], row["bills"], row["total"], row["shown_on"])
        for row in made[1].collect()
    }
    assert found == {
        ("both", "EUR"): (1, 1, Decimal("12.11"), "i-1"),
        ("both", "USD"): (0, 1, Decimal(7), "i-1"),
        ("two", "EUR"): (2, 0, Decimal(17), "i-2"),
        ("shop only", "EUR"): (0, 1, Decimal(-5), None),
        ("leader without invoice", "EUR"): (1, 1, Decimal(88), "i-8"),
    }


@pytest.mark.parametrize(
    ("currency", "amount", "net"),
    [("EUR", "1.005", "1.01"), ("EUR", "-1.005", "-1.01"), ("JPY", "1.5", "2"), ("KWD", "1.0005", "1.001"), ("XXX", "1.005", "1.01")],
)  # fmt: skip
def test_a_bill_is_rounded_to_its_currency(spark, currency, amount, net):
    (row,) = bill_totals(frame(spark, schemas.BILLS, [bill("1", "b", amount, currency=currency)])).collect()
    assert (row["net"], row["tax"], row["total"]) == (Decimal(net), 0, Decimal(net))


def test_a_bill_is_rounded_once(spark):
    lines = [bill("1", "b", "0.333333", line_no=number, tax_amount=Decimal("0.0333")) for number in (1, 2, 3)]
    (row,) = bill_totals(frame(spark, schemas.BILLS, lines)).collect()
    assert (row["net"], row["tax"], row["total"]) == (1, Decimal("0.10"), Decimal("1.10"))


@pytest.mark.parametrize(
    ("issued", "expected"),
    [([JUNE], ["june"]), ([JUNE, MAY], ["b2", "b5", "b8", "june"]), ([(MAY[0], date(2026, 5, 3))], [])],
)
def test_what_another_run_has_shown_is_not_shown_again(spark, issued, expected):
    customers = frame(spark, schemas.CUSTOMER_ACCOUNTS, MEMBERS)
    items = [
        {"system": "shop", "document_id": "b1", "item": "bill"},
        {"system": "own", "document_id": "b2", "item": "bill"},
        {"system": "shop", "document_id": "b2", "item": "invoice"},
    ]
    shown = frame(spark, schemas.CONSOLIDATED_ITEMS, items)
    found = bills_to_show(frame(spark, schemas.BILLS, BILLS), customers, "c01", issued, shown)
    assert sorted(row["bill_id"] for row in found.collect()) == expected


def test_all_reconciles(made):
    items, shown, bills, invoices, customers = made
    assert unreconciled(items, bills, shown, invoices, customers).collect() == []


@pytest.mark.parametrize(
    ("broken", "key"),
    [
        ("document_id != 'b5'", "shop/EUR"),
        ("document_id != 'b2'", "shop/USD"),
        ("document_id != 'i-3'", "two/EUR"),
        ("customer_id != 'both'", "both/EUR"),
    ],
)
def test_what_is_missing_from_items_and_bills_is_found(made, broken, key):
    """Also where both were made of the same wrong rows."""
    items, _, bills, invoices, customers = made
    wrong = items.where(broken)
    again = consolidated_bills(wrong, customers)
    assert key in {row["key"] for row in unreconciled(wrong, bills, again, invoices, customers).collect()}


def test_an_item_twice_or_on_another_customer_is_found(made):
    items, _, bills, invoices, customers = made
    twice = items.union(items.where("document_id = 'i-1'"))
    other = items.withColumn("customer_id", F.expr("if(document_id = 'b5', 'both', customer_id)"))
    for wrong, key in ((twice, "both/EUR"), (other, "shop only/EUR")):
        again = consolidated_bills(wrong, customers)
        assert key in {row["key"] for row in unreconciled(wrong, bills, again, invoices, customers).collect()}


def test_an_invoice_with_another_amount_is_found(made, spark):
    items, shown, bills, _, customers = made
    changed = frame(spark, schemas.INVOICES, [*INVOICES[1:], invoice("1", "11")])
    (found,) = unreconciled(items, bills, shown, changed, customers).collect()
    assert found["key"] == "both/EUR"
    assert "13.11" in found["problem"]
