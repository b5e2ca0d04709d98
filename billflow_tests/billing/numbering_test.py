"""Numbers are gapless in a documented order, whatever the partitions and the order of the rows."""

import random
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from billflow.billing.numbering import ORDER, Stretch, first_numbers, in_order, numbered, stretches
from billflow.lake.schemas import INVOICES
from billflow.settings import Numbering

Row = dict[str, Any]


def invoice(account: str, kind: str = "invoice", issued: date = date(2026, 6, 1), system: str = "default") -> Row:
    """As a draft."""
    row = dict.fromkeys(INVOICES.names)
    return row | {
        "invoice_id": f"{account}-{kind}-{issued}",
        "kind": kind,
        "status": "draft",
        "account_id": account,
        "system": system,
        "issue_date": issued,
    }


def many() -> list[Row]:
    """Two kinds, three dates in two years, two systems."""
    days = (date(2025, 12, 15), date(2026, 1, 1), date(2026, 2, 1))
    return [
        invoice(f"A{at:03d}", "credit_note" if at % 7 == 0 else "invoice", days[at % 3], ("x", "default")[at % 2])
        for at in range(240)
    ]


def numbers(
    spark: SparkSession, rows: Sequence[Row], ranges: int, last: Mapping[str, int] | None = None
) -> dict[str, str]:
    """Invoice → number."""
    frame = spark.createDataFrame([tuple(row[name] for name in INVOICES.names) for row in rows], INVOICES)
    ordered = written(in_order(frame, ranges))
    found = numbered(ordered, last or {}, Numbering()).collect()
    assert {row["status"] for row in found} <= {"confirmed"}
    assert len(found) == len(rows)
    return {row["invoice_id"]: row["invoice_number"] for row in found}


def written(frame: DataFrame) -> DataFrame:
    """Ranges are found by sampling: what is numbered is what was written."""
    return frame.localCheckpoint()


def expected(rows: Sequence[Row], last: Mapping[str, int]) -> dict[str, str]:
    """The same by a plain loop."""
    used, found = dict(last), {}
    for row in sorted(rows, key=lambda row: tuple(row[name] for name in ORDER)):
        series = f"{row['kind']}|{row['issue_date'].year}"
        used[series] = used.get(series, 0) + 1
        pattern = getattr(Numbering(), row["kind"])
        found[row["invoice_id"]] = pattern.format(year=row["issue_date"].year, seq=used[series])
    return found


@pytest.mark.parametrize("ranges", [1, 2, 7, 40])
@pytest.mark.parametrize("last", [{}, {"invoice|2026": 995, "credit_note|2025": 3, "invoice|2019": 8}])
def test_a_gapless_series_per_kind_and_year(spark, ranges, last):
    assert numbers(spark, many(), ranges, last) == expected(many(), last)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_rows_does_not_matter(spark, seed):
    shuffled = many()
    random.Random(seed).shuffle(shuffled)
    assert numbers(spark, shuffled, 5) == expected(many(), {})


def test_more_ranges_than_invoices(spark):
    assert numbers(spark, [invoice("b"), invoice("a")], 20) == {
        "a-invoice-2026-06-01": "INV-2026-00000001",
        "b-invoice-2026-06-01": "INV-2026-00000002",
    }


def test_no_invoices(spark):
    assert numbers(spark, [], 3) == {}


def test_texts_are_ordered_by_their_bytes(spark):
    rows = [invoice(account) for account in ("é", "z", "Z", "10", "9", "a-1", "a1", "😀", "ﬀ")]
    ordered = sorted(numbers(spark, rows, 3).items(), key=lambda item: item[1])
    accounts = [key.removesuffix("-invoice-2026-06-01") for key, _ in ordered]
    assert accounts == sorted(accounts, key=str.encode)


def test_a_number_that_outgrows_its_zeros(spark):
    found = numbers(spark, [invoice("a"), invoice("b")], 1, {"invoice|2026": 99_999_998})
    assert sorted(found.values()) == ["INV-2026-100000000", "INV-2026-99999999"]


def test_only_sizes_come_to_the_driver(spark):
    frame = spark.createDataFrame([tuple(row[name] for name in INVOICES.names) for row in many()], INVOICES)
    found = stretches(written(in_order(frame, 4)))
    assert sum(one.invoices for one in found) == 240
    assert len(found) <= 4 + 3


def test_first_numbers_is_a_prefix_sum():
    found = [
        Stretch(0, "credit_note", 2026, 0, 5),
        Stretch(0, "invoice", 2026, 5, 10),
        Stretch(1, "invoice", 2026, 0, 7),
        Stretch(1, "invoice", 2027, 7, 1),
        Stretch(2, "invoice", 2027, 0, 2),
    ]
    firsts = first_numbers(found, {"invoice|2026": 100})
    assert list(firsts.values()) == [1, 101, 111, 1, 2]
