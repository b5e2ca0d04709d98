"""Usage that comes after its month was confirmed, as users meet it: the next bill shows the difference, once."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billflow.orchestration.late_usage import HELD, NO_ACCOUNT, UNKNOWN
from billflow_tests.acceptance.runs import do, write

pytestmark = pytest.mark.slow

SETTINGS = """
project: late
lake: ./lake
currency: EUR
timezone: Europe/Berlin
seller: {name: Late Ltd}
cycles: {c01: {day: 1}}
first_month: 2026-05
quarantine_limit: "0.5"
sources:
  - name: office
    kind: files
    format: csv
    tables:
      customers:
        path: customers.csv
        columns: {account_id: id, name: id, country: "'DE'", parent_account_id: parent}
      subscriptions:
        path: subscriptions.csv
        columns: {subscription_id: sub, account_id: who, plan: plan, start_date: first, end_date: last}
      usage:
        path: usage/*.csv
        columns: {usage_id: id, subscription_id: sub, metric: metric, quantity: n, event_time: at, replaces: old}
      adjustments:
        path: adjustments.csv
        columns: {adjustment_id: id, account_id: who, date: day, amount: amount, description: "'Goodwill'"}
"""
PRICES = """
metrics: {units: {aggregate: sum}, calls: {aggregate: count}}
taxes: {std: {category: S, rate: "0.19"}}
plans:
  volume:
    charges:
      units: {name: Units, metric: units, model: volume, tax: std, section: Energy,
              tiers: [{up_to: 15, unit_price: "10"}, {unit_price: "5"}]}
      rent: {name: Rent, model: flat, amount: "100", per: month, tax: std, section: Rent}
  counted:
    charges: {units: {name: Units, metric: units, model: per_unit, unit_price: "1", tax: std}}
  gross:
    prices_include_tax: true
    charges:
      units: {name: Units, metric: units, model: per_unit, unit_price: "1", tax: std}
      rent: {name: Rent, model: flat, amount: "10", per: month, tax: std}
"""
CUSTOMERS = ["id,parent", "top,", "child,top", "left,", "same,", "with-tax,", "mended,"]
SUBSCRIPTIONS = [
    "sub,who,plan,first,last",
    "s-top,top,volume,2026-01-01,",
    "s-child,child,counted,2026-01-01,",
    "s-left,left,volume,2026-01-01,2026-06-01",
    "s-same,same,counted,2026-01-01,",
    "s-with-tax,with-tax,gross,2026-01-01,",
    "s-mended,mended,counted,2026-01-01,",
]
IN_TIME = [
    "id,sub,metric,n,at,old",
    "t1,s-top,units,15,2026-05-03T10:00:00,",
    "c1,s-child,units,4,2026-05-03T10:00:00,",
    "l1,s-left,units,15,2026-05-03T10:00:00,",
    "e1,s-same,units,7,2026-05-03T10:00:00,",
    "w1,s-with-tax,units,7,2026-05-03T10:00:00,",
    "t2,s-top,units,2,2026-06-03T10:00:00,",
    "m1,s-mended,units,9,2026-05-03T10:00:00,",
    "m2,s-mended,units,5,2026-05-03T10:00:00,m1",
    "m4,s-mended,units,8,2026-05-04T10:00:00,",
]
LATE = [
    "id,sub,metric,n,at,old",
    "t3,s-top,units,1,2026-05-31T23:59:59,",
    "l3,s-left,units,1,2026-05-04T10:00:00,",
    "new,s-new,units,1,2026-05-04T10:00:00,",
    "w2,s-with-tax,units,1,2026-05-31T10:00:00,",
    "odd,s-same,calls,1,2026-05-04T10:00:00,",
    "m3,s-mended,units,3,2026-05-03T10:00:00,m2",
    "m5,s-mended,units,6,2026-06-04T10:00:00,m4",
]
ADJUSTMENTS = ["id,who,day,amount"]
SHOWN = "line_no, account_id, charge, line_type, section, quantity::int as n, net::int as net, usage_count as events"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("late") / "project"
    write(folder / "billflow.yaml", [SETTINGS])
    write(folder / "catalog" / "prices.yaml", [PRICES])
    write(folder / "customers.csv", CUSTOMERS)
    write(folder / "subscriptions.csv", SUBSCRIPTIONS)
    write(folder / "usage" / "in_time.csv", IN_TIME)
    write(folder / "adjustments.csv", ADJUSTMENTS)
    return folder


def corrections(rows: Any, project: Path, month: str) -> list[tuple[Any, ...]]:
    sql = f"select {SHOWN} from invoice_lines where month = '{month}' and difference_of = '2026-05' and gross is null order by 2, 1"
    return [tuple(row.values()) for row in rows(project, sql)]


PRINTED = ("line_no", "section", "description", "charge", "line_type", "quantity", "unit_price", "net", "gross", "tax_rate", "usage_count", "difference_of")  # fmt: skip


def check_preview(billflow: Any, rows: Any, project: Path, account: str, month: str) -> None:
    """What `preview` says is the draft that the run has made."""
    asked = ["--account", account, "--cycle", "c01", "--month", month, "--format", "json"]
    result = billflow("--project", project, "preview", *asked)
    assert result.exit_code == 0, f"{result.output}{result.stderr}"
    made = json.loads(result.stdout, parse_float=Decimal, parse_int=Decimal)
    bill = f"where account_id = '{account}' and month = '{month}'"
    drafted = rows(project, f"select {', '.join(PRINTED)} from invoice_lines {bill} order by line_no")
    assert [typed(line, PRINTED) for line in made["lines"]] == [typed(line, PRINTED) for line in drafted]
    [invoice] = rows(project, f"select net, tax, total from invoices {bill}")
    assert {name: made[name] for name in invoice} == {name: Decimal(value) for name, value in invoice.items()}
    groups = ("tax_category", "tax_rate", "base", "tax", "reason")
    taxes = rows(project, f"select {', '.join(groups)} from invoice_taxes {bill} order by 1, 2")
    assert [typed(tax, groups) for tax in made["taxes"]] == [typed(tax, groups) for tax in taxes]


def typed(row: dict[str, Any], names: Sequence[str]) -> list[Any]:
    """Amounts without regard to how many zeros they end in."""
    values = [row[name] for name in names]
    return [Decimal(one) if re.fullmatch(r"-?[\d.]+", str(one)) else one for one in values]


def test_a_confirmed_month(project, billflow):
    do(billflow, project, "run", "2026-05")
    do(billflow, project, "confirm", "2026-05")


def test_the_next_bill_shows_the_difference(project, billflow, rows):
    """A reader who was not on the old bill's period finds its month in the section; catalogues of then price it."""
    write(project / "usage" / "late.csv", LATE)
    write(project / "adjustments.csv", [*ADJUSTMENTS, "a1,same,2026-05-20,-3", "a2,new,2026-05-20,-4"])
    write(project / "customers.csv", [*CUSTOMERS, "new,"])
    write(project / "subscriptions.csv", [*SUBSCRIPTIONS, "s-new,new,counted,2026-05-01,"])
    prices = project / "catalog" / "prices.yaml"
    prices.write_text(prices.read_text().replace('unit_price: "5"', 'unit_price: "6"'))
    do(billflow, project, "run", "2026-06")
    section = "Correction 2026-05 · Energy"
    assert corrections(rows, project, "2026-06") == [
        (1, "left", "units", "reversal", section, -15, -150, 0),
        (2, "left", "units", "volume", section, 16, 80, 2),
        (2, "mended", "units", "reversal", "Correction 2026-05 · counted", -13, -13, 0),
        (3, "mended", "units", "units", "Correction 2026-05 · counted", 3, 3, 1),
        (1, "same", "adjustment", "adjustment", "Correction 2026-05", 1, -3, 0),
        (3, "top", "units", "reversal", section, -15, -150, 0),
        (4, "top", "units", "volume", section, 16, 80, 2),
    ]


@pytest.mark.parametrize("account", ["left", "mended", "same", "top", "with-tax"])
def test_a_preview_shows_it_too(project, billflow, rows, account):
    check_preview(billflow, rows, project, account, "2026-06")


def explained(billflow: Any, rows: Any, project: Path, account: str, month: str) -> dict[int, dict[str, Any]]:
    """Line number → what `explain` says of it; all of the bill works out as published."""
    [invoice] = rows(project, f"select invoice_id from invoices where account_id = '{account}' and month = '{month}'")
    result = billflow("--project", project, "explain", invoice["invoice_id"], "--format", "json")
    assert result.exit_code == 0, f"{result.output}{result.stderr}"
    document = json.loads(result.stdout)
    assert document["agrees"]
    return {line["line_no"]: line for line in document["lines"]}


@pytest.mark.parametrize(
    ("account", "line_no", "records", "price"),
    [("left", 2, ["l1", "l3"], "5"), ("mended", 3, ["m3"], "1"), ("top", 4, ["t1", "t3"], "5"), ("with-tax", 3, ["w1", "w2"], "1")],
)  # fmt: skip
def test_a_difference_is_explained(project, billflow, rows, account, line_no, records, price):
    """By the usage that the month has now, at its own prices: June's catalogue asks for 6."""
    line = explained(billflow, rows, project, account, "2026-06")[line_no]
    assert [one["usage_id"] for one in line["usage"]["records"]] == records
    assert price in json.dumps(line["price"]["charge"])
    assert "of 2026-05, for usage that came late" in line["steps"][0]["text"]
    assert line["steps"][1:]


def test_a_late_adjustment_is_explained(project, billflow, rows):
    [line] = explained(billflow, rows, project, "same", "2026-06").values()
    assert [step["text"] for step in line["steps"]][1] == "adjustment a1 of 2026-05-20: Goodwill"


def test_what_differences_follow_from_is_published(project, rows):
    """Of the accounts that have a difference, and of their bill: its children have usage on it, too."""
    sql = "select usage_id, difference_of, month from late_usage order by 1"
    kept = ("c1", "e1", "l1", "l3", "m3", "odd", "t1", "t3", "w1", "w2")
    found = [tuple(row.values()) for row in rows(project, sql)]
    assert found == [(usage, "2026-05", "2026-06") for usage in kept]
    assert rows(project, "select adjustment_id, month from late_adjustments") == [{"adjustment_id": "a1", "month": "2026-06"}]  # fmt: skip


def test_it_is_part_of_the_invoice(project, rows):
    sql = "select account_id, kind, net::int as net, tax, total from invoices where month = '2026-06' and account_id <> 'with-tax' order by 1"
    found = [tuple(row.values()) for row in rows(project, sql)]
    assert found == [
        ("left", "credit_note", -70, "-13.3000", "-83.3000"),
        ("mended", "credit_note", -4, "-0.7600", "-4.7600"),
        ("same", "credit_note", -3, "0.0000", "-3.0000"),
        ("top", "invoice", 50, "9.5000", "59.5000"),
    ]


def test_a_record_that_another_one_replaces_is_not_billed(project, rows):
    """May's first bill has the correction that came in time, its second what came since; one moved to another month."""
    sql = "select month, quantity::int as n from invoice_lines where account_id = 'mended' and difference_of is null"
    assert [tuple(row.values()) for row in rows(project, f"{sql} order by 1")] == [("2026-05", 13), ("2026-06", 6)]
    found = rows(project, "select usage_id, replaces from usage where subscription_id = 's-mended' order by 1")
    of_may, of_june = [("m2", "m1"), ("m4", None)], [("m5", "m4")]  # May's is what was confirmed
    assert [tuple(row.values()) for row in found] == of_may + of_june


def test_prices_that_include_tax(project, rows):
    """The tax that was in the line billed before comes back with it; the rent of the same group has not changed."""
    sql = "select charge, gross, net, difference_of from invoice_lines where month = '2026-06' and gross is not null"
    found = [tuple(row.values()) for row in rows(project, f"{sql} order by line_no")]
    assert found == [
        ("rent", "10.0000", "8.4000", None),
        ("units", "-7.0000", "-5.8800", "2026-05"),
        ("units", "8.0000", "6.7200", "2026-05"),
    ]
    sql = "select net, tax, total from invoices where month = '2026-06' and account_id = 'with-tax'"
    assert [tuple(row.values()) for row in rows(project, sql)] == [("9.2400", "1.7600", "11.0000")]


def test_what_no_bill_can_show_is_in_quarantine(project, rows):
    found = rows(project, "select key, rules, reason, row, month from quarantine order by key")
    told = [(row["key"], row["month"], row["reason"]) for row in found]
    assert told == [
        ("a2", "2026-06", f"2026-05 is confirmed: {NO_ACCOUNT}"),
        (
            "new",
            "2026-06",
            f"2026-05 is confirmed: {UNKNOWN} units",
        ),
        (
            "odd",
            "2026-06",
            "2026-05 is confirmed: it came late, and no charge of the plan in force counts metric calls",
        ),
    ]
    assert json.loads(found[0]["row"])["amount"] == -4
    assert all("unrated" in row["rules"] and json.loads(row["row"])["usage_id"] == row["key"] for row in found[1:])


def test_run_twice_is_run_once(project, billflow, rows):
    tables = ("invoices", "invoice_lines", "invoice_taxes", "held")
    before = {table: rows(project, f"select * from {table} order by all") for table in tables}
    do(billflow, project, "run", "2026-06")
    assert {table: rows(project, f"select * from {table} order by all") for table in tables} == before


def test_once_it_is_confirmed_it_is_billed(project, billflow, rows):
    """July's run begins with other sources again, so that May is looked at once more."""
    do(billflow, project, "confirm", "2026-06")
    write(project / "usage" / "july.csv", [IN_TIME[0], "t4,s-top,units,1,2026-07-03T10:00:00,"])
    do(billflow, project, "run", "2026-07")
    assert corrections(rows, project, "2026-07") == []
    check_preview(billflow, rows, project, "top", "2026-07")
    assert rows(project, "select month from invoice_lines where difference_of is not null group by 1") == [
        {"month": "2026-06"}
    ]
    assert rows(project, "select key, month from quarantine order by key") == [
        {"key": "a2", "month": "2026-06"},
        {"key": "new", "month": "2026-06"},
        {"key": "odd", "month": "2026-06"},
    ]


def test_two_confirmed_months_at_once(project, billflow, rows):
    """May changes once more, and June: July, run again, shows both."""
    write(
        project / "usage" / "later.csv",
        [LATE[0], "t5,s-top,units,4,2026-05-31T23:59:59,", "t6,s-top,units,1,2026-06-30T10:00:00,"],
    )
    do(billflow, project, "run", "2026-07")
    sql = f"select difference_of, {SHOWN} from invoice_lines where month = '2026-07' and account_id = 'top' order by 2"
    assert [tuple(row.values()) for row in rows(project, sql)][2:] == [
        ("2026-05", 3, "top", "units", "reversal", "Correction 2026-05 · Energy", -16, -80, 0),
        ("2026-05", 4, "top", "units", "volume", "Correction 2026-05 · Energy", 20, 100, 3),
        ("2026-06", 5, "top", "units", "reversal", "Correction 2026-06 · Energy", -2, -20, 0),
        ("2026-06", 6, "top", "units", "volume", "Correction 2026-06 · Energy", 3, 30, 2),
    ]
    check_preview(billflow, rows, project, "top", "2026-07")
    lines = explained(billflow, rows, project, "top", "2026-07")
    records = [[one["usage_id"] for one in lines[number]["usage"]["records"]] for number in (4, 6)]
    assert records == [["t1", "t3", "t5"], ["t2", "t6"]]
    do(billflow, project, "confirm", "2026-07")
    assert billflow("--project", project, "verify").exit_code == 0
    asked = ["--account", "top", "--cycle", "c01", "--month", "2026-06", "--format", "json"]
    june = json.loads(billflow("--project", project, "preview", *asked).stdout)
    assert {line["difference_of"] for line in june["lines"]} == {None}  # what comes now goes on a later bill


def test_a_subscription_that_was_another_accounts_all_along(project, billflow, rows):
    """Its usage comes back where it was billed; nobody can bill it to who has it now, so it is in quarantine.

    And who is on another's bill by now still has what came late for a bill of its own on one of its own.
    """
    write(project / "customers.csv", [*[row.replace("left,", "left,top") for row in CUSTOMERS], "new,"])
    write(project / "usage" / "left.csv", [LATE[0], "l5,s-left,units,1,2026-05-05T10:00:00,"])
    moved = [row.replace("s-mended,mended", "s-mended,same") for row in SUBSCRIPTIONS]
    write(project / "subscriptions.csv", [*moved, "s-new,new,counted,2026-05-01,"])
    do(billflow, project, "run", "2026-08")
    sql = (
        f"select difference_of, {SHOWN} from invoice_lines where month = '2026-08' and account_id = 'mended' order by 2"
    )
    assert [(one["difference_of"], one["line_type"], one["net"]) for one in rows(project, sql)] == [
        ("2026-05", "reversal", -3),
        ("2026-06", "reversal", -6),
    ]
    told = rows(project, "select key, reason from quarantine where month = '2026-08' order by key")
    assert [(one["key"], one["reason"][:7]) for one in told] == [("m3", "2026-05"), ("m5", "2026-06")]
    check_preview(billflow, rows, project, "mended", "2026-08")
    [own] = rows(project, "select net::int as net from invoices where month = '2026-08' and account_id = 'left'")
    assert own == {"net": 5}
    asked = ["--account", "left", "--cycle", "c01", "--month", "2026-08"]
    shown = billflow("--project", project, "preview", *asked)
    assert "What came late for 2026-05 of account left goes on a bill of its own." in shown.output
    check_preview(billflow, rows, project, "top", "2026-08")


def test_what_comes_late_for_an_account_that_was_held_is_in_quarantine(tmp_path, billflow, rows):
    """It has no bill of the month, and so nothing that could be corrected."""
    project = tmp_path / "project"
    write(project / "billflow.yaml", [SETTINGS.replace("country: \"'DE'\"", "country: \"'DE'\", currency: money")])
    write(project / "catalog" / "prices.yaml", [PRICES])
    write(project / "customers.csv", ["id,parent,money", "held,,USD", "same,,EUR"])
    write(project / "subscriptions.csv", [SUBSCRIPTIONS[0], "s-held,held,counted,2026-01-01,", SUBSCRIPTIONS[4]])
    in_time = [IN_TIME[0], "h1,s-held,units,7,2026-05-03T10:00:00,", IN_TIME[4]]
    write(project / "usage" / "in_time.csv", in_time)
    write(project / "adjustments.csv", [*ADJUSTMENTS, "a1,held,2026-05-02,-1"])
    month = ("--cycle", "c01", "--month")
    assert billflow("--project", project, "run", *month, "2026-05").exit_code == 3
    assert billflow("--project", project, "confirm", *month, "2026-05").exit_code in (0, 3)
    assert rows(project, "select account_id from held") == [{"account_id": "held"}]

    write(project / "customers.csv", ["id,parent,money", "held,,EUR", "same,,EUR"])
    write(project / "usage" / "late.csv", [LATE[0], "h2,s-held,units,2,2026-05-04T10:00:00,"])
    write(project / "adjustments.csv", [*ADJUSTMENTS, "a1,held,2026-05-02,-1", "a2,held,2026-05-02,-5"])
    told = [
        ("a2", "2026-06", f"2026-05 is confirmed: {HELD}"),
        ("h2", "2026-06", f"2026-05 is confirmed: {HELD}; it counts units"),
    ]
    for _ in range(2):
        do(billflow, project, "run", "2026-06")
        found = rows(project, "select key, month, reason from quarantine where month = '2026-06' order by key")
        assert [tuple(row.values()) for row in found] == told
    assert corrections(rows, project, "2026-06") == []
    leaks = rows(project, "select month, quantity::int as n from leakage where cause <> 'refused' order by 1")
    assert [(leak["month"], leak["n"]) for leak in leaks] == [("2026-05", 7), ("2026-06", 2)]
