"""Sources that tell what has changed, as users meet them: meters' readings, feeds of changes, other columns."""

from pathlib import Path
from typing import Any

import pytest

from billflow.lake.manifest import read_manifest
from billflow.settings import load_settings
from billflow.sources.deliveries import file_deliveries
from billflow_tests.acceptance.runs import do, lake, write

pytestmark = pytest.mark.slow

SETTINGS = """
project: readings
lake: ./lake
currency: EUR
timezone: Europe/Berlin
seller: {name: Meters Ltd}
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
        changes: {order: seq, deleted: op = 'd'}
        columns: {account_id: id, name: id}
      subscriptions:
        path: customers.csv
        changes: {order: seq, deleted: op = 'd', key: id}
        columns: {subscription_id: id, account_id: id, plan: "'power'", start_date: "if(op = 'd', null, '2026-01-01')"}
  - name: meters
    kind: files
    format: csv
    tables:
      usage:
        - path: readings/*.csv
          register: {meter: meter, rollover: "100000", estimated: kind = 'E'}
          columns: {usage_id: id, subscription_id: sub, metric: "'kwh'", quantity: shown, event_time: at, replaces: old}
        - path: used.csv
          columns: {usage_id: id, subscription_id: sub, metric: "'kwh'", quantity: n, event_time: at}
        - path: feed/*.csv
          changes: {order: changed_at, deleted: op = 'd'}
          columns: {usage_id: id, subscription_id: sub, metric: "'kwh'", quantity: n, event_time: at}
"""
PRICES = """
metrics: {kwh: {aggregate: sum}}
plans: {power: {charges: {kwh: {name: Energy, metric: kwh, model: per_unit, unit_price: "1", tax: none}}}}
"""
ACCOUNTS = ("estimated", "over", "exchanged", "mistaken", "late", "back", "fed", "leaves")
CUSTOMERS = ["id,seq,op", *(f"{name},1,c" for name in ACCOUNTS)]
HEAD = "id,sub,meter,at,shown,kind,old"
MAY = [
    HEAD,
    "e1,estimated,m1,2026-05-01T08:00:00,100,,",
    "e2,estimated,m1,2026-05-31T08:00:00,150,E,",
    "o1,over,m2,2026-05-01T08:00:00,99990,,",
    "o2,over,m2,2026-05-31T08:00:00,20,,",
    "x1,exchanged,old,2026-05-01T08:00:00,500,,",
    "x2,exchanged,old,2026-05-10T08:00:00,520,,",
    "x3,exchanged,new,2026-05-10T08:00:00,0,,",
    "x4,exchanged,new,2026-05-31T08:00:00,7,,",
    "m1,mistaken,m4,2026-05-01T08:00:00,10,,",
    "m2,mistaken,m4,2026-05-31T08:00:00,90,,",
    "l2,late,m5,2026-05-10T08:00:00,50,,",
    "l3,late,m5,2026-05-31T08:00:00,60,,",
    "b1,back,m6,2026-05-01T08:00:00,60,,",
    "b2,back,m6,2026-05-31T08:00:00,50,,",
]
JUNE = [
    HEAD,
    "e4,estimated,m1,2026-06-30T08:00:00,140,,",
    "e3,estimated,m1,2026-06-05T08:00:00,120,,",
    "o3,over,m2,2026-06-30T08:00:00,30,,",
    "x5,exchanged,new,2026-06-30T08:00:00,10,,",
    "m3,mistaken,m4,2026-05-31T08:00:00,30,,m2",
    "m5,mistaken,m4,2026-06-30T08:00:00,35,,",
    "l1,late,m5,2026-05-03T08:00:00,45,,",
    "l3,late,m5,2026-05-31T08:00:00,60,,",
    "b3,back,m6,2026-06-30T08:00:00,65,,",
]
USED = ["id,sub,n,at", "u1,over,2,2026-05-20T08:00:00", "u2,leaves,4,2026-05-20T08:00:00"]
FEED = [
    "id,sub,n,at,changed_at,op",
    "f1,fed,7,2026-05-20T08:00:00,2026-05-21T09:00:00,u",
    "f1,fed,5,2026-05-20T08:00:00,2026-05-20T09:00:00,c",
    "f2,fed,3,2026-05-22T08:00:00,2026-05-22T09:00:00,c",
]
FEED_OF_JUNE = [
    "id,sub,n,at,changed_at,op",
    "f2,fed,,,2026-06-02T09:00:00,d",
    "f1,fed,5,2026-05-20T08:00:00,2026-05-20T09:00:00,c",
    "f3,fed,,,,d",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("incremental") / "project"
    write(folder / "billflow.yaml", [SETTINGS])
    write(folder / "catalog" / "prices.yaml", [PRICES])
    write(folder / "customers.csv", CUSTOMERS)
    write(folder / "readings" / "may.csv", MAY)
    write(folder / "feed" / "may.csv", FEED)
    write(folder / "used.csv", USED)
    return folder


def lines(rows: Any, month: str) -> dict[str, list[int]]:
    """Account → the quantities of its lines, those of earlier months first."""
    sql = (
        "select account_id, quantity::int as n from invoice_lines where month = '{}' order by 1, difference_of, line_no"
    )
    found: dict[str, list[int]] = {}
    for row in rows(sql.format(month)):
        found.setdefault(row["account_id"], []).append(row["n"])
    return found


def report(project: Path) -> dict[str, dict[str, tuple[int, float]]]:
    """Table → verdict → rows and quantity, of the newest ingestion."""
    ingest = read_manifest(lake(project)).ingest
    assert ingest is not None
    return {
        table: {verdict: (int(one["rows"]), float(one["quantity"])) for verdict, one in found.items()}
        for table, found in ingest.report.items()
        if table != "quarantine"
    }


@pytest.fixture
def ask(project: Path, rows: Any) -> Any:
    return lambda sql: rows(project, sql)


def test_readings_are_billed_by_what_meters_have_gone_on(project, billflow, ask):
    do(billflow, project, "run", "2026-05")
    may = {"estimated": [50], "over": [32], "exchanged": [27], "mistaken": [80], "late": [10]}
    may |= {"fed": [10], "leaves": [4]}
    assert lines(ask, "2026-05") == may
    do(billflow, project, "confirm", "2026-05")


def test_each_reading_has_one_verdict(project, ask):
    found = report(project)
    whole = {verdict: one for verdict, one in found["usage"].items() if "|" not in verdict}
    assert {verdict: count for verdict, (count, _) in whole.items()} == {
        "in": 19,
        "valid": 10,
        "superseded": 1,
        "base_reading": 7,
        "quarantined": 1,
    }
    assert whole["in"][1] == sum(quantity for verdict, (_, quantity) in whole.items() if verdict != "in")
    assert found["registers"] == {"in": (13, 197.0), "valid": (6, 197.0), "base_reading": (7, 0.0)}
    [bad] = ask("select key, rules, reason from quarantine")
    assert (bad["key"], bad["rules"]) == ("b2", ["register_went_back"])
    assert bad["reason"] == "the meter shows 50 at 2026-05-31 06:00:00, less than 60 at 2026-05-01 06:00:00"


def test_later_readings_correct_the_bill_before(project, billflow, ask):
    """The true reading after an estimate, a corrected one, and one that came late change May; the sums are the meters'.

    So does a record that is gone; the bill of a customer who has left stands.
    """
    write(project / "readings" / "june.csv", JUNE)
    write(project / "feed" / "june.csv", FEED_OF_JUNE)
    write(project / "customers.csv", [*CUSTOMERS, "leaves,2,d"])
    write(project / "used.csv", [f"{USED[0]},note", *(f"{row},x" for row in USED[1:])])
    do(billflow, project, "run", "2026-06")
    assert lines(ask, "2026-06") == {
        "estimated": [-50, 20, 20],
        "over": [10],
        "exchanged": [3],
        "mistaken": [-80, 20, 5],
        "late": [-10, 15],
        "back": [5],
        "fed": [-10, 7],
    }


def test_changes_are_counted(project, ask):
    found = report(project)
    assert {verdict: rows for verdict, (rows, _) in found["customers"].items()} == {
        "in": 9,
        "valid": 7,
        "superseded": 1,
        "deleted": 1,
    }
    whole = {verdict: one for verdict, one in found["usage"].items() if "|" not in verdict}
    assert (whole["superseded"][0], whole["deleted"][0]) == (3, 1)
    told = ask("select key, rules from quarantine where month is null order by key")
    assert [(row["key"], row["rules"][0]) for row in told] == [("f3", "missing_order"), ("u2", "unknown_subscription")]


def test_a_new_column_is_shown(project, billflow):
    assert "new in the source: note (string)" in billflow("--project", project, "status").output


def test_only_new_rows_were_read_and_all_of_them_make_the_same_bills(project, billflow, ask):
    assert segments(project) == {"used.csv": 1, "readings/*.csv": 2, "feed/*.csv": 2, "customers.csv": 1}
    before = ask(BILLS)
    result = billflow("--project", project, "run", "--read-whole", "--cycle", "c01", "--month", "2026-06")
    assert result.exit_code == 0, result.output
    assert set(segments(project).values()) == {1}
    assert ask(BILLS) == before


BILLS = "select * from invoice_lines order by all"


def segments(project: Path) -> dict[str, int]:
    """Path of a source → the segments of its raw table."""
    ingest = read_manifest(lake(project)).ingest
    assert ingest is not None
    paths = {one.name: str(Path(one.path).relative_to(project)) for one in file_deliveries(load_settings(project))}
    return {paths[name]: len(one.segments) for name, one in ingest.raw.items()}


def test_a_lost_column_stops_before_anything_is_billed(project, billflow, ask):
    before = ask("select * from invoices order by all")
    write(project / "used.csv", [row.replace(",n,", ",kwh,") for row in USED])
    result = billflow("--project", project, "run", "--cycle", "c01", "--month", "2026-06")
    assert result.exit_code == 2
    told = "sources.meters.tables.usage[1].columns.quantity: the column 'n' is gone since the last ingestion: string → nothing"
    assert told in f"{result.output}{result.stderr}".replace("\n", " ")
    assert ask("select * from invoices order by all") == before
