"""Customers of several systems in whole runs: one customer, one bill, and sums that are those of each system."""

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from billflow.examples import write_energy_small
from billflow_tests.acceptance.runs import do, write

pytestmark = pytest.mark.slow

SHOP = """
  - name: shop
    system: shop
    kind: files
    format: csv
    tables:
      customers: {path: buyers.csv, columns: {account_id: id, name: name, tax_id: tax}}
      bills:
        path: receipts/*.csv
        columns: {bill_id: bill, line_no: "no", account_id: who, issue_date: day, description: what, quantity: n, unit_price: each, amount: sum, tax_amount: tax}
  - name: clerks
    kind: files
    format: csv
    tables:
      crosswalk: {path: clerks.csv, columns: {account_id: ours, other_system: "'shop'", other_account_id: theirs, decision: decision, decided_at: day}}
merging: {}
quarantine_limit: "0.5"
"""
TAX = {"H001": "AU 11-222", "H002": "22333"}
BUYERS = ["id,name,tax", "7,Mia,au11222", "8,Trần,", "9,Nobody else,99999"]
RECEIPTS = [
    "bill,no,who,day,what,n,each,sum,tax",
    "S1,1,7,2026-05-03,Rose pot,2,3.50,7.00,0.70",
    "S1,2,7,2026-05-03,Soil,1,4.255,4.255,0.43",
    "S2,1,8,2026-05-10,Lamp,1,20.00,20.00,2",
    "S3,1,9,2026-05-10,Chair,1,50.00,50.00,5",
    "S4,1,77,2026-05-10,Of nobody,1,50.00,50.00,5",
    "C5,1,7,2026-06-10,Return,-1,3.50,-3.50,-0.35",
]
CUSTOMERS = "select system, account_id, customer_id, merged_by from customer_accounts order by 1, 2"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("merging") / "project"
    write_energy_small(folder)
    settings = folder / "billflow.yaml"
    settings.write_text(settings.read_text().replace("email: email\n", "email: email\n          tax_id: tax\n") + SHOP)
    head, *rows = (folder / "customers.csv").read_text().splitlines()
    write(folder / "customers.csv", [f"{head},tax", *(f"{row},{TAX.get(row[:4], '')}" for row in rows)])
    write(folder / "buyers.csv", BUYERS)
    write(folder / "receipts" / "may.csv", RECEIPTS)
    write(folder / "clerks.csv", ["ours,theirs,decision,day", "H003,8,same,2026-05-01"])
    return folder


def customers(rows: Any, project: Path) -> dict[str, str]:
    """Account → the account that its customer's id is of, among all that there are."""
    found = rows(project, CUSTOMERS)
    return {row["account_id"]: row["customer_id"] for row in found}


def shown(rows: Any, project: Path, month: str) -> list[tuple[str, str]]:
    sql = f"select document_id, total from consolidated_items where month = '{month}' and item = 'bill' order by 1"
    return [(row["document_id"], f"{Decimal(row['total']):.2f}") for row in rows(project, sql)]


def pages(billflow: Any, project: Path, invoice: str, folder: Path) -> str:
    file = folder / "bill.pdf"
    assert billflow("--project", project, "pdf", invoice, "-o", file).exit_code == 0
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(file.read_bytes())).pages)


def test_a_month(project, billflow):
    do(billflow, project, "run", "2026-05")


def test_accounts_of_two_systems_are_one_customer(project, rows):
    found = customers(rows, project)
    assert found["H001"] == found["7"]
    assert found["H003"] == found["8"]
    assert len(set(found.values())) == len(found) - 2
    merged = {row["account_id"]: row["merged_by"] for row in rows(project, CUSTOMERS)}
    assert (merged["7"], merged["8"], merged["9"]) == ("tax_id", "crosswalk", "alone")


def test_each_bill_is_shown_once_or_in_quarantine(project, rows):
    assert shown(rows, project, "2026-05") == [("S1", "12.39"), ("S2", "22.00"), ("S3", "55.00")]
    (bad,) = rows(project, "select key, rules from quarantine")
    assert bad == {"key": "S4|1", "rules": ["unknown_account"]}


def test_a_bill_is_the_sum_of_its_documents(project, rows):
    sql = """select b.invoices, b.bills, b.total, b.total = i.total + 12.39 as adds_up from consolidated_bills b
        join invoices i on i.invoice_id = b.shown_on where i.account_id = 'H001'"""
    assert [row["adds_up"] for row in rows(project, sql)] == [True]
    without = "select count(*) as n from consolidated_bills where shown_on is null"
    assert rows(project, without) == [{"n": 1}], "who only has bills elsewhere"


def test_the_document_shows_both(project, billflow, rows, tmp_path):
    (own,) = rows(project, "select invoice_id, total from invoices where account_id = 'H001'")
    text = pages(billflow, project, own["invoice_id"], tmp_path)
    both = Decimal(own["total"]) + Decimal("12.39")
    for expected in ("All your bills of this period", f"{both:.2f}", "Rose pot", "shop · S1", "11.26"):
        assert expected in text
    (other,) = rows(project, "select invoice_id from invoices where account_id = 'H002'")
    assert "All your bills" not in pages(billflow, project, other["invoice_id"], tmp_path)


def test_the_confirmed_document_names_the_number(project, billflow, rows, tmp_path):
    do(billflow, project, "confirm", "2026-05")
    (own,) = rows(project, "select invoice_number from invoices where account_id = 'H001'")
    text = pages(billflow, project, own["invoice_number"], tmp_path)
    assert text.count(own["invoice_number"]) > 2
    assert "Rose pot" in text


def test_next_month_brings_what_came_late_and_a_clerk_parts_two_customers(project, billflow, rows):
    before = customers(rows, project)
    late = [RECEIPTS[0], "S6,1,9,2026-05-31,Came late,1,1.00,1.00,0"]
    write(project / "receipts" / "late.csv", late)
    write(project / "buyers.csv", [*BUYERS, "77,Found again,"])
    write(project / "clerks.csv", ["ours,theirs,decision,day", "H003,8,same,2026-05-01", "H001,7,different,2026-06-20"])
    do(billflow, project, "run", "2026-06")
    assert shown(rows, project, "2026-06") == [("C5", "-3.85"), ("S4", "55.00"), ("S6", "1.00")]
    after = customers(rows, project)
    assert after["H001"] != after["7"]
    assert before["H001"] in {after["H001"], after["7"]}, "one of the two keeps the id"
    assert {one: after[one] for one in ("H003", "8", "H002", "9")} == {
        one: before[one] for one in ("H003", "8", "H002", "9")
    }


def test_what_is_mended_at_the_source_leaves_quarantine_and_is_told(project, billflow, rows):
    assert rows(project, "select * from quarantine") == []
    told = billflow("--project", project, "status").output
    assert "bills: 1 rows that were in quarantine are good since the last ingestion" in told
    assert "healed by itself: row mended at its source replayed, bills: the first key is " in told


def test_what_was_confirmed_stays(project, billflow, rows):
    assert shown(rows, project, "2026-05") == [("S1", "12.39"), ("S2", "22.00"), ("S3", "55.00")]
    assert billflow("--project", project, "verify").exit_code == 0


def test_the_same_sources_again_give_the_same(project, billflow, rows):
    before = rows(project, CUSTOMERS), shown(rows, project, "2026-06")
    do(billflow, project, "run", "2026-06")
    assert (rows(project, CUSTOMERS), shown(rows, project, "2026-06")) == before
