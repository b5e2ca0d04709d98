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


def shown(work, *, terminal=None):
    """What stands in a file, or in a terminal of a kind."""
    target = io.StringIO()
    console = Console(file=target, force_terminal=bool(terminal), width=120, _environ={"TERM": terminal or "dumb"})
    with Progress(console, "c01|2026-06") as told:
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


def in_documents(told):
    told.step("documents", "started")
    told.tasks(12, 51)
    told.step("documents", "done")


def test_a_terminal_shows_how_far_the_step_is():
    text = shown(in_documents, terminal="xterm")
    assert "rendering documents" in text
    assert "12 of 51 tasks" in text


@pytest.mark.usefixtures("clock")
def test_a_terminal_that_cannot_move_its_lines_shows_them_plain():
    text = shown(in_documents, terminal="dumb")
    assert [line.strip() for line in text.splitlines()] == ["c01|2026-06: starting", "✓ rendering documents 0.0 s"]


def test_a_check_is_named_only_when_it_fails():
    def work(told):
        for state in ("done", "failed"):
            told.step("invoice_lines_lines_are_consistent", "started")
            told.step("invoice_lines_lines_are_consistent", state)

    assert shown(work).count("checking") == 1
