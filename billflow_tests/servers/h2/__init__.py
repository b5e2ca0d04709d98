"""A real H2 over TCP on loopback, from its jar in Maven Central, which also has the JDBC drivers of tests.

It takes SQL Server's way of writing, but is none: names in brackets, TOP and MONEY are all that it shows of one.
"""

import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from billflow_tests.servers.maven import jars
from billflow_tests.servers.processes import ONE_COMPILER, Server, free_port, unavailable

PASSWORD = "of-this-test-only"


def drivers(folder: Path) -> list[str]:
    """The files of the JDBC drivers of H2 and PostgreSQL."""
    if not shutil.which("mvn"):
        unavailable("JDBC drivers cannot be fetched: there is no mvn on the PATH")
    return jars(Path(__file__).parent / "pom.xml", folder / "jdbc.classpath").split(":")


class H2:
    """`url` of a database in memory, for the user `sa`."""

    def __init__(self, folder: Path) -> None:
        self.port, self.classes = free_port(), ":".join(drivers(folder))
        self.url = f"jdbc:h2:tcp://127.0.0.1:{self.port}/mem:crm;DB_CLOSE_DELAY=-1;MODE=MSSQLServer"
        command = [
            "java",
            "-Xmx256m",
            ONE_COMPILER,
            "-cp",
            self.classes,
            "org.h2.tools.Server",
            "-tcp",
            "-tcpPort",
            str(self.port),
        ]
        self.server = Server([*command, "-ifNotExists"], folder / "h2.log").wait_for(self.is_ready, "H2 serves")

    def do(self, *statements: str) -> None:
        """Executes statements in the database, in UTF-8 whatever the machine's language is."""
        address = ["-url", self.url, "-user", "sa", "-password", PASSWORD, "-sql", "; ".join(statements)]
        command = [
            "java",
            "-Dfile.encoding=UTF-8",
            "-Dsun.jnu.encoding=UTF-8",
            "-cp",
            self.classes,
            "org.h2.tools.Shell",
        ]
        done = subprocess.run([*command, *address], capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr
        assert "SQLException" not in done.stdout, done.stdout

    def is_ready(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def stop(self) -> None:
        self.server.kill()
