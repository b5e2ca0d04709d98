"""Which process executes a run. Dagster leaves the run of a killed process started for ever."""

import os
import socket

from billflow.lake.staging import process_started

PROCESS_TAG = "billflow/process"
"""Tag of a run: host:pid:start of its process."""


def this_process() -> str:
    """The value of PROCESS_TAG for this process."""
    return f"{socket.gethostname()}:{os.getpid()}:{process_started(os.getpid()):.0f}"


def is_gone(process: str) -> bool:
    """Whether the process of a PROCESS_TAG has ended; of another host nobody here can tell."""
    host, pid, started = process.rsplit(":", 2)
    return host == socket.gethostname() and f"{process_started(int(pid)):.0f}" != started
