"""Rows and quantities of an ingestion, by verdict and place: what reports, metadata and checks are made of."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from billflow.lake import schemas
from billflow.sources.canonical_tables import TOO_MUCH
from billflow.sources.registers import BASE_READING, SHOWN, gone_on
from billflow.sources.verdicts import VALID, VERDICT

_MEASURES = {"event_time": "quantity", "amount": "amount"}
"""A column that only some tables have → what is summed of those tables."""


def _measurable(rows: DataFrame) -> Column | None:
    """Σ quantity or amount without what is excessive (it is in quarantine): the sum must fit. None for other tables.

    Of readings what the meter showed, before and after: what it has gone on by is counted apart.
    """
    measures = [F.col(measure) for column, measure in _MEASURES.items() if column in rows.columns]
    if SHOWN in rows.columns:
        measures[0] = F.coalesce(F.col(SHOWN), measures[0])
    if not measures:
        return None
    return F.coalesce(F.sum(F.when(F.abs(measures[0]) < TOO_MUCH, measures[0])), F.lit(0))


def measured(frames: Mapping[str, DataFrame]) -> dict[str, dict[str, str]]:
    """Rows and quantity of each table, by one query."""
    nothing = F.lit(None).cast(schemas.QUANTITY)
    sums = []
    for table, rows in frames.items():
        quantity = _measurable(rows)
        counted = rows.agg(F.count(F.lit(1)), nothing if quantity is None else quantity)
        sums.append(counted.select(F.lit(table), "*"))
    return {table: _told(rows, quantity) for table, rows, quantity in reduce(DataFrame.union, sums).collect()}


def _told(rows: int, quantity: Decimal | None) -> dict[str, str]:
    return {"rows": str(rows), "quantity": f"{0 if quantity is None else quantity:f}"}


def by_verdict(rows: DataFrame, *placed: str) -> dict[str, dict[str, str]]:
    """verdict, and with `placed` also "verdict|cycle|month" → rows and quantity. A row per month, not per customer."""
    quantity = _measurable(rows)
    counted = rows.groupBy(VERDICT, *placed).agg(
        F.count(F.lit(1)).alias("rows"), (F.lit(0) if quantity is None else quantity).alias("quantity")
    )
    report: dict[str, dict[str, str]] = {}
    for row in counted.collect():
        keys = [row[VERDICT], *([f"{row[VERDICT]}|" + "|".join(row[name] or "" for name in placed)] if placed else [])]
        for key in keys:
            before = report.get(key, {"rows": "0", "quantity": "0"})
            report[key] = {
                "rows": str(int(before["rows"]) + row["rows"]),
                "quantity": f"{Decimal(before['quantity']) + row['quantity']:f}",
            }
    return report


def by_place(counted: Iterable[Row]) -> dict[str, dict[str, str]]:
    """Rows in quarantine by table|cycle|month, of rows with `count` by these and more."""
    rows: dict[str, int] = {}
    for row in counted:
        key = f"{row['table']}|{row['cycle'] or ''}|{row['month'] or ''}"
        rows[key] = rows.get(key, 0) + row["count"]
    return {key: {"rows": str(number)} for key, number in rows.items()}


def by_meters(usage: DataFrame) -> dict[str, dict[str, str]]:
    """Readings that stand: what their meters have gone on by ("in"), and the usage that they make, by verdict."""
    row = gone_on(usage).first()
    bases = usage.where(F.col(VERDICT) == BASE_READING).count()
    rows, went, used = row["rows"], row["gone_on"], row["used"]  # type: ignore[index]
    return {
        "in": {"rows": str(rows), "quantity": f"{went:f}"},
        VALID: {"rows": str(rows - bases), "quantity": f"{used:f}"},
        BASE_READING: {"rows": str(bases), "quantity": "0"},
    }
