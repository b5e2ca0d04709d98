"""A base with every model and option, from its files to published bills: each line is the reference's."""

import json
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from billflow_tests.billing.random_worlds import random_world
from billflow_tests.billing.reference_agreement_test import expected_lines
from billflow_tests.billing.worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]

ACCOUNT = (
    "account_id",
    "name",
    "currency",
    "timezone",
    "country",
    "postcode",
    "segment",
    "tax_id",
    "parent_account_id",
)
COLUMNS = {
    "customers": ACCOUNT,
    "subscriptions": ("subscription_id", "account_id", "plan", "start_date", "end_date", "quantity", "discounts"),
    "usage": ("usage_id", "subscription_id", "metric", "quantity", "event_time", "dimensions"),
    "adjustments": ("adjustment_id", "account_id", "date", "amount", "description", "tax"),
}


def write(world: World, folder: Path) -> None:
    """The world as a project: JSON files, a catalogue and billflow.yaml."""
    folder.joinpath("catalog").mkdir(parents=True)
    # JSON is YAML, and keeps the order of charges.
    (folder / "catalog" / "all.yaml").write_text(json.dumps(world.written))
    tables = {}
    for table, rows in _rows(world).items():
        lines = [
            json.dumps({name: row[name] for name in COLUMNS[table] if row.get(name) is not None}, default=str)
            for row in rows
        ]
        (folder / f"{table}.json").write_text("\n".join(lines))
        columns = {name: name for name in COLUMNS[table]}
        if table == "usage":
            columns |= {"quantity": "cast(quantity as decimal(38,12))"}
        tables[table] = {"path": f"{table}.json", "columns": columns}
    settings = {
        "project": "every-model",
        "currency": world.currency,
        "timezone": "Europe/Berlin",
        "seller": {"name": "Every Model Ltd", "country": "DE"},
        "cycles": {"c": {"day": world.cycle.day}},
        "quarantine_limit": "0.9",
        "sources": [{"name": "all", "kind": "files", "format": "json", "tables": tables}],
    }
    (folder / "billflow.yaml").write_text(json.dumps(settings))


def _rows(world: World) -> dict[str, list[dict[str, Any]]]:
    customers = [
        {"name": f"Customer {row['account_id']}", **row, "parent_account_id": row.get("invoiced_account_id")}
        for row in world.accounts
    ]
    usage = [{**row, "event_time": row["event_time"].isoformat()} for row in world.events]
    return {
        "customers": customers,
        "subscriptions": world.subscriptions,
        "usage": usage,
        "adjustments": world.adjustments,
    }


@pytest.fixture(scope="module")
def world() -> World:
    return random_world(1)


@pytest.fixture(scope="module")
def project(world, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("every") / "project"
    write(world, folder)
    return folder


def test_every_bill_is_the_references(world, project, billflow, rows):
    result = billflow("--project", project, "run", "--cycle", "c", "--month", world.month)
    assert result.exit_code == 0, result.output
    lines = rows(
        project,
        "select account_id, charge, net::varchar as net, tax_category from invoice_lines order by account_id, line_no",
    )
    expected = []
    for top in sorted(world.accounts, key=lambda row: row["account_id"]):
        if top.get("invoiced_account_id", top["account_id"]) == top["account_id"]:
            expected += [
                {
                    "account_id": top["account_id"],
                    "charge": line.charge,
                    "net": f"{line.net:.4f}",
                    "tax_category": line.tax_category,
                }
                for line in expected_lines(world, top)
            ]
    assert lines == expected


def test_usage_that_nothing_prices_is_in_quarantine_with_its_cause(project, rows):
    found = rows(
        project, "select reason, count(*) as n from quarantine where list_contains(rules, 'unrated') group by 1"
    )
    assert sum(row["n"] for row in found) > 10
    assert {row["reason"].split(" metric")[0] for row in found} >= {
        "no charge of the plan in force counts",
        "no charge of the plan in force is for such usage, of",
    }


def test_a_bill_of_a_family_and_tax_reasons(project, rows):
    children = rows(
        project,
        "select distinct account_id, service_account_id, section from invoice_lines where account_id != service_account_id",
    )
    assert all(row["section"].startswith(f"Customer {row['service_account_id']}") for row in children)
    assert len({row["account_id"] for row in children}) > 3
    reasons = rows(
        project,
        "select distinct tax_category, reason from invoice_taxes where tax_category in ('E', 'AE', 'S') order by 1",
    )
    assert reasons == [
        {"tax_category": "AE", "reason": "Reverse charge"},
        {"tax_category": "E", "reason": "exempt by law"},
        {"tax_category": "S", "reason": None},
    ]


def test_a_bill_of_a_family_shows_the_usage_of_children(project, billflow, rows, tmp_path):
    served = rows(
        project,
        "select invoice_id, subscription_id from invoice_lines "
        "where account_id != service_account_id and usage_count > 0 order by all limit 1",
    )[0]
    assert billflow("--project", project, "pdf", served["invoice_id"], "-o", tmp_path / "bill.pdf").exit_code == 0
    text = " ".join(page.extract_text() for page in PdfReader(tmp_path / "bill.pdf").pages)
    assert f"· {served['subscription_id']}" in text
