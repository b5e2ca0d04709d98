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


@contextmanager
def _process(code: str) -> Iterator[None]:
    """A child that has done `code`, and stays."""
    child = subprocess.Popen(
        [sys.executable, "-c", f"{code}\nimport sys; print(flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin
    assert child.stdout
    child.stdout.readline()
    try:
        yield
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()


def test_memory_of_the_processes_below_is_counted() -> None:
    before = memory_of_tree(os.getpid())
    with _process("held = bytearray(b'x') * (128 << 20)"), _process("held = bytearray(b'x') * (64 << 20)"):
        held = memory_of_tree(os.getpid()) - before
    assert 192 < held < 320


def test_memory_that_several_share_is_counted_once(tmp_path: Path) -> None:
    """PostgreSQL's processes each have its shared buffers mapped."""
    shared = tmp_path / "shared"
    shared.write_bytes(b"x" * (256 << 20))
    mapped = f"import mmap; file = open({str(shared)!r}, 'r+b'); held = mmap.mmap(file.fileno(), 0); sum(held[::4096])"
    before = memory_of_tree(os.getpid())
    with _process(mapped), _process(mapped):
        held = memory_of_tree(os.getpid()) - before
    assert 128 < held < 400


def test_steps_that_come_again_add_up() -> None:
    meter = Meter(os.getpid())
    with meter.measured():
        for _ in range(2):
            with meter.step("counting"):
                sum(range(2_000_000))
    assert 0 < meter.spent.steps["counting"].seconds <= meter.spent.seconds
    assert meter.spent.peak_mebibytes
