"""Publish: rename staged tables to immutable folders, then commit a manifest that names them.

Killed at any point, readers see the previous manifest; what was renamed but not named is removed by a later run.
Runs of different partitions may publish at the same time: the one whose manifest's number is taken puts its partition
onto the newer manifest. Of two runs of one partition the second loses, and of two confirmations of different ones too:
its numbers were to follow those of a manifest that is not the newest any more.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billflow.errors import BrokenManifestError, PassingError, RunFailedError
from billflow.lake import manifest as manifests
from billflow.lake.conflicts import lost_to, numbers_taken
from billflow.lake.healing import action, note
from billflow.lake.manifest import Ingest, Manifest, PublishedPartition, is_correction
from billflow.lake.retention import kept_folders
from billflow.lake.schemas import SCHEMAS
from billflow.lake.staging import FOLDER as STAGING_FOLDER
from billflow.lake.staging import Staging, owners
from billflow.lake.storage import Storage
from billflow.settings import Retention

_KEPT_VERSIONS = 2
"""Readers of the version before the newest may still be at work; older runs are removed, unless a rule keeps them."""
_NO_MORE = Retention()
_LOG = logging.getLogger(__name__)


def run_folder(table: str, run_id: str, partition: tuple[str, str] | None = None) -> str:
    """`<table>/cycle=c01/month=2013-01/run=<id>`, without cycle and month for tables of the whole lake."""
    placed = f"cycle={partition[0]}/month={partition[1]}/" if partition else ""
    return f"{table}/{placed}run={run_id}"


@dataclass(frozen=True)
class Publication:
    """What a run changes in the manifest: the state of one partition, and the ingestion when it made one.

    Or one correction is added, `key` is its own then: the partition that it corrects stays as it is.
    """

    run_id: str
    key: str
    partition: PublishedPartition
    replaces: PublishedPartition | None
    """The state that the run started from; when it is another one by now, the run has lost."""
    ingest: Ingest | None = None

    def is_in(self, manifest: Manifest) -> bool:
        """Whether it is published already."""
        return manifest.at(self.key) == self.partition

    def onto(self, head: Manifest) -> Manifest:
        """The version after `head` with this in it; ConflictError when another run of the partition was first, or
        when a confirmation would give numbers that another one has used meanwhile. UsageError for a confirmed one.
        """
        head.check_open(self.key)
        ledger = self._ledger(head)
        if head.at(self.key) != self.replaces:
            raise lost_to(head, self.key)
        kind = "corrections" if is_correction(self.key) else "partitions"
        return head.model_copy(
            update={
                "version": head.version + 1,
                "run_id": self.run_id,
                "committed": datetime.now(UTC),
                "schemas": {name: schema.json() for name, schema in SCHEMAS.items()},
                "ingest": self.ingest or head.ingest,
                kind: {**getattr(head, kind), self.key: self.partition},
                **ledger,
            }
        )

    def _ledger(self, head: Manifest) -> dict[str, Any]:
        """Series and chain after a confirmation; both change with every one, so the chain tells of each."""
        confirmation = self.partition.confirmation
        if confirmation is None:
            return {}
        if confirmation.previous != head.chain:
            raise numbers_taken(head, self.key)
        used = {series: numbers.last for series, numbers in confirmation.numbers.items()}
        return {"series": {**head.series, **used}, "chain": confirmation.head}


def publish(
    storage: Storage, moves: Mapping[str, str], publication: Publication, retention: Retention = _NO_MORE
) -> Manifest:
    """Renames each staged folder (key) to its place (value) and commits the publication; the version it is in.

    Then it removes what nobody needs any more, as `retention` has it.

    ConflictError, with nothing published, when another run of the partition was first. Nothing is done when the
    publication is in already: a step killed after its commit is tried again.
    """
    head = manifests.read_manifest(storage)
    if publication.is_in(head):
        return head
    publication.onto(head)  # a run that has lost renames nothing
    before = set(_removable(storage))
    for staged, place in moves.items():
        _move(storage, staged, place)
    _check_there(storage, publication)
    committed = _committed(storage, publication)
    # What nobody needed before and after: a run that was dead may have come back in between. What the rule keeps is
    # asked once, now, and only if there is something to remove: many manifests may have to be read for it.
    if before:
        _note_removed(remove(storage, [folder for folder in _removable(storage, retention) if folder in before]))
    return committed


def _removable(storage: Storage, retention: Retention = _NO_MORE) -> list[str]:
    """What `unnamed` finds; nothing at all when an older manifest is broken.

    Nobody knows what that one named: the rule may keep it, or a reader need it. To publish takes the newest one alone.
    """
    try:
        return unnamed(storage, retention)
    except BrokenManifestError as problem:
        _LOG.warning("nothing is removed from the lake this time: %s", problem)
        return []


def _check_there(storage: Storage, publication: Publication) -> None:
    """Spark reads a bucketed table whose folder is gone as an empty one: nothing such is ever named."""
    paths = [run.path for table in publication.partition.tables.values() for run in table]
    if publication.ingest:
        paths += [one.path for table in publication.ingest.raw.values() for one in table.segments]
    gone = [path for path in paths if not storage.exists(path)]
    if gone:
        raise RunFailedError(
            "a table that this run made or started from is gone", where=gone[0], remedy="run the whole partition again"
        )


def _committed(storage: Storage, publication: Publication) -> Manifest:
    while True:
        head = manifests.read_manifest(storage)
        if publication.is_in(head):  # the answer to our own commit was lost on its way
            return head
        manifest = publication.onto(head)
        try:
            manifests.commit(storage, manifest)
        except FileExistsError:
            continue  # each turn means that another run has published: this ends
        except (FileNotFoundError, PassingError):
            # It may be done: a NameNode that fails over answers nobody, and the next one, asked for the same rename,
            # finds nothing to rename any more.
            head = manifests.read_manifest(storage)
            if publication.is_in(head):
                return head
            raise
        return manifest


def _move(storage: Storage, staged: str, place: str) -> None:
    if _is_moved(storage, staged, place):
        return  # a step that was killed after this rename is tried again
    try:
        storage.rename(staged, place)
    except (FileExistsError, FileNotFoundError, PassingError):
        if not _is_moved(storage, staged, place):  # or its answer was lost, as in `_committed`
            raise


def _is_moved(storage: Storage, staged: str, place: str) -> bool:
    return not storage.exists(staged) and storage.exists(place)


def unnamed(storage: Storage, retention: Retention = _NO_MORE) -> list[str]:
    """Folders that nobody needs: no recent manifest names them, none that a living run started from, no living run
    made them, and they are of no older run that `retention` keeps; and staging folders of runs that have ended. A dead
    run lives while it can be tried again.
    """
    found, head = owners(storage), manifests.read_manifest(storage)
    living = {run_id: owner for run_id, owner in found.items() if owner and not owner.has_ended(storage, head)}
    versions = manifests.versions(storage)
    needed = {*versions[-_KEPT_VERSIONS:], *(owner.base for owner in living.values())}.intersection(versions)
    named = {run.path for version in needed for run in manifests.read_manifest(storage, version).table_runs()}
    named |= kept_folders(storage, retention)
    folders = (folder for folder in _run_folders(storage) if folder not in named)
    left = [folder for folder in folders if not _made_by(folder, living)]
    return [*left, *(f"{STAGING_FOLDER}/{run_id}" for run_id in found if run_id not in living)]


def _made_by(folder: str, runs: Iterable[str]) -> bool:
    last = folder[folder.rindex("/run=") + len("/run=") :]
    return any(last == run or last.startswith(f"{run}-") for run in runs)


def _run_folders(storage: Storage) -> Iterable[str]:
    tables = [name for name in storage.list("") if not name.startswith(("_", "."))]
    return [folder for table in tables for folder in _runs_below(storage, table)]


def _runs_below(storage: Storage, folder: str) -> list[str]:
    found = []
    for name in storage.list(folder):
        below = f"{folder}/{name}"
        if name.startswith("run="):
            found.append(below)
        elif "=" in name:
            found += _runs_below(storage, below)
    return found


def remove(storage: Storage, folders: Iterable[str]) -> list[str]:
    """Removes what `unnamed` has found, but for staging folders whose run has come back since; what is gone now."""
    head, removed = manifests.read_manifest(storage), []
    for folder in folders:
        staging, _, run_id = folder.partition("/")
        if staging == STAGING_FOLDER and not Staging(storage, run_id).is_abandoned(head):
            continue  # its run has come back since
        storage.delete(folder)
        removed.append(folder)
    return removed


def _note_removed(folders: Sequence[str]) -> None:
    """Only what a run left behind that died is healed; older runs go because they are older."""
    dead = {name for folder in folders for staging, _, name in [folder.partition("/")] if staging == STAGING_FOLDER}
    left = [folder for folder in folders if folder.startswith(f"{STAGING_FOLDER}/") or _made_by(folder, dead)]
    note(*(action("left-over removed", one, "the run that made it ended before it had cleared up") for one in left))


def finish(storage: Storage, run_id: str) -> None:
    """Removes a run's staging folder once all it made is published."""
    storage.delete(f"{STAGING_FOLDER}/{run_id}")
