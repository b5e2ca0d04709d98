"""When does a period count as closed? Pure decisions, and a thin look at the lake and at Dagster's runs. No Spark."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from billflow.errors import BillflowError
from billflow.lake.manifest import read_manifest
from billflow.orchestration.partitions import Partition
from billflow.orchestration.project import Project
from billflow.settings import Settings
from billflow.source_settings import Source
from billflow.sources.readiness import covered_until

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def ended_partitions(settings: Settings, cycle: str, now: datetime) -> list[Partition]:
    """The two newest partitions of a cycle whose periods have ended, the newest first; none from before the project's
    first month. What is older is history, and for a backfill.
    """
    today = now.astimezone(ZoneInfo(settings.timezone)).date()
    month = today.replace(day=1)
    ended: list[Partition] = []
    while len(ended) < 2 and f"{month:%Y-%m}" >= settings.first_month:
        partition = Partition(cycle, f"{month:%Y-%m}")
        if partition.period(settings).end <= today:
            ended.append(partition)
        month = (month - timedelta(days=1)).replace(day=1)
    return ended


def reason_to_wait(settings: Settings, partition: Partition, now: datetime) -> str:
    """Why a period that has ended does not count as closed yet; empty when it does."""
    zone = ZoneInfo(settings.timezone)
    end = datetime.combine(partition.period(settings).end, datetime.min.time(), zone)
    grace_over = end + timedelta(days=settings.grace_days)
    if now < grace_over:
        return f"{partition.key}: grace lasts until {grace_over:%Y-%m-%d %H:%M %Z}"
    for source in settings.sources:
        reason = _uncovered(settings, source, end)
        if reason:
            return f"{partition.key}: {reason}"
    return ""


def _uncovered(settings: Settings, source: Source, end: datetime) -> str:
    try:
        until = covered_until(settings, source)
    except BillflowError as error:
        return str(error)
    if until is None:
        return f"source {source.name} waits for its marker file {source.ready}"
    if until < end:
        return f"source {source.name} was last written {until:%Y-%m-%d %H:%M %Z}, before the period's end"
    return ""


def next_to_bill(
    project: Project, cycle: str, instance: dg.DagsterInstance, now: datetime
) -> tuple[Partition | None, str]:
    """The partition of a cycle that a run should bill now, or None and why there is none.

    While the newest period that has ended still waits, the one before it may be open: its sources were late, or
    billflow was not there. It is not passed over then.
    """
    settings = project.settings()
    waits = ""
    for partition in ended_partitions(settings, cycle, now):
        if begun := reason_begun(project, partition, instance):
            return None, waits or begun
        reason = reason_to_wait(settings, partition, now)
        if not reason:
            return partition, ""
        waits = waits or reason
    return None, waits or f"no period of cycle {cycle} has ended yet since the first month, {settings.first_month}"


def reason_begun(project: Project, partition: Partition, instance: dg.DagsterInstance) -> str:
    """That a partition is billed, or about to be; empty when it is not."""
    published = read_manifest(project.storage()).partitions.get(partition.key)
    if published is not None:
        return f"{partition.key} is {'confirmed' if published.is_confirmed else 'published'}"
    unfinished = dg.RunsFilter(statuses=_UNFINISHED, tags={"dagster/partition": partition.key})
    return f"{partition.key} is queued or running" if instance.get_runs_count(unfinished) else ""
