"""When does a period count as closed? Pure decisions, and a thin look at the lake and at Dagster's runs. No Spark."""

from datetime import date, datetime, timedelta
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


def latest_ended(settings: Settings, cycle: str, today: date) -> Partition | None:
    """The newest partition of a cycle whose period has ended by `today`; None before the project's first month."""
    month = today.replace(day=1)
    for _ in range(3):
        partition = Partition(cycle, f"{month:%Y-%m}")
        if partition.period(settings).end <= today:
            return partition if partition.month >= settings.first_month else None
        month = (month - timedelta(days=1)).replace(day=1)
    return None


def closed_partition(settings: Settings, cycle: str, now: datetime | None = None) -> Partition | None:
    """The newest ended partition, not the history before it: that is for a backfill."""
    local = (now or datetime.now(ZoneInfo("UTC"))).astimezone(ZoneInfo(settings.timezone))
    return latest_ended(settings, cycle, local.date())


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


def next_reason(project: Project, partition: Partition | None, instance: dg.DagsterInstance) -> str:
    """Why no run should start for `partition` now; empty when one should."""
    settings = project.settings()
    if partition is None:
        return "no period has ended yet"
    published = read_manifest(project.storage()).partitions.get(partition.key)
    if published is not None:
        return f"{partition.key} is {'confirmed' if published.is_confirmed else 'published'}"
    unfinished = dg.RunsFilter(statuses=_UNFINISHED, tags={"dagster/partition": partition.key})
    if instance.get_runs_count(unfinished):
        return f"{partition.key} is queued or running"
    return reason_to_wait(settings, partition, datetime.now(ZoneInfo("UTC")))
