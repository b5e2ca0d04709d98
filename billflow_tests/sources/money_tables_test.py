"""Rules of adjustments, bills and payments: each code with the row that breaks it, duplicates, place and currency."""

import random
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.catalog import Cycle
from billflow.sources.money_tables import judge_adjustments, judge_bills, judge_payments
from billflow.sources.verdicts import REASONS, RULES, VERDICT
from billflow_tests.sources.rows import ZONE, accounts_of, canonical, delivered, mapped, verdicts

CYCLES = {"c01": Cycle(day=1), "c15": Cycle(day=15)}
TAXES = ["gst", "low"]
LIMIT = Decimal(10) ** 15


def judged(spark: SparkSession, table: str, rows: DataFrame) -> DataFrame:
    """Account 17 of `default` is in c01, that of `other` in c15; both pay in Australian dollars."""
    accounts = accounts_of(spark, ("default", "17", ZONE, "c01"), ("other", "17", ZONE, "c15"))
    if table == "adjustments":
        return judge_adjustments(rows, accounts, TAXES, CYCLES)
    return judge_bills(rows, accounts) if table == "bills" else judge_payments(rows, accounts)


def adjustment(key: str | None, **more: Any) -> dict[str, Any]:
    row = {"adjustment_id": key, "account_id": "17", "date": date(2013, 1, 5), "amount": Decimal("-5.5")}
    return {**row, "description": "goodwill", **more}


def line(key: str | None, number: int | None = 1, **more: Any) -> dict[str, Any]:
    amounts = {"quantity": Decimal(2), "unit_price": Decimal("0.25"), "amount": Decimal("0.5")}
    row = {"bill_id": key, "line_no": number, "account_id": "17", "issue_date": date(2013, 1, 5)}
    return {**row, "description": "rent", **amounts, **more}


def payment(key: str | None, **more: Any) -> dict[str, Any]:
    return {"payment_id": key, "account_id": "17", "date": date(2013, 1, 5), "amount": Decimal(20), **more}


def of_all(table: str, row: Any, day: str) -> list[tuple[str, str, dict[str, Any], str, list[str]]]:
    """The cases that these tables have in common."""
    bad = "quarantined"
    cases = [
        ("whole", row("w"), "valid", []),
        ("no key", row(None), bad, ["missing_key"]),
        ("no key twice", row(None), bad, ["missing_key"]),
        ("nobody's", row("na", account_id=None), bad, ["unknown_account"]),
        ("of an unknown account", row("ua", account_id="99"), bad, ["unknown_account"]),
        ("same key in another system", row("w", system="other", amount=Decimal(9)), "valid", []),
        ("account of no system", row("as", system="third"), bad, ["unknown_account"]),
        ("no date", row("nd", **{day: None}), bad, ["invalid_date"]),
        ("date failed", row("fd", **{day: None, "_failed": [day]}), bad, ["mapping_failed", "invalid_date"]),
        ("no amount", row("am", amount=None), bad, ["invalid_amount"]),
        ("amount failed", row("fa", amount=None, _failed=["amount"]), bad, ["mapping_failed", "invalid_amount"]),
        ("negative", row("ne", amount=Decimal("-0.000000000001")), "valid", []),
        ("nothing", row("ze", amount=Decimal(0)), "valid", []),
        ("much", row("mu", amount=1 - LIMIT), "valid", []),
        ("too much", row("tm", amount=LIMIT), bad, ["excessive_amount"]),
        ("too little", row("tl", amount=-LIMIT), bad, ["excessive_amount"]),
        ("malformed", {"_malformed": True}, bad, None),
        ("several", row(None, account_id="99", amount=None), bad, ["missing_key", "unknown_account", "invalid_amount"]),
        ("conflict 1", row("co", source="b"), bad, ["duplicate_key"]),
        ("conflict 2", row("co", source="a", amount=Decimal(7)), "valid", []),
        ("identical 1", row("id", source="a"), "valid", []),
        ("identical 2", row("id", source="b"), "duplicate", []),
        ("a bad row hides nobody 1", row("bh", amount=None), bad, ["invalid_amount"]),
        ("a bad row hides nobody 2", row("bh", source="z"), "valid", []),
    ]
    return [(table, *case) for case in cases]


