"""The services of docker-compose.yml without containers: their commands, environment and health checks, on loopback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from billflow_tests.servers.postgres import Postgres
from billflow_tests.servers.processes import ONE_COMPILER, Server, free_port, unavailable

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "billflow" / "deploy"


@cache
def composed() -> Mapping[str, Any]:
    """docker-compose.yml as Compose understands it."""
    if not shutil.which("docker-compose"):
        unavailable("docker-compose.yml cannot be checked: there is no docker-compose (Debian's package)")
    command = ["docker-compose", "-f", str(ROOT / "docker-compose.yml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: Mapping[str, Any] = YAML(typ="safe").load(done.stdout)
    return found


class Deployment:
    """Every service of billflow's image as a process, and a PostgreSQL. `environment` is what the code location has."""

    def __init__(self, folder: Path, project: Path) -> None:
        self.folder, self.project = folder, project
        self.postgres = Postgres(folder)
        self._base = {**_without_ours(os.environ), **self._image(), **self._loopback()}
        self.servers: dict[str, Server] = {}

    def _image(self) -> dict[str, str]:
        """What the Dockerfile sets, with this machine's places."""
        home = self.folder / "dagster"
        (home / "storage").mkdir(parents=True)
        for name in ("dagster.yaml", "workspace.yaml"):
            shutil.copy(DEPLOY / name, home)
        return {
            "PATH": f"{DEPLOY}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HADOOP_HOME": str(_hadoop(self.folder)),
            "HADOOP_CONF_DIR": str(DEPLOY / "hadoop"),
            "SPARK_CONF_DIR": str(DEPLOY),
            "SPARK_NO_DAEMONIZE": "1",
            "JAVA_TOOL_OPTIONS": ONE_COMPILER,
            "DAGSTER_HOME": str(home),
            "BILLFLOW_PROJECT": str(self.project),
        }

    def _loopback(self) -> dict[str, str]:
        """One machine has one of each port, and no names but localhost."""
        ports = {name: str(free_port()) for name in ("rpc", "http", "spark", "spark-ui", "code", "web")}
        name_node, master = f"localhost:{ports['rpc']}", f"spark://localhost:{ports['spark']}"
        self.web = f"http://localhost:{ports['web']}"
        return {
            "BIND": "127.0.0.1",
            "SERVICE_HOST": "localhost",
            "SPARK_LOCAL_HOSTNAME": "localhost",
            "NAMENODE": name_node,
            "NAMENODE_HTTP": f"localhost:{ports['http']}",
            "HDFS_NAME_DIR": str(self.folder / "name"),
            "SPARK_MASTER": master,
            "SPARK_MASTER_PORT": ports["spark"],
            "SPARK_MASTER_WEBUI_PORT": ports["spark-ui"],
            "DAGSTER_PG_HOST": "127.0.0.1",
            "DAGSTER_PG_PORT": str(self.postgres.port),
            "DAGSTER_PG_PASSWORD_FILE": str(self.folder / "password"),
            "DAGSTER_CODE_HOST": "localhost",
            "DAGSTER_CODE_PORT": ports["code"],
            "DAGSTER_PORT": ports["web"],
            "BILLFLOW_LAKE": f"hdfs://{name_node}/billflow",
            "BILLFLOW_WEBHDFS": f"http://localhost:{ports['http']}",
            "BILLFLOW_SPARK_MASTER": master,
        }

    def environment(self, service: str) -> dict[str, str]:
        """Of a service: the image's, its own of docker-compose.yml, and last what differs here."""
        own = {name: str(value) for name, value in composed()["services"][service].get("environment", {}).items()}
        places = {
            "HDFS_DATA_DIR": str(self.folder / service),
            "DATANODE_PORT": self._port(service, "data"),
            "DATANODE_IPC_PORT": self._port(service, "ipc"),
            "DATANODE_HTTP_PORT": self._port(service, "http"),
            "SPARK_WORK_DIR": str(self.folder / service),
            "SPARK_WORKER_WEBUI_PORT": self._port(service, "ui"),
        }
        return {**own, **self._base, **places}

    @cache  # noqa: B019  # it lives as long as the tests
    def _port(self, service: str, use: str) -> str:
        del service, use
        return str(free_port())

    def start(self, service: str) -> Server:
        """Runs the service's command and waits until its health check passes."""
        self.launch(service)
        return self.servers[service].wait_for(lambda: self.is_healthy(service), f"{service} is healthy", seconds=180)

    def launch(self, service: str) -> None:
        """Runs the service's command."""
        command = ["sh", str(DEPLOY / "serve"), *composed()["services"][service]["command"]]
        log = self.folder / f"{service}.log"
        self.servers[service] = Server(command, log, self.environment(service), folder=self.project)

    def is_healthy(self, service: str, **changed: str) -> bool:
        """The service's health check, as Compose would run it in the container."""
        kind, line = composed()["services"][service]["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        environment = {**self.environment(service), **changed}
        command = ["sh", "-c", line.replace("$$", "$")]
        return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60).returncode == 0

    def run(self, *command: str, **changed: str) -> "subprocess.CompletedProcess[str]":
        """A command in the code location's container."""
        environment = {**self.environment("code"), **changed}
        return subprocess.run(
            ["sh", str(DEPLOY / "serve"), *command], env=environment, capture_output=True, text=True, check=False
        )

    def stop(self) -> None:
        """Ends all its processes."""
        for server in [*reversed(self.servers.values())]:
            server.kill()
        self.postgres.stop()


def _without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    ours = ("SPARK_", "PYSPARK_", "HADOOP_", "DAGSTER_", "BILLFLOW_", "JAVA_HOME")
    return {name: value for name, value in environment.items() if not name.startswith(ours)}


def _hadoop(folder: Path) -> Path:
    """Hadoop's jars, as the Dockerfile's first stage fetches them."""
    if not shutil.which("mvn"):
        unavailable("Hadoop's servers cannot be fetched: there is no mvn on the PATH")
    home = folder / "hadoop"
    command = ["mvn", "-q", "-B", "-f", str(DEPLOY / "hadoop" / "pom.xml"), "dependency:copy-dependencies"]
    done = subprocess.run([*command, f"-DoutputDirectory={home}/lib"], capture_output=True, text=True, check=False)
    if done.returncode:
        unavailable(f"Maven could not bring Hadoop's servers: {done.stdout[-1500:]}")
    return home
