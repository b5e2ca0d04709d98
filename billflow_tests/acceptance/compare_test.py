"""`compare`: a published month under draft catalogues, and against bills that an older system made for it."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from billflow.examples import write_energy_small
from billflow_tests.acceptance.runs import lake

pytestmark = pytest.mark.slow

MONTH = ("--cycle", "c01", "--month", "2026-05")
BILLS = """
  - name: older
    kind: files
    format: csv
    tables:
      bills:
        path: bills.csv
        columns: {bill_id: bill, line_no: no, account_id: who, issue_date: day, description: what, quantity: n, unit_price: each, amount: sum, tax: tax}
"""
HEADER = ["bill", "no", "who", "day", "what", "n", "each", "sum", "tax"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small energy project, with room for bills of an older system."""
    folder = tmp_path_factory.mktemp("compare") / "project"
    write_energy_small(folder)
    settings = folder / "billflow.yaml"
    settings.write_text(settings.read_text() + BILLS)
    (folder / "bills.csv").write_text(",".join(HEADER) + "\n")
    return folder


def files(project: Path) -> set[str]:
    return {str(path.relative_to(project)) for path in (project / "lake").rglob("*") if path.is_file()}


def draft(project: Path, folder: Path, *changes: tuple[str, str]) -> Path:
    """The project's catalogue with parts of its text replaced."""
    text = (project / "catalog" / "prices.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir()
    (folder / "prices.yaml").write_text(text)
    return folder


def answer(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout, parse_float=Decimal)


def test_a_month_is_billed(project, billflow):
    assert billflow("--project", project, "run", *MONTH).exit_code == 0


def test_the_same_catalogue_changes_nothing(project, billflow, tmp_path):
    before = files(project)
    same = draft(project, tmp_path / "same")
    found = answer(billflow("--project", project, "compare", *MONTH, "--catalog", same, "--format", "json"))
    (totals,) = found["totals"]
    assert (totals["difference"], totals["up"], totals["down"], totals["unchanged"]) == (0, 0, 0, 6)
    assert totals["before"] > 0
    assert (found["holds"], found["unrated"], found["by_customer"]) == ([], [], [])
    assert {row["difference"] for row in found["by_charge"]} == {0}
    assert files(project) == before


def test_a_dearer_charge(project, billflow, tmp_path):
    """One euro more a month for the four meters on a plan, and its tax."""
    dearer = draft(project, tmp_path / "dearer", ('amount: "22.00"', 'amount: "23.00"'))
    target = tmp_path / "customers.csv"
    shown = billflow("--project", project, "compare", *MONTH, "--catalog", dearer, "--format", "json", "--to", target)
    found = answer(shown)
    (totals,) = found["totals"]
    assert [totals[name] for name in ("difference", "up", "down", "unchanged")] == [Decimal("4.4"), 4, 0, 2]
    assert totals["net_after"] - totals["net_before"] == 4
    assert [(row["plan"], row["difference"]) for row in found["by_plan"]] == [("home-flat", 4), ("home-tou", 0)]
    first = found["by_charge"][0]
    assert (first["plan"], first["charge"], first["before"], first["after"]) == ("home-flat", "supply", 88, 92)
    assert first["percent"] == Decimal("4.55")
    assert {row["account_id"]: row["difference"] for row in found["by_customer"]} == dict.fromkeys(["H002", "H004", "H005", "H006"], Decimal("1.1"))  # fmt: skip
    written = list(csv.DictReader(target.open()))
    assert [row["account_id"] for row in written] == ["H002", "H004", "H005", "H006", "H001", "H003"]
    assert sum(Decimal(row["difference"]) for row in written) == Decimal("4.4")
    assert lake(project).list("_staging") == []


def test_a_draft_without_a_plan_and_without_a_charge(project, billflow, tmp_path):
    demand = 'demand: {name: Highest demand, metric: demand_kw,\n               model: per_unit, unit_price: "0", unit: kW, tax: gst, section: Demand}'
    gaps = draft(project, tmp_path / "gaps", ("  home-tou:\n", "  home-new:\n"), (demand, ""))
    found = answer(billflow("--project", project, "compare", *MONTH, "--catalog", gaps, "--format", "json"))
    (totals,) = found["totals"]
    assert (totals["newly_held"], totals["unchanged"], totals["difference"]) == (3, 3, totals["difference_of_held"])
    (held,) = found["holds"]
    assert (held["change"], held["rule"], held["accounts"], held["such_as"]) == (
        "newly held",
        "unknown_plan",
        3,
        "H001",
    )
    (unrated,) = found["unrated"]
    # An hour each of May, of the three meters of customers who are not held.
    assert (unrated["change"], unrated["metric"], unrated["events"]) == ("newly unrated", "demand_kw", 3 * 31 * 24)
    nets = totals["net_after"] - totals["net_before"]
    assert (
        sum(row["difference"] for row in found["by_charge"])
        == sum(row["difference"] for row in found["by_plan"])
        == nets
    )
    assert sum(row["difference"] for row in found["by_customer"]) == totals["difference"]


def test_as_csv_and_as_a_table(project, billflow, tmp_path):
    dearer = draft(project, tmp_path / "dearer", ('amount: "22.00"', 'amount: "23.00"'))
    asked = ("--project", project, "compare", *MONTH, "--catalog", dearer, "--by", "customer", "--limit", "2")
    printed = list(csv.reader(io.StringIO(billflow(*asked, "--format", "csv").stdout)))
    assert printed[0] == ["system", "account_id", "currency", "before", "after", "difference", "change", "note"]
    assert [(row[1], row[5], row[6]) for row in printed[1:]] == [("H002", "1.1", "up"), ("H004", "1.1", "up")]
    shown = billflow(*asked)
    assert shown.exit_code == 0, shown.output
    assert "By customer" in shown.stdout
    assert "By plan" not in shown.stdout


def test_a_mistake_in_the_draft(project, billflow, tmp_path):
    wrong = draft(project, tmp_path / "wrong", ("tax: gst", "tax: vat"))
    found = billflow("--project", project, "compare", *MONTH, "--catalog", wrong)
    assert found.exit_code == 2
    assert "unknown tax 'vat'" in str(found.exception)


@pytest.mark.usefixtures("spark")
def test_the_asset(project, tmp_path, monkeypatch):
    """As the UI starts it: a job of its own, with the draft's folder as config."""
    monkeypatch.setenv("BILLFLOW_PROJECT", str(project))
    from billflow.definitions import build_definitions

    dearer = draft(project, tmp_path / "dearer", ('amount: "22.00"', 'amount: "23.00"'))
    job = build_definitions().resolve_job_def("compare")
    before = files(project)

    def ran(folder: Path) -> dg.ExecuteInProcessResult:
        config = {"ops": {"catalog_comparison": {"config": {"catalog": str(folder)}}}}
        return job.execute_in_process(partition_key="c01|2026-05", run_config=config, raise_on_error=False)

    result = ran(dearer)
    assert result.success
    (made,) = result.asset_materializations_for_node("catalog_comparison")
    assert {"chart", "totals", "by plan", "by charge", "by customer"} == set(made.metadata) - {"dagster/partition"}
    assert "](data:image/svg+xml;base64," in made.metadata["chart"].value
    assert made.metadata["by plan"].records[0].data["difference"] == "4"
    assert files(project) == before
    assert not ran(tmp_path / "nothing").success


def older_bills(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """The run's own bills as another system would have made them, but for one difference an account."""
    made = []
    for row in rows:
        account, at, last = row["account_id"], row["line_no"], row["line_no"] == row["lines"]
        text, quantity, price, net = (
            row["description"],
            row["quantity"],
            Decimal(row["unit_price"]),
            Decimal(row["net"]),
        )
        if account == "H003" and last:
            continue
        if account == "H002" and at == 2:
            quantity, net = Decimal(quantity) - 1, net - price.quantize(Decimal("0.01"))
        if account == "H004" and at == 1:
            price, net = price + 1, net + 1
        if account == "H005" and at == 2:
            net += Decimal("0.01")
        if account == "H006":
            text = f"item {at}"
        day = "2026-06-03" if account == "H001" else "2026-06-01"
        made.append([f"b-{account}", at, account, day, text, quantity, price, net, "GST"])
    return [*made, ["b-more", 1, "H001", "2026-06-09", "A letter", 1, 2, 2, ""]]


def test_the_runs_own_bills_with_known_differences(project, billflow, rows):
    lines = rows(project, "select *, count(*) over (partition by invoice_id) as lines from invoice_lines where month = '2026-05' order by account_id, line_no")  # fmt: skip
    with (project / "bills.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *older_bills(lines)])
    assert billflow("--project", project, "run", *MONTH).exit_code == 0
    asked = ("--project", project, "compare", *MONTH, "--against", "bills")
    found = answer(billflow(*asked, "--format", "json"))
    causes = {row["account_id"]: row["cause"] for row in found["differences"]}
    assert causes == {"H001": "date", "H002": "quantity", "H003": "line only here", "H004": "price", "H005": "rounding"}
    assert (found["accounts"], found["agreeing_accounts"], found["left_over_bills"]) == (6, 2, 1)
    assert found["lines"] - found["agreeing_lines"] == 4
    sums = {row["cause"]: row["difference"] for row in found["causes"]}
    assert (sums["price"], sums["rounding"], sums["date"]) == (-1, Decimal("-0.01"), 0)
    assert billflow(*asked, "--fail-under", "0.3").exit_code == 0
    assert billflow(*asked, "--fail-under", "0.99").exit_code == 1
    report = billflow(*asked)
    assert "33.33 % of accounts match (2 of 6)" in report.stdout
    printed = list(csv.DictReader(io.StringIO(billflow(*asked, "--format", "csv", "--limit", "1").stdout)))
    assert [row["cause"] for row in printed] == ["line only here"]
