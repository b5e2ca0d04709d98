"""Drivers that wait for ever are given up; what they say is passed on, errors too."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, current_thread

import pytest

from billflow.errors import PassingError
from billflow.sources.silence import heard, held

SILENT = PassingError("silent")


def test_what_is_said_is_heard():
    assert list(heard(lambda: iter(range(100)), 60, SILENT)) == list(range(100))


def test_silence_after_the_first_word():
    def said() -> Iterator[int]:
        yield 1
        Event().wait()

    found = heard(said, 0.05, SILENT)
    assert next(found) == 1
    with pytest.raises(PassingError, match="silent"):
        next(found)


def test_errors_are_those_of_the_driver():
    def said() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(heard(said, 60, SILENT))


@contextmanager
def opened(log: list[str]) -> Iterator[str]:
    yield current_thread().name
    log.append(f"closed by {current_thread().name}")


def test_a_context_is_entered_and_left_by_one_thread():
    log: list[str] = []
    with held(lambda: opened(log), 60, SILENT) as name:
        assert log == []
        assert name == "billflow-source"
    assert log == ["closed by billflow-source"]


def test_a_context_is_left_when_what_is_inside_fails():
    log: list[str] = []
    with pytest.raises(ZeroDivisionError), held(lambda: opened(log), 60, SILENT):
        raise ZeroDivisionError
    assert log == ["closed by billflow-source"]


def test_a_context_that_never_opens():
    with pytest.raises(PassingError, match="silent"), held(_never, 0.05, SILENT):
        raise AssertionError


@contextmanager
def _never() -> Iterator[None]:
    Event().wait()
    yield
