"""Rows into a collection of MongoDB: each is found by its key, and its fields are set. Doing it again changes nothing.

There is no moment at which all of it becomes visible: invoices are written last, so that who sees one sees its lines.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyspark.sql import functions as F

from billflow.errors import CheckFailedError, PassingError, SettingsError
from billflow.sink_settings import MongoSink
from billflow.sinks.outgoing import Rows
from billflow.sources.mongodb import Documents, explained
from billflow.sources.parts import marked, told_as_here

_MEND = "url, table or columns"
_AT_ONCE = 1_000
_PATIENCE = 10_000
"""Milliseconds that a server has to be found."""
_COUNTED = pa.schema([("rows", pa.int64()), ("found", pa.int64())])


def write_tables(tables: Sequence[Rows], url: str, run_id: str, *, replaces: tuple[str, str] | None) -> list[int]:
    """Brings rows into their collections, what is referred to last; how many each has."""
    counts = [write_rows(rows, url, run_id, replaces=replaces) for rows in reversed(tables)]
    return counts[::-1]


def write_rows(rows: Rows, url: str, run_id: str, *, replaces: tuple[str, str] | None) -> int:
    """Brings rows into their collection; how many they are.

    With `replaces`, a cycle and a month, what another run has written of those and this one has not goes.
    """
    documents = Documents(url, rows.table, "{}", rows.where)
    with explained(documents, mend=_MEND), _collection(url, rows.table) as collection:
        _index(collection, rows.key)
    count, found = _brought(rows, documents, run_id)
    if found != count:
        raise CheckFailedError(
            f"{count} rows were to be written to {rows.table}, and {found} were",
            where=rows.where,
            remedy=f"see that {', '.join(rows.key)} tell its documents apart",
        )
    if replaces is not None and len(rows.place) == len(replaces):
        place = dict(zip(rows.place, replaces, strict=True))
        with explained(documents, mend=_MEND), _collection(url, rows.table) as collection:
            collection.delete_many({**place, MongoSink.MARK: {"$exists": True, "$ne": run_id}})
    return count


def _index(collection: Any, key: Sequence[str]) -> None:
    """An index that tells documents apart, unless there is one of these fields already."""
    known = collection.index_information().values()
    if not any(one.get("unique") and [name for name, _ in one["key"]] == list(key) for one in known):
        collection.create_index([(name, 1) for name in key], unique=True, name="billflow_key")


def check(url: str, where: str) -> str:
    """Connects, and says that it works. PassingError or SettingsError."""
    with explained(Documents(url, "", "{}", where), mend=_MEND), _client(url) as client:
        client.get_default_database().command("ping")
    return "can be connected to"


def _brought(rows: Rows, documents: Documents, run_id: str) -> tuple[int, int]:
    key, url, table = tuple(rows.key), documents.url, rows.table

    def bring(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            with explained(documents, mend=_MEND), _collection(url, table) as collection:
                counts = [_bring(collection, batch, key, run_id) for batch in batches]
        except (PassingError, SettingsError) as error:
            raise marked(error) from None
        written, found = (sum(each) for each in zip((0, 0), *counts, strict=True))
        yield pa.RecordBatch.from_pydict({"rows": [written], "found": [found]}, schema=_COUNTED)

    with told_as_here():
        counted = rows.frame.mapInArrow(bring, "rows bigint, found bigint").agg(F.sum("rows"), F.sum("found")).first()
    count, found = (int(value or 0) for value in counted or (0, 0))
    return count, found


def _bring(collection: Any, batch: pa.RecordBatch, key: Sequence[str], run_id: str) -> tuple[int, int]:
    """How many rows there are, and how many documents were found or made for them."""
    from pymongo import UpdateOne  # noqa: PLC0415  # a tenth of a second that other commands spare

    found = 0
    for start in range(0, batch.num_rows, _AT_ONCE):
        rows = [_document(row) for row in batch.slice(start, _AT_ONCE).to_pylist()]
        updates = [
            UpdateOne({name: row[name] for name in key}, {"$set": {**row, MongoSink.MARK: run_id}}, upsert=True)
            for row in rows
        ]
        done = collection.bulk_write(updates, ordered=False)
        found += done.matched_count + done.upserted_count
    return batch.num_rows, found


def _document(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    """Exact numbers, and days as midnight in UTC: MongoDB has no days."""
    from bson import Decimal128  # noqa: PLC0415

    if isinstance(value, Decimal):
        return Decimal128(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value


@contextmanager
def _client(url: str) -> Iterator[Any]:
    from pymongo import MongoClient  # noqa: PLC0415

    client: Any = MongoClient(url, serverSelectionTimeoutMS=_PATIENCE, appname="billflow")
    with client:
        yield client


@contextmanager
def _collection(url: str, name: str) -> Iterator[Any]:
    with _client(url) as client:
        yield client.get_default_database().get_collection(name)
