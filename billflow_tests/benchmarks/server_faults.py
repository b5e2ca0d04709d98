"""Databases that hang up, restart, stall or are held up by a lock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import sleep

from billflow_tests.benchmarks.faults_bench import Outcome
from billflow_tests.benchmarks.raw_reading import ROWS, Fault, Reader, of_server, outcome
from billflow_tests.servers.postgres import Postgres
from billflow_tests.servers.relay import Trap, relayed

_MIDDLE = 1_000_000, 6_000_000
"""Bytes of a part that are there when something happens; before them come the catalogues that drivers read."""


class Server:
    """A PostgreSQL with some rows, behind a relay with traps."""

    def __init__(self, folder: Path) -> None:
        self.postgres, self.traps = Postgres(folder), list[Trap]()
        self.postgres.do(
            "create table calls as select g::text as id, 'l' as line, 1.5::numeric(9,3) as n, repeat('x', 4000) as note, "
            f"timestamptz '2026-05-02 00:00Z' as at from generate_series(1, {ROWS}) g"
        )

    @contextmanager
    def relayed(self) -> Iterator[int]:
        with relayed(self.postgres.port, traps=self.traps) as (port, _):
            yield port

    def cut(self, _: Reader, lot: Random) -> None:
        self.traps[:] = [(lot.randrange(*_MIDDLE), lambda: False)]

    def ended(self, _: Reader, lot: Random) -> None:
        """As an administrator ends what takes too long."""
        mine = "select pg_terminate_backend(pid) from pg_stat_activity where query like 'COPY%' and pid <> pg_backend_pid()"
        self.traps[:] = [(lot.randrange(*_MIDDLE), lambda: self.postgres.do(mine) is None)]

    def stalled(self, _: Reader, lot: Random) -> None:
        self.traps[:] = [(lot.randrange(*_MIDDLE), lambda: not Event().wait(60))]

    def silent(self, _reader: Reader, _lot: Random) -> None:
        """Before the first word of a connection."""
        self.traps[:] = [(1, lambda: not Event().wait(60))]

    def restarted(self, _: Reader, lot: Random) -> Callable[[], None]:
        again = Thread(target=lambda: (sleep(3), self.postgres.restart()))

        def restart() -> bool:
            self.postgres.server.kill()
            again.start()
            return True

        self.traps[:] = [(lot.randrange(*_MIDDLE), restart)]
        return lambda: again.join() if again.ident else None

    def locked(self, _: Reader, lot: Random) -> Callable[[], None]:
        """By somebody who changes the table, for longer than the source may be silent."""
        lock = "begin; lock table calls; select pg_sleep(8); commit"
        holder = Thread(target=lambda: self.postgres.do(lock))
        holder.start()
        sleep(lot.uniform(0.5, 1))
        return holder.join


def server_outcomes(folder: Path, times: int, seed: int) -> dict[str, Outcome]:
    server = Server(folder)
    faults: dict[str, Fault] = {
        "nothing (database)": lambda _reader, _lot: None,
        "the connection is cut in the middle of a read": server.cut,
        "the server ends the connection": server.ended,
        "the server restarts, away for 3 s": server.restarted,
        "the server stalls in the middle of a read": server.stalled,
        "the server does not answer a connection": server.silent,
        "the table is locked for 8 s": server.locked,
    }
    numbers = iter(range(10**6))
    try:
        with server.relayed() as port:
            sources = of_server(port, server.postgres.url.split(":")[2].split("@")[0])
            return {
                name: outcome(name, lambda: Reader(folder / f"p{next(numbers)}", sources), fault, times, seed)
                for name, fault in faults.items()
            }
    finally:
        server.postgres.stop()
