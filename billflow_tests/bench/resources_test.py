"""What the benchmarks' meter sees of processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from billflow.bench.resources import Meter, memory_of_tree

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes can be looked at in /proc only")


_PARENT = """
import subprocess, sys
children = [subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) for code in sys.argv[1:]]
[child.stdout.readline() for child in children]
print(flush=True)
sys.stdin.read()
[child.communicate() for child in children]
"""


@contextmanager
def _parent_of(*codes: str) -> Iterator[int]:
    """The id of a process whose children have done `codes`, and stay: what others here hold does not count."""
    waiting = "import sys; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", _PARENT, *(f"{code}\n{waiting}" for code in codes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        parent.stdout.readline()
        yield parent.pid
        parent.communicate()


def test_memory_of_the_processes_below_is_counted() -> None:
    with _parent_of("held = bytearray(b'x') * (128 << 20)", "held = bytearray(b'x') * (64 << 20)") as parent:
        held = memory_of_tree(parent)
    assert 192 < held < 320


def test_memory_that_several_share_is_counted_once(tmp_path: Path) -> None:
    """PostgreSQL's processes each have its shared buffers mapped."""
    shared = tmp_path / "shared"
    shared.write_bytes(b"x" * (256 << 20))
    mapped = f"import mmap; file = open({str(shared)!r}, 'r+b'); held = mmap.mmap(file.fileno(), 0); sum(held[::4096])"
    with _parent_of(mapped, mapped) as parent:
        held = memory_of_tree(parent)
    assert 256 < held < 400


def test_steps_that_come_again_add_up() -> None:
    meter = Meter(os.getpid())
    with meter.measured():
        for _ in range(2):
            with meter.step("counting"):
                sum(range(2_000_000))
    assert 0 < meter.spent.steps["counting"].seconds <= meter.spent.seconds
    assert meter.spent.peak_mebibytes
