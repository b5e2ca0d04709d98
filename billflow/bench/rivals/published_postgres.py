"""PostgreSQL as the place where published bills are asked: the tables that billflow publishes, with indexes."""

from decimal import Decimal
from typing import Any

import pyarrow as pa

from billflow.bench.answers import Answered, Row, answers
from billflow.bench.base import Base
from billflow.bench.own import open_lake_of
from billflow.bench.resources import Meter, Spent
from billflow.bench.rivals.with_postgres import Postgres, run

_PUBLISHED = {
    "accounts": "account_id::BIGINT AS account_id, name, city, postcode, country, segment",
    "invoices": "invoice_id, account_id::BIGINT AS account_id, cycle, month, period_start, period_end, issue_date, "
    "due_date, currency, net::DECIMAL(14, 2) AS net, tax::DECIMAL(14, 2) AS tax, total::DECIMAL(14, 2) AS total",
    "invoice_lines": "invoice_id, line_no, account_id::BIGINT AS account_id, subscription_id::BIGINT AS "
    "subscription_id, plan, charge, section, description, metric, period_start, period_end, quantity::DECIMAL(15, 3) "
    "AS quantity, unit, unit_price::DECIMAL(10, 4) AS unit_price, net::DECIMAL(14, 2) AS net, tax_code, tax_category, "
    "tax_rate::DECIMAL(6, 4) AS tax_rate, usage_count, cycle, month",
    "invoice_taxes": "invoice_id, tax_category, tax_rate::DECIMAL(6, 4) AS tax_rate, base::DECIMAL(14, 2) AS base, "
    "tax::DECIMAL(14, 2) AS tax, cycle, month, account_id::BIGINT AS account_id",
}
"""The columns, in the types that a table of PostgreSQL would have for them."""
_ROWS_A_BATCH = 100_000


def answer(postgres: Postgres, base: Base, runs: int) -> Answered:
    """Copies the base's published tables, and asks the ten questions."""
    with postgres.connected() as cursor:
        loaded = _load(postgres, base, cursor)
        meter = Meter(postgres.process)
        with meter.measured():
            seconds, rows = answers(lambda sql: _asked(cursor, sql), runs)
        sizes = " + ".join(f"pg_total_relation_size('{table}')" for table in _PUBLISHED)
        ((stored,),) = _asked(cursor, f"SELECT {sizes}")
    return Answered(loaded, meter.spent, seconds, rows, stored)


def _load(postgres: Postgres, base: Base, cursor: Any) -> Spent:
    meter = Meter(postgres.process)
    with meter.measured(), open_lake_of(base) as lake:
        postgres.make_schema(cursor)
        run(cursor, meter, "postgres_published")
        for table, columns in _PUBLISHED.items():
            # By month, as they would have come: an index of ranges by month then needs next to no space.
            order = " ORDER BY month" if "month" in columns else ""
            rows = lake.sql(f"SELECT {columns} FROM {table}{order}").to_arrow_reader(_ROWS_A_BATCH)
            with meter.step(f"copy {table}"):
                postgres.copy(cursor, table, rows)
        run(cursor, meter, "postgres_published_indexes")
    return meter.spent


def _asked(cursor: Any, sql: str) -> list[Row]:
    """The driver gives what is numeric, which no answer lacks, as texts; here they are Decimal."""
    cursor.execute(sql)
    found: pa.Table = cursor.fetch_arrow_table()
    columns = [
        [Decimal(value) for value in values.to_pylist()] if _is_numeric(field) else values.to_pylist()
        for field, values in zip(found.schema, found.columns, strict=True)
    ]
    return list(zip(*columns, strict=True))


def _is_numeric(field: pa.Field) -> bool:
    return (field.metadata or {}).get(b"POSTGRESQL:type") == b"numeric"
