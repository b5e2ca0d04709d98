"""Rows beside a small table: what all of it says alike is no column, and decimals are as wide as they need to be."""

from datetime import date
from decimal import Decimal

import pytest
from pyspark.sql.types import DecimalType

from billflow.billing.beside import beside
from billflow.lake.schemas import DAY, FLAG, QUANTITY, TEXT, WHOLE, columns
from billflow_tests.billing.worlds import frame

KEYS = columns(key=WHOLE, own=TEXT)
TERMS = columns(key=WHOLE, amount=QUANTITY, day=DAY, text=TEXT, flag=FLAG)
FIRST_DAY = date(1, 1, 1)


@pytest.fixture(scope="module")
def rows(spark):
    return frame(spark, [{"key": key, "own": own} for key, own in ((1, "a"), (1, "b"), (2, "c"), (3, "d"))], KEYS)


CASES = {
    "alike": [(1, Decimal("1.50"), FIRST_DAY, "x", True), (2, Decimal("1.5"), FIRST_DAY, "x", True)],
    "unlike": [(1, Decimal(1), FIRST_DAY, "x", True), (2, Decimal("1000.25"), date(2026, 1, 1), None, False)],
    "nothing": [(1, None, None, None, None), (2, None, None, None, None)],
    "some": [(1, None, FIRST_DAY, None, True), (2, Decimal("-3E+2"), FIRST_DAY, "y", True)],
    "one": [(2, Decimal("0E-12"), FIRST_DAY, "x", False)],
    "none": [],
}


@pytest.mark.parametrize("case", CASES)
def test_every_row_has_what_its_key_says(rows, case):
    told = {key: rest for key, *rest in CASES[case]}
    expected = [[own, *told[key]] for key, own in ((1, "a"), (1, "b"), (2, "c"), (3, "d")) if key in told]
    found = beside(rows, CASES[case], TERMS, ["key"])
    assert [list(row) for row in found.select("own", *TERMS.names[1:]).orderBy("own").collect()] == expected


def test_a_key_of_several_rows_multiplies(rows):
    found = beside(rows, [(1, None, None, text, None) for text in "xyz"], TERMS, ["key"])
    assert sorted((row["own"], row["text"]) for row in found.collect()) == [
        (own, text) for own in "ab" for text in "xyz"
    ]


@pytest.mark.parametrize(
    ("amounts", "digits", "scale"),
    [
        (("1", "2"), 1, 0),
        (("0.31", "0.3500"), 2, 2),
        (("-10.5", "0.001"), 5, 3),
        (("1E+3", "5"), 4, 0),
        (("0", "0.000000000001"), 12, 12),
        (("99999999999999999999999999.999999999999", "1"), 38, 12),
    ],
)
def test_decimals_are_no_wider_than_their_values(rows, amounts, digits, scale):
    known = [(key, Decimal(amount), None, None, None) for key, amount in enumerate(amounts, start=1)]
    found = beside(rows, known, TERMS, ["key"])
    assert found.schema["amount"].dataType == DecimalType(digits, scale)
    assert {row["amount"] for row in found.collect()} == {Decimal(amount) for amount in amounts}


def test_what_is_alike_is_in_no_table(rows):
    plan = beside(rows, CASES["alike"], TERMS, ["key"])._jdf.queryExecution().optimizedPlan().toString()
    assert "LocalRelation [key#" in plan
    assert not any(f"LocalRelation [key#{number}, " in plan for number in range(100_000))
