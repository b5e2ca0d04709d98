"""Projects and bill runs of the acceptance tests: in this process, or in ones of their own that may be killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from billflow.lake.manifest import read_manifest
from billflow.lake.storage import Storage, open_lake
from billflow.settings import load_settings
from billflow_tests.servers.hdfs import Hdfs

COMMAND = [sys.executable, "-c", "from billflow.cli import main; main()"]


def write(file: Path, lines: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


def do(billflow: Any, project: Path, verb: str, month: str) -> None:
    result = billflow("--project", project, verb, "--cycle", "c01", "--month", month)
    assert result.exit_code == 0, f"{result.output}{result.stderr}"


def put_on(project: Path, cluster: Hdfs) -> None:
    """Moves the lake of a project to HDFS: the whole difference is in billflow.yaml."""
    file = project / "billflow.yaml"
    text = file.read_text()
    assert "lake: ./lake " in text
    place = f"lake: {cluster.lake(f'{project.parent.name}/{project.name}')}\nwebhdfs: {cluster.webhdfs}"
    file.write_text(text.replace("lake: ./lake ", f"{place} "))


def lake(project: Path) -> Storage:
    return open_lake(load_settings(project))


def version(project: Path) -> int:
    return read_manifest(lake(project)).version


def start(project: Path, *, month: str = "2026-05", verb: str = "run") -> "subprocess.Popen[str]":
    arguments = ["--project", str(project), verb, "--cycle", "c01", "--month", month]
    return subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def staged_by(project: Path, table: str) -> set[str]:
    """The runs that have begun to write a file of a table; of those that failed what they left is there."""
    storage = lake(project)
    return {run for run in storage.list("_staging") if _has_parquet(storage, f"_staging/{run}/{table}")}


def _has_parquet(storage: Storage, folder: str) -> bool:
    names = storage.list(folder)
    return any(name.endswith(".parquet") or _has_parquet(storage, f"{folder}/{name}") for name in names)


def kill_when_staged(project: Path, table: str, *, verb: str = "run") -> None:
    """Starts a run and kills it, with no chance to clear up, once it writes a file of `table`."""
    process = start(project, verb=verb)
    while process.poll() is None and not staged_by(project, table):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
