"""Runs whose process is gone."""

import os
import socket
import subprocess

import dagster as dg
import pytest

from billflow.lake.healed import healed
from billflow.lake.staging import process_started
from billflow.lake.storage import LocalStorage
from billflow.orchestration.healing import heal_dead_runs
from billflow.orchestration.processes import PROCESS_TAG, in_this_process, mark_dead_runs

STARTED, CANCELING = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def dead_process() -> str:
    process = subprocess.Popen(["sleep", "60"])
    started = process_started(process.pid)
    process.kill()
    process.wait()
    return f"{socket.gethostname()}:{process.pid}:{started:.0f}"


def living_process() -> str:
    return in_this_process("").removeprefix("@")


def run_in(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, process: str, run_id: str | None = None) -> str:
    """A run whose tag names the process, as one of its own or of another run."""
    run = instance.create_run_for_job(noop, status=status)
    if process:
        instance.add_run_tags(run.run_id, {PROCESS_TAG: f"{run_id or run.run_id}@{process}"})
    return run.run_id


@dg.job
def noop() -> None:
    pass


@pytest.mark.parametrize(("status", "expected"), [(STARTED, "FAILURE"), (CANCELING, "CANCELED")])
def test_a_dead_one(instance, status, expected):
    run = run_in(instance, status, dead_process())
    assert mark_dead_runs(instance) == [run]
    assert instance.get_run_by_id(run).status.value == expected
    assert mark_dead_runs(instance) == []


def test_a_dead_one_is_recorded(instance, tmp_path):
    storage, run = LocalStorage(str(tmp_path)), run_in(instance, STARTED, dead_process())
    assert heal_dead_runs(instance, storage, by="billflow") == [run]
    assert heal_dead_runs(instance, storage, by="billflow") == []
    [record] = healed(storage)
    assert [str(one) for one in record.actions] == [f"run marked as ended, run {run}: its process is gone"]


@pytest.mark.parametrize(
    "process",
    ["", living_process(), f"another-host:{os.getpid()}:1"],
    ids=["not yet known", "living", "of another host"],
)
def test_those_that_may_live(instance, process):
    run = run_in(instance, STARTED, process)
    assert mark_dead_runs(instance) == []
    assert instance.get_run_by_id(run).status is STARTED


def test_the_tag_of_the_run_that_it_retries(instance):
    run_in(instance, STARTED, dead_process(), run_id="the-first-one")
    assert mark_dead_runs(instance) == []


def test_a_pid_that_is_used_again(instance):
    run = run_in(instance, STARTED, f"{socket.gethostname()}:{os.getpid()}:1")
    assert mark_dead_runs(instance) == [run]
