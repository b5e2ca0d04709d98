"""A whole ingestion with adjustments, bills, payments and children: the report adds up, children go with their top."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from billflow.lake import schemas, tables
from billflow.sources.ingestion import fingerprint
from billflow_tests.sources.ingestion_test import BUCKETS, CATALOG, PROJECT, Ingested, project_in, written

MONEY = """
  - name: office
    kind: files
    format: csv
    tables:
      adjustments: {path: adjustments.csv, columns: {adjustment_id: id, account_id: who, date: day, amount: sum, description: why, tax: tax}}
      bills:
        path: bills.csv
        columns: {bill_id: bill, line_no: no, account_id: who, issue_date: day, description: what, quantity: n, unit_price: each, amount: sum}
      payments: {path: payments.csv, columns: {payment_id: id, account_id: who, date: day, amount: sum, invoice: of}}
"""

FILES_OF_MONEY = {
    "billflow.yaml": PROJECT.replace("timezone: zone}}", "timezone: zone, parent_account_id: parent}}") + MONEY,
    "catalog/all.yaml": CATALOG + 'taxes: {gst: {category: S, rate: "0.10"}}\n',
    # 2 is the child of 1, whose cycle is c01; 4 is the child of somebody unknown
    "customers.csv": "id,name,cycle,zone,parent\n1,Ann,c01,,\n2,Bob,c15,Europe/Berlin,1\n3,,c01,,\n4,Cy,c15,,99\n5,Di,c15,,\n",
    "adjustments.csv": (
        "id,who,day,sum,why,tax\n"
        "a1,1,2013-01-05,-10.005,goodwill,gst\n"
        "a2,2,2013-01-20,7,repair,\n"
        "a3,5,2013-01-14,3,repair,none\n"
        "a3,5,2013-01-14,3,repair,none\n"
        "a4,1,2013-01-05,5,repair,vat\n"
        "a5,99,2013-01-05,5,repair,\n"
        "a6,1,soon,5,repair,\n"
        "a7,1,2013-02-05,12 AUD,repair,\n"
        "a8,1,2013-02-05,1000000000000000,repair,\n"
    ),
    "bills.csv": (
        "bill,no,who,day,what,n,each,sum\n"
        "b1,1,1,2013-01-05,rent,2,0.25,0.5\n"
        "b1,2,1,2013-01-05,rent,1e0,0.333333333333,0.33\n"
        "b1,2,1,2013-01-05,rent,1,0.333333333333,0.34\n"
        "b2,1.5,1,2013-01-05,rent,1,1,1\n"
        "b3,1,3,2013-01-05,rent,1,1,1\n"
    ),
    "payments.csv": "id,who,day,sum,of\np1,1,2013-02-01,-20,INV-1\np2,98,2013-02-01,20,\np1,1,2013-02-01,-20.00,INV-1\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("acme"), **FILES_OF_MONEY)


@pytest.fixture(scope="module")
def found(spark: SparkSession, folder: Path) -> Ingested:
    return Ingested(spark, folder, "r1")


@pytest.mark.parametrize(
    ("table", "rows", "amount"),
    [
        ("adjustments", {"in": 9, "valid": 3, "quarantined": 5, "duplicate": 1}, "17.995"),
        ("bills", {"in": 5, "valid": 2, "quarantined": 3}, "3.17"),
        ("payments", {"in": 3, "valid": 1, "quarantined": 1, "duplicate": 1}, "-20"),
    ],
)
def test_report(found: Ingested, table: str, rows: dict[str, int], amount: str) -> None:
    """Σ amount leaves out what is no number, or excessive."""
    report = {verdict: one for verdict, one in found.report[table].items() if "|" not in verdict}
    assert {verdict: int(one["rows"]) for verdict, one in report.items()} == rows
    amounts = {verdict: Decimal(one["quantity"]) for verdict, one in report.items()}
    assert amounts.pop("in") == sum(amounts.values()) == Decimal(amount)


@pytest.mark.parametrize(
    ("table", "key", "rules", "place"),
    [
        ("adjustments", "a4", ["unknown_tax"], ("c01", "2013-01")),
        ("adjustments", "a5", ["unknown_account"], (None, None)),
        ("adjustments", "a6", ["mapping_failed", "invalid_date"], (None, None)),
        ("adjustments", "a7", ["mapping_failed", "invalid_amount"], ("c01", "2013-02")),
        ("adjustments", "a8", ["excessive_amount"], ("c01", "2013-02")),
        ("bills", "b1|2", ["duplicate_key"], (None, None)),
        ("bills", "b2", ["mapping_failed", "missing_key"], (None, None)),
        ("bills", "b3|1", ["unknown_account"], (None, None)),
        ("payments", "p2", ["unknown_account"], (None, None)),
    ],
)
def test_quarantine(found: Ingested, table: str, key: str, rules: list[str], place: Any) -> None:
    [row] = [row for row in found.quarantine() if (row.table, row.key) == (table, key)]
    assert (row.rules, (row.cycle, row.month), row.source) == (rules, place, "office")
    assert row.reason
    assert row.row


@pytest.mark.parametrize(
    ("place", "rows"),
    [
        ("cycle=c01/month=2013-01", {("a1", "1", "-10.005000000000", "gst"), ("a2", "2", "7.000000000000", None)}),
        ("cycle=c15/month=2012-12", {("a3", "5", "3.000000000000", "none")}),
    ],
)
def test_adjustments_are_laid_out_by_account_and_month(found: Ingested, place: str, rows: set[Any]) -> None:
    table = tables.read_bucketed(found.spark, found.staging.uri(f"adjustments/{place}"), schemas.ADJUSTMENTS, BUCKETS)
    assert {(row.adjustment_id, row.account_id, str(row.amount), row.tax) for row in table.collect()} == rows


def test_bills_and_payments_are_laid_out_by_account(found: Ingested) -> None:
    bills = tables.read_bucketed(found.spark, found.staging.uri("bills"), schemas.BILLS, BUCKETS).collect()
    assert {(row.bill_id, row.line_no, row.currency, row.source) for row in bills} == {
        ("b1", 1, "AUD", "office"),
        ("b1", 2, "AUD", "office"),
    }
    payments = tables.read_bucketed(found.spark, found.staging.uri("payments"), schemas.PAYMENTS, BUCKETS).collect()
    assert [(row.payment_id, row.amount, row.invoice, row.currency) for row in payments] == [
        ("p1", Decimal(-20), "INV-1", "AUD")
    ]


def test_a_childs_cycle_is_its_tops(found: Ingested) -> None:
    accounts = tables.read_bucketed(found.spark, found.staging.uri("accounts"), schemas.ACCOUNTS, BUCKETS).collect()
    assert {(row.account_id, row.cycle, row.invoiced_account_id, row.timezone) for row in accounts} == {
        ("1", "c01", "1", "Australia/Sydney"),
        ("2", "c01", "1", "Europe/Berlin"),
        ("4", "c15", None, "Australia/Sydney"),
        ("5", "c15", "5", "Australia/Sydney"),
    }
    [problem] = [row.hierarchy_problem for row in accounts if row.hierarchy_problem]
    assert problem == "the parent 99 is not among the valid customers of the system"


def test_a_childs_usage_falls_into_its_tops_cycle(found: Ingested) -> None:
    usage = found.table("usage").where("account_id = '2'").select("usage_id", "cycle", "month").collect()
    assert [tuple(row) for row in usage] == [("r7", "c01", "2013-01")]


@pytest.mark.slow
def test_twice_is_the_same(spark: SparkSession, folder: Path, found: Ingested) -> None:
    second = Ingested(spark, folder, "r2")
    assert second.report == found.report
    assert second.content() == found.content()


def test_what_no_source_gives_is_empty_and_not_written(spark: SparkSession, tmp_path: Path) -> None:
    plain = Ingested(spark, written(tmp_path), "r1")
    for table in ("adjustments", "bills", "payments"):
        assert plain.report[table] == {"in": {"rows": "0", "quantity": "0"}}
        assert not plain.staging.storage.exists(plain.staging.place(table))


def test_tables_of_which_no_row_is_valid(spark: SparkSession, tmp_path: Path) -> None:
    empty = {name: text.splitlines()[0] + "\n" for name, text in FILES_OF_MONEY.items() if name.endswith(".csv")}
    files = {**FILES_OF_MONEY, **empty, "customers.csv": FILES_OF_MONEY["customers.csv"]}
    found = Ingested(spark, written(tmp_path, **files), "r1")
    for name, schema in (("bills", schemas.BILLS), ("payments", schemas.PAYMENTS)):
        assert tables.read_bucketed(spark, found.staging.uri(name), schema, BUCKETS).count() == 0
        assert found.staging.storage.exists(found.staging.place(name))


@pytest.mark.parametrize(("old", "new", "differs"), [("gst:", "vat:", True), ('"0.10"', '"0.20"', False)])
def test_fingerprint_depends_on_the_codes_of_taxes(tmp_path: Path, old: str, new: str, differs: bool) -> None:
    before = fingerprint(*project_in(written(tmp_path, **FILES_OF_MONEY)))
    file = tmp_path / "catalog/all.yaml"
    file.write_text(file.read_text().replace(old, new))
    assert (fingerprint(*project_in(tmp_path)) != before) is differs
