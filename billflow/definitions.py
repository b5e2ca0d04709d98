"""The Dagster code location: everything is composed here and nowhere else.

The project is the folder that BILLFLOW_PROJECT names, or the current one; without a billflow.yaml there, loading fails.
"""

import dagster as dg

from billflow.orchestration import jobs
from billflow.orchestration.assets import (
    billing,
    comparing,
    confirming,
    consolidating,
    documents,
    ingestion,
    publishing,
    writing_back,
)
from billflow.orchestration.checks import CHECKS, CHECKS_OF_CONSOLIDATION
from billflow.orchestration.partitions import bill_run_partitions
from billflow.orchestration.project import Project
from billflow.settings import Settings, find_project, load_settings

ASSETS = (
    ingestion.raw,
    ingestion.canonical,
    billing.charges,
    billing.late_usage,
    billing.invoice_lines,
    billing.drafts,
    billing.usage_history,
    publishing.published_bills,
    documents.documents,
    documents.published_documents,
    confirming.numbered_invoices,
    confirming.final_documents,
    confirming.confirmed_bills,
    comparing.catalog_comparison,
)


def build_definitions() -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors of the project found; SettingsError when it has mistakes."""
    folder = find_project()
    settings = load_settings(folder)
    partitions = bill_run_partitions(settings)
    assets = [
        asset.map_asset_specs(lambda spec: spec.replace_attributes(partitions_def=partitions))
        for asset in _chosen(settings)
    ]
    return dg.Definitions(
        assets=assets,
        asset_checks=[*CHECKS, *(CHECKS_OF_CONSOLIDATION if settings.consolidates else ())],
        jobs=[jobs.bill_run_job(), jobs.confirm_job(settings), jobs.compare_job()],
        schedules=[jobs.monthly_schedule(settings)],
        sensors=[*(jobs.closing_sensor(cycle) for cycle in settings.cycles), jobs.dead_runs],
        resources={"project": Project(folder=str(folder))},
        # One run is one process, with one JVM: steps hand over through the lake, not through memory.
        executor=dg.in_process_executor,
    )


def _chosen(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets that the project needs."""
    chosen = [*ASSETS, *([writing_back.written_back] if settings.sinks else [])]
    if settings.consolidates:
        chosen[chosen.index(publishing.published_bills)] = publishing.publishing_asset("consolidated_bills")
        chosen.append(consolidating.consolidated_bills)
    return chosen


defs = build_definitions()
