"""Confirmed invoices corrected as users do it: a credit note, a new invoice, and what later bills make of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from billflow.lake.manifest import read_manifest
from billflow_tests.acceptance.runs import do, lake, version, write

pytestmark = pytest.mark.slow

SETTINGS = """
project: corrected
lake: ./lake
currency: EUR
timezone: Europe/Berlin
seller: {name: Corrected Ltd}
cycles: {c01: {day: 1}}
first_month: 2026-05
quarantine_limit: "0.5"
sources:
  - name: office
    kind: files
    format: csv
    tables:
      customers: {path: customers.csv, columns: {account_id: id, name: id, country: "'DE'", parent_account_id: parent, currency: money}}
      subscriptions: {path: subscriptions.csv, columns: {subscription_id: sub, account_id: who, plan: "'plan'", start_date: first, end_date: last}}
      usage:
        path: usage/*.csv
        columns: {usage_id: id, subscription_id: sub, metric: "'units'", quantity: n, event_time: at}
"""
PRICES = """
metrics: {units: {aggregate: sum}}
taxes: {std: {category: S, rate: "0.19"}}
plans:
  plan:
    charges:
      rent: {name: Rent, model: flat, amount: "100", per: month, tax: std}
      units: {name: Units, metric: units, model: per_unit, unit_price: "1", tax: std}
"""
CUSTOMERS = ["id,parent,money", "one,,", "child,one,", "other,,", "usd,,", "zero,,"]
SUBSCRIPTIONS = [
    "sub,who,first,last",
    *[f"s-{who},{who},2026-01-01," for who in ("one", "child", "other", "usd", "zero")],
]
HEAD = "id,sub,n,at"
MAY = [HEAD, "m1,s-one,10,2026-05-03T10:00:00", "m2,s-child,5,2026-05-04T10:00:00", "m3,s-other,7,2026-05-03T10:00:00"]
FIRST, SECOND, THIRD = "INV-2026-00000001", "INV-2026-00000002", "INV-2026-00000003"
FOURTH, CREDIT, NEW = "INV-2026-00000004", "CN-2026-00000001", "INV-2026-00000005"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("correct") / "project"
    write(folder / "billflow.yaml", [SETTINGS])
    write(folder / "catalog" / "prices.yaml", [PRICES])
    write(folder / "customers.csv", CUSTOMERS)
    write(folder / "subscriptions.csv", SUBSCRIPTIONS)
    write(folder / "usage" / "may.csv", MAY)
    return folder


def reprice(project: Path, old: str, new: str) -> None:
    file = project / "catalog" / "prices.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def correct(billflow: Any, project: Path, invoice: str, *more: str) -> dict[str, Any]:
    result = billflow("--project", project, "correct", invoice, "--reason", "wrong rent", "--format", "json", *more)
    assert result.exit_code == 0, f"{result.output}{result.exception}"
    found: dict[str, Any] = json.loads(result.stdout, parse_float=str)
    return found


def billed(rows: Any, project: Path, account: str, month: str = "2026-05") -> str:
    """The net of all that was ever billed to an account for a month, by the newest drafts too."""
    found = rows(
        project,
        f"select sum(net)::decimal(18,2) as net from invoice_lines where account_id = '{account}' "
        f"and coalesce(difference_of, month) = '{month}'",
    )
    return str(found[0]["net"])


def previewed(billflow: Any, project: Path, account: str) -> str:
    result = billflow(
        "--project",
        project,
        "preview",
        "--account",
        account,
        "--cycle",
        "c01",
        "--month",
        "2026-05",
        "--format",
        "json",
    )
    return str(json.loads(result.stdout, parse_float=str)["net"])


def test_nothing_would_change(project, billflow):
    do(billflow, project, "run", "2026-05")
    do(billflow, project, "confirm", "2026-05")
    before = version(project)
    result = billflow("--project", project, "correct", FIRST, "--reason", "x")
    assert result.exit_code == 2
    assert "nothing would change" in str(result.exception)
    assert (version(project), lake(project).list("_staging")) == (before, [])


def test_a_dry_run_writes_nothing(project, billflow):
    reprice(project, 'amount: "100"', 'amount: "90"')
    before = version(project)
    made = correct(billflow, project, FIRST, "--dry-run")
    assert (made["reversal"]["net"], made["replacement"]["net"]) == ("-215.00", "195.00")
    assert made["difference"] == {"EUR": {"net": "-20.00", "tax": "-3.80", "total": "-23.80"}}
    assert sorted((line["side"], line["net"]) for line in made["changed_lines"]) == [
        ("after", "90.00"),
        ("after", "90.00"),
        ("before", "100.00"),
        ("before", "100.00"),
    ]
    table = billflow("--project", project, "correct", FIRST, "--reason", "x", "--dry-run").output
    assert [word in table for word in ("Would correct", "-215.00", "195.00", "-23.80", "before", "after")] == [True] * 6
    assert (version(project), lake(project).list("_staging")) == (before, [])


def test_a_plan_that_the_catalogue_lacks(project, billflow, tmp_path):
    (tmp_path / "other.yaml").write_text(PRICES.replace("  plan:", "  another:"))
    result = billflow("--project", project, "correct", FIRST, "--reason", "x", "--catalog", tmp_path)
    assert result.exit_code == 2
    assert "the catalogue has no plan 'plan'" in str(result.exception)


def test_corrected(project, billflow, rows):
    confirmed = read_manifest(lake(project)).partitions["c01|2026-05"]
    made = correct(billflow, project, FIRST)
    assert (made["reversal"]["invoice_number"], made["replacement"]["invoice_number"]) == (CREDIT, NEW)
    found = rows(project, "select invoice_number, kind, status, net, total from invoices order by invoice_number")
    assert [tuple(row.values()) for row in found] == [
        (CREDIT, "credit_note", "confirmed", "-215.0000", "-255.8500"),
        (FIRST, "invoice", "confirmed", "215.0000", "255.8500"),
        (SECOND, "invoice", "confirmed", "107.0000", "127.3300"),
        (THIRD, "invoice", "confirmed", "100.0000", "119.0000"),
        (FOURTH, "invoice", "confirmed", "100.0000", "119.0000"),
        (NEW, "invoice", "confirmed", "195.0000", "232.0500"),
    ]
    linked = (
        "select count(*) as n from invoices a join invoices b on a.corrects = b.invoice_id where b.invoice_number = "
    )
    assert rows(project, f"{linked}'{FIRST}'") == [{"n": 2}]
    assert billed(rows, project, "one") == previewed(billflow, project, "one") == "195.00"
    assert read_manifest(lake(project)).partitions["c01|2026-05"] == confirmed
    assert lake(project).list("_staging") == []
    assert billflow("--project", project, "verify").exit_code == 0


def test_what_is_owed(project, rows):
    sql = "select account_id, invoiced, credited, balance from balances order by 1"
    assert [tuple(row.values()) for row in rows(project, sql)] == [
        ("one", "487.900000000000", "255.850000000000", "232.050000000000"),
        ("other", "127.330000000000", "0.000000000000", "127.330000000000"),
        ("usd", "119.000000000000", "0.000000000000", "119.000000000000"),
        ("zero", "119.000000000000", "0.000000000000", "119.000000000000"),
    ]
    open_ = rows(
        project, "select invoice_number, open::decimal(18,2) as open from open_items where open <> 0 order by 1"
    )
    assert [tuple(row.values()) for row in open_] == [
        (SECOND, "127.33"),
        (THIRD, "119.00"),
        (FOURTH, "119.00"),
        (NEW, "232.05"),
    ]


def test_the_documents_say_what_they_correct(project, billflow, tmp_path):
    for number, says in ((CREDIT, "Takes back"), (NEW, "Replaces")):
        file = tmp_path / f"{number}.pdf"
        assert billflow("--project", project, "pdf", number, "-o", file).exit_code == 0
        text = PdfReader(file).pages[0].extract_text()
        assert all(word in text for word in (number, FIRST, says, "wrong rent"))
    assert "-255.85" not in text
    result = billflow("--project", project, "export", "--cycle", "c01", "--month", "2026-05", "--to", tmp_path / "all")
    assert "wrote 6 PDFs" in result.output


def test_it_is_explained(project, billflow):
    new = billflow("--project", project, "explain", NEW)
    assert new.exit_code == 0, new.output
    assert f"in place of invoice {FIRST}: wrong rent" in new.output
    credit = billflow("--project", project, "explain", CREDIT)
    assert credit.exit_code == 0, credit.output
    assert f"line 1 of invoice {FIRST} comes back" in credit.output
    assert billflow("--project", project, "explain", FIRST).exit_code == 0


@pytest.mark.parametrize(
    ("invoice", "told"), [(FIRST, "it was corrected already (wrong rent)"), (CREDIT, "is not corrected itself")]
)
def test_not_twice(project, billflow, invoice, told):
    result = billflow("--project", project, "correct", invoice, "--reason", "x")
    assert result.exit_code == 2
    assert told in str(result.exception)


def test_status(project, billflow):
    assert (
        f"c01|2026-05#1: {CREDIT}, {NEW} for invoice {FIRST}: wrong rent"
        in billflow("--project", project, "status").output
    )


DIFFERENCES = "select account_id, service_account_id, charge, quantity::int as n, net::int as net from invoice_lines"


def test_late_usage_is_compared_with_the_corrected_bill(project, billflow, rows):
    """Under the catalogue that each bill was made with; what was not corrected is compared with the confirmed one."""
    reprice(project, 'unit_price: "1"', 'unit_price: "3"')
    late = ["l1,s-one,1,2026-05-05T10:00:00", "l2,s-other,1,2026-05-05T10:00:00", "j1,s-one,1,2026-06-05T10:00:00"]
    write(project / "usage" / "june.csv", [HEAD, *late])
    do(billflow, project, "run", "2026-06")
    found = rows(
        project, f"{DIFFERENCES} where month = '2026-06' and difference_of = '2026-05' order by account_id, line_no"
    )
    assert [tuple(row.values()) for row in found] == [
        ("one", "one", "units", -10, -10),
        ("one", "one", "units", 11, 11),
        ("other", "other", "units", -7, -7),
        ("other", "other", "units", 8, 8),
    ]
    do(billflow, project, "confirm", "2026-06")
    assert billflow("--project", project, "verify").exit_code == 0
    assert billed(rows, project, "one") == "196.00"


def test_corrected_once_more(project, billflow, rows):
    """All is rated under the newest catalogue, and June's difference of May comes back."""
    made = correct(billflow, project, NEW, "--date", "2026-08-01")
    assert (made["reversal"]["invoice_number"], made["reversal"]["net"]) == ("CN-2026-00000002", "-195.00")
    assert made["replacement"]["net"] == "227.00"  # 2 x 90, 16 units at 3, less 1 that June has billed
    assert billed(rows, project, "one") == previewed(billflow, project, "one") == "228.00"
    result = billflow("--project", project, "correct", made["replacement"]["invoice_id"], "--reason", "x")
    assert "nothing would change" in str(result.exception)
    assert billflow("--project", project, "verify").exit_code == 0
    assert billflow("--project", project, "explain", made["replacement"]["invoice_number"]).exit_code == 0


def test_a_bill_with_differences_keeps_them(project, billflow, rows):
    """June's: May's differences stay on it, and say nothing new about May."""
    june = rows(project, "select invoice_number from invoices where month = '2026-06' and account_id = 'one'")[0]
    reprice(project, 'amount: "90"', 'amount: "80"')
    made = correct(billflow, project, june["invoice_number"])
    assert made["difference"]["EUR"]["net"] == "-20.00"
    assert billed(rows, project, "one") == "228.00"
    assert billed(rows, project, "one", "2026-06") == "163.00"
    assert billflow("--project", project, "verify").exit_code == 0


def test_and_late_usage_again(project, billflow, rows):
    write(project / "usage" / "july.csv", [HEAD, "l3,s-child,2,2026-05-06T10:00:00"])
    do(billflow, project, "run", "2026-07")
    found = rows(project, f"{DIFFERENCES} where month = '2026-07' and difference_of is not null order by line_no")
    assert [tuple(row.values()) for row in found] == [
        ("one", "child", "units", -5, -15),
        ("one", "child", "units", 7, 21),
    ]
    assert billed(rows, project, "one") == "234.00"


def test_accounts_that_are_not_what_they_were(project, billflow, rows):
    """`zero` and `other` were never served in May, `usd` has another currency, `child` gets a bill of its own."""
    write(project / "customers.csv", [CUSTOMERS[0], "one,,", "child,,", "other,,", "usd,,USD", "zero,,"])
    later = [row.replace("2026-01", "2026-07") if "other" in row or "zero" in row else row for row in SUBSCRIPTIONS]
    write(project / "subscriptions.csv", later)
    assert billflow("--project", project, "run", "--cycle", "c01", "--month", "2026-07").exit_code == 3
    nothing_due = correct(billflow, project, FOURTH)
    assert (nothing_due["replacement"], nothing_due["reversal"]["total"]) == (None, "-119.00")
    taken_back = correct(billflow, project, SECOND)  # June has billed one unit of May, which comes back
    assert taken_back["replacement"]["net"] == "-1.00"
    stale = billflow("--project", project, "confirm", "--cycle", "c01", "--month", "2026-07")
    assert "an invoice of 2026-05, of which it has late usage, was corrected since" in str(stale.exception)
    assert billed(rows, project, "other") == "-8.00"  # July's draft takes back, once more, what was billed in May
    assert billflow("--project", project, "run", "--cycle", "c01", "--month", "2026-07").exit_code == 3
    assert billed(rows, project, "other") == "0.00"
    before = version(project)
    held = billflow("--project", project, "correct", THIRD, "--reason", "x")
    assert (held.exit_code, "held" in held.output) == (3, True)
    moved = billflow("--project", project, "correct", "INV-2026-00000010", "--reason", "x")
    assert moved.exit_code == 2
    assert "account 'child' was on it, and is not any more" in str(moved.exception)
    assert version(project) == before
    assert billflow("--project", project, "verify").exit_code == 0
