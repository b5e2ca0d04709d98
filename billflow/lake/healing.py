"""What billflow does again or mends by itself: noted where it happens, until a record of it is made (`lake.healed`)."""

from collections.abc import Iterable
from threading import Lock

from pydantic import BaseModel, ConfigDict

from billflow.shown_values import without_passwords

_DISTINCT = 100
"""Notes of one process that are told apart; those of a server that is away for a night are many, and alike."""
_SHOWN = 200
"""Characters of an error that are kept."""


class Action(BaseModel):
    """Something that was done without anybody being asked, so often. It never has a password."""

    model_config = ConfigDict(frozen=True)
    kind: str
    """As people read it: «part of a source fetched again»."""
    where: str
    """The source, step, run, table or folder."""
    what: str
    """What had gone wrong."""
    times: int = 1
    waited: float = 0.0
    """Seconds."""

    def __str__(self) -> str:
        often = "" if self.times == 1 else f" {self.times:,} times"
        waited = f" (waited {self.waited:g} s)" if self.waited else ""
        return f"{self.kind}{often}, {self.where}: {self.what}{waited}"


def action(kind: str, where: str, what: str, *, times: int = 1, waited: float = 0.0) -> Action:
    """An action whose error is one line without passwords."""
    told = without_passwords(" ".join(what.split()))
    cut = told if len(told) <= _SHOWN else f"{told[:_SHOWN]}…"
    return Action(kind=kind, where=without_passwords(where), what=cut, times=times, waited=waited)


def summed(actions: Iterable[Action]) -> list[Action]:
    """Actions that are alike as one, in the order in which they came."""
    found: dict[tuple[str, str, str], Action] = {}
    for one in actions:
        key = (one.kind, one.where, one.what)
        if key not in found and len(found) >= _DISTINCT:
            key = (one.kind, "elsewhere", "and for other reasons")
        before = found.get(key)
        times, waited = (before.times, before.waited) if before else (0, 0.0)
        told = {"where": key[1], "what": key[2], "times": times + one.times, "waited": round(waited + one.waited, 1)}
        found[key] = one.model_copy(update=told)
    return list(found.values())


_noted: list[Action] = []
_lock = Lock()


def note(*actions: Action) -> None:
    """Remembers actions until a record of them is made."""
    with _lock:
        _noted[:] = summed([*_noted, *actions])


def taken() -> list[Action]:
    """What was noted and is in no record yet; from now on it is the caller's to `keep`."""
    with _lock:
        found = _noted.copy()
        _noted.clear()
    return found
