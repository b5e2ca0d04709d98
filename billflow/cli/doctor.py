"""`doctor`: each part that a run needs, tried out, with the command that mends it."""

import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from rich.console import Console

from billflow.catalog import load_catalog
from billflow.documents.fonts import install
from billflow.documents.templates import check_templates, find_templates, languages_without_fonts
from billflow.errors import BillflowError, MachineError, PassingError
from billflow.lake.cluster import check_executors, executors, is_local, refused
from billflow.lake.hadoop import of_spark
from billflow.lake.hdfs import HdfsStorage
from billflow.lake.java import java_version, prepare_java
from billflow.lake.kerberos import token
from billflow.lake.manifest import read_manifest
from billflow.lake.session import start_session
from billflow.lake.storage import Storage, open_lake
from billflow.lake.webhdfs import login_of
from billflow.orchestration.launching import dagster_home, open_instance, storage_of
from billflow.settings import Settings, find_project, load_settings
from billflow.sinks.writing import check_sink
from billflow.sources.deliveries import deliveries, source_files

_ENOUGH = 2 * 1024**3
_SKEW = 60
"""Seconds that clocks may differ: more, and a period seems closed on one machine and open on another."""

Part = Callable[[], str]
"""Tries something; says how it is, or raises what is wrong with it."""


def examine(project: str | None) -> int:
    """Prints what works and what does not; 1 when something does not."""
    console = Console(highlight=False, soft_wrap=True)
    results = [_works(console, "Java", _java)]
    try:
        settings = load_settings(find_project(project))
    except BillflowError as error:
        _tell(console, "project", str(error), works=False)
        return 1
    _tell(console, "project", f"{settings.folder}: {settings.project}", works=True)
    results += [_works(console, name, part) for name, part in _parts(settings)]
    return 0 if all(results) else 1


def _parts(settings: Settings) -> Iterator[tuple[str, Part]]:
    yield "catalogue", lambda: f"{len(load_catalog(settings.folder / 'catalog').plans)} plans"
    for one in deliveries(settings).values():
        yield f"source {one.source}", one.sample
    for sink in settings.sinks:
        yield f"sink {sink.name}", partial(check_sink, settings, sink)
    if settings.lake_root.startswith("hdfs://"):
        yield "HDFS", lambda: _name_node(settings)
        yield "Kerberos", lambda: _kerberos(settings)
        yield "WebHDFS", lambda: _webhdfs(settings)
        yield "clock", lambda: _clock(settings)
    yield "lake", lambda: _lake(settings)
    yield "Spark", lambda: _spark(settings)
    yield "Dagster", lambda: _dagster(settings)
    yield "templates and fonts", lambda: _templates(settings)
    yield "disk", lambda: _disk(settings.folder, Path(tempfile.gettempdir()))


def _works(console: Console, name: str, part: Part) -> bool:
    try:
        told, works = part(), True
    except BillflowError as error:
        told, works = str(error), False
    _tell(console, name, told, works=works)
    return works


def _tell(console: Console, name: str, told: str, *, works: bool) -> None:
    console.print(f"[green]✓[/] {name}: " if works else f"[red]✗[/] {name}: ", end="")
    console.print(told, markup=False)


def _java() -> str:
    home = prepare_java()
    return f"version {java_version(home / 'bin' / 'java')}"


def _name_node(settings: Settings) -> str:
    """Where Spark's client connects; a name service of several NameNodes is resolved by Hadoop's configuration."""
    place = urlsplit(settings.lake_root)
    host, port = place.hostname or "", place.port or 8020
    if place.port is None and "." not in host and not _resolves(host):
        return f"{host} is a name service of HADOOP_CONF_DIR; Spark tries it below"
    if reason := refused(host, port):
        raise PassingError(
            "the NameNode does not answer",
            where=reason,
            remedy="start it, or name the right one in billflow.yaml (lake: hdfs://namenode:8020/…)",
        )
    return f"the NameNode answers at {host}:{port}"


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True


