"""Steps that many invoices go through together: whatever is wrong with one of them must not stop the others.

One step for all and then the next is faster than all steps for one invoice after the other: the processor has the code
of a step at hand, and that of a whole document is more than it keeps. So what makes a document is a generator, which
yields where a step ends.
"""

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import typst

from billflow.errors import BillflowError

PREFIX = "billflow-templates-"
UNPACKED = re.compile(rf"\S*{PREFIX}[^/\\]+[/\\]")
"""Where a Renderer keeps the templates; Typst's messages shall show their names only."""

T = TypeVar("T")
Steps = Generator[None, None, T]


@dataclass(frozen=True)
class Failure:
    """Why an invoice could not be rendered."""

    reason: str


def whole(steps: Steps[T]) -> T:
    """What comes of steps that are taken one after the other."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: T = end.value
            return made


def together(works: Iterable[Steps[T]]) -> list[T | Failure]:
    """What comes of each, all of which go through one step and then the next; a Failure of what fails on the way."""
    going = dict(enumerate(works))
    made: dict[int, T | Failure] = {}
    while going:
        for number, steps in [*going.items()]:
            if ended := _taken(steps):
                made[number] = ended[0]
                del going[number]
    return [made[number] for number in sorted(made)]


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


def _taken(steps: Steps[T]) -> tuple[T | Failure] | None:
    """Takes a step: what has come of all, if that was the last one."""
    try:
        next(steps)
    except StopIteration as end:
        return (end.value,)
    except BaseException as problem:
        if not (isinstance(problem, Exception) or _is_panic(problem)):
            raise
        return (Failure(reason_of(problem)),)
    return None


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
