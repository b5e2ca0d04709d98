"""Java's classes, kept for the next process."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from billflow.lake.class_archive import sharing
from billflow.lake.session import java_version, prepare_java

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
    return wrapper


def kept(home: Path) -> Path:
    """Where the classes will be."""
    return Path(sharing(home).split('"')[1].partition("=")[2]).with_suffix("")


def write(home: Path, content: bytes, process: int = 1) -> Path:
    part = kept(home).with_name(f"{kept(home).name}.{process}")
    part.write_bytes(content)
    return part


def test_the_first_process_writes_a_file_of_its_own(home: Path) -> None:
    assert sharing(home) == f'"-XX:ArchiveClassesAtExit={kept(home)}.{os.getpid()}" {SILENT}'
    assert kept(home).parent == home


def test_later_ones_use_what_was_written_to_its_end(home: Path) -> None:
    archive, part = kept(home), write(home, b"\xa8\xab and so on")
    assert sharing(home) == f'"-XX:SharedArchiveFile={archive}" {SILENT}'
    assert (archive.read_bytes(), part.exists()) == (b"\xa8\xab and so on", False)


def test_a_file_without_its_head_is_not_used_and_goes_when_it_is_old(home: Path) -> None:
    part = write(home, b"\0\0\0\0 and so on")
    assert "ArchiveClassesAtExit" in sharing(home)
    os.utime(part, (time.time() - 7200,) * 2)
    young = write(home, b"\0\0\0\0", process=2)
    write(home, b"\xa8\xab", process=3)
    assert "SharedArchiveFile" in sharing(home)
    assert (part.exists(), young.exists()) == (False, True)


def test_another_java_has_another_file(home: Path) -> None:
    before = kept(home)
    (home / "runtime" / "lib" / "server" / "libjvm.so").write_bytes(b"other machine code")
    assert kept(home) != before


@pytest.mark.parametrize("name", ["HADOOP_CONF_DIR", "SPARK_CONF_DIR"])
def test_none_with_folders_among_the_classes(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/etc/hadoop")
    assert sharing(home) == ""


def test_none_where_java_has_no_base(home: Path) -> None:
    (home / "runtime" / "lib" / "server" / "classes.jsa").unlink()
    assert sharing(home) == ""


def test_none_without_a_folder_that_lasts(home: Path) -> None:
    passing = home.parent.rename(home.parent.with_name("billflow-x1"))
    assert sharing(passing / home.name) == ""


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
    if not sharing(home):
        pytest.skip(f"this Java {java_version(home / 'bin' / 'java')} brings no archive of its own classes")
    run(SESSION)
    wait_for(lambda: "SharedArchiveFile" in sharing(home))
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
