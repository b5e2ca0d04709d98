"""Which process executes a run. Dagster leaves the run of a killed process started for ever."""

import os
import socket

import dagster as dg

from billflow.lake.staging import process_started

PROCESS_TAG = "billflow/process"
"""Tag of a run: its id, and host:pid:start of its process. Dagster copies tags to the run that retries one."""


def in_this_process(run_id: str) -> str:
    """The value of PROCESS_TAG for a run of this process."""
    return f"{run_id}@{socket.gethostname()}:{os.getpid()}:{process_started(os.getpid()):.0f}"


def is_gone(run: dg.DagsterRun) -> bool:
    """Whether the run's process has ended. Of one that is on another host, or not known yet, nobody here can tell."""
    run_id, _, process = run.tags.get(PROCESS_TAG, "").partition("@")
    if run_id != run.run_id:
        return False
    host, pid, started = process.rsplit(":", 2)
    return host == socket.gethostname() and f"{process_started(int(pid)):.0f}" != started


def mark_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks every started run of this host whose process is gone as failed, or canceled when that was asked; their ids.

    Where dagster.yaml enables run_retries, the daemon starts what failed so again, from the step where it died.
    """
    started = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]))
    dead = [run for run in started if is_gone(run)]
    for run in dead:
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, "the process of this run is gone, as was asked")
        else:
            instance.report_run_failed(run, "the process of this run is gone; run the partition again")
    return [run.run_id for run in dead]
