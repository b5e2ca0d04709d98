"""Which step of a run is under way: one line that moves in a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

STEPS = {
    "raw": "copying what the sources deliver",
    "canonical": "judging every row",
    "charges": "rating usage",
    "invoice_lines": "making invoice lines",
    "drafts": "adding up invoices and taxes",
    "published_bills": "publishing the bills",
    "documents": "rendering documents",
    "published_documents": "publishing the documents",
}
"""Step → what it does, in a clerk's words. Checks are named after what they check."""


class Progress:
    """Shows each step as it starts and how long it took."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title = console, title
        self._began: dict[str, float] = {}
        self._status: Status | None = console.status(f"{title}: starting") if console.is_terminal else None

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
            self._began[step] = time.monotonic()
            if self._status:
                self._status.update(f"{self._title}: {text}")
            return
        seconds = time.monotonic() - self._began.get(step, time.monotonic())
        mark = {"done": "[green]✓[/]", "failed": "[red]✗[/]"}.get(state, "[yellow]…[/]")
        if step in STEPS or state != "done":
            self._console.print(f"  {mark} {text} [dim]{seconds:.1f} s[/]")
