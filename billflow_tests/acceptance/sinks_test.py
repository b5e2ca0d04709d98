"""Published bills in other systems' databases: when they are confirmed, again when asked, and with their corrections."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billflow.lake.manifest import read_manifest
from billflow_tests.acceptance.runs import do, lake, write

pytestmark = pytest.mark.slow

SETTINGS = """
project: written
lake: ./lake
currency: EUR
timezone: Europe/Berlin
seller: {name: Written Ltd}
cycles: {c01: {day: 1}}
first_month: 2026-05
sources:
  - name: office
    kind: files
    format: csv
    tables:
      customers: {path: customers.csv, columns: {account_id: id, name: id}}
      subscriptions: {path: subscriptions.csv, columns: {subscription_id: sub, account_id: who, plan: "'plan'", start_date: first}}
sinks:
  - name: erp
    kind: sql
    url: sqlite:///erp.db
    tables:
      invoices: {table: bill, columns: {id: invoice_id, no: invoice_number, kind: kind, gross: "cast(total as decimal(12,2))"}}
      invoice_lines:
      invoice_taxes:
      documents:
      payments:
  - {name: desk, kind: sql, url: "sqlite:///desk.db", drafts: true, tables: {invoices: }}
"""
PRICES = """
taxes: {std: {category: S, rate: "0.19"}}
plans: {plan: {charges: {rent: {name: Rent, model: flat, amount: "100", per: month, tax: std}}}}
"""
CUSTOMERS, SUBSCRIPTIONS = ["id", "one", "two", "three"], ["sub,who,first", "s1,one,2026-01-01", "s2,two,2026-01-01"]
ONE_MORE = "s3,three,2026-01-01"
FIRST, SECOND = ("INV-2026-00000001", "119"), ("INV-2026-00000002", "119")
BILLS = "select no, gross from bill order by no"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sinks") / "project"
    write(folder / "billflow.yaml", [SETTINGS])
    write(folder / "catalog" / "prices.yaml", [PRICES])
    write(folder / "customers.csv", CUSTOMERS)
    write(folder / "subscriptions.csv", [*SUBSCRIPTIONS, ONE_MORE])
    return folder


def read(project: Path, select: str, file: str = "erp.db") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(project / file)) as connection:
        return connection.execute(select).fetchall()


def bills(project: Path) -> list[tuple[str, str]]:
    return [(number, f"{Decimal(gross):f}".removesuffix(".00")) for number, gross in read(project, BILLS)]


def test_drafts_wait_unless_they_are_wanted(project, billflow, rows):
    do(billflow, project, "run", "2026-05")
    assert read(project, "select name from sqlite_master") == []
    drafts = read(project, "select invoice_id, status from invoices order by 1", "desk.db")
    assert [row[0] for row in drafts] == [
        row["invoice_id"] for row in rows(project, "from invoices order by invoice_id")
    ]
    assert {row[1] for row in drafts} == {"draft"}


def test_drafts_that_are_no_more_go(project, billflow):
    assert len(read(project, "select * from invoices", "desk.db")) == 3
    write(project / "subscriptions.csv", SUBSCRIPTIONS)
    do(billflow, project, "run", "2026-05")
    assert read(project, "select account_id from invoices order by 1", "desk.db") == [("one",), ("two",)]


def test_what_is_confirmed_is_there(project, billflow, rows):
    do(billflow, project, "confirm", "2026-05")
    assert bills(project) == [FIRST, SECOND]
    assert {row[0] for row in read(project, "select status from invoices", "desk.db")} == {"confirmed"}
    for table, column in (("invoice_lines", "net"), ("invoice_taxes", "tax")):
        [here] = rows(project, f"select count(*) as n, sum({column})::varchar as total from {table}")
        there = [Decimal(row[0]) for row in read(project, f"select {column} from {table}")]
        assert (len(there), sum(there)) == (here["n"], Decimal(here["total"]))
    sent = read(project, "select invoice_id, sha256 from documents order by 1")
    assert sent == [tuple(row.values()) for row in rows(project, "select invoice_id, sha256 from documents order by 1")]
    assert read(project, "select * from payments") == []


def test_again_mends_what_was_lost_and_doubles_nothing(project, billflow):
    with closing(sqlite3.connect(project / "erp.db")) as connection:
        connection.execute("delete from invoice_lines")
        connection.execute("update bill set gross = 0 where no = ?", FIRST[:1])
        connection.execute("alter table bill add column paid_on")
        connection.execute("update bill set paid_on = '2026-06-09'")
        connection.commit()
    version = read_manifest(lake(project)).version
    result = billflow("--project", project, "confirm", "--cycle", "c01", "--month", "2026-05")
    assert result.exit_code == 0
    assert "is confirmed already" in result.output
    assert "writing to other systems' databases" in result.output
    assert (bills(project), read_manifest(lake(project)).version) == ([FIRST, SECOND], version)
    assert read(project, "select count(*) from invoice_lines") == [(2,)]
    assert read(project, "select distinct paid_on from bill") == [("2026-06-09",)]


def test_a_database_that_refuses_takes_nothing_back(project, billflow):
    do(billflow, project, "run", "2026-06")
    (project / "erp.db").rename(project / "kept.db")
    (project / "erp.db").mkdir()
    result = billflow("--project", project, "confirm", "--cycle", "c01", "--month", "2026-06")
    assert result.exit_code != 0
    assert "sinks.erp" in f"{result.output}{result.stderr}"
    assert read_manifest(lake(project)).partitions["c01|2026-06"].is_confirmed
    (project / "erp.db").rmdir()
    (project / "kept.db").rename(project / "erp.db")
    do(billflow, project, "confirm", "2026-06")
    assert [number for number, _ in bills(project)] == [f"INV-2026-{number:08d}" for number in (1, 2, 3, 4)]


def test_a_correction_is_there_with_its_bills(project, billflow):
    prices = project / "catalog" / "prices.yaml"
    prices.write_text(prices.read_text().replace('"100"', '"90"'))
    result = billflow("--project", project, "correct", FIRST[0], "--reason", "wrong rent")
    assert result.exit_code == 0, result.output
    assert bills(project)[0] == ("CN-2026-00000001", "-119")
    assert bills(project)[-1] == ("INV-2026-00000005", "107.10")
    assert len(bills(project)) == 6
