"""Rows into a table of a SQL database: executors bring them beside it, and one transaction takes them over.

Whoever reads there sees the state before or the one after. Rows that are there are changed in the columns that are
written; other columns stay. Doing it again changes nothing.
"""

import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import functions as F

from billflow.errors import CheckFailedError, PassingError, SettingsError
from billflow.sinks.databases import PART, Target, target_of
from billflow.sinks.outgoing import Rows
from billflow.sources.database import Query
from billflow.sources.databases import explained
from billflow.sources.parts import marked, told_as_here

_COUNTED = pa.schema([("rows", pa.int64())])


def write_rows(rows: Rows, url: str, key: str, *, replaces: tuple[str, str] | None) -> int:
    """Brings rows of a partition (`key`) into their table, which is made where there is none; how many they are.

    With `replaces`, a cycle and a month, rows of those that are not among them go. PassingError, SettingsError, and
    CheckFailedError when not all rows are there once, in which case nothing was changed.
    """
    target, query = target_of(url), Query(url, "", rows.where)
    stage = target.stage_name(rows, f"{zlib.crc32(f'{rows.table} {key}'.encode()):08x}")
    with explained(query), target.connected(url) as connection:
        types = _types(target, connection, rows)
        target.do(connection, f"DROP TABLE IF EXISTS {stage}")  # of a run that was killed
        target.stage(connection, rows, stage, types)
        connection.commit()
    try:
        count = _brought(rows, url, stage)
        with explained(query), target.connected(url) as connection:
            _take_over(target, connection, rows, stage, types, count, replaces)
            connection.commit()
    finally:
        with suppress(Exception), target.connected(url) as connection:
            target.do(connection, f"DROP TABLE IF EXISTS {stage}")
            connection.commit()
    return count


def check(url: str, where: str) -> str:
    """Connects, and says that it works. PassingError or SettingsError."""
    target = target_of(url)
    with explained(Query(url, "", where)), target.connected(url) as connection:
        target.do(connection, "SELECT 1")
    return "can be connected to"


def _types(target: Target, connection: Any, rows: Rows) -> dict[str, str]:
    """The columns' types there; the table is made where there is none."""
    types = target.types(connection, rows.table)
    if not types:
        target.create(connection, rows)
        connection.commit()
        types = target.types(connection, rows.table)
    missing = [name for name in rows.names if name not in types]
    if missing:
        raise SettingsError(
            f"the table {rows.table} has no column {', '.join(missing)}",
            where=rows.where,
            remedy=f"add it there, or write only columns that it has: {', '.join(types)}",
        )
    return types


def _brought(rows: Rows, url: str, stage: str) -> int:
    where = rows.where

    def bring(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        part = str(context.partitionId()) if context else "0"
        try:
            with explained(Query(url, "", where)):
                count = _bring(url, stage, part, batches)
        except (PassingError, SettingsError) as error:
            raise marked(error) from None
        yield pa.RecordBatch.from_pydict({"rows": [count]}, schema=_COUNTED)

    with told_as_here():
        counted = rows.as_texts().mapInArrow(bring, "rows bigint").agg(F.sum("rows")).first()
    return int((counted and counted[0]) or 0)


def _bring(url: str, stage: str, part: str, batches: Iterable[pa.RecordBatch]) -> int:
    """What an attempt before this one has brought goes: no row comes twice."""
    target, count = target_of(url), 0
    with target.connected(url) as connection:
        target.do(connection, f"DELETE FROM {stage} WHERE {target.database.quoted(PART)} = '{part}'")
        for batch in batches:
            if batch.num_rows:
                target.bring(connection, stage, _with_part(batch, part))
            count += batch.num_rows
        connection.commit()
    return count


def _with_part(batch: pa.RecordBatch, part: str) -> pa.RecordBatch:
    mark = pa.array([part] * batch.num_rows, pa.string())
    return pa.RecordBatch.from_arrays([*batch.columns, mark], names=[*batch.schema.names, PART])


def _take_over(
    target: Target,
    connection: Any,
    rows: Rows,
    stage: str,
    types: dict[str, str],
    count: int,
    replaces: tuple[str, str] | None,
) -> None:
    there, staged = target.database.name(rows.table), target.staged(rows, stage, types)
    if replaces is not None and rows.place:
        cycle, month = (target.database.quoted(name) for name in rows.place)
        target.do(
            connection,
            f"DELETE FROM {there} WHERE {cycle} = '{replaces[0]}' AND {month} = '{replaces[1]}' AND NOT EXISTS "
            f"(SELECT 1 FROM ({staged}) AS _staged WHERE {_of_table(target, rows, there)})",
        )
    target.do(connection, target.merge(rows, stage, types))
    found = target.database.one(
        connection, f"SELECT count(*) FROM {there} AS _there JOIN ({staged}) AS _staged ON {target.agree(rows)}"
    )[0]
    if int(found) != count:
        connection.rollback()
        raise CheckFailedError(
            f"{count} rows were to be written to {rows.table}, and {found} would be there",
            where=rows.where,
            remedy=f"see that {', '.join(rows.key)} have a unique index there, and types that hold all of their values",
        )


def _of_table(target: Target, rows: Rows, there: str) -> str:
    quoted = map(target.database.quoted, rows.key)
    return " AND ".join(f"{there}.{name} = _staged.{name}" for name in quoted)
