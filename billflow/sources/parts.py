"""Rows that Spark's executors fetch from a server, part by part, by a driver of Python's."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import Any, TypeVar

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.accumulators import Accumulator, AccumulatorParam
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from billflow.errors import PassingError, SettingsError
from billflow.lake.healing import Action, action, note
from billflow.settings import PROJECT_FILE

ATTEMPTS = 4
"""How often a part is fetched before a run gives it up, each time after twice as long."""
FIRST_PAUSE = 0.5
"""Seconds."""
_MISTAKE, _PASSING = "billflow_mistake:", "billflow_passing:"
"""How an executor's error says what it is: Spark only brings its text."""

Part = TypeVar("Part")
Fetch = Callable[[Part], Iterator[pa.RecordBatch]]


def read_parts(spark: SparkSession, parts: Sequence[Part], schema: pa.Schema, fetch: Fetch[Part]) -> DataFrame:
    """What `fetch` gives for each part: batches of a schema; it raises PassingError for what is worth another try.

    A part is fetched whole before its first row counts, so that one that is fetched again has no row twice. Parts may
    hold secrets: they go to the executors inside a function, and not as rows or options, which are shown in plans.
    """
    again = spark.sparkContext.accumulator([], _Actions())
    _again.append(again)

    def billflow_part(numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number in (one for batch in numbers for one in batch.column(0).to_pylist()):
            with tempfile.TemporaryFile() as spool:
                for action in _spooled(partial(fetch, parts[number]), schema, spool):
                    again.add([action])
                spool.seek(0)
                yield from pa.ipc.open_stream(spool)

    types = StructType(list(from_arrow_schema(schema, prefer_timestamp_ntz=True)))
    return spark.range(0, len(parts), 1, len(parts)).mapInArrow(billflow_part, types)


class _Actions(AccumulatorParam[list[Action]]):
    """What executors did again; a task that fails tells of nothing, its error does."""

    def zero(self, value: list[Action]) -> list[Action]:
        del value
        return []

    def addInPlace(self, value1: list[Action], value2: list[Action]) -> list[Action]:  # noqa: N802  # Spark's name
        return [*value1, *value2]


_again: list[Accumulator[list[Action]]] = []
"""Of reads whose actions are not noted yet."""


def note_fetched_again() -> None:
    """Notes what executors have fetched again until now. Only after the rows were read it is known."""
    while _again:
        note(*_again.pop().value)


def _spooled(fetch: Callable[[], Iterator[pa.RecordBatch]], schema: pa.Schema, spool: Any) -> list[Action]:
    """Writes all batches of a part to a file; what had to be done again for it."""
    actions: list[Action] = []

    def written() -> None:
        spool.seek(0)
        spool.truncate()
        with pa.ipc.new_stream(spool, schema) as sink:
            for batch in fetch():
                sink.write_batch(batch)

    try:
        tried(written, "part of a source fetched again", actions.append)
    except (PassingError, SettingsError) as error:
        raise marked(error) from None
    return actions


Result = TypeVar("Result")


def tried(
    attempt: Callable[[], Result], kind: str, tell: Callable[[Action], None] = note, *, patience: float = inf
) -> Result:
    """What an attempt gives. After a PassingError it is made again: `ATTEMPTS` times in all, and not when more than
    `patience` seconds have gone. The last error says how often.
    """
    pause, began, attempts = FIRST_PAUSE, time.monotonic(), 0
    while True:
        attempts += 1
        try:
            return attempt()
        except PassingError as error:
            if attempts == ATTEMPTS or time.monotonic() - began > patience:
                often = f"{error.what} (tried {attempts} times)" if attempts > 1 else error.what
                raise PassingError(often, where=error.where, remedy=error.remedy) from None
            tell(action(kind, error.where.rpartition(f"{PROJECT_FILE}: ")[2], error.what, waited=pause))
        time.sleep(pause)
        pause *= 2


def marked(error: PassingError | SettingsError) -> RuntimeError:
    """An error of an executor's that `told_as_here` knows again."""
    mark = _PASSING if isinstance(error, PassingError) else _MISTAKE
    return RuntimeError(mark + json.dumps({"what": error.what, "where": error.where, "remedy": error.remedy}))


@contextmanager
def told_as_here() -> Iterator[None]:
    """What went wrong on an executor, as the error that it was there."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        for mark, kind in ((_MISTAKE, SettingsError), (_PASSING, PassingError)):
            if mark in str(error):
                told = json.JSONDecoder().raw_decode(str(error).split(mark, 1)[1])[0]
                raise kind(told["what"], where=told["where"], remedy=told["remedy"]) from None
        raise
