"""An account that changes its billing cycle: no day is billed twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from billflow_tests.acceptance.runs import do, write

pytestmark = pytest.mark.slow

SETTINGS = """
project: cycles
lake: ./lake
currency: EUR
timezone: UTC
seller: {name: Cycles Ltd}
cycles: {c01: {day: 1}, c15: {day: 15}}
first_month: 2026-05
sources:
  - name: office
    kind: files
    format: csv
    tables:
      customers: {path: customers.csv, columns: {account_id: id, name: id, country: "'DE'", cycle: cycle}}
      subscriptions: {path: subscriptions.csv, columns: {subscription_id: sub, account_id: id, plan: "'plain'", start_date: "'2026-01-01'"}}
      usage: {path: usage.csv, columns: {usage_id: id, subscription_id: sub, metric: "'units'", quantity: n, event_time: at}}
"""
PRICES = """
metrics: {units: {aggregate: sum}}
taxes: {std: {category: S, rate: "0.19"}}
plans:
  plain: {charges: {units: {name: Units, metric: units, model: per_unit, unit_price: "1", tax: std}}}
"""


def delivered(folder: Path, *, moved: str) -> None:
    write(folder / "customers.csv", ["id,cycle", f"moves,{moved}", "stays,c15"])


def test_days_that_another_cycle_has_billed_are_not_billed_again(tmp_path: Path, billflow: Any, rows: Any) -> None:
    write(tmp_path / "billflow.yaml", [SETTINGS])
    write(tmp_path / "catalog" / "prices.yaml", [PRICES])
    write(tmp_path / "subscriptions.csv", ["sub,id", "s-moves,moves", "s-stays,stays"])
    events = [
        "u1,s-moves,3,2026-05-20T10:00:00",
        "u2,s-moves,4,2026-06-20T10:00:00",
        "u3,s-stays,5,2026-05-20T10:00:00",
    ]
    write(tmp_path / "usage.csv", ["id,sub,n,at", *events])
    delivered(tmp_path, moved="c01")
    do(billflow, tmp_path, "run", "2026-05")
    do(billflow, tmp_path, "confirm", "2026-05")

    delivered(tmp_path, moved="c15")
    months = ["--month", "2026-05", "--month", "2026-06"]
    assert billflow("--project", tmp_path, "run", "--cycle", "c15", *months).exit_code == 3
    held = rows(tmp_path, "select account_id, rule, reason from held where cycle = 'c15' and month = '2026-05'")
    assert [(one["account_id"], one["rule"]) for one in held] == [("moves", "cycle_changed")]
    assert "cycle c01 for 2026-05 is final" in held[0]["reason"]
    assert "before 2026-06-01" in held[0]["reason"]
    billed = rows(tmp_path, "select cycle, month, account_id, sum(quantity)::int as n from invoice_lines group by all")
    assert {tuple(one.values()) for one in billed} == {
        ("c01", "2026-05", "moves", 3),
        ("c15", "2026-05", "stays", 5),
        ("c15", "2026-06", "moves", 4),
    }

    asked = ["--account", "moves", "--cycle", "c15", "--month", "2026-05"]
    previewed = billflow("--project", tmp_path, "preview", *asked)
    assert (previewed.exit_code, "cycle c01 for 2026-05 is final" in previewed.output) == (3, True)
    other = tmp_path / "other"
    write(other / "prices.yaml", [PRICES.replace('"1"', '"2"')])
    draft = ["--cycle", "c15", "--month", "2026-05", "--catalog", other]
    compared = billflow("--project", tmp_path, "compare", *draft, "--format", "json")
    assert compared.exit_code == 0, compared.output
    found = json.loads(compared.stdout)
    assert found["holds"] == []
    assert [(one["account_id"], one["change"]) for one in found["by_customer"]] == [("stays", "up")]
