"""A real MariaDB from the machine's package, on loopback, in a folder of the test's."""

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pymysql

from billflow_tests.servers.postgres import reachable_by
from billflow_tests.servers.processes import Server, free_port, unavailable

PASSWORD = "of-this-test-only"


class MariaDb:
    """`port` of a server with the user and database `billing`; without TLS, unless `options` of the server say so."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port, self._options = free_port(), options or ("--skip-ssl",)
        self._folder, self._data = folder, folder / "mariadb"
        self._user = reachable_by("mysql", folder, "mariadb-server") if os.geteuid() == 0 else None
        self._data.mkdir()
        if self._user:
            shutil.chown(self._data, self._user)
        install = [_program("mariadb-install-db"), "--no-defaults", f"--datadir={self._data}", "--skip-test-db"]
        install += ["--auth-root-authentication-method=normal"]
        # Its user need not be allowed to write where the tests' own temporary files are.
        self._environment = {**os.environ, "TMPDIR": str(self._data)}
        done = subprocess.run(
            install, capture_output=True, text=True, user=self._user, env=self._environment, check=False
        )
        if done.returncode:
            raise RuntimeError(f"mariadb-install-db: {done.stdout[-1000:]} {done.stderr[-1000:]}")
        self.server = self._started()
        self.do(
            "CREATE DATABASE billing CHARACTER SET utf8mb4",
            f"CREATE USER billing@'%' IDENTIFIED BY '{PASSWORD}'",
            "GRANT ALL ON billing.* TO billing@'%'",
            user="root",
        )

    @property
    def url(self) -> str:
        return f"mariadb://billing:{PASSWORD}@127.0.0.1:{self.port}/billing"

    def _started(self) -> Server:
        # The server wants a short path of its socket.
        command = [_program("mariadbd"), "--no-defaults", f"--datadir={self._data}", f"--port={self.port}"]
        command += ["--bind-address=127.0.0.1", f"--socket={self._data}/s", f"--pid-file={self._data}/pid"]
        command += self._options
        server = Server(command, self._folder / "mariadb.log", self._environment, user=self._user)
        return server.wait_for(self.is_ready, "MariaDB serves")

    def is_ready(self) -> bool:
        try:
            self.do("SELECT 1", user="root")
        except pymysql.err.OperationalError:
            return False
        return True

    def do(self, *statements: str, user: str = "billing") -> None:
        """Executes statements, as root or in the database."""
        own = {"user": user} if user == "root" else {"user": user, "password": PASSWORD, "database": "billing"}
        connection = pymysql.connect(host="127.0.0.1", port=self.port, autocommit=True, **own)
        with closing(connection), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def restart(self) -> None:
        """Kills the server and starts it again."""
        self.server.kill()
        self.server = self._started()

    def stop(self) -> None:
        self.server.kill()


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if not found:
        unavailable("MariaDB cannot be started: its server is not installed (Debian: mariadb-server)")
    return str(found)
