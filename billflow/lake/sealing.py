"""The record that seals what is confirmed: numbers, hashes of all that it was made of, and its place in the chain."""

from collections.abc import Iterator, Mapping

import duckdb

from billflow.lake.chain import Tables, chain_head, chained_columns
from billflow.lake.digests import code_version, table_digests, text_digest
from billflow.lake.manifest import Confirmation, Manifest, PublishedPartition
from billflow.lake.numbers import number_ranges
from billflow.lake.published import connect_to
from billflow.lake.storage import Storage

INPUT = ("accounts", "subscriptions", "usage", "adjustments", "late_usage", "late_adjustments")
"""Tables that a partition was billed from."""

_SHOWN = 5


def sealed(
    storage: Storage,
    base: Manifest,
    key: str,
    partition: PublishedPartition,
    now: Tables,
    *,
    bill_run: str,
    template: str,
    patterns: Mapping[str, str],
) -> PublishedPartition:
    """`partition` with its record, which follows the newest confirmation of `base`.

    `now` says where its tables are at the moment (staged, or published), `patterns` how numbers of each kind look.
    """
    digests = table_digests(storage, now)
    with connect_to(storage, {"invoices": now["invoices"]}) as connection:
        numbers = number_ranges(connection, base.series, patterns)
    record = Confirmation(
        position=1 + base.confirmations,
        previous=base.chain,
        bill_run=bill_run,
        code_version=code_version(),
        input=input_digest(partition.fingerprint, digests),
        catalog=partition.catalog,
        template=template,
        tables=digests,
        columns=chained_columns(),
        numbers=numbers,
    )
    recorded = partition.model_copy(update={"confirmation": record})
    head = chain_head(storage, now, key, recorded, record)
    return recorded.model_copy(update={"confirmation": record.model_copy(update={"head": head})})


def input_digest(fingerprint: str, tables: Mapping[str, str]) -> str:
    """Hash over the state of the sources that was billed, and over the tables made from it."""
    return text_digest(fingerprint, *(f"\n{table} {tables[table]}" for table in INPUT if table in tables))


def undocumented(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Invoices of tables `invoices` and `documents` that have no PDF, or more than one."""
    found = connection.execute(
        f"""SELECT invoice_id, count(sha256) FROM invoices LEFT JOIN documents USING (invoice_id)
        GROUP BY invoice_id HAVING count(sha256) <> 1 LIMIT {_SHOWN}"""
    )
    yield from (f"invoice {invoice_id} has {count} documents" for invoice_id, count in found.fetchall())
