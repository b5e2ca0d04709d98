"""Older runs of a cycle and month, and which of them stay readable by the rule of billflow.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from billflow.lake import manifest as manifests
from billflow.lake.manifest import PublishedPartition
from billflow.lake.storage import Storage
from billflow.settings import Retention


@dataclass(frozen=True)
class OlderRun:
    """A run that another one of its cycle and month has replaced."""

    key: str
    partition: PublishedPartition
    replaced: datetime
    newer: int
    """How many runs of the partition were published after it."""


def kept_runs(storage: Storage, retention: Retention) -> list[OlderRun]:
    """The older runs that the rule keeps, the last replaced first. Manifests are read as far back as it reaches.

    BrokenManifestError when one of them is damaged.
    """
    if retention == Retention():
        return []
    since = datetime.now(UTC) - timedelta(days=retention.days)
    runs = _older_runs(storage, retention.versions, since)
    return [one for one in runs if one.newer < retention.versions or one.replaced >= since]


def readable_runs(storage: Storage, retention: Retention) -> list[OlderRun]:
    """Of `kept_runs` those whose invoices are there: some may have been removed before the rule became wider."""
    return [one for one in kept_runs(storage, retention) if _is_there(storage, one.partition)]


def _is_there(storage: Storage, partition: PublishedPartition) -> bool:
    return all(storage.exists(run.path) for run in partition.tables.get("invoices", ()))


def kept_folders(storage: Storage, retention: Retention) -> set[str]:
    """All that the kept older runs are made of: their bills, and the tables that they were billed from."""
    runs = (run for one in kept_runs(storage, retention) for table in one.partition.tables.values() for run in table)
    return {run.path for run in runs}


def _older_runs(storage: Storage, versions: int, since: datetime) -> Iterator[OlderRun]:
    """A run's last state: that with its documents. What was replaced at a time not noted was at the next one noted.

    Nothing further back than where all was replaced before `since`, and by so many `versions` or more.
    """
    seen: dict[str, list[str]] = {}
    replaced = datetime.now(UTC)
    for version in reversed(manifests.versions(storage)):
        manifest = manifests.read_manifest(storage, version)
        for key, one in manifest.partitions.items():
            newer = seen.setdefault(key, [])
            if newer and one.run_id not in newer:
                yield OlderRun(key, one, replaced, len(newer))
            if one.run_id not in newer:
                newer.append(one.run_id)
        replaced = manifest.committed or replaced
        # Older manifests name no further key: a partition once published stays.
        if replaced < since and all(len(seen[key]) >= versions for key in manifest.partitions):
            return
