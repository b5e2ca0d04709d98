"""Published tables as small tables in memory, with the views over them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb

from billflow.dunning import DEFAULT_LEVELS, DunningLevel
from billflow.insights.connection import views
from billflow.lake.manifest import Manifest, PublishedPartition
from billflow.lake.published import column_types
from billflow.lake.schemas import SCHEMAS
from billflow_tests.lake.some_lake import COUNTS

Row = Mapping[str, Any]


def lake(
    *months: str, levels: Sequence[DunningLevel] = DEFAULT_LEVELS, **tables: Sequence[Row]
) -> duckdb.DuckDBPyConnection:
    """A lake in which the months of cycle c01 are published, and these rows."""
    connection = duckdb.connect()
    for table, schema in SCHEMAS.items():
        columns = ", ".join(f'"{name}" {kind}' for name, kind in column_types(schema).items())
        connection.execute(f"CREATE TABLE {table} ({columns})").fetchall()
    fill(connection, **tables)
    partitions = {f"c01|{month}": partition(month) for month in months}
    for view in views(Manifest(version=1, partitions=partitions), levels):
        for statement in view.statements():
            connection.execute(statement).fetchall()
    return connection


def fill(connection: duckdb.DuckDBPyConnection, **tables: Sequence[Row]) -> None:
    for table, rows in tables.items():
        for row in rows:
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" for _ in row)
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values())).fetchall()


def partition(month: str) -> PublishedPartition:
    year, number = map(int, month.split("-"))
    return PublishedPartition(
        run_id="r1",
        status="draft",
        period_start=f"{month}-01",
        period_end=str(date(year + number // 12, number % 12 + 1, 1)),
        counts=COUNTS,
        totals={},
        tables={},
    )


def invoice(number: str, total: str, due: str = "2026-06-15", account: str = "A", **changed: Any) -> Row:
    """A confirmed bill; a negative one is a credit note."""
    return {
        "system": "s",
        "account_id": account,
        "invoice_id": f"id-{number}",
        "invoice_number": number,
        "kind": "credit_note" if total.startswith("-") else "invoice",
        "status": "confirmed",
        "currency": "EUR",
        "issue_date": "2026-06-01",
        "due_date": due,
        "total": total,
        **changed,
    }


def payment(amount: str, names: str | None = None, account: str = "A", **changed: Any) -> Row:
    """A payment, for a bill or for none."""
    return {
        "system": "s",
        "account_id": account,
        "payment_id": f"{amount} {names}",
        "date": "2026-06-10",
        "amount": amount,
        "invoice": names,
        "currency": "EUR",
        **changed,
    }