CASES = (
    *of_all("adjustments", adjustment, "date"),
    ("adjustments", "tax", adjustment("t1", tax="gst"), "valid", []),
    ("adjustments", "no tax said", adjustment("t2", tax="none"), "valid", []),
    ("adjustments", "tax that there is not", adjustment("t3", tax="GST"), "quarantined", ["unknown_tax"]),
    ("adjustments", "not described", adjustment("de", description=None), "quarantined", ["missing_description"]),
    ("adjustments", "other tax 1", adjustment("ot", source="a"), "valid", []),
    ("adjustments", "other tax 2", adjustment("ot", source="b", tax="low"), "quarantined", ["duplicate_key"]),
    *of_all("bills", line, "issue_date"),
    ("bills", "second line", line("w", 2), "valid", []),
    ("bills", "no line number", line("nl", None), "quarantined", ["missing_key"]),
    ("bills", "quantity", line("q1", quantity=None), "quarantined", ["invalid_quantity"]),
    ("bills", "much quantity", line("q2", quantity=LIMIT), "quarantined", ["excessive_quantity"]),
    ("bills", "quantity taken back", line("q3", quantity=Decimal(-2)), "valid", []),
    ("bills", "unit price", line("u1", unit_price=None), "quarantined", ["invalid_unit_price"]),
    ("bills", "high unit price", line("u2", unit_price=-LIMIT), "quarantined", ["excessive_unit_price"]),
    ("bills", "currency", line("c1", currency="EUR"), "valid", []),
    ("bills", "currency that there is not", line("c2", currency="EURO"), "quarantined", ["unknown_currency"]),
    ("bills", "the account's currency, said and not 1", line("c3", source="a"), "valid", []),
    ("bills", "the account's currency, said and not 2", line("c3", source="b", currency="AUD"), "duplicate", []),
    *of_all("payments", payment, "date"),
    ("payments", "of an invoice", payment("i1", invoice="INV-1", method="card"), "valid", []),
    ("payments", "of other invoices 1", payment("i2", invoice="INV-1", source="a"), "valid", []),
    ("payments", "of other invoices 2", payment("i2", invoice="INV-2", source="b"), "quarantined", ["duplicate_key"]),
    ("payments", "currency that there is not", payment("c1", currency="$"), "quarantined", ["unknown_currency"]),
)


def rows_of(table: str) -> list[dict[str, Any]]:
    return [row for of, _, row, *_ in CASES if of == table]


@pytest.fixture(scope="module")
def tables(spark: SparkSession) -> dict[str, DataFrame]:
    names = ("adjustments", "bills", "payments")
    return {name: judged(spark, name, canonical(spark, name, rows_of(name))).cache() for name in names}


@pytest.fixture(scope="module")
def found(tables: dict[str, DataFrame]) -> dict[str, dict[int, tuple[str, list[str]]]]:
    return {name: verdicts(rows) for name, rows in tables.items()}


@pytest.mark.parametrize("at", range(len(CASES)), ids=[f"{table}: {name}" for table, name, *_ in CASES])
def test_verdict(found: dict[str, dict[int, tuple[str, list[str]]]], at: int) -> None:
    table, _, row, verdict, rules = CASES[at]
    got, codes = found[table][next(number for number, one in enumerate(rows_of(table)) if one is row)]
    assert got == verdict
    assert codes == rules or rules is None


def cell(tables: dict[str, DataFrame], table: str, name: str, column: str) -> Any:
    names = [name for of, name, *_ in CASES if of == table]
    return tables[table].where(F.col("_row") == names.index(name)).select(column).collect()[0][0]


@pytest.mark.parametrize(
    ("table", "name", "reason"),
    [
        ("adjustments", "no key", "adjustment_id is missing"),
        ("bills", "no line number", "bill_id or line_no is missing"),
        ("payments", "of an unknown account", "no valid customer has the account_id 99"),
        ("bills", "no date", "issue_date is missing or not a date"),
        ("adjustments", "no amount", "amount is missing or not a number"),
        ("payments", "too much", "amount is 1000000000000000.000000000000"),
        ("adjustments", "tax that there is not", "the tax is not known: GST"),
        ("bills", "conflict 1", "another row with other content has the key co|1"),
        ("payments", "currency that there is not", "the currency is not known: $"),
    ],
)
def test_reasons(tables: dict[str, DataFrame], table: str, name: str, reason: str) -> None:
    assert cell(tables, table, name, REASONS)[0] == reason


