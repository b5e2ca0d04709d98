"""How fast a piece of work is, and on what machine: medians, because a machine is never quite still."""

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

WARM_UP = 3
"""First turns that do not count: caches fill."""


def milliseconds_of(work: Callable[[Any], object], inputs: Iterable[Any]) -> float:
    """The median of the CPU time for each input, of this process and those that it waited for, the first ones left
    out.
    """
    taken = []
    for one in inputs:
        started = cpu_seconds()
        work(one)
        taken.append((cpu_seconds() - started) * 1000)
    return statistics.median(taken[WARM_UP:])


def cpu_seconds() -> float:
    """CPU time of this process, and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_mebibytes() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def described() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "memory_mebibytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
        "python": platform.python_version(),
    }
