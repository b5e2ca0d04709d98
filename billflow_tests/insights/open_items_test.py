"""What is open: what payments name comes first, then the oldest; nothing is gained or lost."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billflow_tests.insights.tables import Row, fill, invoice, lake, payment

OLD, NEW = invoice("1", "100", "2026-05-15"), invoice("2", "50", "2026-06-15")
NOTE = invoice("C1", "-30", "2026-05-01")

CASES: list[tuple[str, list[Row], list[Row], dict[str | None, str]]] = [
    ("nothing is paid", [OLD, NEW], [], {"1": "100", "2": "50"}),
    ("named by number", [OLD, NEW], [payment("50", "2")], {"1": "100", "2": "0"}),
    ("named by id", [OLD, NEW], [payment("20", "id-2")], {"1": "100", "2": "30"}),
    ("named by none: the oldest", [NEW, OLD], [payment("120")], {"1": "0", "2": "30"}),
    (
        "due the same day: by number",
        [invoice("8", "10"), invoice("7", "10")],
        [payment("10")],
        {"7": "0", "8": "10"},
    ),
    ("overpaid: the rest pays the oldest", [OLD, NEW], [payment("70", "2")], {"1": "80", "2": "0"}),
    ("paid twice", [NEW], [payment("50", "2"), payment("50.00", "2")], {"2": "0", None: "-50"}),
    ("all is paid, and more", [OLD, NEW], [payment("151.01")], {"1": "0", "2": "0", None: "-1.01"}),
    ("nothing was billed", [], [payment("5")], {None: "-5"}),
    ("a credit note", [OLD, NEW, NOTE], [], {"1": "70", "2": "50", "C1": "0"}),
    ("a credit note after what is named", [OLD, NOTE], [payment("90", "1")], {"1": "0", "C1": "-20"}),
    ("payments are used up before credit notes", [OLD, NOTE], [payment("90")], {"1": "0", "C1": "-20"}),
    (
        "the oldest credit note first",
        [invoice("1", "10"), NOTE, invoice("C2", "-30", "2026-06-01")],
        [],
        {"1": "0", "C1": "-20", "C2": "-30"},
    ),
    ("a credit note that is paid out", [NOTE, OLD], [payment("-30", "C1")], {"1": "100", "C1": "0"}),
    ("more is paid out than the note", [NOTE, OLD], [payment("-35", "C1")], {"1": "100", "C1": "5"}),
    ("a credit note that is paid in error", [NOTE], [payment("7", "C1")], {"C1": "-30", None: "-7"}),
    ("a payment comes back", [OLD], [payment("100", "1"), payment("-100", "1")], {"1": "100"}),
    ("a refund of what was overpaid", [OLD], [payment("110", "1"), payment("-10")], {"1": "0"}),
    ("a refund of what nobody had paid", [OLD], [payment("-10")], {"1": "100", None: "10"}),
    ("a refund takes a note's credit first", [OLD, NOTE], [payment("-10")], {"1": "80", "C1": "0"}),
    ("a bill that is not known", [OLD], [payment("10", "99")], {"1": "90"}),
    ("another account's bill", [OLD], [payment("10", "1", account="B")], {"1": "100", None: "-10"}),
    ("another system's account", [OLD], [payment("10", "1", system="t")], {"1": "100", None: "-10"}),
    ("another currency", [OLD], [payment("100", "1", currency="USD")], {"1": "100", None: "-100"}),
    (
        "drafts are not open",
        [OLD, invoice("9", "9", status="draft")],
        [payment("109", "id-9")],
        {"1": "0", None: "-9"},
    ),
    ("the least there is", [OLD], [payment("99.999999999999")], {"1": "0.000000000001"}),
    ("a bill over nothing", [invoice("0", "0")], [payment("1", "0")], {"0": "0", None: "-1"}),
]


@pytest.mark.parametrize(("bills", "paid", "open_"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_open_items(bills: list[Row], paid: list[Row], open_: dict[str | None, str]) -> None:
    found = lake(invoices=bills, payments=paid).sql("SELECT invoice_number, open, total - paid FROM open_items")
    rows = found.fetchall()
    assert {number: amount for number, amount, _ in rows} == {key: Decimal(text) for key, text in open_.items()}
    assert all(amount == rest for _, amount, rest in rows)


FAMILY = [
    {"system": "s", "account_id": account, "invoiced_account_id": top}
    for account, top in (("A", "A"), ("child", "A"), ("late", "A"))
]


def test_a_child_pays_for_the_account_that_gets_its_bill() -> None:
    """Not one that has bills of its own, from before it had a parent."""
    bills = [OLD, invoice("3", "30", account="late")]
    paid = [payment("60", "1", "child"), payment("15", account="child"), payment("10", account="late")]
    found = lake(invoices=bills, payments=paid, accounts=FAMILY).sql(
        "SELECT account_id, invoice_number, open FROM open_items"
    )
    assert sorted(found.fetchall()) == [("A", "1", 25), ("late", "3", 20)]
    balances = lake(invoices=bills, payments=paid, accounts=FAMILY).sql("SELECT account_id, balance FROM balances")
    assert sorted(balances.fetchall()) == [("A", 25), ("late", 20)]


def test_an_id_may_be_anothers_number() -> None:
    bills = [invoice("1", "10"), invoice("2", "20", invoice_id="1")]
    found = lake(invoices=bills, payments=[payment("5", "1")]).sql("SELECT sum(paid), sum(open) FROM open_items")
    assert found.fetchall() == [(5, 25)]


def test_a_row_says_all_of_its_bill() -> None:
    found = lake(invoices=[OLD], payments=[payment("40", "1")]).sql("SELECT * FROM open_items")
    assert [str(value) for value in found.fetchall()[0]] == [
        *("s", "A", "id-1", "1", "invoice", "EUR", "2026-06-01", "2026-05-15"),
        *("100.000000000000", "40.000000000000", "60.000000000000"),
    ]


def test_payments_in_another_currency_are_shown() -> None:
    found = lake(invoices=[OLD], payments=[payment("7", currency="USD")]).sql(
        "SELECT kind, currency, open FROM open_items ORDER BY kind"
    )
    assert found.fetchall() == [("invoice", "EUR", Decimal(100)), ("unallocated", "USD", Decimal(-7))]


def test_balances() -> None:
    paid = [payment("90", "1"), payment("7", currency="USD"), payment("75"), payment("1", account="B")]
    found = lake(invoices=[OLD, NEW, NOTE], payments=paid).sql("SELECT * FROM balances ORDER BY account_id, currency")
    assert [tuple(map(str, (*row[:3], *map(int, row[3:])))) for row in found.fetchall()] == [
        ("s", "A", "EUR", "150", "30", "165", "0", "45", "-45"),
        ("s", "A", "USD", "0", "0", "7", "0", "7", "-7"),
        ("s", "B", "EUR", "0", "0", "1", "0", "1", "-1"),
    ]


AMOUNTS = st.decimals("-50", "50", places=2).map(str)
ACCOUNTS, CURRENCIES = st.sampled_from("AB"), st.sampled_from(["EUR", "USD"])
DAYS = st.sampled_from(["2026-05-15", "2026-06-15"])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Bills and payments of two accounts in two currencies; payments name bills of anybody, or none."""
    numbers = [str(number) for number in range(draw(st.integers(0, 6)))]
    bills = [
        invoice(number, draw(AMOUNTS), draw(DAYS), draw(ACCOUNTS), currency=draw(CURRENCIES)) for number in numbers
    ]
    named = st.sampled_from([None, "99", *numbers, *(f"id-{number}" for number in numbers)])
    paid = [
        payment(draw(AMOUNTS), draw(named), draw(ACCOUNTS), currency=draw(CURRENCIES))
        for _ in range(draw(st.integers(0, 6)))
    ]
    return bills, paid


