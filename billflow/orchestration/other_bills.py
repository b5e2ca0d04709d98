"""Which bills of other systems a bill run shows: those of its period, and those that came when theirs was confirmed."""

from pyspark.sql import DataFrame

from billflow.billing import consolidation
from billflow.lake import schemas, tables
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.partitions import Partition

MONTHS_BACK = 12
"""A bill that is delivered later than so many months after its month is on no consolidated bill."""


def bills_of(run: BillRun) -> DataFrame:
    """Lines of bills of other systems that this run shows: those of its period, and those that came late."""
    bills, customers, cycle = run.all_bills(), run.customer_accounts(), run.partition.cycle
    own = consolidation.bills_to_show(bills, customers, cycle, run.period)
    closed, shown = _months_before(run)
    if not closed:
        return own
    periods = [partition.period(run.settings) for partition in closed]
    return own.unionByName(consolidation.late_bills(bills, customers, cycle, periods, shown))


def _months_before(run: BillRun) -> tuple[list[Partition], DataFrame]:
    """The confirmed months of the year before, and the items that were shown in any month of it."""
    published, period = run.staging.base().partitions, run.period
    before = []
    for _ in range(MONTHS_BACK):
        period = period.previous
        before.append(Partition(run.partition.cycle, period.month))
    known = [(one, published[one.key]) for one in before if one.key in published]
    runs = [table for _, one in known for table in one.tables.get("consolidated_items", ())]
    shown = tables.read_runs(run.spark, run.storage, runs, schemas.CONSOLIDATED_ITEMS)
    return [one for one, found in known if found.is_confirmed and "consolidated_items" in found.tables], shown
