"""Rows and quantities of an ingestion, by verdict and place: what reports, metadata and checks are made of."""

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.sources.canonical_tables import TOO_MUCH
from billflow.sources.registers import BASE_READING, SHOWN, gone_on
from billflow.sources.verdicts import VALID, VERDICT

_MEASURES = {"event_time": "quantity", "amount": "amount"}
"""A column that only some tables have → what is summed of those tables."""


def _measurable(rows: DataFrame) -> Column:
    """Σ quantity or amount without what is excessive (it is in quarantine): the sum must fit. 0 for other tables.

    Of readings what the meter showed, before and after: what it has gone on by is counted apart.
    """
    measures = [F.col(measure) for column, measure in _MEASURES.items() if column in rows.columns]
    if SHOWN in rows.columns:
        measures[0] = F.coalesce(F.col(SHOWN), measures[0])
    return F.sum(F.when(F.abs(measures[0]) < TOO_MUCH, measures[0])) if measures else F.lit(0)


def measured(rows: DataFrame) -> dict[str, str]:
    """Rows and quantity."""
    quantity = _measurable(rows)
    counted = rows.agg(F.count(F.lit(1)).alias("rows"), F.coalesce(quantity, F.lit(0)).alias("quantity")).first()
    return {"rows": str(counted["rows"]), "quantity": f"{counted['quantity']:f}"}  # type: ignore[index]


def by_verdict(rows: DataFrame, *placed: str) -> dict[str, dict[str, str]]:
    """verdict, and with `placed` also "verdict|cycle|month" → rows and quantity. A row per month, not per customer."""
    quantity = _measurable(rows)
    counted = rows.groupBy(VERDICT, *placed).agg(
        F.count(F.lit(1)).alias("rows"), F.coalesce(quantity, F.lit(0)).alias("quantity")
    )
    report: dict[str, dict[str, str]] = {}
    for row in counted.toLocalIterator():
        keys = [row[VERDICT], *([f"{row[VERDICT]}|" + "|".join(row[name] or "" for name in placed)] if placed else [])]
        for key in keys:
            before = report.get(key, {"rows": "0", "quantity": "0"})
            report[key] = {
                "rows": str(int(before["rows"]) + row["rows"]),
                "quantity": f"{Decimal(before['quantity']) + row['quantity']:f}",
            }
    return report


def by_place(found: DataFrame) -> dict[str, dict[str, str]]:
    """Rows in quarantine by table|cycle|month."""
    counted = found.groupBy("table", "cycle", "month").count().toLocalIterator()
    return {f"{row['table']}|{row['cycle'] or ''}|{row['month'] or ''}": {"rows": str(row["count"])} for row in counted}


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
