"""Bill runs of one base by billflow, PostgreSQL and DuckDB, side by side; all have to come to the same, to the cent.

Each run of billflow and of DuckDB is a process of its own, as it is for those who use them; PostgreSQL is a server.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree
from typing import Protocol, TypeVar

import duckdb

from billflow import __version__
from billflow.bench import own, postgres_server
from billflow.bench.base import Base, write_base
from billflow.bench.resources import Spent
from billflow.bench.rivals import with_duckdb
from billflow.bench.rivals.with_postgres import Postgres
from billflow.bench.totals import check_agreement
from billflow.bench.way import BILLFLOW, DUCKDB, PROCEDURE, PROCEDURES, SETS, Way
from billflow.errors import MachineError

Result = TypeVar("Result")


class Apart(Protocol):
    """Does work and gives its result."""

    def __call__(self, work: Callable[..., Result], *given: object) -> Result: ...


def in_own_process(work: Callable[..., Result], *given: object) -> Result:
    """Does work in a new process, which ends with it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


@dataclass(frozen=True)
class Bench:
    """How often each way bills, and where files go meanwhile; `shown` is told what comes next.

    `postgres` is the URL of a server that is there, else one is started; `apart` keeps one run from the other.
    """

    runs: int
    scratch: Path
    shown: Callable[[str], None]
    postgres: str | None = None
    apart: Apart = in_own_process


@dataclass(frozen=True)
class Compared:
    """The ways to bill so many customers, billflow first; `missing` says of rivals that are not there why."""

    customers: int
    usage_rows: int
    ways: Sequence[Way]
    missing: dict[str, str]


def compare(customers: int, bench: Bench) -> Compared:
    """Bills a new base by each way. CheckFailedError when two do not come to the same; the files stay then."""
    folder = bench.scratch / str(customers)
    folder.mkdir()
    bench.shown(f"{customers:,} customers: making their usage")
    found = by_all(write_base(folder / "project", customers), folder, bench)
    rmtree(folder)
    return found


def by_all(base: Base, folder: Path, bench: Bench) -> Compared:
    """Bills a base by each way, with the rivals' files in `folder`."""
    rivals, missing = _of_postgres(base, folder, bench)
    ways = [_own(base, bench), *rivals, _duckdb(base, folder, bench)]
    found = {f"{way.name}, run {turn}": run.totals for way in ways for turn, run in enumerate(way.runs, start=1)}
    check_agreement(found, str(folder))
    return Compared(base.customers, base.usage_rows, ways, missing)


def _own(base: Base, bench: Bench) -> Way:
    runs = [bench.apart(own.bill, base) for _ in _turns(BILLFLOW, base, bench)]
    return Way(BILLFLOW, __version__, runs[0].ingested, [run.billed for run in runs], runs[0].started)


def _duckdb(base: Base, folder: Path, bench: Bench) -> Way:
    bench.shown(f"{base.customers:,} customers: DuckDB loads them")
    database = folder / "rival.duckdb"
    loaded = bench.apart(with_duckdb.load, base, database)
    runs = [bench.apart(with_duckdb.bill, database, folder / "duckdb") for _ in _turns(DUCKDB, base, bench)]
    return Way(DUCKDB, duckdb.__version__, loaded, runs)


def _of_postgres(base: Base, folder: Path, bench: Bench) -> tuple[list[Way], dict[str, str]]:
    try:
        with postgres_of(bench, folder) as postgres:
            bench.shown(f"{base.customers:,} customers: PostgreSQL loads them")
            loaded = postgres.load(base)
            return [_by_postgres(postgres, way, base, loaded, bench) for way in (SETS, PROCEDURE, PROCEDURES)], {}
    except MachineError as problem:
        return [], {"PostgreSQL": problem.what}


def _by_postgres(postgres: Postgres, way: str, base: Base, loaded: Spent, bench: Bench) -> Way:
    return Way(way, postgres.version(), loaded, [postgres.bill(base, way) for _ in _turns(way, base, bench)])


@contextmanager
def postgres_of(bench: Bench, folder: Path) -> Iterator[Postgres]:
    """A schema of the server that was named, or of one that ends with the block; MachineError where there is none."""
    with ExitStack() as stack:
        url, process = (
            (bench.postgres, None) if bench.postgres else stack.enter_context(postgres_server.started(folder))
        )
        postgres = Postgres(url, process)
        stack.callback(postgres.clear)
        yield postgres


def _turns(way: str, base: Base, bench: Bench) -> Iterator[None]:
    for turn in range(bench.runs):
        bench.shown(f"{base.customers:,} customers: {way}, run {turn + 1} of {bench.runs}")
        yield
