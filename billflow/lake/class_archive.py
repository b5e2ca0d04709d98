"""The Java classes that Spark loads, kept in a file that later processes map instead of reading and checking each.

A fresh process loads classes from 280 archives, and a small run is over before that has paid. The first process
that ends on a machine leaves the file behind (about 190 MB, beside the wrapper of its Java); it is written after the
command has returned. Measured on two cores: `billflow preview` 25 s without and 17 s with it, a first run of six
customers 84 s and 70 s. Java checks that the file fits and goes on without it where it does not. A project's own
`spark.driver.extraJavaOptions` take the place of all this.
"""

import os
import subprocess
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pyspark

CACHE = "billflow"
"""The name of the folder that lasts; where there is none, nothing is kept."""

_BASE = "lib/server/classes.jsa"
"""Java's own classes: the file is an addition to these, and some runtimes come without."""

_OTHER_CLASSES = ("HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_CONF_DIR", "SPARK_HOME")
"""With one of these Spark looks for classes in folders too, of which Java keeps none; so it does with _CLASS_PATH."""
_CLASS_PATH = "spark.driver.extraClassPath"

_WRITTEN_WITHIN = 3600
"""Seconds after which nobody writes a file any more."""
_UNUSED_FOR = 30 * 86400
"""Seconds after which a file of another Java or Spark is removed."""

_SILENT = "-Xlog:disable -Xlog:all=error:stderr"


def sharing(home: Path, properties: Mapping[str, str]) -> str:
    """Options for a Java in the wrapper `home`: use the file, or write it when the process ends; empty where it cannot.

    What a process has not finished to write is not used, and written again by a later one.
    """
    runtime = (home / "runtime").resolve()
    other_classes = any(map(os.environ.get, _OTHER_CLASSES)) or _CLASS_PATH in properties
    if home.parent.name != CACHE or other_classes or not (runtime / _BASE).is_file():
        return ""
    try:
        return _options(home, home / f"classes-{_print(runtime)}.jsa")
    except OSError:  # a run does not fail for what only makes it start faster
        return ""


def _options(home: Path, archive: Path) -> str:
    _adopt(archive)
    if archive.is_file():
        os.utime(archive)
        return f'"-XX:SharedArchiveFile={archive}" {_SILENT}'
    part = archive.with_name(f"{archive.name}.{os.getpid()}")
    being_written = any(archive.parent.glob(f"{archive.name}.*"))
    return "" if being_written or not _can_write(home, part) else f'"-XX:ArchiveClassesAtExit={part}" {_SILENT}'


def _print(runtime: Path) -> str:
    """Of what the classes are: another Java or another Spark has another file."""
    base = (runtime / _BASE).stat()
    jars = sorted((Path(pyspark.__file__).parent / "jars").iterdir())
    parts = [(jar, (found := jar.stat()).st_size, found.st_mtime_ns) for jar in jars]
    return sha256(repr((runtime, base.st_size, base.st_mtime_ns, parts)).encode()).hexdigest()[:12]


def _adopt(archive: Path) -> None:
    """Takes over what an earlier process has written to its end, and removes what nobody needs."""
    now = time.time()
    for part in archive.parent.glob(f"{archive.name}.*"):
        if _is_whole(part):
            part.replace(archive)
    for file in archive.parent.glob("classes-*.jsa*"):
        unfinished = file.suffix != ".jsa"
        if file != archive and now - file.stat().st_mtime > (_WRITTEN_WITHIN if unfinished else _UNUSED_FOR):
            file.unlink()


def _is_whole(part: Path) -> bool:
    """Java writes the head of the file last: while it wrote 145 MB, the first bytes were seen to be 0."""
    with part.open("rb") as file:
        return any(file.read(4))


def _can_write(home: Path, part: Path) -> bool:
    """Whether this Java keeps classes: with an agent, or where it cannot map its own, it would not even start."""
    probe = part.with_name(f"probe-{part.name}")
    options = [f"-XX:ArchiveClassesAtExit={probe}", *_SILENT.split(), "-version"]
    try:
        subprocess.run([home / "bin" / "java", *options], capture_output=True, check=True, timeout=60)  # noqa: S603
        return probe.is_file()
    except subprocess.SubprocessError:
        return False
    finally:
        probe.unlink(missing_ok=True)
