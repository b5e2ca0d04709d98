"""A real PostgreSQL from the machine's package, on loopback, in a folder of the test's."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from billflow_tests.servers.processes import Server, free_port, unavailable

PASSWORD = "of-this-test-only"


class Postgres:
    """`port` of a server with the user and database `dagster`."""

    def __init__(self, folder: Path) -> None:
        self.programs, self.port = _programs(), free_port()
        self._folder, self._user = folder / "postgres", _owner(folder)
        self._folder.mkdir()
        password = folder / "password"
        password.write_text(PASSWORD)
        if self._user:
            shutil.chown(self._folder, self._user)
        self._done(
            "initdb", "-D", f"{self._folder}/data", "-U", "dagster", f"--pwfile={password}", "-A", "scram-sha-256"
        )
        self.server = self._started()
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        self._done("createdb", *self._address, "dagster", environment=environment)

    @property
    def _address(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "dagster"]

    def _done(self, program: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments],
            capture_output=True,
            text=True,
            user=self._user,
            env=environment,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout[-1000:]} {done.stderr[-1000:]}")

    def _started(self) -> Server:
        places = [
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"unix_socket_directories={self._folder}",
            "-p",
            str(self.port),
        ]
        command = [str(self.programs / "postgres"), "-D", f"{self._folder}/data", *places]
        server = Server(command, self._folder.parent / "postgres.log", user=self._user)
        return server.wait_for(self.is_ready, "PostgreSQL serves")

    def is_ready(self) -> bool:
        return (
            subprocess.run([self.programs / "pg_isready", *self._address], capture_output=True, check=False).returncode
            == 0
        )

    @property
    def url(self) -> str:
        return f"postgresql://dagster:{PASSWORD}@127.0.0.1:{self.port}/dagster"

    def do(self, *statements: str) -> None:
        """Executes statements in the database."""
        address, given = self._address, [part for one in statements for part in ("-c", one)]
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        self._done("psql", *address, "-q", "-v", "ON_ERROR_STOP=1", *given, "dagster", environment=environment)

    def restart(self) -> None:
        """Kills the server and starts it again."""
        self.server.kill()
        self.server = self._started()

    def stop(self) -> None:
        self.server.kill()


def _programs() -> Path:
    """Debian keeps a server's programs out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda file: int(file.parts[-3]))
    on_path = shutil.which("postgres")
    if not found and not on_path:
        unavailable("PostgreSQL cannot be started: its server is not installed (Debian: postgresql)")
    return found[-1].parent if found else Path(on_path or "").parent


def _owner(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root: then as the package's own user."""
    return reachable_by("postgres", folder, "postgresql") if os.geteuid() == 0 else None


def reachable_by(user: str, folder: Path, package: str) -> str:
    """The user of a package, who can reach the folder from now on."""
    try:
        pwd.getpwnam(user)
    except KeyError:
        unavailable(f"the server cannot be started: as root it needs the user {user} of Debian's package {package}")
    for place in [folder, *folder.parents]:
        if place.owner() == "root" and place != Path("/"):
            place.chmod(place.stat().st_mode | 0o011)
    return user
