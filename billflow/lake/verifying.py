"""Are confirmed partitions what they were when they were confirmed? Every hash, the chain and the numbers once more."""

from collections.abc import Callable, Iterator

import duckdb

from billflow.errors import BillflowError
from billflow.lake.catalogs import kept_catalog
from billflow.lake.chain import chain_head
from billflow.lake.digests import table_digests
from billflow.lake.manifest import Confirmation, Manifest, PublishedPartition
from billflow.lake.numbers import number_problems
from billflow.lake.published import connect_to
from billflow.lake.sealing import INPUT, input_digest
from billflow.lake.storage import Storage


def confirmed(manifest: Manifest) -> dict[str, Confirmation]:
    """Partition or correction → its confirmation, in the order in which they were confirmed."""
    found = {key: one.confirmation for key, one in manifest.published() if one.confirmation}
    return dict(sorted(found.items(), key=lambda item: item[1].position))


def ledger_problems(manifest: Manifest) -> list[str]:
    """Confirmations that are missing from the chain or in it twice, and series with a gap or an overlap between two."""
    return [*_chain_problems(manifest), *_series_problems(manifest)]


def _chain_problems(manifest: Manifest) -> Iterator[str]:
    before, position = "", 0
    for key, one in confirmed(manifest).items():
        if one.position != position + 1:
            yield f"{key} is confirmation {one.position} of the lake, but the one before it is number {position}"
        if one.previous != before:
            yield f"{key} is not chained to the confirmation before it: that was removed, added or changed"
        before, position = one.head, one.position
    if manifest.chain != before:
        yield "the newest confirmation is not the one that the manifest knows: it was removed, added or changed"


def _series_problems(manifest: Manifest) -> Iterator[str]:
    last: dict[str, int] = {}
    for key, one in confirmed(manifest).items():
        for series, numbers in one.numbers.items():
            expected = last.get(series, 0) + 1
            if numbers.first != expected:
                yield f"{key}: series {series} goes on at {numbers.first}, where {expected} is in turn"
            last[series] = numbers.last
    if last != manifest.series:
        yield f"the manifest's series are {manifest.series}, those of the confirmed partitions {last}"


def partition_problems(storage: Storage, key: str, partition: PublishedPartition) -> Iterator[str]:
    """What is not as it was when the partition was confirmed; nothing of a draft, which changes as it likes."""
    confirmation = partition.confirmation
    if confirmation is None:
        return
    yield from _file_problems(storage, partition, confirmation)
    yield from _catalog_problems(storage, confirmation)
    yield from _readable(lambda: _chain_broken(storage, key, partition, confirmation))
    yield from _readable(lambda: _numbers_broken(storage, partition, confirmation))


def _file_problems(storage: Storage, partition: PublishedPartition, confirmation: Confirmation) -> Iterator[str]:
    found = table_digests(storage, partition.tables)
    for table in sorted({*found, *confirmation.tables}):
        if found.get(table) != confirmation.tables.get(table):
            yield f"the files of {table} are not the ones that were confirmed: changed, added or removed"
    if input_digest(partition.fingerprint, found) != confirmation.input:
        yield f"the input ({', '.join(INPUT)}) is not the one that was billed"


def _catalog_problems(storage: Storage, confirmation: Confirmation) -> Iterator[str]:
    try:
        kept_catalog(storage, confirmation.catalog)
    except BillflowError as error:
        yield f"{error.where}: {error.what}"


def _readable(look: Callable[[], list[str]]) -> list[str]:
    """What `look` finds; that a file cannot be read is a finding too."""
    try:
        return look()
    except (duckdb.Error, OSError) as error:
        return [f"a table cannot be read: {str(error).strip().splitlines()[0]}"]


def _chain_broken(storage: Storage, key: str, partition: PublishedPartition, confirmation: Confirmation) -> list[str]:
    head = chain_head(storage, partition.tables, key, partition, confirmation)
    if head == confirmation.head:
        return []
    return [f"the hash chain ends in {head[:16]}…, not in {confirmation.head[:16]}…: an invoice or the record changed"]


def _numbers_broken(storage: Storage, partition: PublishedPartition, confirmation: Confirmation) -> list[str]:
    with connect_to(storage, {"invoices": partition.tables["invoices"]}) as connection:
        return list(number_problems(connection, confirmation.numbers))
