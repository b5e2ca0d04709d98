"""Waiting for servers whose drivers would wait for ever.

A thread waits for the driver, and who waits for the thread gives it up when it says nothing for too long. Nobody may
close a connection that a driver is at work with, so the thread keeps it, until the server or the process ends.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

from billflow.errors import PassingError

Item = TypeVar("Item")
_LOOKS = 1.0
"""Seconds between two looks of a thread whether anybody still waits for it."""


@dataclass(frozen=True)
class _End:
    """No item comes any more; `error` says why, if there is a reason."""

    error: BaseException | None = None


def heard(said: Callable[[], Iterator[Item]], silence: float, silent: PassingError) -> Iterator[Item]:
    """What is said, and its errors; `silent` is raised when nothing comes for so many seconds."""
    items: Queue[Item | _End] = Queue(maxsize=2)
    left = Event()

    def pass_on(item: Item | _End) -> None:
        waits = True
        while waits and not left.is_set():
            with suppress(Full):
                items.put(item, timeout=_LOOKS)
                waits = False

    def listen() -> None:
        try:
            for item in said():
                pass_on(item)
                if left.is_set():
                    return
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            pass_on(_End(error))
        else:
            pass_on(_End())

    Thread(target=listen, name="billflow-source", daemon=True).start()
    try:
        yield from _items(items, silence, silent)
    finally:
        left.set()


def _items(items: "Queue[Item | _End]", silence: float, silent: PassingError) -> Iterator[Item]:
    while True:
        try:
            item = items.get(timeout=silence)
        except Empty:
            raise silent from None
        if not isinstance(item, _End):
            yield item
        elif item.error:
            raise item.error
        else:
            return


@contextmanager
def held(opened: Callable[[], AbstractContextManager[Item]], silence: float, silent: PassingError) -> Iterator[Item]:
    """What a context gives that a thread of its own enters and leaves. `silent` as of `heard`, while it opens."""
    done = Event()

    def given() -> Iterator[Item]:
        with opened() as item:
            yield item
            done.wait()

    items = heard(given, silence, silent)
    try:
        yield next(items)
    finally:
        done.set()
        with suppress(PassingError):  # what was read is read, whoever hangs up
            list(items)
