"""Each cause of a difference once, several at once, ties, credit notes and other currencies."""

from datetime import date
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billflow.catalog import Cycle
from billflow.insights.older_bills import window_of
from billflow_tests.insights.some_older_bills import Bill, Line, bill, compared

RENT, CALLS = Line("Rent", "1", "20"), Line("Calls", "31.5", "0.12", "3.78")


def causes(ours: list[Bill], theirs: list[Bill], **more: object) -> list[tuple[str, Decimal | None]]:
    found = compared(ours, theirs, **more).differences(100)
    return [(row["cause"], row["difference"]) for row in found.records()]


def told(*differences: tuple[str, str | None]) -> list[tuple[str, Decimal | None]]:
    return [(cause, None if sum_ is None else Decimal(sum_)) for cause, sum_ in differences]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([RENT, CALLS], [RENT, CALLS], []),
        ([RENT, CALLS], [CALLS, RENT], []),
        ([Line("Day  Calls ")], [Line("day calls")], []),
        ([RENT, CALLS], [RENT], [("line only here", "3.78")]),
        ([RENT], [RENT, CALLS], [("line only there", "-3.78")]),
        ([Line("Calls", "31.5", "0.12", "3.78")], [Line("Calls", "30", "0.12", "3.60")], [("quantity", "0.18")]),
        ([Line("Calls", "30", "0.12", "3.60")], [Line("Calls", "30", "0.13", "3.90")], [("price", "-0.30")]),
        ([Line("Calls", "30", "0.12")], [Line("Calls", "10", "0.10")], [("quantity and price", "2.6")]),
        ([Line("Calls", "3", "0.125", "0.38")], [Line("Calls", "3", "0.125", "0.37")], [("rounding", "0.01")]),
        ([Line("Calls", "3", "0.125", "0.38")], [Line("Calls", "3", "0.125", "0.36")], [("amount", "0.02")]),
        # A price of twelve digits, printed with two by the other system: the same price.
        ([Line("Rent", "1", "3.333333333333", "3.33")], [Line("Rent", "1", "3.33", "3.33")], []),
        ([Line("Rent", "1", "3.335", "3.34")], [Line("Rent", "1", "3.33", "3.33")], [("rounding", "0.01")]),
        # … but not where it makes more than a cent.
        ([Line("kWh", "1000", "0.314")], [Line("kWh", "1000", "0.31")], [("price", "4")]),
        ([Line("Rent", "1", "20.00")], [Line("Rent", "1", "20.01")], [("price", "-0.01")]),
        ([Line("Rent", tax="std")], [Line("Rent", tax="STD")], []),
        ([Line("Rent", tax="std")], [Line("Rent", tax="19 %")], []),
        ([Line("Rent", tax="std")], [Line("Rent", tax="0.19")], []),
        ([Line("Rent", tax="std")], [Line("Rent", tax="low")], [("tax", "0")]),
        ([Line("Rent", "1", "20", tax="std")], [Line("Rent", "1", "18", tax="7")], [("price", "2"), ("tax", "0")]),
        # Another description: by quantity and price, then by amount.
        ([Line("Rent", "2", "5")], [Line("Monthly fee", "2", "5", "9.99")], [("rounding", "0.01")]),
        ([Line("Rent", "2", "5")], [Line("Monthly fee", "1", "10")], [("quantity and price", "0")]),
        ([Line("Rent", "2", "5")], [Line("Fee", "1", "9")], [("line only here", "10"), ("line only there", "-9")]),
    ],
)  # fmt: skip
def test_causes_of_lines(ours, theirs, expected):
    assert causes([bill("A", *ours)], [bill("A", *theirs)]) == told(*expected)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([bill("A", RENT)], [bill("A", RENT, issued=date(2026, 6, 3))], [("date", "0")]),
        ([bill("A", RENT)], [bill("A", RENT, currency="USD")], [("currency", None)]),
        ([bill("A", RENT)], [], [("account only here", "20")]),
        ([], [bill("A", RENT, CALLS)], [("account only there", "-23.78")]),
        ([bill("A", RENT)], [bill("A", RENT, issued=date(2026, 7, 1))], [("account only here", "20")]),
        ([bill("A", RENT)], [bill("A", RENT, system="legacy")], [("account only here", "20"), ("account only there", "-20")]),
        # A credit note is compared like any bill: its amounts are negative.
        ([bill("A", Line("Refund", "1", "-8"))], [bill("A", Line("Refund", "1", "-8"))], []),
        ([bill("A", Line("Refund", "1", "-8"))], [bill("A", Line("Refund", "1", "-9"))], [("price", "1")]),
    ],
)  # fmt: skip
def test_causes_of_bills(ours, theirs, expected):
    assert causes(ours, theirs) == told(*expected)


def test_a_yen_is_the_minor_unit_of_yen():
    ours, theirs = Line("Calls", "3", "33.5", "101"), Line("Calls", "3", "33.5", "100")
    assert causes([bill("A", ours, currency="JPY")], [bill("A", theirs, currency="JPY")]) == told(("rounding", "1"))


