"""The Java classes that Spark loads, kept in a file that later processes map instead of reading and checking each.

A fresh process loads 20,000 classes from 280 archives, and a small run is over before that has paid. The first process
that ends on a machine leaves the file behind (about 170 MB, beside the wrapper of its Java); it is written after the
command has returned. Measured on two cores: `billflow preview` 25 s without and 17 s with it, a first run of six
customers 84 s and 70 s. Java checks that the file fits and goes on without it where it does not. A project's own
`spark.driver.extraJavaOptions` take the place of all this.
"""

import os
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pyspark

CACHE = "billflow"
"""The name of the folder that lasts; where there is none, nothing is kept."""

_LIBRARY = "lib/server/libjvm.so"
_BASE = "lib/server/classes.jsa"
"""Java's own classes: the file is an addition to these, and some runtimes come without."""

_OTHER_CLASSES = ("HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_CONF_DIR", "SPARK_HOME")
"""With one of these Spark looks for classes in folders too, of which Java keeps none."""

_WRITTEN_WITHIN = 3600
"""Seconds after which nobody writes a file any more."""

_SILENT = "-Xlog:disable -Xlog:all=error:stderr"


def sharing(home: Path) -> str:
    """Options for a Java in the wrapper `home`: use the file, or write it when the process ends; empty where it cannot.

    What a process has not finished to write is not used, and written again by another one.
    """
    runtime = (home / "runtime").resolve()
    if home.parent.name != CACHE or not (runtime / _BASE).is_file() or any(map(os.environ.get, _OTHER_CLASSES)):
        return ""
    archive = home / f"classes-{_print(runtime)}.jsa"
    _adopt(archive)
    if archive.is_file():
        return f'"-XX:SharedArchiveFile={archive}" {_SILENT}'
    return f'"-XX:ArchiveClassesAtExit={archive}.{os.getpid()}" {_SILENT}'


def _print(runtime: Path) -> str:
    """Of what the classes are: another Java or another Spark has another file."""
    library = (runtime / _LIBRARY).stat()
    parts = (runtime, library.st_size, library.st_mtime_ns, pyspark.__file__, pyspark.__version__)
    return sha256("|".join(map(str, parts)).encode()).hexdigest()[:12]


def _adopt(archive: Path) -> None:
    """Takes over what an earlier process has written to its end; what is left besides is of no use to anybody."""
    written = [part for part in archive.parent.glob(f"{archive.name}.*") if _is_whole(part)]
    for part in written:
        with suppress(FileNotFoundError):  # another process was first
            part.replace(archive)
    if written:
        for other in archive.parent.glob("classes-*.jsa*"):
            if other != archive and _is_old(other):
                other.unlink(missing_ok=True)


def _is_old(file: Path) -> bool:
    try:
        return time.time() - file.stat().st_mtime > _WRITTEN_WITHIN
    except FileNotFoundError:
        return False


def _is_whole(part: Path) -> bool:
    """Java writes the head of the file last."""
    try:
        with part.open("rb") as file:
            return any(file.read(4))
    except OSError:
        return False
