"""Runs a validator: a Java program of one file, over jars that Maven fetches into its own cache."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from billflow_tests.servers.maven import jars
from billflow_tests.servers.processes import unavailable

FOLDER = Path(__file__).parent


def findings(validator: str, arguments: Sequence[str], work: Path) -> list[list[str]]:
    """What `validator`/Validate.java prints: a row a file, of its name, how much was checked, and what is wrong.

    Skips (fails in CI) where there is no JDK or Maven, or the jars cannot be had.
    """
    for tool in ("javac", "mvn"):
        if not shutil.which(tool):
            unavailable(f"{validator} cannot be run: there is no {tool} on the PATH")
    command = [
        "java",
        "-Xmx1g",
        "-XX:+UseSerialGC",
        "-cp",
        jars(FOLDER / validator / "pom.xml", work / f"{validator}.classpath"),
        str(_program(validator)),
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{validator}: {done.stdout[-1000:]} {done.stderr[-2000:]}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def _program(validator: str) -> Path:
    return FOLDER / validator / "Validate.java"
