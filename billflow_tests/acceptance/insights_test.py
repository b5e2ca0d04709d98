"""`preview` and `explain` on one small project: a family, an adjustment, charges in advance, discounts on the bill,
an account that is held, one without lines, one in two systems, and usage that nothing prices.
"""

import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billflow.lake.manifest import read_manifest
from billflow_tests.acceptance.runs import COMMAND, lake

pytestmark = pytest.mark.slow

FILES = {
    "billflow.yaml": """
project: insights
lake: ./lake
currency: EUR
timezone: Europe/Berlin
seller: {name: Seller}
cycles: {c01: {day: 1}, c15: {day: 15}}
first_month: 2026-05
sources:
  - name: one
    kind: files
    format: csv
    tables: &tables
      customers: {path: customers.csv, columns: {account_id: id, name: id, cycle: cycle, parent_account_id: parent, currency: currency, country: "'DE'"}}
      subscriptions: {path: subscriptions.csv, columns: {subscription_id: id, account_id: who, plan: plan, start_date: "cast(start as date)", discounts: "split(off, ';')"}}
      usage: {path: usage.csv, columns: {usage_id: id, subscription_id: sub, metric: metric, quantity: "cast(n as decimal(38,12))", event_time: "cast(at as timestamp_ntz)"}}
      adjustments: {path: adjustments.csv, columns: {adjustment_id: id, account_id: who, date: day, amount: sum, description: why, tax: tax}}
  - name: two
    system: other
    kind: files
    format: csv
    tables:
      customers: {path: others.csv, columns: {account_id: id, name: id, cycle: "'c01'", country: "'DE'"}}
      subscriptions: {path: nothing.csv, columns: {subscription_id: id, account_id: who, plan: plan, start_date: "cast(start as date)"}}
""",
    "catalog/prices.yaml": """
metrics: {kwh: {aggregate: sum, unit: kWh}, water: {aggregate: sum}}
taxes: {std: {category: S, rate: "0.19"}, low: {category: S, rate: "0.07"}}
plans:
  home:
    charges:
      rent: {model: flat, amount: "10.00", when: advance, tax: std}
      energy: {model: graduated, metric: kwh, tiers: [{up_to: 10, unit_price: "0.30"}, {unit_price: "0.20", flat_fee: "1"}], tax: low}
  yen: {currency: JPY, charges: {rent: {model: flat, amount: 5, tax: std}}}
discounts: {tenth: {percent: 10, applies_to: invoice}}
""",
    "dearer/prices.yaml": """
metrics: {kwh: {aggregate: sum, unit: kWh}}
taxes: {std: {category: S, rate: "0.19"}}
plans:
  home: {charges: {energy: {model: per_unit, metric: kwh, unit_price: "2", tax: std}}}
  yen: {currency: JPY, charges: {rent: {model: flat, amount: 5, tax: std}}}
discounts: {tenth: {percent: 10, applies_to: invoice}}
""",
    "poorer/prices.yaml": """
plans: {yen: {charges: {rent: {model: flat, amount: 5, tax: none}}}}
""",
    "customers.csv": "id,cycle,parent,currency\ntop,c01,,\nchild,,top,\nalone,c01,,\nyen,c01,,\nidle,c01,,\ntwin,c01,,\nlater,c15,,\n",
    "others.csv": "id\ntwin\n",
    "nothing.csv": "id,who,plan,start\n",
    "subscriptions.csv": "id,who,plan,start,off\ns1,top,home,2026-05-11,\ns2,child,home,2020-01-01,\ns3,alone,home,2020-01-01,tenth\ns4,yen,yen,2020-01-01,\ns5,twin,home,2020-01-01,\n",
    "usage.csv": "id,sub,metric,n,at\n"
    + "".join(f"u{n},s2,kwh,{n},2026-05-{n:02d} 08:00\n" for n in range(1, 26))
    + "w1,s3,water,7,2026-05-03 08:00\nk1,s3,kwh,3,2026-05-03 08:00\nk2,s3,kwh,4,2030-01-03 08:00\n",
    "adjustments.csv": "id,who,day,sum,why,tax\na1,top,2026-05-20,-2.5,Goodwill,std\n",
}  # fmt: skip
MONTH = ("--cycle", "c01", "--month", "2026-05")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("insights") / "project"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content.replace("&tables", ""))
    return folder


def shown(result: Any) -> dict[str, Any]:
    return json.loads(result.stdout, parse_float=Decimal)


def test_before_the_first_run(project, billflow):
    result = billflow("--project", project, "preview", "--account", "top", *MONTH)
    assert result.exit_code == 2
    assert "bill a month first" in str(result.exception)
    assert not (project / "lake").exists()


def test_a_run(project, billflow):
    assert billflow("--project", project, "run", *MONTH).exit_code == 3


COMPARED = ("section", "description", "service_account_id", "charge", "period_start", "period_end", "quantity", "unit_price", "net", "tax_rate", "usage_count", "line_no")  # fmt: skip


