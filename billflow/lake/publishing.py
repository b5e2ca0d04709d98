"""Publish: rename staged tables to immutable folders, then commit the manifest that names them.

Killed at any point, readers see the previous manifest; what was renamed but not named is removed by the next run.
"""

from collections.abc import Iterable, Mapping

from billflow.lake import manifest as manifests
from billflow.lake.manifest import Manifest
from billflow.lake.staging import FOLDER as STAGING_FOLDER
from billflow.lake.staging import abandoned
from billflow.lake.storage import Storage

_KEPT_VERSIONS = 2
"""Readers of the version before the newest may still be at work; older runs are removed."""


def run_folder(table: str, run_id: str, partition: tuple[str, str] | None = None) -> str:
    """`<table>/cycle=c01/month=2013-01/run=<id>`, without cycle and month for tables of the whole lake."""
    placed = f"cycle={partition[0]}/month={partition[1]}/" if partition else ""
    return f"{table}/{placed}run={run_id}"


def publish(storage: Storage, moves: Mapping[str, str], manifest: Manifest) -> None:
    """Renames each staged folder (key) to its place (value) and commits `manifest`.

    ConflictError, with nothing published, when another run committed since this one's base was read. Nothing is
    done when this run has committed that version already: a step killed after its commit is tried again.
    """
    if manifests.is_committed(storage, manifest):
        return
    kept = {run.path for run in manifest.table_runs()} | {f"{STAGING_FOLDER}/{manifest.run_id}"}
    leftovers = [folder for folder in unnamed(storage) if folder not in kept]
    if max(manifests.versions(storage), default=0) >= manifest.version:
        raise manifests.lost_to(manifests.read_manifest(storage))
    for staged, place in moves.items():
        _move(storage, staged, place)
    manifests.commit(storage, manifest)
    # Listed before the commit, they can only be of runs that have lost: none of them can commit any more.
    _remove(storage, leftovers)


def _move(storage: Storage, staged: str, place: str) -> None:
    if not storage.exists(staged) and storage.exists(place):
        return  # a step that was killed after this rename is tried again
    storage.rename(staged, place)


def unnamed(storage: Storage) -> list[str]:
    """Folders that no recent manifest names, and staging folders whose process is gone."""
    recent = manifests.versions(storage)[-_KEPT_VERSIONS:]
    named = {run.path for version in recent for run in manifests.read_manifest(storage, version).table_runs()}
    return [*(folder for folder in _run_folders(storage) if folder not in named), *abandoned(storage)]


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


def _remove(storage: Storage, folders: Iterable[str]) -> None:
    for folder in folders:
        storage.delete(folder)


def finish(storage: Storage, run_id: str) -> None:
    """Removes a run's staging folder once all it made is published."""
    storage.delete(f"{STAGING_FOLDER}/{run_id}")
