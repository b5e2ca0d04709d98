"""What a piece of work takes: wall time, CPU time and peak memory of a whole tree of processes."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread

_EVERY = 0.25
"""Seconds between two looks at the memory."""
_TICKS = os.sysconf("SC_CLK_TCK")
_RESIDENT = ("RssAnon", "RssFile", "RssShmem")


@dataclass
class Spent:
    """Seconds of wall and CPU time, and the most memory at once (MiB) as `memory_of_tree` has it.

    CPU time and memory are None where processes cannot be looked at: another machine's, or one without /proc.
    """

    seconds: float = 0.0
    cpu_seconds: float | None = None
    peak_mebibytes: float | None = None
    steps: dict[str, "Spent"] = field(default_factory=dict)
    """Step of the work → what it took, without its memory."""

    def __add__(self, other: "Spent") -> "Spent":
        """One after the other."""
        return Spent(self.seconds + other.seconds, _with(self.cpu_seconds, other.cpu_seconds, 1))

    def __sub__(self, other: "Spent") -> "Spent":
        """What is left when a part of it does not count; the peak of memory stays."""
        cpu = _with(self.cpu_seconds, other.cpu_seconds, -1)
        return replace(self, seconds=self.seconds - other.seconds, cpu_seconds=cpu)


def _with(one: float | None, other: float | None, sign: int) -> float | None:
    return None if one is None or other is None else one + sign * other


class Meter:
    """Measures what is done between `started` and `ended`, and its steps. `root` is the first process of the tree."""

    def __init__(self, root: int | None) -> None:
        self._root, self.spent = root if Path("/proc/self/stat").exists() else None, Spent()
        self._began: dict[str, tuple[float, float | None]] = {}

    def cpu(self) -> float | None:
        """CPU seconds of the tree so far, those of processes that have ended among them."""
        return None if self._root is None else cpu_of_tree(self._root)

    def begin(self, step: str) -> None:
        """A step starts."""
        self._began[step] = (time.perf_counter(), self.cpu())

    def end(self, step: str) -> None:
        """A step that was begun has ended; one that comes again adds up."""
        before, now = self.spent.steps.get(step), self._since(*self._began.pop(step))
        self.spent.steps[step] = before + now if before else now

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measures a step."""
        self.begin(name)
        yield
        self.end(name)

    @contextmanager
    def measured(self) -> Iterator["Meter"]:
        """Measures all of it, memory too."""
        over, peak = Event(), [0.0]
        watcher = Thread(target=self._watch, args=(over, peak), daemon=True)
        began = (time.perf_counter(), self.cpu())
        watcher.start()
        try:
            yield self
        finally:
            over.set()
            watcher.join()
        whole = self._since(*began)
        self.spent.seconds, self.spent.cpu_seconds = whole.seconds, whole.cpu_seconds
        self.spent.peak_mebibytes = peak[0] if self._root is not None else None

    def _since(self, began: float, cpu_before: float | None) -> Spent:
        return Spent(time.perf_counter() - began, _with(self.cpu(), cpu_before, -1))

    def _watch(self, over: Event, peak: list[float]) -> None:
        while self._root is not None:
            peak[0] = max(peak[0], memory_of_tree(self._root))
            if over.wait(_EVERY):
                return


def cpu_of_tree(root: int) -> float:
    """CPU seconds of a process and all below it, and of their children that have ended."""
    return sum(sum(map(int, fields[11:15])) for fields in _tree(root).values()) / _TICKS


def memory_of_tree(root: int) -> float:
    """MiB that a process and all below it hold: of memory and files that they share, as much as the one with most has.

    The kernel's own counters: going through the pages (`smaps_rollup`) takes 80 ms for 6 GB, and four looks a second
    took a third of a core from what they measured.
    """
    held = [_memory_of(pid) for pid in _tree(root)]
    return (sum(own for own, _ in held) + max((shared for _, shared in held), default=0)) / 1024


def _memory_of(pid: int) -> tuple[int, int]:
    """KiB of its own, and of what others may have, too."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:  # it has ended meanwhile
        return 0, 0
    sizes = {
        name: int(size.split()[0]) for name, _, size in (line.partition(":") for line in lines) if name in _RESIDENT
    }
    return sizes.get("RssAnon", 0), sizes.get("RssFile", 0) + sizes.get("RssShmem", 0)


def _tree(root: int) -> dict[int, list[str]]:
    """Process → its fields of /proc/PID/stat after its name, of `root` and all below it."""
    found = {pid: fields for pid in _processes() if (fields := _stat(pid))}
    parents = {pid: int(fields[1]) for pid, fields in found.items()}
    return {pid: fields for pid, fields in found.items() if _is_below(pid, root, parents)}


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _is_below(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid not in (root, 0):
        pid = parents.get(pid, 0)
    return pid == root
