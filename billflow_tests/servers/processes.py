"""What the servers have in common: free ports, waiting, and ending what was started."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import SystemRandom

import pytest

ONE_COMPILER = "-XX:TieredStopAtLevel=1"
"""For Java that serves a test: a server of minutes never earns what Java's second compiler costs."""


def unavailable(reason: str) -> None:
    """Skips the test, with the reason; fails it in CI, where every server must start."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port of loopback that nobody listens on, below those that the system gives to connections by itself.

    One of those could be taken by a connection before the server that it is for has started.
    """
    while True:
        port = SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as taken, suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return port


def wait_until(true: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    """Polls; the test fails with `what` when it takes too long."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds} s")
        time.sleep(0.1)


class Server:
    """One process with a log of its own."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        user: str | None = None,
        folder: Path | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command,
                stdout=file,
                stderr=file,
                env=environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                user=user,
                cwd=folder,
            )

    def wait_for(self, true: Callable[[], bool], what: str, *, seconds: float = 60) -> "Server":
        """Waits until it serves; TimeoutError with the end of its log when it does not."""
        try:
            wait_until(lambda: self.process.poll() is not None or true(), what, seconds=seconds)
        except TimeoutError as error:
            self.kill()
            raise TimeoutError(f"{error}: {self.tail()}") from None
        if self.process.poll() is not None:
            raise RuntimeError(f"{what}: the process ended: {self.tail()}")
        return self

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3000:]

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Ends it with all that it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        self.process.wait(timeout=60)