@pytest.mark.parametrize(
    ("table", "name", "currency"),
    [
        ("bills", "whole", "AUD"),
        ("bills", "currency", "EUR"),
        ("payments", "whole", "AUD"),
        ("payments", "of an unknown account", None),
    ],
)
def test_currency_is_the_accounts_unless_given(
    tables: dict[str, DataFrame], table: str, name: str, currency: str | None
) -> None:
    assert cell(tables, table, name, "currency") == currency


@pytest.mark.parametrize(
    ("row", "place"),
    [
        (adjustment("a"), ("c01", "2013-01")),
        (adjustment("a", date=date(2013, 1, 31)), ("c01", "2013-01")),
        (adjustment("a", system="other"), ("c15", "2012-12")),
        (adjustment("a", system="other", date=date(2013, 1, 15)), ("c15", "2013-01")),
        (adjustment("a", tax="x"), ("c01", "2013-01")),
        (adjustment("a", date=None), (None, None)),
        (adjustment("a", account_id="99"), (None, None)),
    ],
)
def test_where_an_adjustment_is_placed(spark: SparkSession, row: dict[str, Any], place: Any) -> None:
    rows = judged(spark, "adjustments", canonical(spark, "adjustments", [row]))
    assert [tuple(one) for one in rows.select("_cycle", "_month").collect()] == [place]


def test_no_tax_stays_null(tables: dict[str, DataFrame]) -> None:
    assert cell(tables, "adjustments", "whole", "tax") is None
    assert cell(tables, "adjustments", "no tax said", "tax") == "none"


@pytest.mark.parametrize("table", ["adjustments", "bills", "payments"])
def test_the_outcome_does_not_depend_on_the_order_of_rows(spark: SparkSession, table: str) -> None:
    rows = rows_of(table) * 2
    outcomes = [
        outcome(judged(spark, table, canonical(spark, table, mixed).repartition(partitions)))
        for mixed, partitions in ((rows, 1), (random.Random(1).sample(rows, len(rows)), 5))
    ]
    assert outcomes[0] == outcomes[1]


def outcome(rows: DataFrame) -> list[str]:
    columns = ["system", "account_id", "amount", "source", VERDICT, RULES]
    return sorted(str(tuple(row)) for row in rows.select(*columns).collect())


AMOUNTS = {
    "12.50": "12.50",
    "-0.1": "-0.1",
    "1e3": "1000",
    " 7 ": "7",
    "0.333333333333": "0.333333333333",
    "12.5.0": None,
    "1,234.50": None,
    "12.50 AUD": None,
    "NaN": None,
    "Infinity": None,
    "99999999999999999999999999999": None,
    "": None,
    None: None,
}


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("adjustments", "amount"),
        ("bills", "amount"),
        ("bills", "quantity"),
        ("bills", "unit_price"),
        ("payments", "amount"),
    ],
)
def test_texts_that_are_no_exact_number_are_quarantined(spark: SparkSession, table: str, column: str) -> None:
    rows = judged(spark, table, whole(mapped(delivered(spark, list(AMOUNTS)), table, **{column: "x"})))
    got = [(row[0], row[1]) for row in rows.orderBy("_row").select(column, VERDICT).collect()]
    exact = [None if text is None else Decimal(text) for text in AMOUNTS.values()]
    assert got == [(value, "quarantined" if value is None else "valid") for value in exact]


def whole(rows: DataFrame) -> DataFrame:
    return rows.withColumns({"source": F.lit("s"), "system": F.lit("default"), "_delivery": F.lit("d")})


def test_a_column_of_binary_floats_is_read_as_it_prints(spark: SparkSession) -> None:
    raw = delivered(spark, ["0.1", "12.35", "NaN"], "cast(x as double)")
    rows = judged(spark, "bills", whole(mapped(raw, "bills", amount="x")))
    got = [(row[0], row[1]) for row in rows.orderBy("_row").select("amount", VERDICT).collect()]
    assert got == [(Decimal("0.1"), "valid"), (Decimal("12.35"), "valid"), (None, "quarantined")]
