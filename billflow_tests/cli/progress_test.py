import io

import pytest
from rich.console import Console

from billflow.cli import progress
from billflow.cli.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is set."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def shown(work, *, terminal=False):
    target = io.StringIO()
    with Progress(Console(file=target, force_terminal=terminal, width=120), "c01|2026-06") as told:
        work(told)
    return target.getvalue()


def test_steps_are_lines_outside_a_terminal(clock):
    def work(told):
        told.step("raw", "started")
        clock[0] += 2.5
        told.step("raw", "done")
        told.step("documents", "started")
        told.step("documents", "failed")

    assert shown(work).splitlines() == [
        "c01|2026-06: starting",
        "  ✓ copying what the sources deliver 2.5 s",
        "  ✗ rendering documents 0.0 s",
    ]


def test_a_long_step_tells_how_far_it_is_once_a_minute(clock):
    def work(told):
        told.step("documents", "started")
        for done in range(4):
            clock[0] += 30
            told.tasks(done, 51)

    assert shown(work).splitlines()[1:] == [
        "  … rendering documents: 1 of 51 tasks",
        "  … rendering documents: 3 of 51 tasks",
    ]


def test_a_terminal_shows_how_far_the_step_is():
    def work(told):
        told.step("documents", "started")
        told.tasks(12, 51)

    assert "rendering documents" in shown(work, terminal=True)
    assert "12 of 51 tasks" in shown(work, terminal=True)


def test_a_check_is_named_only_when_it_fails():
    def work(told):
        for state in ("done", "failed"):
            told.step("invoice_lines_lines_are_consistent", "started")
            told.step("invoice_lines_lines_are_consistent", state)

    assert shown(work).count("checking") == 1
