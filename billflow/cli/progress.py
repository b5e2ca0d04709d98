"""Which step of a run is under way and how far: one line that moves in a terminal, plain lines elsewhere."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import UnsupportedOperation
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

STEPS = {
    "raw": "copying what the sources deliver",
    "canonical": "judging every row",
    "charges": "rating usage",
    "late_usage": "looking for usage of confirmed months that came late",
    "invoice_lines": "making invoice lines",
    "drafts": "adding up invoices and taxes",
    "consolidated_bills": "putting the bills of each customer on one",
    "usage_history": "adding up usage by month",
    "published_bills": "publishing the bills",
    "documents": "rendering documents",
    "published_documents": "publishing the documents",
    "numbered_invoices": "giving numbers",
    "final_documents": "rendering final documents",
    "confirmed_bills": "checking, sealing and publishing",
    "written_back": "writing to other systems' databases",
}
"""Step → what it does, in a clerk's words. Checks are named after what they check."""


PLAIN_EVERY = 60
"""Seconds between two lines about one step where lines do not move, as in a log."""


@contextmanager
def open_console() -> Iterator[Console]:
    """A console on standard output as it is now: Dagster sends to its log files what is printed while a step runs."""
    try:
        terminal = os.dup(sys.stdout.fileno())
    except UnsupportedOperation:  # something stands in for it, which Dagster leaves alone
        yield Console(highlight=False, soft_wrap=True)
        return
    with os.fdopen(terminal, "w", encoding=sys.stdout.encoding, errors="replace") as file:
        yield Console(file=file, highlight=False, soft_wrap=True)


class Progress:
    """Shows each step as it starts, how far it is, and how long it took."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title = console, title
        self._began: dict[str, float] = {}
        self._text, self._told = "starting", time.monotonic()
        moves = console.is_terminal and not console.is_dumb_terminal
        self._status: Status | None = console.status(f"{title}: starting") if moves else None

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        else:
            self._console.print(f"{self._title}: starting")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def step(self, step: str, state: str) -> None:
        """A step has started, is done, has failed or is tried again."""
        text = STEPS.get(step) or f"checking: {step.partition('_')[2].replace('_', ' ')}"
        if state == "started":
            self._text, self._told = text, time.monotonic()
            self._began[step] = self._told
            if self._status:
                self._status.update(f"{self._title}: {text}")
            return
        seconds = time.monotonic() - self._began.get(step, time.monotonic())
        mark = {"done": "[green]✓[/]", "failed": "[red]✗[/]"}.get(state, "[yellow]…[/]")
        if step in STEPS or state != "done":
            self._console.print(f"  {mark} {text} [dim]{seconds:.1f} s[/]")

    def tasks(self, done: int, tasks: int) -> None:
        """The step under way has done so many of its tasks; steps of several stages begin again with each."""
        if self._status:
            self._status.update(f"{self._title}: {self._text} [dim]{done:,} of {tasks:,} tasks[/]")
        elif time.monotonic() - self._told >= PLAIN_EVERY:
            self._told = time.monotonic()
            self._console.print(f"  … {self._text}: {done:,} of {tasks:,} tasks")
