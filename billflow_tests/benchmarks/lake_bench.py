"""One bill run with its lake in a local folder and on a loopback HDFS (a NameNode, two DataNodes), side by side.

python -m billflow_tests.benchmarks.lake_bench [--customers N] [--folder DIR]

Shows seconds of each step and the most memory that billflow's processes held at once: the driver,
its JVM and its Python workers. HDFS runs with the replication that --replication gives.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from billflow.examples import write_telecom
from billflow_tests.servers.hdfs import start_hdfs

_STEP = re.compile(r"✓ (.+) ([\d.]+) s$")


@dataclass(frozen=True)
class Measured:
    """Step → seconds, all seconds, and the peak of memory in bytes."""

    steps: Mapping[str, float]
    seconds: float
    peak: int


def resident(root: int) -> int:
    """Bytes that a process and all below it hold, shared pages counted once a process."""
    parents, sizes = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        parents[pid], sizes[pid] = int(fields[1]), int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return sum(size for pid, size in sizes.items() if _is_below(pid, root, parents))


def _is_below(pid: int, root: int, parents: Mapping[int, int]) -> bool:
    while pid not in (root, 0):
        pid = parents.get(pid, 0)
    return pid == root


def measure(project: Path, month: str, environment: Mapping[str, str]) -> Measured:
    """A whole run in a process of its own."""
    command = [sys.executable, "-c", "from billflow.cli import main; main()", "--project", str(project)]
    started = time.perf_counter()
    run = subprocess.Popen(
        [*command, "run", "--cycle", "c01", "--month", month],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    ended, peaks = Event(), [0]

    def watch() -> None:
        while not ended.wait(0.5):
            peaks.append(resident(run.pid))

    watcher = Thread(target=watch)
    watcher.start()
    output, _ = run.communicate()
    ended.set()
    watcher.join()
    if run.returncode:
        sys.exit(f"the run failed:\n{output}")
    steps = {found[1]: float(found[2]) for line in output.splitlines() if (found := _STEP.search(line))}
    return Measured(steps, time.perf_counter() - started, max(peaks))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--replication", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="Where everything is written; a temporary folder by default.")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lake_bench-", dir=arguments.folder))
    example = write_telecom(folder / "project", customers=arguments.customers)
    local = measure(example.folder, example.month, {})
    shutil.rmtree(example.folder / "lake")
    (folder / "hdfs").mkdir()
    cluster = start_hdfs(folder / "hdfs")
    try:
        on_hdfs = measure(
            example.folder,
            example.month,
            {
                "BILLFLOW_LAKE": cluster.lake("bench"),
                "BILLFLOW_WEBHDFS": cluster.webhdfs,
                "BILLFLOW_SPARK__spark.hadoop.dfs.replication": str(arguments.replication),
            },
        )
    finally:
        cluster.stop()
        shutil.rmtree(folder)
    print(f"{arguments.customers:,} customers, {example.usage:,} usage records, replication {arguments.replication}\n")
    _show(local, on_hdfs)


def _show(local: Measured, on_hdfs: Measured) -> None:
    print("| step | local folder, s | loopback HDFS, s | ratio |\n|---|---:|---:|---:|")
    rows = [(step, seconds, on_hdfs.steps[step]) for step, seconds in local.steps.items()]
    for step, here, there in [*rows, ("whole command", local.seconds, on_hdfs.seconds)]:
        print(
            f"| {step} | {here:.1f} | {there:.1f} | {there / here:.2f} |" if here else f"| {step} | 0 | {there:.1f} | |"
        )
    print(
        f"| peak memory, MiB | {local.peak / 2**20:.0f} | {on_hdfs.peak / 2**20:.0f} | {on_hdfs.peak / local.peak:.2f} |"
    )


if __name__ == "__main__":
    main()
