"""Rows into tables of a SQL database: executors bring them beside those, and one transaction takes all of them over.

Whoever reads there sees the state before or the one after. Rows that are there are changed in the columns that are
written; other columns stay. Doing it again changes nothing.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
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

_MEND = "url, table or columns"
_COUNTED = pa.schema([("rows", pa.int64())])


def write_tables(tables: Sequence[Rows], url: str, key: str, *, replaces: tuple[str, str] | None) -> list[int]:
    """Brings rows of a partition (`key`) into their tables, which are made where there are none; how many each has.

    Tables that others refer to come first. With `replaces`, a cycle and a month, rows of those that are not among them
    go from tables that have both. PassingError, SettingsError, and CheckFailedError when not all rows are there once,
    with all their digits; nothing was changed then.
    """
    target = target_of(url)
    staged = [_Staged.of(target, rows, key) for rows in tables]
    try:
        counts = [_brought(one, url) for one in (one.begun(url) for one in staged)]
        with explained(Query(url, "", _sink(tables)), mend=_MEND), target.connected(url) as connection:
            if replaces:
                for one in reversed(staged):
                    one.clear(connection, replaces)
            for one, count in zip(staged, counts, strict=True):
                one.take_over(connection, count)
            connection.commit()
    finally:
        for one in staged:
            one.drop(url)
    return counts


def _sink(tables: Sequence[Rows]) -> str:
    return tables[0].where.partition(".tables")[0] if tables else "sinks"


def check(url: str, where: str) -> str:
    """Connects, and says that it works. PassingError or SettingsError."""
    target = target_of(url)
    with explained(Query(url, "", where), mend=_MEND), target.connected(url) as connection:
        target.do(connection, "SELECT 1")
    return "can be connected to"


@dataclass
class _Staged:
    """Rows and the table beside theirs."""

    target: Target
    rows: Rows
    stage: str
    types: dict[str, str] = field(default_factory=dict)
    """Of the columns there."""

    @classmethod
    def of(cls, target: Target, rows: Rows, key: str) -> "_Staged":
        mark = zlib.crc32(f"{rows.table} {key}".encode())
        return cls(target, rows, target.stage_name(rows, f"{mark:08x}"))

    def begun(self, url: str) -> "_Staged":
        """With its table there, and an empty one beside it."""
        with explained(Query(url, "", self.rows.where), mend=_MEND), self.target.connected(url) as connection:
            self.types = self._types(connection)
            self.target.do(connection, f"DROP TABLE IF EXISTS {self.stage}")  # of a run that was killed
            self.target.stage(connection, self.rows, self.stage, self.types)
            connection.commit()
        return self

    def _types(self, connection: Any) -> dict[str, str]:
        target, rows = self.target, self.rows
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

    @property
    def _there(self) -> str:
        return self.target.database.name(self.rows.table)

    @property
    def _rows_staged(self) -> str:
        return self.target.staged(self.rows, self.stage, self.types)

    def clear(self, connection: Any, replaces: tuple[str, str]) -> None:
        """Takes away rows of a cycle and month that are not staged."""
        if len(self.rows.place) != len(replaces):
            return
        cycle, month = (self.target.database.quoted(name) for name in self.rows.place)
        agree = self.target.agree(self.rows, self._there)
        self.target.do(
            connection,
            f"DELETE FROM {self._there} WHERE {cycle} = '{replaces[0]}' AND {month} = '{replaces[1]}' AND NOT EXISTS "
            f"(SELECT 1 FROM ({self._rows_staged}) AS _staged WHERE {agree})",
        )

    def take_over(self, connection: Any, count: int) -> None:
        """Brings the staged rows into their table. CheckFailedError when they are not there once, as they were."""
        target, rows = self.target, self.rows
        target.do(connection, target.merge(rows, self.stage, self.types))
        found = self._found(connection, target.agree(rows))
        exact = self._found(connection, f"{target.agree(rows)} AND {target.exact(rows)}")
        if not found == exact == count:
            connection.rollback()
            raise CheckFailedError(
                f"{count} rows were to be written to {rows.table}, and {found} would be there, {exact} of them exactly",
                where=rows.where,
                remedy=f"see that {', '.join(rows.key)} have a unique index there which tells capitals apart, and that "
                "columns hold all digits, or round them in `columns`",
            )

    def _found(self, connection: Any, condition: str) -> int:
        """How many rows of the table agree with a staged one."""
        staged = f"SELECT 1 FROM ({self._rows_staged}) AS _staged WHERE {condition}"
        counted = f"SELECT count(*) FROM {self._there} AS _there WHERE EXISTS ({staged})"
        return int(self.target.database.one(connection, counted)[0])

    def drop(self, url: str) -> None:
        with suppress(Exception), self.target.connected(url) as connection:
            self.target.do(connection, f"DROP TABLE IF EXISTS {self.stage}")
            connection.commit()


def _brought(staged: _Staged, url: str) -> int:
    where, stage = staged.rows.where, staged.stage

    def bring(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        part = str(context.partitionId()) if context else "0"
        try:
            with explained(Query(url, "", where), mend=_MEND):
                count = _bring(url, stage, part, batches)
        except (PassingError, SettingsError) as error:
            raise marked(error) from None
        yield pa.RecordBatch.from_pydict({"rows": [count]}, schema=_COUNTED)

    with told_as_here():
        counted = staged.rows.as_texts().mapInArrow(bring, "rows bigint").agg(F.sum("rows")).first()
    with explained(Query(url, "", where), mend=_MEND), staged.target.connected(url) as connection:
        staged.target.index(connection, staged.rows, stage)
        connection.commit()
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
