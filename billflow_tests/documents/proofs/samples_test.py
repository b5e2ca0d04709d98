"""Which bills stand for the others, of tables as they are published."""

from decimal import Decimal

import pytest

from billflow.documents.proofs.samples import Sample, choose_samples, earlier_invoices
from billflow.lake.manifest import AccountCounts, PublishedPartition
from billflow.lake.small_tables import arrow_rows, write_small
from billflow.lake.storage import LocalStorage


def bill(number, *lines, account=None, pages=1, tax="S", **columns):
    """Rows of each table of one bill: `lines` are (plan, charge) or (plan, charge, service account)."""
    invoice_id, account = f"i{number}", account or f"a{number}"
    key = {"invoice_id": invoice_id, "system": "s", "account_id": account}
    return {
        "invoices": {**key, "kind": "invoice", "currency": "EUR", **columns.pop("invoice", {})},
        "accounts": {"system": "s", "account_id": account, "language": "en", "name": "Jo", **columns},
        "documents": {"invoice_id": invoice_id, "pages": pages},
        "invoice_taxes": {**key, "tax_category": tax, "tax_rate": Decimal("0.1")},
        "invoice_lines": [
            {
                **key,
                "plan": plan,
                "charge": charge,
                "description": charge,
                "service_account_id": of[0] if of else account,
            }
            for plan, charge, *of in lines
        ],
    }


@pytest.fixture
def chosen(tmp_path):
    storage = LocalStorage(tmp_path)

    def choose(*bills, most=40):
        return choose_samples(storage, partition(storage, bills), most)

    return choose


def partition(storage, bills):
    def rows(table):
        found = [one[table] for one in bills]
        return [row for rows in found for row in rows] if table == "invoice_lines" else found

    tables = {table: (write_small(storage, table, table, arrow_rows(table, rows(table))),) for table in bills[0]}
    counts = AccountCounts(accounts=len(bills), invoiced=len(bills), without_lines=0, held=0)
    return PublishedPartition(
        run_id="r", status="draft", period_start="", period_end="", counts=counts, totals={}, tables=tables
    )


def whys(sampled):
    return [(one.why, one.invoice_id, one.bills) for one in sampled.samples]


def test_the_largest_bill_of_a_kind_stands_for_it_and_the_commonest_kind_comes_first(chosen):
    bills = [
        bill(1, ("gold", "rent")),
        bill(2, ("basic", "rent")),
        bill(3, ("basic", "rent"), pages=3),
        bill(4, ("basic", "rent"), ("gold", "rent")),
    ]
    assert whys(chosen(*bills))[:3] == [
        ("invoice, en, EUR, basic", "i3", 2),
        ("invoice, en, EUR, gold", "i1", 1),
        ("invoice, en, EUR, basic + gold", "i4", 1),
    ]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (bill(2, ("basic", "rent"), language="de"), "invoice, de, EUR, basic"),
        (bill(2, ("basic", "rent"), segment="business"), "invoice, business, en, EUR, basic"),
        (bill(2, ("basic", "rent"), invoice={"kind": "credit_note"}), "credit_note, en, EUR, basic"),
        (bill(2, ("basic", "rent"), invoice={"currency": "JPY"}), "invoice, en, JPY, basic"),
        (bill(2, ("basic", "rent"), ("basic", "rent", "child")), "invoice, en, EUR, basic, several accounts"),
    ],
)
def test_what_makes_a_kind(chosen, other, why):
    found = whys(chosen(bill(1, ("basic", "rent")), other))
    assert sorted(found[:2]) == sorted([("invoice, en, EUR, basic", "i1", 1), (why, "i2", 1)])


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (bill(2, ("basic", "fee")), "charge basic / fee"),
        (bill(2, ("basic", "rent"), tax="AE"), "tax AE 10 %"),
        (bill(2, ("basic", "rent"), name="Wolfeschlegelsteinhausenbergerdorff"), "the longest name"),
    ],
)
def test_things_that_no_kind_has_yet(chosen, other, why):
    """All are of one kind, for which the bill of two pages stands."""
    assert (why, "i2", 1) in whys(chosen(bill(1, ("basic", "rent"), pages=2), other, bill(3, ("basic", "rent"))))


def test_what_a_sample_has_already_needs_no_other(chosen):
    bills = [bill(number, ("basic", "rent"), ("basic", "call")) for number in range(1, 9)]
    assert {one.invoice_id for one in chosen(*bills).samples} <= {"i1", "i8"}  # the kind, and ties of extremes


def test_as_many_as_are_asked_for(chosen):
    sampled = chosen(*[bill(number, (f"plan{number}", "rent")) for number in range(5)], most=2)
    assert len(sampled.samples) == 2
    assert {one.invoice_id for one in (*sampled.samples, *sampled.left_out)} == {f"i{number}" for number in range(5)}


def test_earlier_invoices(tmp_path):
    storage = LocalStorage(tmp_path)
    earlier = partition(storage, [bill(7, ("basic", "rent"), account="a1"), bill(8, ("basic", "rent"), account="a2")])
    samples = [Sample("", "i1", "s", "a1", 1), Sample("", "i3", "s", "a3", 1), Sample("", "i4", "t", "a2", 1)]
    assert earlier_invoices(storage, earlier, samples) == {("s", "a1"): "i7"}
