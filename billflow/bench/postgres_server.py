"""A PostgreSQL of the benchmark's own: from the machine's package, on loopback, in a scratch folder, tuned."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from billflow.errors import MachineError

_USER = "bench"
_PATIENCE = 60
"""Seconds in which it starts."""


def tuned() -> dict[str, str]:
    """Settings for a machine that bills and does nothing else: all of PostgreSQL's tuning is here."""
    cores, mebibytes = os.cpu_count() or 1, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return {
        "shared_buffers": f"{mebibytes // 4}MB",
        "effective_cache_size": f"{mebibytes // 2}MB",
        "work_mem": f"{max(mebibytes // 32, 64)}MB",
        "maintenance_work_mem": f"{min(max(mebibytes // 16, 64), 2048)}MB",
        "max_parallel_workers": str(cores),
        "max_parallel_workers_per_gather": str(cores),
        "max_parallel_maintenance_workers": str(cores),
        "max_wal_size": "16GB",
        "checkpoint_timeout": "30min",
        "wal_level": "minimal",  # a table that its own transaction made needs no log
        "max_wal_senders": "0",
        "synchronous_commit": "off",
        "autovacuum": "off",  # the base is vacuumed once it is there; nothing else shall run meanwhile
        "random_page_cost": "1.1",  # flash
        "effective_io_concurrency": "200",
    }


@contextmanager
def started(scratch: Path) -> Iterator[tuple[str, int]]:
    """(url, process) of a server that ends with the block. MachineError, with the reason, where none can be started.

    Root's one runs as the user postgres, who has to reach `scratch`.
    """
    programs, user, port = _programs(), _owner(), _free_port()
    password = _initialised(programs, scratch, user)
    log = scratch / "postgres.log"
    server = _launched(programs, scratch, port, user, log)
    try:
        _wait(server, [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)], log)
        yield f"postgresql://{_USER}:{password}@127.0.0.1:{port}/postgres", server.pid
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGINT)  # ends its sessions
        server.wait(timeout=_PATIENCE)


def _initialised(programs: Path, scratch: Path, user: str | None) -> str:
    """Makes the server's folder in `scratch`; the password of its user."""
    home, password, kept = scratch / "postgres", secrets.token_hex(16), scratch / "password"
    home.mkdir()
    kept.touch(0o600)
    kept.write_text(password, encoding="utf-8")
    if user:
        shutil.chown(home, user)
        shutil.chown(kept, user)
    begin = ["-D", f"{home}/data", "-U", _USER, f"--pwfile={kept}", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C"]
    _done([str(programs / "initdb"), *begin], user)
    return password


def _launched(programs: Path, scratch: Path, port: int, user: str | None, log: Path) -> "subprocess.Popen[bytes]":
    settings = {**tuned(), "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", f"{scratch}/postgres/data", *options]
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, user=user, cwd="/", start_new_session=True)


def _programs() -> Path:
    """Debian keeps a server's programs out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda file: int(file.parts[-3]))
    on_path = shutil.which("postgres")
    if not found and not on_path:
        raise MachineError("its server is not installed", remedy="apt-get install postgresql, or --postgres URL")
    return found[-1].parent if found else Path(str(on_path)).parent


def _owner() -> str | None:
    """PostgreSQL refuses to run as root: then as the package's own user."""
    if os.geteuid():
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise MachineError(
            "as root its server needs the user postgres", remedy="run as another user, or --postgres URL"
        ) from None
    return "postgres"


def _done(command: Sequence[str], user: str | None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, user=user, cwd="/", check=False)
    if done.returncode:
        raise MachineError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-500:]}", remedy="--postgres URL")


def _wait(server: "subprocess.Popen[bytes]", ready: Sequence[str], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while subprocess.run(ready, capture_output=True, check=False).returncode:
        if server.poll() is not None or time.monotonic() > end:
            said = log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
            raise MachineError(f"its server does not start: {said}", remedy="--postgres URL")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
