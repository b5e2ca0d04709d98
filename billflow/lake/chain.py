"""The hash chain over confirmed invoices: who changes, adds or removes one changes every head that follows.

    invoice  SHA-256 of the row, its lines (in order of line_no), its taxes (in order of their hashes) and the SHA-256
             of its PDF. A row is its columns in order, each as <bytes>:<text>, NULL as `-`; lines and taxes go in as
             the SHA-256 of their rows.
    block    SHA-256 of the hashes of 10,000 invoices, in order of their numbers
    chain    begins with SHA-256(the head of the confirmation before + the record of this one, without its head);
             each block makes it SHA-256(chain + block)
    head     the end of it, kept in the record

The record is the partition as the manifest has it, with the hashes of input, catalogue, template and files: they are
sealed too. All of it is computed in DuckDB, by one query a bucket of accounts: memory holds one bucket.
"""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb

from billflow.lake.digests import text_digest
from billflow.lake.manifest import Confirmation, PublishedPartition, TableRun
from billflow.lake.published import column_types, files, rows_of
from billflow.lake.schemas import SCHEMAS
from billflow.lake.storage import Storage

CHAINED = ("invoices", "invoice_lines", "invoice_taxes")
ORDER = "kind, issue_date, system, account_id, invoice_id"
"""In which invoices are numbered (`billflow.billing.numbering`) and chained."""

BLOCK = 10_000
_MEMORY = "2GB"
_BUCKET = re.compile(r"_(\d{5})\.[^/]*$")
"""In the name of a file that Spark wrote for one bucket."""

_DOCUMENT = {"invoice_id": "VARCHAR", "sha256": "VARCHAR"}

Tables = Mapping[str, Sequence[TableRun]]
Columns = Mapping[str, Mapping[str, str]]


def chained_columns() -> dict[str, dict[str, str]]:
    """Table → column → type, as this version chains them."""
    return {table: column_types(SCHEMAS[table]) for table in CHAINED}


def chain_head(
    storage: Storage, tables: Tables, key: str, partition: PublishedPartition, confirmation: Confirmation
) -> str:
    """The head of a confirmed partition's chain, whose tables are in the folders given (staged, or published).

    `confirmation` is the partition's. Raises duckdb.Error when a file cannot be read or lacks a column.
    """
    head = text_digest(confirmation.previous, _record(key, partition))
    for block in _blocks(storage, tables, confirmation.columns):
        head = text_digest(head, block)
    return head


def _record(key: str, partition: PublishedPartition) -> str:
    """The same text in every version: fields that a later one adds are left out while they have their defaults."""
    content = partition.model_dump(mode="json", exclude={"confirmation": {"head"}}, exclude_defaults=True)
    return json.dumps({"partition": key, **content}, sort_keys=True, separators=(",", ":"))


def _blocks(storage: Storage, tables: Tables, columns: Columns) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="billflow-chain-") as folder, _database(storage, folder) as connection:
        connection.execute(f"CREATE TABLE digests AS {_invoice_digests({}, columns)}")
        for bucket in _buckets(storage, tables):
            connection.execute(f"INSERT INTO digests {_invoice_digests(bucket, columns)}")
        found = connection.execute(_block_digests(files(storage, tables.get("documents", ()))))
        while row := found.fetchone():
            yield row[0]


def _database(storage: Storage, folder: str) -> duckdb.DuckDBPyConnection:
    """On disk, for what does not fit into memory."""
    connection = duckdb.connect(Path(folder) / "chain.duckdb", config={"memory_limit": _MEMORY})
    if storage.filesystem is not None:
        connection.register_filesystem(storage.filesystem)
    return connection


def _buckets(storage: Storage, tables: Tables) -> list[dict[str, list[str]]]:
    """Table → files, for each bucket of accounts; for all together when they are not laid out in the same buckets."""
    found = {table: files(storage, tables[table]) for table in CHAINED}
    counts = {run.buckets for table in CHAINED for run in tables[table]}
    numbers = {file: match[1] for listed in found.values() for file in listed if (match := _BUCKET.search(file))}
    if len(counts) != 1 or len(numbers) < sum(map(len, found.values())):
        return [found]
    return [
        {table: [file for file in listed if numbers[file] == bucket] for table, listed in found.items()}
        for bucket in sorted(set(numbers.values()))
    ]


def _invoice_digests(bucket: Mapping[str, list[str]], columns: Columns) -> str:
    """SQL: what orders an invoice, and the hash of its row, lines and taxes."""
    invoices, lines, taxes = (rows_of(columns[table], bucket.get(table, [])) for table in CHAINED)
    line, tax = (f"sha256({_text(columns[table])})" for table in CHAINED[1:])
    return f"""
        SELECT {ORDER}, sha256(text || '|' || coalesce(lines, '') || '|' || coalesce(taxes, '')) AS digest
        FROM (SELECT {ORDER}, {_text(columns["invoices"])} AS text FROM ({invoices}))
        LEFT JOIN (SELECT invoice_id, string_agg({line}, '' ORDER BY line_no, {line}) AS lines
                   FROM ({lines}) GROUP BY invoice_id) USING (invoice_id)
        LEFT JOIN (SELECT invoice_id, string_agg({tax}, '' ORDER BY {tax}) AS taxes
                   FROM ({taxes}) GROUP BY invoice_id) USING (invoice_id)
    """


def _text(columns: Iterable[str]) -> str:
    """SQL: a row as text that no other row has."""
    texts = (f'"{name}"::VARCHAR' for name in columns)
    return " || ".join(f"coalesce(strlen({text})::VARCHAR || ':' || {text}, '-')" for text in texts)


def _block_digests(documents: list[str]) -> str:
    """SQL: the hash of each block, in order."""
    return f"""
        SELECT sha256(string_agg(digest, '' ORDER BY place))
        FROM (SELECT row_number() OVER (ORDER BY {ORDER}) - 1 AS place,
                     sha256(digest || '|' || coalesce(sha256, '-')) AS digest
              FROM digests LEFT JOIN ({rows_of(_DOCUMENT, documents)}) USING (invoice_id))
        GROUP BY place // {BLOCK} ORDER BY min(place)
    """
