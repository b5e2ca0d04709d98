"""Is all there that manifests name, and what is there that nobody needs? Without Spark, from footers of files."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from billflow.errors import BillflowError, MachineError
from billflow.lake import manifest as manifests
from billflow.lake.catalogs import kept_catalog
from billflow.lake.manifest import Manifest, TableRun
from billflow.lake.publishing import unnamed
from billflow.lake.retention import readable_runs
from billflow.lake.storage import Storage
from billflow.settings import Retention

_AT_ONCE = 8
"""Files whose footers are read at the same time: each waits for its storage."""
_NO_MORE = Retention()
_AGAIN = "restore it from a backup or a snapshot of the storage, or bill its month again if that is a draft"
_OLDER = "restore it from a backup or a snapshot of the storage; the run that has replaced it is not touched by this"
_NOT_LOST = (
    "restore it from a backup or a snapshot of the storage; it may hold numbers that were given: never remove it"
)


@dataclass(frozen=True)
class Finding:
    """What is not as it should be. What is `needless` no reader and no living run needs: it can be removed."""

    kind: str
    path: str
    what: str
    remedy: str
    needless: bool = False


def examine(storage: Storage, retention: Retention = _NO_MORE) -> Iterator[Finding]:
    """All that is wrong with a lake: its manifests, what the newest one names, older runs that the rule keeps, and what
    nobody needs.
    """
    numbers = manifests.versions(storage)
    broken = list(_broken_manifests(storage, numbers))
    yield from broken
    yield from _missing_manifests(numbers)
    if broken and broken[-1].path == manifests.path_of(numbers[-1]):
        return  # what it named, and so what nobody needs, is not known
    head = manifests.read_manifest(storage)
    yield from _catalogs(storage, head)
    runs = {run.path: run for run in head.table_runs()}
    yield from _tables(storage, runs.values(), _AGAIN)
    if not broken:  # a version that readers may still be at work with names folders too
        older = readable_runs(storage, retention)
        kept = {run.path: run for one in older for table in one.partition.tables.values() for run in table}
        yield from _tables(storage, [run for path, run in kept.items() if path not in runs], _OLDER)
        yield from map(_needless, unnamed(storage, retention))


def _broken_manifests(storage: Storage, numbers: Iterable[int]) -> Iterator[Finding]:
    for number in numbers:
        try:
            manifests.read_manifest(storage, number)
        except MachineError as problem:
            yield Finding("broken_manifest", manifests.path_of(number), problem.what, _NOT_LOST)


def _missing_manifests(numbers: list[int]) -> Iterator[Finding]:
    for number in sorted(set(range(1, max(numbers, default=0))) - set(numbers)):
        yield Finding(
            "missing_manifest", manifests.path_of(number), "versions before and after it are there", _NOT_LOST
        )


def _catalogs(storage: Storage, head: Manifest) -> Iterator[Finding]:
    for catalog in sorted({one.catalog for _, one in head.published() if one.catalog}):
        try:
            kept_catalog(storage, catalog)
        except BillflowError as problem:
            yield Finding("broken_catalogue", problem.where or catalog, problem.what, _NOT_LOST)


def _tables(storage: Storage, runs: Iterable[TableRun], remedy: str) -> Iterator[Finding]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found in pool.map(lambda run: list(_table(storage, run, remedy)), runs):
            yield from found


def _table(storage: Storage, run: TableRun, remedy: str) -> Iterator[Finding]:
    """A folder that a manifest names."""
    if not storage.exists(run.path):
        yield Finding("missing_folder", run.path, f"{run.rows} rows are published in it", remedy)
        return
    rows = 0
    for name in (name for name in storage.list(run.path) if name.endswith(".parquet")):
        path = f"{run.path}/{name}"
        try:
            rows += _rows(storage, path, run)
        except (pa.ArrowException, OSError, ValueError) as problem:
            told = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
            yield Finding("unreadable_file", path, f"its end is not that of a Parquet file: {told}", remedy)
            return
    if rows != run.rows:
        yield Finding("wrong_rows", run.path, f"{rows} rows are in it, and {run.rows} were published", remedy)


def _rows(storage: Storage, path: str, run: TableRun) -> int:
    """The rows of a file that count: of documents those that could be rendered."""
    with pq.ParquetFile(storage.file(path), filesystem=storage.filesystem) as file:
        counted: int = file.metadata.num_rows
        if not run.path.startswith("documents/"):
            return counted
        return counted - sum(_nulls(file.metadata, group) for group in range(file.num_row_groups))


def _nulls(metadata: pq.FileMetaData, group: int) -> int:
    columns = map(metadata.row_group(group).column, range(metadata.num_columns))
    statistics = next(column for column in columns if column.path_in_schema == "sha256").statistics
    return int(statistics.null_count) if statistics else 0


def _needless(path: str) -> Finding:
    return Finding(
        "orphan",
        path,
        "no manifest that is read names it, no run that may go on has made it, and no rule keeps it",
        "`billflow lake fsck --repair` removes it, and so does the next run that publishes",
        needless=True,
    )