def _kerberos(settings: Settings) -> str:
    login = login_of(settings.lake_root, settings.secured)
    if login is None:
        return "HDFS is not secured by it: anybody is who he says he is"
    token(login)
    return f"HDFS knows {login.principal or 'the user of the ticket'} and gives tokens"


def _webhdfs(settings: Settings) -> str:
    storage = HdfsStorage(settings.lake_root, settings.webhdfs, settings.secured)
    storage.exists("")
    return f"answers at {storage.web.replace(';', ', ')}"


def _clock(settings: Settings) -> str:
    """The NameNode's clock beside this machine's."""
    storage = HdfsStorage(settings.lake_root, settings.webhdfs, settings.secured)
    with _trial(storage) as (path, _):
        skew = storage.files.modified(storage.file(path)).timestamp() - time.time()
    if abs(skew) > _SKEW:
        raise MachineError(
            f"the clocks of this machine and of HDFS differ by {abs(skew):.0f} s",
            where=storage.web,
            remedy="set both by the same time server (chrony or systemd-timesyncd)",
        )
    return f"within {_SKEW} s of HDFS"


def _lake(settings: Settings) -> str:
    storage = open_lake(settings)
    with _trial(storage) as (path, content):
        if storage.read(path) != content:
            raise MachineError("what was written reads differently", where=storage.uri(path), remedy="check its disks")
        renamed = f"{path.rpartition('/')[0]}-renamed"
        storage.rename(path.rpartition("/")[0], renamed)
        storage.delete(renamed)
    published = len(read_manifest(storage).partitions)
    return f"can be written, read and renamed in; {published} cycles and months are published"


@contextmanager
def _trial(storage: Storage) -> Iterator[tuple[str, bytes]]:
    """(path, content) of a small file in a folder of its own, which goes at the end."""
    folder, content = f"_doctor/{uuid4().hex}", b"written by billflow doctor"
    storage.write(f"{folder}/file", content)
    try:
        yield f"{folder}/file", content
    finally:
        storage.delete(folder)


def _spark(settings: Settings) -> str:
    """On a cluster, or with a lake on HDFS, a session is started and writes to the lake."""
    master, storage = settings.spark.master, open_lake(settings)
    if is_local(master) and storage.filesystem is None:
        return f"{master}, inside billflow's own process"
    scratch, place = Path(tempfile.mkdtemp(prefix="billflow-doctor-")), f"_doctor/{uuid4().hex}"
    try:
        session = start_session("billflow doctor", master, settings.spark_properties, scratch)
        if not is_local(master):
            check_executors(session, source_files(settings))
        session.range(10).write.parquet(storage.uri(place))
        rows = session.read.parquet(storage.uri(place)).count()
        told = f"{master}, {executors(session)} executors; wrote and read {rows} rows in the lake"
        session.stop()
    except (PySparkException, Py4JError) as error:
        raise of_spark(error) from error
    finally:
        storage.delete(place)
        shutil.rmtree(scratch, ignore_errors=True)
    return told


def _dagster(settings: Settings) -> str:
    home = dagster_home(settings.folder)
    with open_instance(home) as instance:
        return f"keeps {instance.get_runs_count():,} runs in {storage_of(instance)}, as {home / 'dagster.yaml'} says"


def _templates(settings: Settings) -> str:
    found = find_templates(settings.templates)
    check_templates(found, settings.documents)
    without = {script.name: install(script) for script in languages_without_fonts(found).values()}
    return "; ".join(["a bill renders", *(f"no font for {name}: {how}" for name, how in without.items())])


def _disk(*folders: Path) -> str:
    for folder in folders:
        free = shutil.disk_usage(folder).free
        if free < _ENOUGH:
            raise MachineError(
                f"only {free / 1024**3:.1f} GiB are free", where=str(folder), remedy="make room on this disk"
            )
    return ", ".join(f"{shutil.disk_usage(folder).free / 1024**3:.0f} GiB free at {folder}" for folder in folders)
