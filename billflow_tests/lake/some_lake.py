"""A lake of small text files: what publishing moves and names, without Spark."""

from collections.abc import Mapping

from billflow.lake import manifest as manifests
from billflow.lake.manifest import AccountCounts, PublishedPartition, TableRun
from billflow.lake.publishing import Publication, publish, run_folder
from billflow.lake.staging import Staging
from billflow.lake.storage import Storage
from billflow.settings import Retention

TABLES = ("invoices", "invoice_lines")
PARTITION = ("c01", "2013-01")
NO_MORE = Retention()
COUNTS = AccountCounts(accounts=1, invoiced=1, without_lines=0, held=0)


def stage(
    storage: Storage, run_id: str, tables: tuple[str, ...] = TABLES, partition: tuple[str, str] = PARTITION
) -> Staging:
    """A run that has written all its tables."""
    staging = Staging.begin(storage, run_id, "|".join(partition))
    for table in tables:
        storage.write(f"{staging.place(table)}/part-0.parquet", run_id.encode())
    return staging


def moves_of(
    staging: Staging, tables: tuple[str, ...] = TABLES, partition: tuple[str, str] = PARTITION
) -> dict[str, str]:
    return {staging.place(table): run_folder(table, staging.run_id, partition) for table in tables}


def publication_of(staging: Staging, moves: Mapping[str, str], partition: tuple[str, str] = PARTITION) -> Publication:
    """What a run that started from the manifest its staging names publishes: its tables make up the partition."""
    tables = {place.split("/", 1)[0]: (TableRun(path=place, rows=1),) for place in moves.values()}
    made = PublishedPartition(
        run_id=staging.run_id,
        status="draft",
        period_start="2013-01-01",
        period_end="2013-02-01",
        counts=COUNTS,
        totals={},
        tables=tables,
    )
    key = "|".join(partition)
    return Publication(staging.run_id, key, made, replaces=staging.base().partitions.get(key))


def published(
    storage: Storage, run_id: str, partition: tuple[str, str] = PARTITION, retention: Retention = NO_MORE
) -> None:
    """A whole run: staged and published."""
    publish_staged(storage, stage(storage, run_id, partition=partition), partition, retention)


def publish_staged(
    storage: Storage, staging: Staging, partition: tuple[str, str] = PARTITION, retention: Retention = NO_MORE
) -> None:
    """Publishes what `stage` has written."""
    moves = moves_of(staging, partition=partition)
    publish(storage, moves, publication_of(staging, moves, partition), retention)


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
