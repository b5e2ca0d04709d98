"""Rows that Spark's executors fetch from a server, part by part, by a driver of Python's."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from billflow.errors import PassingError, SettingsError

ATTEMPTS = 4
"""How often a part is fetched before a run gives it up, each time after twice as long."""
_FIRST_PAUSE = 0.5
_MISTAKE, _PASSING = "billflow_mistake:", "billflow_passing:"
"""How an executor's error says what it is: Spark only brings its text."""

Part = TypeVar("Part")
Fetch = Callable[[Part], Iterator[pa.RecordBatch]]


def read_parts(spark: SparkSession, parts: Sequence[Part], schema: pa.Schema, fetch: Fetch[Part]) -> DataFrame:
    """What `fetch` gives for each part: batches of a schema; it raises PassingError for what is worth another try.

    A part is fetched whole before its first row counts, so that one that is fetched again has no row twice. Parts may
    hold secrets: they go to the executors inside a class, and not as options of Spark's, which are shown in plans.
    """
    name = f"billflow_{uuid4().hex}"

    class Parts(DataSource):
        @classmethod
        def name(cls) -> str:
            return name

        def reader(self, schema: StructType) -> DataSourceReader:
            del schema
            return _Reader(parts, arrow, fetch)

    arrow = schema
    spark.dataSource.register(Parts)
    types = StructType(list(from_arrow_schema(schema, prefer_timestamp_ntz=True)))
    return spark.read.format(name).schema(types).load()


class _Reader(DataSourceReader):
    def __init__(self, parts: Sequence[Any], schema: pa.Schema, fetch: Fetch[Any]) -> None:
        self.parts, self.schema, self.fetch = parts, schema, fetch

    def partitions(self) -> list[InputPartition]:
        return [InputPartition(part) for part in self.parts]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        with tempfile.TemporaryFile() as spool:
            self._fetch(partition.value, spool)
            spool.seek(0)
            yield from pa.ipc.open_stream(spool)

    def _fetch(self, part: Any, spool: Any) -> None:
        pause = _FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                spool.seek(0)
                spool.truncate()
                with pa.ipc.new_stream(spool, self.schema) as sink:
                    for batch in self.fetch(part):
                        sink.write_batch(batch)
            except PassingError as error:
                if attempt == ATTEMPTS:
                    raise marked(error) from None
                time.sleep(pause)
                pause *= 2
            except SettingsError as error:
                raise marked(error) from None
            else:
                return


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
