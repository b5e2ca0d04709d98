"""Days that are billed in advance, by runs: what comes back of them goes on from bills that are final."""

from pathlib import Path
from typing import Any

import pytest

from billflow_tests.acceptance.runs import do, write

pytestmark = pytest.mark.slow

SETTINGS = """
project: advance
lake: ./lake
currency: EUR
timezone: Europe/Vienna
seller: {name: Seller}
cycles: {c01: {day: 1}}
first_month: 2025-12
sources:
  - name: one
    kind: files
    format: csv
    tables:
      customers: {path: customers.csv, columns: {account_id: id, name: id}}
      subscriptions: {path: subscriptions.csv, columns: {subscription_id: id, account_id: id, plan: "'home'", start_date: since, end_date: until}}
"""
CATALOG = """
taxes: {std: {category: S, rate: "0.2"}}
plans: {home: {charges: {rent: {model: flat, amount: 31, when: advance, tax: std}}}}
"""
DECEMBER, JANUARY = "2025-12", "2026-01"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path / "billflow.yaml", [SETTINGS])
    write(tmp_path / "catalog/prices.yaml", [CATALOG])
    write(tmp_path / "customers.csv", ["id", "goes", "stays"])
    ends(tmp_path, "")
    return tmp_path


def ends(project: Path, day: str) -> None:
    """The first day on which the account `goes` is not served any more."""
    write(project / "subscriptions.csv", ["id,since,until", f"goes,2025-06-01,{day}", "stays,2025-06-01,"])


def refused(billflow: Any, project: Path, month: str) -> str:
    result = billflow("--project", project, "confirm", "--cycle", "c01", "--month", month)
    assert result.exit_code == 2
    return str(result.exception)


def test_what_comes_back_goes_on_from_bills_that_are_final(project, billflow, rows):
    def billed(account: str) -> list[tuple[str, ...]]:
        columns = "month, period_start, period_end, net::decimal(18,2)::varchar as net"
        found = rows(project, f"select {columns} from invoice_lines where account_id = '{account}' order by all")
        return [tuple(map(str, line.values())) for line in found]

    do(billflow, project, "run", DECEMBER)
    ends(project, "2026-01-15")
    do(billflow, project, "run", JANUARY)
    assert billed("goes") == [
        (DECEMBER, "2026-01-01", "2026-02-01", "31.00"),
        (JANUARY, "2026-01-15", "2026-02-01", "-17.00"),
    ]
    message = refused(billflow, project, JANUARY)
    assert "c01|2025-12, whose days in advance its bills go on from, is a draft" in message
    assert "`billflow confirm --cycle c01 --month 2025-12` first" in message

    do(billflow, project, "run", DECEMBER)  # now with the end
    do(billflow, project, "confirm", DECEMBER)
    message = refused(billflow, project, JANUARY)
    assert "c01|2025-12, whose days in advance it goes on from, was billed since" in message
    assert "`billflow run --cycle c01 --month 2026-01`, then confirm" in message

    do(billflow, project, "run", JANUARY)
    do(billflow, project, "confirm", JANUARY)
    assert billed("goes") == [(DECEMBER, "2026-01-01", "2026-01-15", "14.00")]
    assert billed("stays") == [
        (DECEMBER, "2026-01-01", "2026-02-01", "31.00"),
        (JANUARY, "2026-02-01", "2026-03-01", "31.00"),
    ]
    assert billflow("--project", project, "verify").exit_code == 0
