"""Runs that are killed, and two at once: readers see the state before, and one of two wins."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from billflow.examples import write_energy_small
from billflow.lake.manifest import read_manifest
from billflow.lake.storage import LocalStorage

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from billflow.cli import main; main()"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crash") / "project"
    write_energy_small(folder)
    return folder


def start(project: Path) -> "subprocess.Popen[str]":
    arguments = ["--project", str(project), "run", "--cycle", "c01", "--month", "2026-05"]
    return subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_when(project: Path, pattern: str) -> None:
    """Starts a run and kills it, with no chance to clear up, once something matches `pattern` in the lake."""
    process = start(project)
    while process.poll() is None and not list((project / "lake").glob(pattern)):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors


def version(project: Path) -> int:
    return read_manifest(LocalStorage(str(project / "lake"))).version


def test_killed_while_writing_and_while_rendering_then_run_again(project, rows):
    kill_when(project, "_staging/*/invoice_lines/part*")
    assert version(project) == 0
    kill_when(project, "_staging/*/rendered/**/*.parquet")
    assert version(project) == 1
    assert rows(project, "select count(*) as n from invoices") == [{"n": 6}]
    assert rows(project, "select count(*) as n from documents") == [{"n": 0}]
    process = start(project)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert rows(project, "select count(*) as n from documents") == [{"n": 6}]
    assert LocalStorage(str(project / "lake")).list("_staging") == []
    with dg.DagsterInstance.from_config(str(project / ".dagster")) as instance:
        statuses = sorted(run.status.value for run in instance.get_runs())
    assert statuses == ["FAILURE", "FAILURE", "SUCCESS"]


def test_two_runs_at_once(project, rows):
    before = rows(project, "select * from invoice_lines order by all")
    first, second = start(project), start(project)
    errors = [process.communicate()[1] for process in (first, second)]
    codes = [first.returncode, second.returncode]
    assert sorted(codes) == [0, 1], errors
    assert "published first" in errors[codes.index(1)]
    assert rows(project, "select * from invoice_lines order by all") == before
