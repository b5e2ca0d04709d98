"""A draft catalogue tried on a published month: nothing is published, the result is the asset's metadata."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from billflow.catalog import Catalog, load_catalog
from billflow.insights import charts
from billflow.insights.billed_tables import BilledTables
from billflow.insights.catalog_comparison import CatalogComparison
from billflow.insights.listing import Listing
from billflow.insights.months import published_month
from billflow.lake.manifest import read_manifest
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.project import Project
from billflow.orchestration.steps import POOL, RETRY, explained, tabular


class DraftCatalog(dg.Config):
    """Which catalogue is tried."""

    catalog: str = Field(description="Folder of the draft catalogue's YAML files; a relative one is of the project's.")
    limit: int = Field(default=50, ge=1, description="Rows of each table that are shown.")


@dg.asset(deps=["published_bills"], group_name="insights", kinds={"spark"}, retry_policy=RETRY, pool=POOL)
def catalog_comparison(
    context: dg.AssetExecutionContext, config: DraftCatalog, project: Project
) -> dg.MaterializeResult[Any]:
    """What a draft catalogue would have billed for the whole base, against the published bills. Writes nothing."""
    with explained(context.log):
        run = BillRun(context, project)
        draft = load_catalog(Path(project.folder) / config.catalog)
        with _compared(run, draft) as found:
            return dg.MaterializeResult(metadata=_shown(found, config.limit))


@contextmanager
def _compared(run: BillRun, draft: Catalog) -> Iterator[CatalogComparison]:
    month = published_month(run.settings, read_manifest(run.storage), *run.partition.placed)
    found = CatalogComparison(BilledTables(run.spark, run.storage, month), draft, run.settings)
    try:
        yield found
    finally:
        found.close()


def _shown(found: CatalogComparison, limit: int) -> dict[str, Any]:
    totals, plans = found.totals(), found.by("plan", limit=limit)
    tables = {
        "totals": totals,
        "by plan": plans,
        "by charge": found.by("plan", "charge", limit=limit),
        "by customer": found.by_customer(limit),
        "held accounts": found.holds(limit),
        "unrated usage": found.unrated(limit),
    }
    shown = {name: tabular(table.columns, table.rows) for name, table in tables.items() if table.rows}
    return {"chart": dg.MetadataValue.md(_chart(totals, plans)), **shown}


def _chart(totals: Listing, plans: Listing) -> str:
    currencies = [row["currency"] for row in totals.records()]
    images = [
        charts.as_image(f"before and after in {currency}", charts.totals_chart(totals, plans, currency))
        for currency in currencies
    ]
    return "\n\n".join(images) or "nothing is billed before or after"
