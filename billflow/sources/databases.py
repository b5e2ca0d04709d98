"""The rows of a SQL database in the types of its columns, and what is told when it refuses or is away."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from billflow.errors import MachineError, PassingError, SettingsError
from billflow.shown_values import without_passwords
from billflow.sources.database import BATCH, INSTANT, TEXT, WALL_CLOCK, Query
from billflow.sources.database_kinds import database_of
from billflow.sources.servers import server_error
from billflow.sources.silence import heard

_DRIVERS = ("adbc_", "asyncmy", "pymysql", "sqlite3")
"""How the modules of drivers' errors begin; sinks have one of their own for MySQL."""
_PACKAGE = re.compile(r"'(\w+)' package is required")
"""What they say where a way of MySQL's or MariaDB's to prove a password needs one that is not installed."""


def fetched(query: Query, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a query in a schema that ends with a column for the text of rows that do not fit it.

    Errors as `explained` makes them, and PassingError when the database says nothing for too long.
    """
    return heard(partial(_fetched, query, schema), query.silence, silent(query))


def _fetched(query: Query, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    database = database_of(query.url)
    delivered = pa.schema(list(schema)[:-1])
    with explained(query), database.connected(query) as connection:
        for batch in database.batches(connection, query.select, delivered):
            for start in range(0, batch.num_rows, BATCH):
                yield _fitted(batch.slice(start, BATCH), schema)


def silent(query: Query) -> PassingError:
    """The database has said nothing for too long."""
    place = f"{query.where} ({without_passwords(query.url)})"
    remedy = "see that it runs and that no lock holds it up, or allow it longer (timeout); then run again"
    return PassingError(f"the database says nothing for {query.silence:g} s", where=place, remedy=remedy)


@contextmanager
def explained(query: Query, *, mend: str = "url, table, query, where or partition_by") -> Iterator[None]:
    """A driver's error as PassingError when it may pass, else as SettingsError; neither shows a password. MachineError
    where the driver lacks a package.

    `mend` are the keys that a mistake may be in.
    """
    try:
        yield
    except (MachineError, SettingsError, PassingError):
        raise
    except Exception as error:
        if isinstance(error, RuntimeError) and (package := _PACKAGE.search(str(error))):
            raise MachineError(
                f"the database asks for the password in a way for which a package is missing: {error}",
                where=f"{query.where} ({without_passwords(query.url)})",
                remedy=f"python -m pip install {package[1]}, here and where Spark's executors run",
            ) from None
        # While rows come from PostgreSQL, its errors are Arrow's.
        if not type(error).__module__.startswith(_DRIVERS) and "[libpq]" not in str(error):
            raise
        what, passes = str(error).split("Query was:")[0], database_of(query.url).is_passing(error)
        raise server_error(what, passes=passes, where=query.where, url=query.url, mend=mend) from None


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in the schema's types. Of a row with a value that is not of its type, the last column is the text."""
    columns, wrong = [], set[int]()
    for at, one in enumerate(list(schema)[:-1]):
        column, misfits = _converted(batch.column(at), one.type)
        columns.append(column)
        wrong |= misfits
    texts = [None] * batch.num_rows if not wrong else [
        _as_json(batch, at) if at in wrong else None for at in range(batch.num_rows)
    ]  # fmt: skip
    return pa.RecordBatch.from_arrays([*columns, pa.array(texts, TEXT)], schema=schema)


def _converted(column: pa.Array, kind: pa.DataType) -> tuple[pa.Array, set[int]]:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if column.type == kind:
        return column, set()
    try:
        return _cast(column, kind), set()
    except pa.ArrowInvalid:
        values, wrong = [], set[int]()
        for at in range(len(column)):
            try:
                values.append(_cast(column.slice(at, 1), kind)[0].as_py())
            except pa.ArrowInvalid:
                values.append(None)
                wrong.add(at)
        return pa.array(values, kind), wrong


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if kind == INSTANT and column.type == TEXT:
        return pc.cast(column, WALL_CLOCK).cast(INSTANT)
    return pc.cast(column, kind)


def _as_json(batch: pa.RecordBatch, at: int) -> str:
    row = {name: batch.column(name)[at].as_py() for name in batch.schema.names}
    return json.dumps({name: None if one is None else str(one) for name, one in row.items()}, ensure_ascii=False)
