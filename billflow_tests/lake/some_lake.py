"""A lake of small text files: what publishing moves and names, without Spark."""

from collections.abc import Mapping

from billflow.lake import manifest as manifests
from billflow.lake.manifest import AccountCounts, Manifest, PublishedPartition, TableRun
from billflow.lake.publishing import publish, run_folder
from billflow.lake.staging import Staging
from billflow.lake.storage import Storage

TABLES = ("invoices", "invoice_lines")
PARTITION = ("c01", "2013-01")
COUNTS = AccountCounts(accounts=1, invoiced=1, without_lines=0, held=0)


def stage(storage: Storage, run_id: str, tables: tuple[str, ...] = TABLES) -> Staging:
    """A run that has written all its tables."""
    staging = Staging.begin(storage, run_id)
    for table in tables:
        storage.write(f"{staging.place(table)}/part-0.parquet", run_id.encode())
    return staging


def moves_of(staging: Staging, tables: tuple[str, ...] = TABLES) -> dict[str, str]:
    return {staging.place(table): run_folder(table, staging.run_id, PARTITION) for table in tables}


def manifest_of(staging: Staging, moves: Mapping[str, str]) -> Manifest:
    """The manifest after the run's base, in which its tables make up the one partition."""
    base = staging.base()
    tables = {place.split("/", 1)[0]: (TableRun(path=place, rows=1),) for place in moves.values()}
    partition = PublishedPartition(
        run_id=staging.run_id,
        status="draft",
        period_start="2013-01-01",
        period_end="2013-02-01",
        counts=COUNTS,
        totals={},
        tables=tables,
    )
    return base.model_copy(
        update={
            "version": base.version + 1,
            "run_id": staging.run_id,
            "partitions": {**base.partitions, "|".join(PARTITION): partition},
        }
    )


def published(storage: Storage, run_id: str) -> None:
    """A whole run: staged and published."""
    staging = stage(storage, run_id)
    moves = moves_of(staging)
    publish(storage, moves, manifest_of(staging, moves))


def seen(storage: Storage) -> dict[str, str]:
    """What a reader finds: table → content of its files, through the newest manifest."""
    partition = manifests.read_manifest(storage).partitions.get("|".join(PARTITION))
    runs = partition.tables if partition else {}
    return {table: storage.read(f"{run.path}/part-0.parquet").decode() for table, (run,) in runs.items()}


def all_of(run_id: str) -> dict[str, str]:
    """What a reader finds when exactly this run is published."""
    return dict.fromkeys(TABLES, run_id)


def folders_of(storage: Storage, run_id: str) -> list[str]:
    """The published places and the staging folder of a run that are there."""
    places = [run_folder(table, run_id, PARTITION) for table in TABLES]
    return [place for place in (*places, f"_staging/{run_id}") if storage.exists(place)]