def test_a_held_account_says_why_it_is_missing():
    found = compared([], [bill("A", RENT)], held=["A"]).differences(9)
    assert [row["note"] for row in found.records()] == ["held here: no price"]


def test_the_nearest_bill_is_compared_and_the_others_are_counted():
    theirs = [
        bill("A", Line("Rent", "1", "1"), issued=date(2026, 6, 4), number="far"),
        bill("A", RENT, issued=date(2026, 6, 3), number="after"),
        bill("A", RENT, issued=date(2026, 5, 30), number="b before"),
        bill("A", RENT, issued=date(2026, 5, 30), number="a before"),
    ]
    found = compared([bill("A", RENT)], theirs)
    assert [(row["cause"], row["bill_id"]) for row in found.differences(9).records()] == [("date", "a before")]
    assert found.matches().left_over_bills == 3


def test_lines_that_are_alike_are_paired_closest_first_then_in_order():
    ours = [Line("Data", "500", "0.01", "5"), Line("Data", "20", "0.005", "0.10"), Line("Data", "20", "0.005", "0.10")]
    theirs = [
        Line("Data", "20", "0.005", "0.11"),
        Line("Data", "20", "0.005", "0.10"),
        Line("Data", "499", "0.01", "4.99"),
    ]
    found = compared([bill("A", *ours)], [bill("A", *theirs)]).differences(9)
    pairs = [(row["cause"], row["our_line"], row["their_line"]) for row in found.records()]
    assert sorted(pairs) == [("quantity", 1, 3), ("rounding", 3, 1)]


def test_how_much_matches():
    ours = [bill("A", RENT, CALLS), bill("B", RENT, CALLS), bill("C", RENT), bill("D", RENT)]
    theirs = [bill("A", RENT, CALLS), bill("B", RENT), bill("C", RENT, currency="USD"), bill("E", RENT)]
    found = compared(ours, theirs).matches()
    assert (found.accounts, found.agreeing_accounts, found.rate) == (5, 1, Decimal("0.2"))
    # Pairs: two of A and one of B. By themselves: one of B, two of C, and those of D and E.
    assert (found.lines, found.agreeing_lines) == (8, 3)


def test_nothing_on_either_side_matches():
    assert compared([], []).matches().rate == 1


def test_sums_by_cause():
    ours = [bill("A", RENT, Line("x", "2", "3", tax="std")), bill("B", RENT)]
    theirs = [bill("A", Line("Rent", "1", "18"), Line("x", "1", "3", tax="7 %")), bill("B", Line("Rent", "1", "19"))]
    assert compared(ours, theirs).causes().rows == (
        ("price", "EUR", 2, 2, Decimal(3), None),
        ("quantity", "EUR", 1, 1, Decimal(3), None),
        ("tax", "EUR", 1, 1, Decimal(0), None),
    )


def test_a_tax_that_this_run_knows_says_what_it_makes():
    ours = [bill("A", Line("x", "1", "100", tax="std")), bill("B", Line("y", tax="low"))]
    found = compared(ours, [bill("A", Line("x", "1", "100", tax="low")), bill("B", Line("y", tax="low"))])
    assert found.causes().rows == (("tax", "EUR", 1, 1, Decimal(0), Decimal(12)),)


LINES = st.builds(
    Line,
    st.sampled_from(["Rent", "calls", "Calls ", "Data"]),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["5", "5.001"]),
    st.sampled_from(["5", "10", "-3", "5.01"]),
    st.sampled_from([None, "std", "low"]),
)
BILLS = st.dictionaries(st.sampled_from("ABC"), st.lists(LINES, min_size=1, max_size=4), max_size=3)


@settings(deadline=None, max_examples=25)
@given(BILLS, BILLS)
def test_causes_add_up_to_the_whole_difference(ours, theirs):
    sides = [[bill(account, *lines) for account, lines in side.items()] for side in (ours, theirs)]
    found = compared(*sides)
    whole, other = (sum((line.sum for one in side for line in one.lines), Decimal(0)) for side in sides)
    assert sum((row["difference"] for row in found.causes().records()), Decimal(0)) == whole - other
    again = compared(*sides)
    assert found.differences(99) == again.differences(99)
    assert found.matches() == again.matches()


@pytest.mark.parametrize("day", [1, 15, 31])
def test_windows_meet_without_a_gap(day):
    period = Cycle(day=day).period("2025-11")
    for _ in range(14):
        first, last = window_of(period)
        assert first < period.issue_date < last
        assert window_of(period.following)[0] == last
        period = period.following


@pytest.mark.parametrize("name", ["all.csv", "it's all.parquet"])
def test_all_differences_as_a_file(tmp_path, name):
    found = compared([bill("A", RENT), bill("B", RENT)], [bill("A", Line("Rent", "1", "19"))])
    assert found.write(tmp_path / name) == 2
    rows = duckdb.connect().execute("SELECT cause, difference::VARCHAR FROM '" + str(tmp_path / name).replace("'", "''") + "'").fetchall()  # fmt: skip
    assert [(cause, Decimal(sum_)) for cause, sum_ in rows] == [("account only here", 20), ("price", 1)]
