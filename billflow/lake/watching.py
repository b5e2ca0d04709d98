"""How far Spark is with what it computes in this process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

Teller = Callable[[int, int], None]
"""Told how many tasks are done, and of how many."""


@contextmanager
def watched(tell: Teller, *, every: float) -> Iterator[None]:
    """Tells every so many seconds how far the stages under way are; says nothing while there are none."""
    ended = Event()

    def watch() -> None:
        while not ended.wait(every):
            done, tasks = tasks_under_way()
            if tasks:
                tell(done, tasks)

    watcher = Thread(target=watch, name="billflow-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def tasks_under_way() -> tuple[int, int]:
    """(done, all) tasks of the stages that are being computed; (0, 0) when there are none, or no session."""
    try:
        tracker = SparkSession.active().sparkContext.statusTracker()
        stages = [stage for number in tracker.getActiveStageIds() if (stage := tracker.getStageInfo(number))]
    except (PySparkException, Py4JError, OSError, AttributeError):  # no session yet, or it is ending
        return 0, 0
    return sum(stage.numCompletedTasks for stage in stages), sum(stage.numTasks for stage in stages)
