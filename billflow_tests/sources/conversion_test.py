"""Values of the tables of money: whole line numbers and days; what is none of these fails."""

from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from billflow.errors import SettingsError
from billflow.sources.mapping import FAILED
from billflow_tests.sources.rows import delivered, mapped

LINE_NUMBERS = {
    "1": 1,
    " 12 ": 12,
    "3.0": 3,
    "-1": -1,
    "2147483647": 2147483647,
    "2147483648": None,
    "4294967297": None,
    "1.5": None,
    "1a": None,
    "first": None,
}
DAYS = {
    "2013-01-05": date(2013, 1, 5),
    "2013-1-5": date(2013, 1, 5),
    "2013-01-05 23:59": date(2013, 1, 5),
    "2013-02-30": None,
    "2013": None,
    "05/01/2013": None,
    "2013-01-05x": None,
    "41279": None,
}


@pytest.mark.parametrize(
    ("table", "column", "cases"),
    [
        ("bills", "line_no", LINE_NUMBERS),
        ("bills", "issue_date", DAYS),
        ("adjustments", "date", DAYS),
        ("payments", "date", DAYS),
    ],
)
def test_texts(spark: SparkSession, table: str, column: str, cases: dict[str, Any]) -> None:
    rows = mapped(delivered(spark, list(cases)), table, **{column: "x"}).orderBy("_row")
    found = rows.select(column, F.array_contains(FAILED, column)).collect()
    assert [tuple(row) for row in found] == [(value, value is None) for value in cases.values()]


def test_a_column_of_fractions_gives_no_line_numbers(spark: SparkSession) -> None:
    raw = delivered(spark, ["1", "1.5", "1e10"], "cast(x as double)")
    assert [row[0] for row in mapped(raw, "bills", line_no="x").orderBy("_row").select("line_no").collect()] == [
        1,
        None,
        None,
    ]


@pytest.mark.parametrize(("table", "column"), [("bills", "unit_price"), ("adjustments", "amount")])
def test_money_computed_in_binary_floats_is_refused(spark: SparkSession, table: str, column: str) -> None:
    with pytest.raises(SettingsError, match="binary floating point"):
        mapped(delivered(spark, ["1"]), table, **{column: "cast(x as double) * 1.1"})
