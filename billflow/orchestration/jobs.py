"""One job bills a partition, another one confirms it, a third one tries a draft catalogue on it.

A schedule and a sensor per cycle start the first, only people the second; one sensor finds dead runs.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from billflow.orchestration.closing import next_to_bill
from billflow.orchestration.healing import heal_dead_runs
from billflow.orchestration.project import Project
from billflow.settings import Settings

JOB = "bill_run"
CONFIRM = "confirm"
COMPARE = "compare"
CONFIRMATION = ("numbered_invoices", "final_documents", "confirmed_bills")
"""The assets of a confirmation. No bill run has them: only someone who means it makes bills final."""
WRITING_BACK = "written_back"
"""The asset of a project with sinks that follows a bill run, and a confirmation."""
COMPARISON = ("catalog_comparison",)
"""The assets that try a draft catalogue on a published month."""


def bill_run_job() -> Any:
    """From the sources to published documents, for one cycle and month."""
    return dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.all() - dg.AssetSelection.assets(*CONFIRMATION, *COMPARISON),
        description="The bill run: ingest, rate, invoice, check, publish, documents.",
    )


def confirm_job(settings: Settings) -> Any:
    """From published drafts to final bills with legal numbers, for one cycle and month."""
    return dg.define_asset_job(
        CONFIRM,
        selection=dg.AssetSelection.assets(*CONFIRMATION, *([WRITING_BACK] if settings.sinks else [])),
        description="Makes the drafts of a cycle and month final: legal numbers, final documents, a sealed record.",
    )


def compare_job() -> Any:
    """A draft catalogue against the published bills of one cycle and month; its folder is the run's config."""
    return dg.define_asset_job(
        COMPARE,
        selection=dg.AssetSelection.assets(*COMPARISON),
        description="Prices a published month again under a draft catalogue and shows what that would change.",
    )


def monthly_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Every morning, for cycles whose period has closed; off until someone switches it on."""

    @dg.schedule(
        name="monthly_bill_runs",
        job_name=JOB,
        cron_schedule="0 6 * * *",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Bills each cycle on the first morning on which its period and the grace days are over.",
    )
    def monthly_bill_runs(
        context: dg.ScheduleEvaluationContext, project: Project
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        yield from _requests(project, list(project.settings().cycles), context.instance)

    return monthly_bill_runs


def _requests(
    project: Project, cycles: list[str], instance: dg.DagsterInstance
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    now = datetime.now(UTC)
    for cycle in cycles:
        partition, reason = next_to_bill(project, cycle, instance, now)
        if partition is None:
            yield dg.SkipReason(reason)
        else:
            yield dg.RunRequest(run_key=partition.key, partition_key=partition.key)


def closing_sensor(cycle: str) -> dg.SensorDefinition:
    """Fires once for each period of a cycle, when it has ended, grace is over and the sources cover it."""

    @dg.sensor(
        name=f"{cycle.replace('-', '_')}_closes",
        job_name=JOB,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Bills cycle {cycle} when its period has ended, grace is over and the sources cover it.",
    )
    def closes(context: dg.SensorEvaluationContext, project: Project) -> Iterator[dg.RunRequest | dg.SkipReason]:
        yield from _requests(project, [cycle], context.instance)

    return closes


@dg.sensor(
    name="dead_runs",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs failed whose process is gone (killed, out of memory, a machine that restarted).",
)
def dead_runs(context: dg.SensorEvaluationContext, project: Project) -> dg.SkipReason:
    """Looked at where the runs' processes are: in the code location."""
    dead = heal_dead_runs(context.instance, project.storage(), by="sensor dead_runs")
    return dg.SkipReason(f"marked failed: {', '.join(dead)}" if dead else "every started run has its process")
