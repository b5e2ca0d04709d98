"""Java's classes, kept for the next process."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from billflow.lake.class_archive import sharing
from billflow.lake.java import java_version, prepare_java

SILENT = "-Xlog:disable -Xlog:all=error:stderr"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wrapper of a Java that brings the archive of its own classes."""
    for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_CONF_DIR", "SPARK_HOME"):
        monkeypatch.delenv(name, raising=False)
    server = tmp_path / "jdk" / "lib" / "server"
    server.mkdir(parents=True)
    (server / "libjvm.so").write_bytes(b"machine code")
    (server / "classes.jsa").write_bytes(b"classes")
    wrapper = tmp_path / "billflow" / "java-1"
    wrapper.mkdir(parents=True)
    (wrapper / "runtime").symlink_to(tmp_path / "jdk")
    (wrapper / "bin").mkdir()
    java(wrapper, 'for each in "$@"; do case "$each" in -XX:ArchiveClassesAtExit=*) : >"${each#*=}" ;; esac; done')
    return wrapper


def java(home: Path, script: str) -> None:
    (home / "bin" / "java").write_text(f"#!/bin/sh\n{script}\n")
    (home / "bin" / "java").chmod(0o755)


def kept(home: Path) -> Path:
    """Where the classes will be."""
    return Path(sharing(home, {}).split('"')[1].partition("=")[2]).with_suffix("")


def write(archive: Path, content: bytes, process: int = 1, *, hours_ago: float = 0) -> Path:
    part = archive.with_name(f"{archive.name}.{process}")
    part.write_bytes(content)
    aged(part, hours_ago)
    return part


def aged(file: Path, hours: float) -> None:
    os.utime(file, (time.time() - 3600 * hours,) * 2)


def test_the_first_process_writes_a_file_of_its_own(home: Path) -> None:
    assert sharing(home, {}) == f'"-XX:ArchiveClassesAtExit={kept(home)}.{os.getpid()}" {SILENT}'
    assert kept(home).parent == home
    assert list(home.glob("*.jsa*")) == []


def test_later_ones_use_what_was_written_to_its_end(home: Path) -> None:
    archive = kept(home)
    part = write(archive, b"\xa8\xab and so on")
    assert sharing(home, {}) == f'"-XX:SharedArchiveFile={archive}" {SILENT}'
    assert (archive.read_bytes(), part.exists()) == (b"\xa8\xab and so on", False)


def test_while_one_writes_no_other_does(home: Path) -> None:
    archive = kept(home)
    part = write(archive, b"\0\0\0\0 and so on")
    assert sharing(home, {}) == ""
    aged(part, hours=2)
    assert "ArchiveClassesAtExit" in sharing(home, {})
    assert not part.exists()


def test_files_of_others_go_when_nobody_has_used_them_for_long(home: Path) -> None:
    other, unused = home / "classes-1.jsa", home / "classes-2.jsa"
    for file, days in ((other, 20), (unused, 40)):
        file.write_bytes(b"classes")
        aged(file, 24 * days)
    sharing(home, {})
    assert (other.exists(), unused.exists()) == (True, False)


def test_using_a_file_keeps_it(home: Path) -> None:
    archive = kept(home)
    write(archive, b"\xa8\xab").rename(archive)
    aged(archive, hours=24 * 40)
    sharing(home, {})
    assert time.time() - archive.stat().st_mtime < 3600


def test_another_java_has_another_file(home: Path) -> None:
    before = kept(home)
    (home / "runtime" / "lib" / "server" / "classes.jsa").write_bytes(b"other classes")
    assert kept(home) != before


@pytest.mark.parametrize("name", ["HADOOP_CONF_DIR", "SPARK_CONF_DIR"])
def test_none_with_folders_among_the_classes(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/etc/hadoop")
    assert sharing(home, {}) == ""


def test_none_with_a_class_path_of_the_projects_own(home: Path) -> None:
    assert sharing(home, {"spark.driver.extraClassPath": "/opt/drivers"}) == ""


@pytest.mark.parametrize("script", ["exit 1", "exit 0", "sleep 0; exit 134"])
def test_none_where_java_does_not_write_it(home: Path, script: str) -> None:
    """As with a debugger's agent: with that option Java 17 would not start at all."""
    java(home, script)
    assert sharing(home, {}) == ""


def test_none_where_java_has_no_base(home: Path) -> None:
    (home / "runtime" / "lib" / "server" / "classes.jsa").unlink()
    assert sharing(home, {}) == ""


def test_none_without_a_folder_that_lasts(home: Path) -> None:
    passing = home.parent.rename(home.parent.with_name("billflow-x1"))
    assert sharing(passing / home.name, {}) == ""


def test_none_where_java_cannot_be_asked(home: Path) -> None:
    (home / "bin" / "java").unlink()
    assert sharing(home, {}) == ""


SESSION = """
import sys, tempfile
from pathlib import Path
from billflow.lake.session import start_session
with tempfile.TemporaryDirectory() as scratch:
    spark = start_session("one", "local[1]", {"spark.driver.memory": "1g"}, Path(scratch), input_bytes=0)
    assert spark.range(7).count() == 7
    spark.stop()
"""


@pytest.mark.slow
def test_a_process_starts_from_what_the_one_before_has_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    home = prepare_java()
    if not sharing(home, {}):
        pytest.skip(f"this Java {java_version(home / 'bin' / 'java')} brings no archive of its own classes")
    run(SESSION)
    wait_for(lambda: "SharedArchiveFile" in sharing(home, {}))
    # Java does not start at all when it is to share and cannot.
    assert (
        run(SESSION, JDK_JAVA_OPTIONS="-Xshare:on").replace("NOTE: Picked up JDK_JAVA_OPTIONS: -Xshare:on\n", "") == ""
    )


def run(program: str, **environment: str) -> str:
    """What it says on the terminal."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def wait_for(happened: object, seconds: float = 120) -> None:
    """Java writes its file after the command has returned."""
    until = time.monotonic() + seconds
    assert callable(happened)
    while not happened():
        assert time.monotonic() < until, "Java left nothing"
        time.sleep(0.5)
