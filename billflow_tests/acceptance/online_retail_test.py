"""The bills of a real shop beside those of meters: all that the shop has billed is accounted for, to the penny."""

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from billflow_tests.acceptance.runs import do, write

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]

RETAIL = """
project: meters-and-shop
lake: ./lake
currency: GBP
timezone: Europe/London
seller: {name: Meters and Shop Ltd, country: GB}
cycles: {c01: {day: 1}}
first_month: 2010-12
quarantine_limit: "0.3"
sources:
  - name: meters
    kind: files
    format: csv
    tables:
      customers: {path: households.csv, columns: {account_id: id, name: "concat('Household ', id)"}}
      subscriptions: {path: households.csv, columns: {subscription_id: id, account_id: id, plan: "'supply'", start_date: "'2010-01-01'"}}
      crosswalk: {path: crosswalk.csv, columns: {account_id: household, other_system: "'retail'", other_account_id: customer}}
  - name: retail
    system: retail
    kind: files
    format: parquet
    tables:
      customers: {path: buyers.csv, format: csv, columns: {account_id: id, name: "concat('Customer ', id)"}}
      bills:
        path: lines.parquet
        columns:
          bill_id: InvoiceNo
          line_no: line
          account_id: CustomerID
          issue_date: to_date(InvoiceDate)
          description: coalesce(Description, StockCode)
          quantity: Quantity
          unit_price: UnitPrice
          amount: Quantity * UnitPrice
          tax_amount: "0"
merging: {}
"""
SUPPLY = """
plans:
  supply:
    charges: {rent: {model: flat, amount: "10", per: month, tax: none, name: Supply}}
"""
LINES = """
copy (select *, row_number() over (partition by InvoiceNo order by filename, rank) as line from (
  select *, row_number() over () as rank from read_csv('{0}/*.csv.gz', filename=true, types={{
    'InvoiceNo': 'VARCHAR', 'StockCode': 'VARCHAR', 'CustomerID': 'VARCHAR', 'UnitPrice': 'DECIMAL(18,6)'}})
)) to '{1}'
"""
"""The lines of a bill have no number there: they get that of their place in the file."""
TOTAL = Decimal("9747747.93")


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    """Fifty households, of which thirty buy in the shop too; the crosswalk is made up, the shop's bills are real."""
    folder = tmp_path_factory.mktemp("retail") / "project"
    write(folder / "billflow.yaml", [RETAIL])
    write(folder / "catalog" / "prices.yaml", [SUPPLY])
    write(folder / "households.csv", ["id", *(f"M{number:02}" for number in range(50))])
    lines = folder / "lines.parquet"
    with duckdb.connect() as connection:
        connection.execute(LINES.format(real_data / "online_retail", lines))
        found = f"select CustomerID from '{lines}' where CustomerID is not null group by 1 order by min(InvoiceDate), 1"
        buyers = [buyer for (buyer,) in connection.execute(found).fetchall()]
    write(folder / "buyers.csv", ["id", *buyers])
    pairs = [f"M{number:02},{buyer}" for number, buyer in enumerate(buyers[:30])]
    write(folder / "crosswalk.csv", ["household,customer", *pairs])
    return folder


def test_a_shop_and_meters(retail, billflow):
    do(billflow, retail, "run", "2010-12")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select count(*) from bills", 406829),
        ("select count(*) from quarantine where rules = ['unknown_account']", 135080),
        ("select count(*) from quarantine where rules <> ['unknown_account']", 0),
        ("select count(distinct customer_id) from customer_accounts", 50 + 4372 - 30),
        ("select count(*) from consolidated_bills where shown_on is not null", 30),
        ("select count(*) from consolidated_items where item = 'invoice'", 30),
    ],
)
def test_counts(retail, rows, sql, expected):
    assert list(rows(retail, sql)[0].values()) == [expected]


def test_the_total_is_accounted_for_to_the_penny(retail, rows):
    """Billed on, or in quarantine with its cause, is all that the shop has billed."""
    (good,) = rows(retail, "select sum(amount) as total from bills")
    (bad,) = rows(
        retail,
        "select sum((row->>'Quantity')::decimal(18,6) * (row->>'UnitPrice')::decimal(18,6)) as total from quarantine",
    )
    assert round(Decimal(good["total"]) + Decimal(bad["total"]), 2) == TOTAL
    assert round(Decimal(bad["total"]), 2) == Decimal("1447682.12")


def test_december_is_what_the_shop_has_billed_in_december(retail, rows):
    billed = (
        "select round(sum(amount), 2) as total, count(distinct bill_id) as n from bills where issue_date < '2011-01-01'"
    )
    on_bills = "select sum(total) as total, count(*) as n from consolidated_items where item = 'bill'"
    (theirs,), (ours,) = rows(retail, billed), rows(retail, on_bills)
    assert (Decimal(theirs["total"]), theirs["n"]) == (Decimal(ours["total"]), ours["n"])
