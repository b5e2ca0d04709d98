"""Days overdue and the levels that they lead to."""

from decimal import Decimal

import pytest

from billflow.dunning import DunningLevel
from billflow_tests.insights.tables import invoice, lake, payment

BUCKETS = ["not_due", "days_1_30", "days_31_60", "days_61_90", "over_90"]


@pytest.mark.parametrize(
    ("due", "bucket"),
    [
        ("2026-07-16", "not_due"),
        ("2026-07-15", "not_due"),
        ("2026-07-14", "days_1_30"),
        ("2026-06-15", "days_1_30"),
        ("2026-06-14", "days_31_60"),
        ("2026-05-16", "days_31_60"),
        ("2026-05-15", "days_61_90"),
        ("2026-04-16", "days_61_90"),
        ("2026-04-15", "over_90"),
        ("2020-01-01", "over_90"),
    ],
)
def test_ageing_on_a_day(due: str, bucket: str) -> None:
    connection = lake("2026-05", invoices=[invoice("1", "10.50", due)])
    [row] = connection.sql(f"SELECT {', '.join(BUCKETS)}, total FROM ageing_on(DATE '2026-07-15')").fetchall()
    assert row == (*[Decimal("10.50") * (name == bucket) for name in BUCKETS], Decimal("10.50"))


def test_ageing_is_as_of_the_newest_published_periods_end() -> None:
    bills = [invoice("1", "10", "2026-06-30"), invoice("2", "5", "2026-07-01")]
    paid = [payment("4"), payment("5", account="B")]
    found = lake("2026-06", "2026-04", invoices=bills, payments=paid).sql(
        "SELECT account_id, not_due, days_1_30, total, as_of::VARCHAR FROM ageing"
    )
    assert found.fetchall() == [("A", 5, 6, 11, "2026-07-01")]


def test_currencies_are_apart() -> None:
    bills = [invoice("1", "10"), invoice("2", "5", currency="USD")]
    found = lake("2026-06", invoices=bills).sql("SELECT currency, total FROM ageing ORDER BY 1")
    assert found.fetchall() == [("EUR", 10), ("USD", 5)]


LEVELS = [
    DunningLevel(level=1, after_days=7, name="Reminder", fee="0", minimum="5.00"),
    DunningLevel(level=2, after_days=21, name="Second's", fee="4.50", minimum="5.00"),
    DunningLevel(level=4, after_days=35, name="Last", fee="12", minimum="20"),
]


@pytest.mark.parametrize(
    ("day", "open_", "reached"),
    [
        ("2026-06-21", "50", "6 0 None 0.0000 2026-06-22"),
        ("2026-06-22", "50", "7 1 Reminder 0.0000 2026-07-06"),
        ("2026-07-05", "50", "20 1 Reminder 0.0000 2026-07-06"),
        ("2026-07-06", "50", "21 2 Second's 4.5000 2026-07-20"),
        ("2026-08-30", "50", "76 4 Last 12.0000 None"),
        ("2026-08-30", "19.99", "76 2 Second's 4.5000 None"),
        ("2026-07-10", "5", "25 2 Second's 4.5000 None"),
        ("2026-07-10", "4.99", "25 0 None 0.0000 None"),
    ],
)
def test_dunning_on_a_day(day: str, open_: str, reached: str) -> None:
    connection = lake("2026-05", levels=LEVELS, invoices=[invoice("1", open_)])
    [row] = connection.sql(
        f"SELECT days_overdue, level, name, fee, next_level_on FROM dunning_on(DATE '{day}')"
    ).fetchall()
    assert " ".join(map(str, row)) == reached


@pytest.mark.parametrize(
    ("due", "paid", "rows"), [("2026-07-01", "0", 0), ("2026-06-30", "0", 1), ("2026-06-30", "50", 0)]
)
def test_dunning_is_of_overdue_bills(due: str, paid: str, rows: int) -> None:
    connection = lake("2026-06", invoices=[invoice("1", "50", due)], payments=[payment(paid)])
    assert len(connection.sql("SELECT * FROM dunning").fetchall()) == rows


def test_no_level() -> None:
    found = lake("2027-06", levels=(), invoices=[invoice("1", "50")]).sql("SELECT level, next_level_on FROM dunning")
    assert found.fetchall() == [(0, None)]