@pytest.mark.parametrize(("account", "unrated"), [("alone", [("water", 1, 7)]), ("twin", []), ("top", [])])
def test_a_preview_is_the_draft(project, billflow, rows, account, unrated):
    before = read_manifest(lake(project)), sorted(project.rglob("*"))
    system = ["--system", "default"] if account == "twin" else []
    asked = "child" if account == "top" else account  # a child's preview is the bill of who is invoiced
    made = shown(billflow("--project", project, "preview", "--account", asked, *MONTH, *system, "--format", "json"))
    invoice = rows(project, f"select * from invoices where account_id = '{account}'")[0]
    lines = rows(project, f"select * from invoice_lines where account_id = '{account}' order by line_no")
    assert made["account_id"] == account
    assert [_plain(line) for line in made["lines"]] == [_plain(line) for line in lines]
    assert [made[name] for name in ("net", "tax", "total")] == [
        Decimal(invoice[name]) for name in ("net", "tax", "total")
    ]
    taxes = rows(project, f"select * from invoice_taxes where account_id = '{account}' order by tax_category, tax_rate")
    assert [(one["base"], one["tax"]) for one in made["taxes"]] == [
        (Decimal(one["base"]), Decimal(one["tax"])) for one in taxes
    ]
    assert [(one["metric"], one["events"], one["quantity"]) for one in made["unrated"]] == unrated
    assert (read_manifest(lake(project)), sorted(project.rglob("*"))) == before


def _plain(line: dict[str, Any]) -> list[Any]:
    values = [line[name] for name in COMPARED]
    return [
        Decimal(value) if name in ("quantity", "unit_price", "net", "tax_rate") else value
        for name, value in zip(COMPARED, values, strict=True)
    ]


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (["--account", "nobody", *MONTH], 2, "there is no account 'nobody'"),
        (["--account", "twin", *MONTH], 2, "is in 2 systems: default, other"),
        (["--account", "top", "--cycle", "c99", "--month", "2026-05"], 2, "no cycle 'c99'"),
        (["--account", "top", "--cycle", "c01", "--month", "May"], 2, "is not a month"),
        (["--account", "later", *MONTH], 2, "is billed in cycle c15"),
        (["--account", "top", *MONTH, "--catalog", "poorer"], 2, "the catalogue has no plan 'home'"),
        (["--account", "yen", *MONTH], 3, "the account is in EUR but its plan yen is in JPY"),
        (["--account", "idle", *MONTH], 0, "nothing is due"),
        (["--account", "alone", "--cycle", "c01", "--month", "2030-01", "--catalog", "dearer"], 0, "total 8.57 EUR"),
    ],
)
def test_preview(project, billflow, monkeypatch, more, code, text):
    monkeypatch.chdir(project)
    result = billflow("preview", *more)
    assert result.exit_code == code, result.output
    assert text in result.output + str(result.exception)


def test_preview_in_a_process_of_its_own(project):
    done = subprocess.run([*COMMAND, "--project", str(project), "preview", "--account", "child", *MONTH], capture_output=True, text=True, check=True)  # fmt: skip
    assert "Account child gets no bill of its own" in done.stdout
    assert "total 100.57 EUR" in done.stdout, done.stderr


def test_every_invoice_is_explained(project, billflow, rows):
    for invoice in rows(project, "select invoice_id from invoices"):
        result = billflow("--project", project, "explain", invoice["invoice_id"])
        assert result.exit_code == 0, result.output
        assert "works out as published" in result.output


def test_a_line_with_its_usage(project, billflow, rows):
    found = rows(
        project,
        "select invoice_id, line_no from invoice_lines where account_id = 'top' and charge = 'energy' order by line_no",
    )
    line = found[-2]
    arguments = ("--project", project, "explain", line["invoice_id"], "--line", line["line_no"])
    one = shown(billflow(*arguments, "--format", "json"))["lines"][0]
    assert [(step["step"], step["value"]) for step in one["steps"]] == [("sum", 325), ("tier", 315), ("amount", 63)]
    assert (one["usage"]["count"], one["usage"]["quantity"], one["usage"]["more"]) == (25, 325, 5)
    assert one["usage"]["records"][0] == {"usage_id": "u1", "subscription_id": "s2", "event_time": "2026-05-01T06:00:00+00:00", "local_time": "2026-05-01T08:00:00+02:00", "quantity": 1, "dimensions": {}, "calendars": {}}  # fmt: skip
    text = billflow(*arguments).output
    assert "in the tier above 10 = 315" in text
    assert "… and 5 more" in text
    assert "u25" in billflow(*arguments, "--all").output


@pytest.mark.parametrize(
    ("arguments", "text"), [(["nonsense"], "there is no invoice 'nonsense'"), ([None, "--line", 99], "has no line 99")]
)
def test_what_cannot_be_explained(project, billflow, rows, arguments, text):
    invoice = rows(project, "select invoice_id from invoices limit 1")[0]["invoice_id"]
    result = billflow("--project", project, "explain", *[invoice if one is None else one for one in arguments])
    assert result.exit_code == 2
    assert text in str(result.exception)


def test_a_line_that_was_changed_is_told_loudly(project, billflow, rows):
    """The files of the lines are written anew with another amount: what the lake says is not what prices give."""
    import duckdb

    storage = lake(project)
    invoice = rows(project, "select invoice_id from invoices where account_id = 'alone'")[0]["invoice_id"]
    (run,) = read_manifest(storage).partitions["c01|2026-05"].tables["invoice_lines"]
    for name in storage.list(run.path):
        if name.endswith(".parquet"):
            file = storage.file(f"{run.path}/{name}")
            changed = f"select * replace (net + 1 as net) from '{file}'"
            duckdb.execute(f"copy ({changed}) to '{file}.new' (format parquet)")
            Path(f"{file}.new").replace(file)
    result = billflow("--project", project, "explain", invoice)
    assert result.exit_code == 1
    assert "is not what its prices and usage give" in result.stderr
    assert "net is" in result.stderr
