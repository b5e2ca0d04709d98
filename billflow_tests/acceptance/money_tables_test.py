"""Adjustments, bills, payments and children in whole runs: published by name, kept while needed, checked like the rest."""

import json
import re
from pathlib import Path

import pytest

from billflow.examples import write_energy_small
from billflow.lake.manifest import commit, read_manifest
from billflow.lake.publishing import _run_folders
from billflow_tests.acceptance.runs import lake

pytestmark = pytest.mark.slow

MONEY = """
  - name: shop
    kind: files
    format: csv
    tables:
      adjustments: {path: adjustments.csv, columns: {adjustment_id: id, account_id: who, date: day, amount: sum, description: why}}
      bills:
        path: bills.csv
        columns: {bill_id: bill, line_no: no, account_id: who, issue_date: day, description: what, quantity: n, unit_price: each, amount: sum}
      payments: {path: payments.csv, columns: {payment_id: id, account_id: who, date: day, amount: sum}}
"""
FILES = {
    "adjustments.csv": "id,who,day,sum,why\nmay,H001,2026-05-31,-3,goodwill\njune,H002,2026-06-01,4.005,repair\nlost,H0,2026-06-01,4,repair\n",
    "bills.csv": "bill,no,who,day,what,n,each,sum\nb1,1,H001,2026-05-02,rent,2,3,6\nb1,2,H001,2026-05-02,rent,x,3,6\n",
    "payments.csv": "id,who,day,sum\np1,H001,2026-05-20,6\np2,H001,2026-05-21,-6\n",
}
PARENTS = {"H002": "H001", "H003": "H999"}


def with_money(folder: Path, *, limit: str = "0.5") -> Path:
    """The small energy project with more tables; H002 is a child of H001, and H003 of nobody that is known.

    No tax is known for where H006 lives, which shows when its lines are priced.
    """
    write_energy_small(folder)
    settings = folder / "billflow.yaml"
    text = settings.read_text().replace(
        "          email: email\n", "          email: email\n          parent_account_id: parent\n"
    )
    settings.write_text(f'{text}{MONEY}quarantine_limit: "{limit}"\n')
    prices = folder / "catalog" / "prices.yaml"
    prices.write_text(prices.read_text().replace('rate: "0.10"}', 'rate: "0.10", postcode: ["2"]}'))
    head, *rows = (folder / "customers.csv").read_text().splitlines()
    rows = [re.sub(r"^(H006,.*),2[0-9]{3},", r"\1,3000,", row) for row in rows]
    children = [f"{row},{PARENTS.get(row[:4], '')}" for row in rows]
    (folder / "customers.csv").write_text("\n".join([f"{head},parent", *children]) + "\n")
    for name, content in FILES.items():
        (folder / name).write_text(content)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_money(tmp_path_factory.mktemp("money") / "project")


def test_two_months_in_one_process(project, billflow):
    result = billflow("--project", project, "run", "--cycle", "c01", "--month", "2026-05", "--month", "2026-06")
    assert result.exit_code == 3, result.output
    assert "2 more rows in quarantine are of no month" in result.output


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "select adjustment_id, account_id, date::varchar, amount::varchar, tax, source from adjustments order by date",
            [
                ["may", "H001", "2026-05-31", "-3.000000000000", None, "shop"],
                ["june", "H002", "2026-06-01", "4.005000000000", None, "shop"],
            ],
        ),
        ("select bill_id, line_no, currency from bills", [["b1", 1, "AUD"]]),
        ("select payment_id, amount::int, currency from payments order by 1", [["p1", 6, "AUD"], ["p2", -6, "AUD"]]),
        (
            'select "table", key, rules, month from quarantine order by 1',
            [["adjustments", "lost", ["unknown_account"], None], ["bills", "b1|2", ["mapping_failed", "invalid_quantity"], None]],
        ),
        (
            "select account_id, cycle, invoiced_account_id from accounts where parent_account_id is not null order by 1",
            [["H002", "c01", "H001"], ["H003", "c01", None]],
        ),
        (
            "select account_id, rule, reason, month from held order by month, 1",
            [
                [*account, month]
                for month in ("2026-05", "2026-06")
                for account in (
                    ("H003", "hierarchy", "the parent H999 is not among the valid customers of the system"),
                    ("H006", "no_tax_rate", "no rate of tax gst fits the customer on the issue date"),
                )
            ],
        ),
        *[
            (f"select distinct i.account_id from invoices i {joined} where i.account_id > 'H002' order by 1", [["H004"], ["H005"]])
            for joined in ("", *(f"join {table} using (invoice_id)" for table in ("invoice_lines", "invoice_taxes", "documents")))
        ],
        ("select distinct account_id from invoice_lines where account_id > 'H002' order by 1", [["H004"], ["H005"]]),
    ],
)  # fmt: skip
def test_query(project, rows, sql, expected):
    assert [list(row.values()) for row in rows(project, sql)] == expected


def test_each_partition_names_what_it_was_billed_from(project):
    manifest = read_manifest(lake(project))
    ingest = manifest.ingest
    for key, partition in manifest.partitions.items():
        assert partition.tables["adjustments"] == (ingest.adjustments[key],)
        assert (partition.tables["bills"], partition.tables["payments"]) == ((ingest.bills,), (ingest.payments,))
    assert [one.rows for one in (ingest.bills, ingest.payments, *ingest.adjustments.values())] == [1, 2, 1, 1]


def test_a_new_ingestion_replaces_them_and_leaves_nothing_behind(project, billflow, rows):
    (project / "payments.csv").write_text("id,who,day,sum\np3,H004,2026-05-20,7\n")
    assert billflow("--project", project, "run", "--cycle", "c01", "--month", "2026-06").exit_code == 3
    assert [row["payment_id"] for row in rows(project, "select payment_id from payments")] == ["p3"]
    assert len(rows(project, "select * from adjustments")) == 2
    storage = lake(project)
    newest = read_manifest(storage).version
    recent = {run.path for n in range(newest - 2, newest + 1) for run in read_manifest(storage, n).table_runs()}
    assert set(_run_folders(storage)) <= recent
    assert all(storage.exists(run.path) for run in read_manifest(storage).table_runs())


def test_a_lake_from_before_is_read_and_ingested_again(project, billflow, rows):
    """A manifest of a version without these tables: nothing is missing, and the next run makes them."""
    storage = lake(project)
    manifest = json.loads(storage.read(f"_manifests/{read_manifest(storage).version:08d}.json"))
    for name in ("adjustments", "bills", "payments"):
        del manifest["ingest"][name]
    manifest["ingest"]["fingerprint"] = "of an earlier version"
    manifest["version"] += 1
    commit(storage, type(read_manifest(storage)).model_validate(manifest))
    assert rows(project, "select * from payments") == []
    assert billflow("--project", project, "run", "--cycle", "c01", "--month", "2026-06").exit_code == 3
    assert len(rows(project, "select * from payments")) == 1


def test_too_many_adjustments_in_quarantine_stop_the_run(tmp_path, billflow):
    folder = with_money(tmp_path / "project", limit="0.3")
    result = billflow("--project", folder, "run", "--cycle", "c01", "--month", "2026-05")
    assert result.exit_code == 1
    assert "1 of 3 rows of adjustments are in quarantine, above quarantine_limit 0.3" in result.output + result.stderr
    assert not lake(folder).exists("adjustments")
