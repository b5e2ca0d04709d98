"""Published bills → the databases of other systems."""

from typing import Any

import dagster as dg

from billflow.orchestration.assets.confirming import confirmed_bills
from billflow.orchestration.assets.documents import published_documents
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.project import Project
from billflow.orchestration.steps import POOL, RETRY, explained
from billflow.sinks.writing import write_back


@dg.asset(
    deps=[published_documents, confirmed_bills], group_name="published", kinds={"sql"}, retry_policy=RETRY, pool=POOL
)
def written_back(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """What is published of the month, in the databases of `sinks`. To do it again changes nothing there."""
    with explained(context.log):
        run = BillRun(context, project)
        written = write_back(run.spark, run.storage, run.settings, run.partition.key)
        left_out = [sink.name for sink in run.settings.sinks if sink.name not in written]
        counts = {f"{sink}: {table}": rows for sink, tables in written.items() for table, rows in tables.items()}
        waiting = {"waits for the confirmation": ", ".join(left_out)} if left_out else {}
        told: dict[str, Any] = {"dagster/row_count": sum(counts.values()), **counts, **waiting}
        return dg.MaterializeResult(metadata={**told, **run.healed()})
