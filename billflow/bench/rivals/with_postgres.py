"""PostgreSQL as the traditional solution: the base in tables with indexes, billed by a procedure and by sets."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import adbc_driver_manager
import pyarrow.dataset

from billflow.bench.base import PERIOD_END, PERIOD_START, Base
from billflow.bench.resources import Meter, Spent
from billflow.bench.rivals.script import statements
from billflow.bench.tariff import tariff
from billflow.bench.totals import totals_of
from billflow.bench.way import PROCEDURE, PROCEDURES, SETS, Billed
from billflow.errors import MachineError

SCHEMA = "billflow_bench"
_RESULTS = ("invoices", "invoice_lines", "invoice_taxes", "used")


class Postgres:
    """A schema of a server. `process` is the server's, None when it is not ours to look at."""

    def __init__(self, url: str, process: int | None) -> None:
        self.url, self.process = urlsplit(url)._replace(scheme="postgresql").geturl(), process
        self._made = False

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """A cursor; each statement commits by itself. MachineError when the server does not answer."""
        from adbc_driver_postgresql import dbapi  # a tenth of a second that other commands spare

        try:
            opened = dbapi.connect(self.url, autocommit=True)
        except dbapi.Error as error:
            what = f"it cannot be reached: {str(error).splitlines()[0]}"
            raise MachineError(what, where="--postgres", remedy="start it, or correct the URL") from None
        with closing(opened) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(f"SET search_path = {SCHEMA}")
            yield cursor

    def version(self) -> str:
        """As the server tells it."""
        with self.connected() as cursor:
            return str(_asked(cursor)("SELECT current_setting('server_version')")[0])

    def load(self, base: Base) -> Spent:
        """Copies the base into new tables, and makes their indexes."""
        meter = Meter(self.process)
        with meter.measured(), self.connected() as cursor:
            self.make_schema(cursor)
            run(cursor, meter, "postgres_tables")
            for table in ("customers", "subscriptions", "usage"):
                rows = pyarrow.dataset.dataset(base.files(table)).scanner().to_reader()
                with meter.step(f"copy {table}"):
                    self.copy(cursor, table, rows)
            for table, priced in tariff(base.folder).items():
                self.copy(cursor, table, priced)
            run(cursor, meter, "postgres_indexes")
        return meter.spent

    def make_schema(self, cursor: Any) -> None:
        """What `clear` removes. MachineError when there is one of that name, or this user may not make one."""
        try:
            cursor.execute(f"CREATE SCHEMA {SCHEMA}")
        except adbc_driver_manager.Error as error:
            what = f"the schema {SCHEMA} cannot be made: {str(error).splitlines()[0]}"
            raise MachineError(what, where="--postgres", remedy="drop it, or name another database") from None
        self._made = True

    def copy(self, cursor: Any, table: str, rows: Any) -> None:
        """Adds rows by binary COPY."""
        cursor.adbc_ingest(table, rows, mode="append", db_schema_name=SCHEMA)

    def bill(self, base: Base, way: str) -> Billed:
        """Bills the base's month by one of the ways that begin with PostgreSQL."""
        meter = Meter(self.process)
        with self.connected() as cursor:
            for table in _RESULTS:
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
            if way != SETS:
                run(cursor, Meter(None), "postgres_results")
                run(cursor, Meter(None), "postgres_procedure")
            if self.process is not None:  # it takes a right that only the owner of a server has
                cursor.execute("CHECKPOINT")  # what was done before is not written while the bills are made
            with meter.measured():
                self._bills()[way](base, cursor, meter)
            totals = totals_of(_asked(cursor), "('x' || {})::bit(48)::bigint")
            sizes = " + ".join(f"pg_total_relation_size('{table}')" for table in _RESULTS[:3])
            (written,) = _asked(cursor)(f"SELECT {sizes}")
        return Billed(meter.spent, totals, written)

    def _bills(self) -> dict[str, Callable[[Base, Any, Meter], None]]:
        return {
            SETS: lambda _, cursor, meter: run(
                cursor, meter, "postgres_sets", period_start=PERIOD_START, period_end=PERIOD_END
            ),
            PROCEDURE: lambda base, _, meter: self._call(base, meter, sessions=1),
            PROCEDURES: lambda base, _, meter: self._call(base, meter, sessions=os.cpu_count() or 1),
        }

    def _call(self, base: Base, meter: Meter, sessions: int) -> None:
        """The procedure, by as many sessions, each with a range of accounts."""
        bounds = [base.customers * at // sessions for at in range(sessions + 1)]
        with meter.step("procedure"), ThreadPoolExecutor(sessions) as threads:
            list(threads.map(self._call_range, [bound + 1 for bound in bounds[:-1]], bounds[1:]))

    def _call_range(self, first: int, last: int) -> None:
        with self.connected() as cursor:
            cursor.execute(f"CALL bill_run(date '{PERIOD_START}', date '{PERIOD_END}', {first}, {last})")

    def clear(self) -> None:
        """Removes the schema, if it was made here."""
        if self._made:
            with self.connected() as cursor:
                cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def run(cursor: Any, meter: Meter, script: str, **values: object) -> None:
    """Executes a script's statements, each measured as its step."""
    for step, statement in statements(script, **values):
        with meter.step(step):
            cursor.execute(statement)


def _asked(cursor: Any) -> Callable[[str], Sequence[Any]]:
    def ask(sql: str) -> Sequence[Any]:
        cursor.execute(sql)
        row: Sequence[Any] = cursor.fetchone()
        return row

    return ask
