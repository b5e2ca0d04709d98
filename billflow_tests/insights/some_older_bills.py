"""A published month and older bills as tables of DuckDB, from rows that say only what matters."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from billflow.catalog import Cycle
from billflow.insights.older_bills import OlderBillComparison
from billflow.lake.published import column_types
from billflow.lake.schemas import SCHEMAS

PERIOD = Cycle(day=1).period("2026-05")
ISSUED = PERIOD.issue_date
RATES = {"std": Decimal("0.19"), "low": Decimal("0.07")}


@dataclass(frozen=True)
class Line:
    """A line of either side; `amount` is quantity × price unless it is given."""

    text: str
    quantity: str = "1"
    price: str = "10"
    amount: str | None = None
    tax: str | None = None

    @property
    def sum(self) -> Decimal:
        return Decimal(self.amount) if self.amount is not None else Decimal(self.quantity) * Decimal(self.price)


@dataclass(frozen=True)
class Bill:
    """A bill of either side."""

    account: str
    lines: tuple[Line, ...]
    issued: date = ISSUED
    currency: str = "EUR"
    number: str | None = None
    system: str = "default"


def bill(account: str, *lines: Line, **more: Any) -> Bill:
    return Bill(account, lines, **more)


def compared(ours: Iterable[Bill], theirs: Iterable[Bill], *, held: Iterable[str] = ()) -> OlderBillComparison:
    connection = duckdb.connect()
    for table, schema in SCHEMAS.items():
        columns = ", ".join(f'"{name}" {kind}' for name, kind in column_types(schema).items())
        connection.execute(f'CREATE TABLE "{table}" ({columns})')
    placed = {"cycle": "c01", "month": "2026-05"}
    ours, theirs, held = list(ours), list(theirs), list(held)
    accounts = {(one.system, one.account) for one in [*ours, *theirs]} | {("default", account) for account in held}
    for system, account in sorted(accounts):
        _insert(connection, "accounts", system=system, account_id=account, cycle="c01")
    for account in held:
        _insert(connection, "held", system="default", account_id=account, reason="no price", **placed)
    for one in ours:
        _publish(connection, one, placed)
    for number, one in enumerate(theirs):
        _deliver(connection, one, one.number or f"old-{number}")
    return OlderBillComparison(connection, "c01", PERIOD)


def _publish(connection: duckdb.DuckDBPyConnection, one: Bill, placed: dict[str, str]) -> None:
    invoice = one.number or f"I-{one.account}"
    shared = {
        "invoice_id": invoice,
        "system": one.system,
        "account_id": one.account,
        "currency": one.currency,
        **placed,
    }
    _insert(connection, "invoices", **shared, issue_date=one.issued)
    for at, line in enumerate(one.lines, start=1):
        _insert(
            connection, "invoice_lines", **shared, line_no=at, description=line.text, quantity=Decimal(line.quantity),
            unit_price=Decimal(line.price), net=line.sum, tax_code=line.tax or "std", tax_rate=RATES[line.tax or "std"],
        )  # fmt: skip


def _deliver(connection: duckdb.DuckDBPyConnection, one: Bill, number: str) -> None:
    for at, line in enumerate(one.lines, start=1):
        _insert(
            connection, "bills", system=one.system, bill_id=number, account_id=one.account, issue_date=one.issued,
            line_no=at, description=line.text, quantity=Decimal(line.quantity), unit_price=Decimal(line.price),
            amount=line.sum, tax=line.tax, currency=one.currency,
        )  # fmt: skip


def _insert(connection: duckdb.DuckDBPyConnection, table: str, **values: Any) -> None:
    names, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" * len(values))
    connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(values.values()))
