"""Folders of Parquet files that hold documents: how they are written, and PDFs and payloads read back.

Files, in order of their names, are sorted by invoice_id, with 64 documents a row group, uncompressed (a PDF is
compressed already, the payload that it was rendered from is packed), so that one is fetched by reading one row group.
Readers need only pyarrow, and for files that are not of this machine a `filesystem` (`Storage.filesystem`).
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec import AbstractFileSystem

ROWS_PER_GROUP = 64
PDF, PAYLOAD = "pdf", "payload"
CODEC = "zstd"


def write_options() -> dict[str, str]:
    """Options for Spark's DataFrameWriter. Rows must come sorted, as `rendering.in_tasks` lays them out."""
    return {
        "compression": "uncompressed",
        "parquet.block.row.count.limit": str(ROWS_PER_GROUP),
        "parquet.enable.dictionary#pdf": "false",
        "parquet.enable.dictionary#payload": "false",
    }


def packed(payload: str) -> bytes:
    """A payload as it is kept: a tenth to a third of its text, in a fraction of a millisecond."""
    found: bytes = pa.compress(payload.encode(), codec=CODEC, asbytes=True)
    return found


def _unpacked(payload: bytes) -> str:
    with pa.CompressedInputStream(pa.BufferReader(payload), CODEC) as stream:
        return bytes(stream.read()).decode()


def fetch_pdf(files: Sequence[str], invoice_id: str, *, filesystem: AbstractFileSystem | None = None) -> bytes | None:
    """The PDF of one invoice, or None when it has none. `files` are one run's, in order of their names.

    The file is found by halving, its row group by statistics: of a million documents about ten footers are read.
    """
    return _fetch(PDF, files, invoice_id, filesystem)


def fetch_payload(files: Sequence[str], invoice_id: str, *, filesystem: AbstractFileSystem | None = None) -> str | None:
    """The JSON that the document of one invoice was rendered from, found as `fetch_pdf` finds that.

    None also for documents of a version of billflow that kept none.
    """
    found = _fetch(PAYLOAD, files, invoice_id, filesystem)
    return None if found is None else _unpacked(found)


def iter_pdfs(files: Sequence[str], *, filesystem: AbstractFileSystem | None = None) -> Iterator[tuple[str, bytes]]:
    """Invoice id and PDF of every document, file by file; no more than one row group is in memory.

    Invoices that could not be rendered have no PDF and are left out.
    """
    return _iterate(PDF, files, filesystem)


def iter_payloads(files: Sequence[str], *, filesystem: AbstractFileSystem | None = None) -> Iterator[tuple[str, str]]:
    """Invoice id and payload (JSON) of every document that has one, as `iter_pdfs` reads them."""
    return ((invoice_id, _unpacked(payload)) for invoice_id, payload in _iterate(PAYLOAD, files, filesystem))


def _fetch(column: str, files: Sequence[str], invoice_id: str, filesystem: AbstractFileSystem | None) -> bytes | None:
    at = bisect_right(files, invoice_id, key=partial(_least_id, filesystem=filesystem)) - 1
    return _fetch_from(files[at], column, invoice_id, filesystem) if at >= 0 else None


def _fetch_from(path: str, column: str, invoice_id: str, filesystem: AbstractFileSystem | None) -> bytes | None:
    with pq.ParquetFile(path, filesystem=filesystem) as file:
        if column not in file.schema_arrow.names:
            return None
        groups = [group for group in range(file.num_row_groups) if _may_hold(file.metadata, group, invoice_id)]
        for group in groups:
            ids = file.read_row_group(group, ["invoice_id"]).column("invoice_id").to_pylist()
            if invoice_id in ids:
                found: bytes | None = file.read_row_group(group, [column]).column(column)[ids.index(invoice_id)].as_py()
                return found
    return None


def _iterate(column: str, files: Sequence[str], filesystem: AbstractFileSystem | None) -> Iterator[tuple[str, bytes]]:
    for path in files:
        with pq.ParquetFile(path, filesystem=filesystem) as file:
            groups = file.num_row_groups if column in file.schema_arrow.names else 0
            for group in range(groups):
                yield from _present(file.read_row_group(group, ["invoice_id", column]), column)


def _least_id(path: str, filesystem: AbstractFileSystem | None) -> str:
    """The first id in a file; an empty file comes before all others."""
    with pq.ParquetFile(path, filesystem=filesystem) as file:
        return _ids(file.metadata, 0)[0] if file.num_row_groups else ""


def _may_hold(metadata: pq.FileMetaData, group: int, invoice_id: str) -> bool:
    least, greatest = _ids(metadata, group)
    return least <= invoice_id <= greatest


def _ids(metadata: pq.FileMetaData, group: int) -> tuple[str, str]:
    """The least and greatest id of a row group, by its statistics; an empty one has none."""
    row_group = metadata.row_group(group)
    columns = map(row_group.column, range(row_group.num_columns))
    statistics = next(column for column in columns if column.path_in_schema == "invoice_id").statistics
    return (statistics.min, statistics.max) if row_group.num_rows else ("", "")


def _present(table: pa.Table, column: str) -> Iterator[tuple[str, bytes]]:
    for invoice_id, content in zip(table.column("invoice_id"), table.column(column), strict=True):
        if content.is_valid:
            yield invoice_id.as_py(), content.as_py()
