"""`status`, `query`, `leakage` and `schema` on a small lake of real files."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from billflow.billing.rating import NO_CHARGE
from billflow.cli.main import cli
from billflow.insights import connect
from billflow.lake.healed import keep
from billflow.lake.healing import action
from billflow.lake.manifest import Ingest, Manifest, TableRun
from billflow.lake.storage import LocalStorage
from billflow.yaml_schemas import schema_of
from billflow_tests.insights.tables import payment
from billflow_tests.lake import some_bills
from billflow_tests.settings_test import SMALL

Run = Callable[..., str]

EVENT = json.dumps({"system": "s", "account_id": "A", "subscription_id": "l", "metric": "mb", "quantity": 3})
UNRATED = {"table": "usage", "key": "u1", "rules": ["unrated"], "reason": f"{NO_CHARGE} mb", "row": EVENT}
REFUSED = {"table": "usage", "key": "u2", "rules": ["outside_subscription"]}
MAY = {"cycle": "c01", "month": "2026-05"}
HELD = [
    {**MAY, "system": "s", "account_id": account, "rule": "hierarchy", "reason": reason}
    for account, reason in (("B", "a circle"), ("A", "no such parent"))
]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    levels = "dunning: [{level: 1, after_days: 3, name: Hello}]"
    (tmp_path / "billflow.yaml").write_text("\n".join([*SMALL.values(), levels]))

    def invoked(*arguments: str) -> str:
        result = CliRunner().invoke(cli, ["--project", str(tmp_path), *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return invoked


@pytest.fixture
def billed(tmp_path: Path) -> None:
    storage = LocalStorage(str(tmp_path / "lake"))
    rows = some_bills.bills(some_bills.MAY)
    due = [{**row, "due_date": row["issue_date"], "currency": "EUR"} for row in rows["invoices"]]
    quarantine = [{**UNRATED, **MAY}, {**REFUSED, **MAY}]
    some_bills.draft(storage, some_bills.MAY, {**rows, "invoices": due, "quarantine": quarantine, "held": HELD})
    some_bills.confirm(storage, some_bills.MAY)


def test_nothing_is_published(run: Run, tmp_path: Path) -> None:
    keep(
        LocalStorage(str(tmp_path / "lake")), [action("lake repaired", "x", "orphan: removed")], by="lake fsck --repair"
    )
    assert "nothing is published yet" in run("status")
    assert "lake fsck --repair: healed by itself: lake repaired, x: orphan: removed\n" in run("status")
    assert run("leakage") == "all usage that was measured is on a bill\n"
    assert run("query", "select count(*) as n from open_items", "--format", "csv") == "n\n0\n"


@pytest.mark.usefixtures("billed")
class TestBilled:
    def test_status_counts_unrated_events(self, run: Run) -> None:
        assert "c01|2026-05: 1 unrated usage events; why: billflow leakage" in run("status")

    def test_status_names_one_that_is_held_and_its_own_reason(self, run: Run) -> None:
        assert "c01|2026-05: 2 held, hierarchy; account A: no such parent\n" in run("status")

    def test_query_knows_the_views_and_the_projects_levels(self, run: Run) -> None:
        sql = "select invoice_number, level, name from dunning_on(date '2026-06-05') order by 1 limit 1"
        assert run("query", sql, "--format", "csv").splitlines()[1] == "INV-2026-00000001,1,Hello"

    @pytest.mark.parametrize(
        ("options", "causes"),
        [((), 2), (("--cycle", "c01", "--month", "2026-05"), 2), (("--month", "2026-06"), 0), (("--cycle", "x"), 0)],
    )
    def test_leakage(self, run: Run, options: tuple[str, ...], causes: int) -> None:
        shown = run("leakage", *options)
        assert sum(cause in shown for cause in (NO_CHARGE, "outside_subscription")) == causes
        assert ("all usage" in shown) == (causes == 0)


def test_payments_of_the_newest_ingestion_pay(tmp_path: Path) -> None:
    """Through files, as `query` reads them."""
    storage, nothing = LocalStorage(str(tmp_path)), TableRun(path="nothing", rows=0)
    paid = {**payment("0.5"), "amount": Decimal("0.5"), "date": date(2026, 6, 1)}
    ingest = Ingest(
        fingerprint="f",
        run_id="r",
        raw={},
        accounts=nothing,
        subscriptions=nothing,
        usage={},
        quarantine={},
        report={},
        payments=some_bills.put(storage, "payments/run=r", "payments", [paid]),
    )
    storage.write("nothing/_SUCCESS", b"")
    found = connect(storage, Manifest(version=1, ingest=ingest)).sql("SELECT kind, open FROM open_items").fetchall()
    assert found == [("unallocated", Decimal("-0.5"))]


@pytest.mark.parametrize("page", ["billflow.yaml", "catalog"])
def test_schema(run: Run, tmp_path: Path, page: str) -> None:
    assert json.loads(run("schema", page)) == schema_of(page)  # type: ignore[arg-type]
    target = tmp_path / "schema.json"
    assert str(target) in run("schema", page, "-o", str(target))
    assert json.loads(target.read_text()) == schema_of(page)  # type: ignore[arg-type]


def test_the_schema_of_billflow_yaml_unless_said(run: Run) -> None:
    assert json.loads(run("schema"))["title"] == "billflow.yaml"
