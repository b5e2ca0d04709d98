"""A real Redis from the machine's package, on loopback, in a folder of the test's."""

import shutil
from pathlib import Path
from typing import Any

import redis

from billflow_tests.servers.processes import Server, free_port, unavailable

PASSWORD = "of-this-test-only"


class RedisServer:
    """A server with a password, and a client of it."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        if not program:
            unavailable("Redis cannot be started: its server is not installed (Debian: redis-server)")
        self.port = free_port()
        options = {"bind": "127.0.0.1", "port": self.port, "requirepass": PASSWORD, "dir": folder, "save": ""}
        command = [str(program), *(str(part) for name, value in options.items() for part in (f"--{name}", value))]
        self.client: Any = redis.Redis.from_url(self.url, decode_responses=True)
        self.server = Server(command, folder / "redis.log").wait_for(self.is_ready, "Redis serves")

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def is_ready(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.exceptions.ConnectionError:
            return False

    def stop(self) -> None:
        self.server.kill()
