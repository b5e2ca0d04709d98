"""Steps that many invoices go through together: whatever is wrong with one of them must not stop the others.

One step for all and then the next is faster than all steps for one invoice after the other: the processor has the code
of a step at hand, and that of a whole document is more than it keeps.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import typst

from billflow.errors import BillflowError

PREFIX = "billflow-templates-"
UNPACKED = re.compile(rf"\S*{PREFIX}[^/\\]+[/\\]")
"""Where a Renderer keeps the templates; Typst's messages shall show their names only."""

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True)
class Failure:
    """Why an invoice could not be rendered."""

    reason: str


def each(step: Callable[[S], T], given: Iterable[S | Failure]) -> list[T | Failure]:
    """What the step makes of each; what has failed before, or fails now, is a Failure."""
    return [one if isinstance(one, Failure) else _attempt(step, one) for one in given]


def in_groups(texts: Iterable[str], characters: int) -> Iterator[list[str]]:
    """Texts in order, in groups that have so many characters at most, or one text that has more."""
    group: list[str] = []
    room = characters
    for text in texts:
        if group and len(text) > room:
            yield group
            group, room = [], characters
        group.append(text)
        room -= len(text)
    if group:
        yield group


def _attempt(step: Callable[[S], T], one: S) -> T | Failure:
    try:
        return step(one)
    except BaseException as problem:
        if not (isinstance(problem, Exception) or _is_panic(problem)):
            raise
        return Failure(reason_of(problem))


def _is_panic(problem: BaseException) -> bool:
    """A bug in Typst itself: Rust's panics are no Exceptions, and their class has no public name."""
    return type(problem).__name__ == "PanicException"


def reason_of(problem: BaseException) -> str:
    """Why an invoice was not rendered: Typst's message with file and line, or the kind of error and its text."""
    if isinstance(problem, typst.TypstError):
        return UNPACKED.sub("", problem.diagnostic.strip() or problem.message)
    if isinstance(problem, BillflowError):
        return str(problem)
    if isinstance(problem, KeyError):
        return f"missing in the payload or in a label: {problem}"
    return f"{type(problem).__name__}: {problem}"
