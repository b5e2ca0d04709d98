"""Which bills of other systems a bill run shows: those of its period, and those that came when theirs was confirmed."""

from collections.abc import Mapping
from datetime import date, timedelta

from pyspark.sql import DataFrame

from billflow.billing import consolidation
from billflow.billing.consolidation import Span
from billflow.lake import schemas, tables
from billflow.lake.manifest import PublishedPartition
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.partitions import Partition

MONTHS_BACK = 12
"""A bill that is delivered later than so many months after its month is on no consolidated bill."""


def bills_of(run: BillRun) -> DataFrame:
    """Lines of bills of other systems that this run shows, each bill on one bill run only.

    Those that were issued in its period, and those of confirmed months before that came late; without what another run
    has shown, of any cycle: a customer's leading account may have changed, or months were run in another order.
    """
    bills, customers, cycle = run.all_bills(), run.customer_accounts(), run.partition.cycle
    others = _other_runs(run)
    issued = [(run.period.start, run.period.end), *_closed(run, others)]
    runs = [table for one in others.values() for table in one.tables.get("consolidated_items", ())]
    shown = tables.read_runs(run.spark, run.storage, runs, schemas.CONSOLIDATED_ITEMS)
    return consolidation.bills_to_show(bills, customers, cycle, issued, shown)


def _other_runs(run: BillRun) -> dict[str, PublishedPartition]:
    """Published months that may have shown a bill which this run could show."""
    since = run.period.start - timedelta(days=31 * (MONTHS_BACK + 1))
    published = run.staging.base().partitions
    return {
        key: one
        for key, one in published.items()
        if key != run.partition.key and date.fromisoformat(one.period_end) > since
    }


def _closed(run: BillRun, others: Mapping[str, PublishedPartition]) -> list[Span]:
    """Days of confirmed months of the cycle, up to a year before, whose runs have shown bills."""
    since = run.period.start - timedelta(days=31 * MONTHS_BACK)
    spans = [
        (date.fromisoformat(one.period_start), date.fromisoformat(one.period_end))
        for key, one in others.items()
        if one.is_confirmed and "consolidated_items" in one.tables and Partition.of(key).cycle == run.partition.cycle
    ]
    return [span for span in spans if since <= span[0] < run.period.start]
