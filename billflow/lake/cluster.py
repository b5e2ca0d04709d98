"""What a run needs of a cluster, tried before the run: a master that answers, and executors that can run billflow."""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from billflow.errors import MachineError, PassingError
from billflow.lake.hadoop import reason

_CONNECT_SECONDS = 5
_PATIENCE_SECONDS = 180
"""For the first executor. Longer than an image takes to start, shorter than an operator waits without a word."""

_SHUFFLE_BYTES = 64 * 1024**2
"""Of input, for a partition of a shuffle."""

_PACKAGES = ("billflow", "typst")
"""What executors run: our code, and what decides how a document looks. Their versions must be the driver's."""

WORKERS_NEED = (
    "give the workers the driver's Python packages: the same image, a shared venv named in spark.pyspark.python, or an "
    "archive of it in spark.archives"
)


def is_local(master: str) -> bool:
    """Whether Spark runs inside the driver's process."""
    return master.startswith("local")


def check_master(master: str) -> None:
    """PassingError when no master of `spark://host:port,host:port` takes a connection. YARN and Kubernetes find theirs.

    Spark itself would try for a minute and then stop with an exception about something else.
    """
    if not master.startswith("spark://"):
        return
    places = [urlsplit(f"spark://{one}") for one in master.removeprefix("spark://").split(",")]
    reasons = [refused(place.hostname or "", place.port or 7077) for place in places]
    if all(reasons):
        raise PassingError(
            f"the Spark master does not answer: {'; '.join(dict.fromkeys(reasons))}",
            where=f"spark: master: {master}",
            remedy="start it, or name the right one in billflow.yaml (spark: {master: …})",
        )


def refused(host: str, port: int) -> str:
    """`host:port: why` when it takes no connection; empty when it does."""
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        return f"{host}:{port}: {error.strerror or error}"
    return ""


def check_executors(session: SparkSession, files: Sequence[str] = ()) -> None:
    """MachineError when an executor lacks billflow, has another version of what it runs, or cannot see a source file.

    `files` are absolute paths on the driver that executors are going to read.
    """
    _wait_for_executor(session)
    probe = _probe(_PACKAGES, list(files))
    expected = probe()[1]
    try:
        reports = _from_executors(session, probe)
    except (PySparkException, Py4JError) as error:
        raise MachineError(
            f"they cannot run Python as the driver does: {reason(str(error))}",
            where="Spark's executors",
            remedy=WORKERS_NEED,
        ) from error
    for host, found, missing in reports:
        if found != expected:
            what = f"it has {found}; the driver has {expected}"
            raise MachineError(what, where=f"Spark's executor on {host}", remedy=WORKERS_NEED)
        if missing:
            raise MachineError(
                "this source file is not there, and Spark's executors read it",
                where=f"{missing} on {host}",
                remedy="keep the sources in a folder that all machines see under the same path",
            )


def size_shuffles(session: SparkSession, input_bytes: int) -> None:
    """Sets the number of shuffle partitions by what there is to do: Spark's 200 make tiny tasks, or too few."""
    partitions = max(session.sparkContext.defaultParallelism, input_bytes // _SHUFFLE_BYTES)
    session.conf.set("spark.sql.shuffle.partitions", str(partitions))


def executors(session: SparkSession) -> int:
    """How many executors a session has now. In local mode the driver is the only one."""
    tracker = session.sparkContext._jsc.sc().statusTracker()  # noqa: SLF001  # PySpark's own tracker lacks executors
    others = len(tracker.getExecutorInfos()) - 1  # without the driver
    return max(others, 1) if is_local(str(session.sparkContext.master)) else others


def _wait_for_executor(session: SparkSession) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not executors(session):
        if time.monotonic() > end:
            raise PassingError(
                f"no executor has come within {_PATIENCE_SECONDS} s",
                where=f"spark: master: {session.sparkContext.master}",
                remedy="start workers, wait for other applications to free cores and memory, or ask for less: "
                "spark.executor.memory, spark.executor.cores, spark.cores.max",
            )
        time.sleep(0.2)


_Report = tuple[str, str, str]
"""Host, the versions of what it runs, and a file that is not there."""


def _from_executors(session: SparkSession, probe: Callable[[], _Report]) -> list[_Report]:
    """Reports of as many tasks as there are cores: Spark spreads them over the executors that have come."""

    def report(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow  # noqa: ICN001, PLC0415  # on the executor

        for _ in batches:
            yield pyarrow.RecordBatch.from_pylist([dict(zip(("host", "found", "missing"), probe(), strict=True))])

    cores = session.sparkContext.defaultParallelism
    rows = session.range(0, cores, 1, cores).mapInArrow(report, "host string, found string, missing string")
    return sorted({(row.host, row.found, row.missing) for row in rows.collect()})


def _probe(packages: Sequence[str], files: Sequence[str]) -> Callable[[], _Report]:
    """What reports. It is shipped as it stands: an executor may have no billflow to import it from."""

    def probe() -> _Report:
        import os  # noqa: PLC0415
        import platform  # noqa: PLC0415
        import socket  # noqa: PLC0415
        from importlib import metadata  # noqa: PLC0415

        found = [f"Python {'.'.join(platform.python_version_tuple()[:2])}"]
        for name in packages:
            try:
                found.append(f"{name} {metadata.version(name)}")
            except metadata.PackageNotFoundError:
                found.append(f"no {name}")
        missing = [file for file in files if not os.path.exists(file)]  # noqa: PTH110
        return socket.gethostname(), ", ".join(found), missing[0] if missing else ""

    return probe
