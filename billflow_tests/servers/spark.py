"""A real standalone Spark: a master and two workers, each a process of its own, from the pip package."""

import json
import os
import urllib.request
from pathlib import Path

from pyspark.find_spark_home import _find_spark_home

from billflow.lake.session import prepare_java
from billflow_tests.servers.processes import Server, free_port, wait_until


class SparkCluster:
    """`url` is for `master:`; `workers` can be killed."""

    def __init__(self, folder: Path, *, workers: int = 2, conf: Path | None = None) -> None:
        prepare_java()
        self.folder = folder
        port, self._web = free_port(), free_port()
        self.url = f"spark://127.0.0.1:{port}"
        home = _find_spark_home()
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))},
            "SPARK_HOME": home,
            "SPARK_NO_DAEMONIZE": "1",
            "SPARK_LOCAL_IP": "127.0.0.1",
            **({"HADOOP_CONF_DIR": str(conf)} if conf else {}),
        }
        self._class = f"{home}/bin/spark-class"
        master = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(self._web)]
        self.master = self._started("master", "Master", master)
        self.workers = [self._worker(number) for number in range(workers)]
        wait_until(lambda: self.alive() == workers, "workers register")

    def _worker(self, number: int) -> Server:
        place = ["--host", "127.0.0.1", "--webui-port", "0", "--work-dir", str(self.folder / f"work{number}")]
        return self._started(f"worker{number}", "Worker", ["--cores", "1", "--memory", "2g", *place, self.url])

    def _started(self, name: str, what: str, arguments: list[str]) -> Server:
        command = [self._class, f"org.apache.spark.deploy.{what.lower()}.{what}", *arguments]
        return Server(command, self.folder / f"{name}.log", self._environment)

    def alive(self) -> int:
        """Workers that the master takes for alive."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._web}/json/", timeout=5) as answer:
                return int(json.load(answer)["aliveworkers"])
        except OSError:
            return 0

    def stop(self) -> None:
        """Ends all its processes."""
        for server in [*self.workers, self.master]:
            server.kill()
