"""Invoices of a customer's accounts and bills of other systems → one bill a customer."""

from typing import Any

import dagster as dg

from billflow.billing import consolidation
from billflow.lake import schemas, tables
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.other_bills import bills_of
from billflow.orchestration.project import Project
from billflow.orchestration.steps import POOL, RETRY, described, explained, tabular


@dg.asset(deps=["invoices", "accounts", "bills"], group_name="billing", kinds={"spark"}, retry_policy=RETRY, pool=POOL)
def consolidated_bills(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """What other systems have billed a customer, and the invoices of all its accounts, on one bill."""
    with explained(context.log):
        run = BillRun(context, project)
        customers, bills = run.customer_accounts(), bills_of(run)
        invoices = run.staged("invoices", schemas.INVOICES)
        made = consolidation.consolidated_items(invoices, bills, customers, run.partition.cycle, run.partition.month)
        items = run.stage("consolidated_items", tables.by_account(made, run.buckets), schemas.CONSOLIDATED_ITEMS)
        found = tables.by_account(consolidation.consolidated_bills(items, customers), run.buckets)
        written = run.stage("consolidated_bills", found, schemas.CONSOLIDATED_BILLS)
        by_system = consolidation.by_system(bills).orderBy("system", "currency")
        shown = tabular(by_system.columns, by_system.collect())
        return dg.MaterializeResult(metadata=described(written, written.count(), **{"of other systems": shown}))