EMPTY = lake()


@settings(deadline=None, max_examples=60)
@given(worlds())
def test_laws(world: tuple[list[Row], list[Row]]) -> None:
    bills, paid = world
    for table in ("invoices", "payments"):
        EMPTY.execute(f"DELETE FROM {table}").fetchall()
    fill(EMPTY, invoices=bills, payments=paid)
    rows = EMPTY.sql("SELECT account_id, currency, kind, total, paid, open FROM open_items").fetchall()
    for group in {(account, currency) for account in "AB" for currency in ("EUR", "USD")}:
        items = [row for row in rows if row[:2] == group]
        totals, payments = _sum(bills, group, "total"), _sum(paid, group, "amount")
        assert sum(row[5] for row in items) == totals - payments
        assert sum(row[4] for row in items) == payments
        assert len({row[5] > 0 for row in items if row[5]}) <= 1, "open bills and credit at once"
        _keeps_its_sign(items)
    balances = EMPTY.sql(
        "SELECT invoiced - credited - paid = balance AND open - unallocated_credit = balance FROM balances"
    )
    assert all(row[0] for row in balances.fetchall())


def _sum(rows: list[Row], group: Any, amount: str) -> Decimal:
    return sum((Decimal(row[amount]) for row in rows if (row["account_id"], row["currency"]) == group), Decimal(0))


def _keeps_its_sign(items: list[Any]) -> None:
    """A credit note is never used for more than it is over, a bill never paid beyond its total."""
    for *_, kind, total, _, open_ in items:
        assert kind == "unallocated" or open_ >= min(total, 0)
