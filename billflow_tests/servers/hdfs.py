"""A real HDFS: one NameNode and two DataNodes of Hadoop 3.5.0, each a process of its own, from Maven Central."""

import os
import shutil
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from billflow_tests.servers.maven import jars
from billflow_tests.servers.processes import ONE_COMPILER, Server, free_port, unavailable, wait_until

_POM = Path(__file__).resolve().parents[2] / "billflow" / "deploy" / "hadoop" / "pom.xml"
_NAME_NODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
_DATA_NODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"

_SETTINGS = {
    "dfs.replication": "2",
    "dfs.blocksize": "8m",
    "dfs.namenode.fs-limits.min-block-size": "1m",
    "dfs.namenode.safemode.extension": "0",
    "dfs.permissions.enabled": "true",
    # A DataNode counts as dead after 2 × recheck + 10 × heartbeat = 14 s instead of 10.5 minutes.
    "dfs.heartbeat.interval": "1",
    "dfs.namenode.heartbeat.recheck-interval": "2000",
    "dfs.datanode.hostname": "localhost",
    # A file is closed when the NameNode knows of its last block. Who asks too early waits 400 ms, more than all else of
    # a small file; here 10 ms, each time twice as long.
    "dfs.client.block.write.locateFollowingBlock.initial.delay.ms": "10",
    "dfs.client.block.write.locateFollowingBlock.retries": "11",
}


class Hdfs:
    """A cluster in a folder of files. `lake(name)` is a URI for `lake:`, `conf` a folder for HADOOP_CONF_DIR."""

    def __init__(self, folder: Path, data_nodes: int = 2) -> None:
        self.folder, self.conf = folder, folder / "conf"
        self.rpc, self.http = free_port(), free_port()
        self.url = f"hdfs://127.0.0.1:{self.rpc}"
        self.conf.mkdir(parents=True)
        self._classpath = f"{self.conf}:{jars(_POM, folder / 'classpath.txt')}"
        self._configure()
        self.run(_NAME_NODE, "-format", "-nonInteractive")
        self.name_node = self._started_name_node()
        self.data_nodes = [self._started_data_node(number) for number in range(data_nodes)]
        wait_until(lambda: self.living() == data_nodes, "DataNodes report")

    @property
    def webhdfs(self) -> str:
        """Where the NameNode is asked over HTTP."""
        return f"http://127.0.0.1:{self.http}"

    def lake(self, name: str) -> str:
        """A folder for one test."""
        return f"{self.url}/{name}"

    def _site(self) -> dict[str, str]:
        return {
            **_SETTINGS,
            "dfs.namenode.name.dir": f"file://{self.folder}/name",
            "dfs.namenode.rpc-address": f"127.0.0.1:{self.rpc}",
            "dfs.namenode.http-address": f"127.0.0.1:{self.http}",
        }

    def _core(self) -> dict[str, str]:
        return {"fs.defaultFS": self.url}

    def _configure(self) -> None:
        write_settings(self.conf / "hdfs-site.xml", self._site())
        write_settings(self.conf / "core-site.xml", self._core())

    def _java(self, main: str, *arguments: str) -> list[str]:
        return ["java", "-Xmx256m", ONE_COMPILER, "-XX:+UseSerialGC", "-cp", self._classpath, main, *arguments]

    def _environment(self) -> Mapping[str, str]:
        return os.environ

    def run(self, main: str, *arguments: str) -> str:
        """A command of Hadoop's, such as DFSAdmin; its output."""
        command, environment = self._java(main, *arguments), self._environment()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{main} {arguments}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
        return done.stdout

    def admin(self, *arguments: str) -> str:
        """`hdfs dfsadmin …`."""
        return self.run("org.apache.hadoop.hdfs.tools.DFSAdmin", *arguments)

    def dfs(self, *arguments: str) -> str:
        """`hdfs dfs …`."""
        return self.run("org.apache.hadoop.fs.FsShell", *arguments)

    def _started_name_node(self) -> Server:
        server = Server(self._java(_NAME_NODE), self.folder / "name_node.log")
        return server.wait_for(lambda: self._get("/webhdfs/v1/?op=GETFILESTATUS") is not None, "the NameNode serves")

    def _started_data_node(self, number: int) -> Server:
        places = {
            "dfs.datanode.data.dir": f"file://{self.folder}/data{number}",
            "dfs.datanode.address": "127.0.0.1:0",
            "dfs.datanode.http.address": "127.0.0.1:0",
            "dfs.datanode.ipc.address": "127.0.0.1:0",
        }
        options = [f"-D{name}={value}" for name, value in places.items()]
        return Server(self._java(_DATA_NODE, *options), self.folder / f"data_node_{number}.log")

    def kill_data_node(self, number: int) -> None:
        """kill -9."""
        self.data_nodes[number].kill()

    def restart_name_node(self) -> None:
        """kill -9, and again on the same ports; waits until it serves. It knows the files, and hears where blocks are."""
        self.name_node.kill()
        self.name_node = self._started_name_node()

    def restart_data_nodes(self, *numbers: int) -> None:
        """The nodes come back with what their disks hold; waits until the NameNode knows."""
        for number in numbers:
            self.data_nodes[number] = self._started_data_node(number)
        running = sum(node.process.poll() is None for node in self.data_nodes)
        wait_until(lambda: self.living() == running, "the DataNodes are back")

    def living(self) -> int:
        """DataNodes that the NameNode takes for alive."""
        text = self._get("/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState") or ""
        found = text.partition('"NumLiveDataNodes" :')[2].partition(",")[0].strip()
        return int(found or 0)

    def _get(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(self.webhdfs + path, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return None

    def stop(self) -> None:
        """Ends all its processes."""
        for server in [*self.data_nodes, self.name_node]:
            server.kill()


def write_settings(file: Path, settings: Mapping[str, str]) -> None:
    """A configuration file of Hadoop's."""
    properties = "".join(
        f"<property><name>{name}</name><value>{value}</value></property>" for name, value in settings.items()
    )
    file.write_text(f"<configuration>{properties}</configuration>")


def check_tools() -> None:
    """Skips (fails in CI) where there is no Java or Maven to get Hadoop with."""
    for tool in ("java", "mvn"):
        if not shutil.which(tool):
            unavailable(f"HDFS cannot be started: there is no {tool} on the PATH")


def start_hdfs(folder: Path) -> Hdfs:
    """A new, empty cluster; skips (fails in CI) where there is no Java or Maven to get it with."""
    check_tools()
    return Hdfs(folder)
