"""Differences of confirmed months on a bill, worked out once more from the usage that they were made from."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from billflow.insights.family import TABLES, Families, bills_before
from billflow.insights.months import confirmed_prices, made_from
from billflow.insights.published_invoice import PublishedInvoice
from billflow.insights.recomputed import Recomputed
from billflow.lake.manifest import Manifest
from billflow.lake.schemas import SCHEMAS
from billflow.lake.storage import Storage
from billflow.settings import Settings

_EVIDENCE = {"usage": "late_usage", "adjustments": "late_adjustments"}
_OF_ALL_LINES = ("plan_", "invoice_")
"""How line types begin that are of all lines of a plan or a bill, of which differences show only those that changed."""


def late_recomputed(
    storage: Storage, settings: Settings, manifest: Manifest, published: PublishedInvoice
) -> dict[str, Recomputed]:
    """Month → its bill with all that had come for it by then; its `lines` are those on this invoice.

    Without those of all lines of a plan or a bill. Empty where nothing of it was kept: differences of early versions,
    and those that a correction has taken over from the invoice that it replaces.
    """
    if not published.partition.tables.get("late_usage"):
        return {}
    months = sorted({line["difference_of"] for line in published.lines if line["difference_of"]})
    return {month: _of_month(storage, settings, manifest, published, month) for month in months}


def _of_month(
    storage: Storage, settings: Settings, manifest: Manifest, published: PublishedInvoice, month: str
) -> Recomputed:
    invoice, partition = published.invoice, published.partition
    key, system, account = f"{invoice['cycle']}|{month}", invoice["system"], invoice["account_id"]
    made = made_from(manifest, key, system, account, partition.late_after)
    prices = confirmed_prices(storage, settings, key, made)
    runs = {table: made.tables.get(table, ()) for table in TABLES}
    late = {table: partition.tables[table] for table in _EVIDENCE.values()}
    period = prices.period
    families = Families(
        storage, {**runs, **late}, bills_before(manifest, invoice["cycle"], period, partition.late_after)
    )
    family = families.read(system, account)
    then = {
        table: _of(families.rows_of(kept, system, family.members), month, table) for table, kept in _EVIDENCE.items()
    }
    lines = [
        line
        for line in published.lines
        if line["difference_of"] == month and not line["line_type"].startswith(("reversal", *_OF_ALL_LINES))
    ]
    now = replace(family, tables={**family.tables, **then})
    return Recomputed(prices.catalog, period, now, lines, settings.currency)


def _of(kept: pa.Table, month: str, table: str) -> pa.Table:
    return kept.filter(pc.equal(kept.column("difference_of"), month)).select(SCHEMAS[table].names)
