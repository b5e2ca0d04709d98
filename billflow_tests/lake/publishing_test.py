"""Stage → rename → commit: killed at any point readers see the previous state, and of two runs at once one wins."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from billflow.errors import ConflictError
from billflow.lake import manifest as manifests
from billflow.lake.publishing import finish, publish, run_folder
from billflow.lake.storage import LocalStorage
from billflow_tests.lake.some_lake import (
    TABLES,
    all_of,
    folders_of,
    manifest_of,
    moves_of,
    published,
    seen,
    stage,
)


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(str(tmp_path))


@pytest.mark.parametrize(
    ("table", "partition", "folder"),
    [
        ("accounts", None, "accounts/run=r1"),
        ("invoices", ("c01", "2013-01"), "invoices/cycle=c01/month=2013-01/run=r1"),
        ("raw/meters-1a2b", None, "raw/meters-1a2b/run=r1"),
    ],
)
def test_run_folder(table: str, partition: tuple[str, str] | None, folder: str) -> None:
    assert run_folder(table, "r1", partition) == folder


def test_staged_then_renamed_then_named(storage: LocalStorage) -> None:
    staging = stage(storage, "r1")
    moves = moves_of(staging)
    assert seen(storage) == {}
    publish(storage, moves, manifest_of(staging, moves))
    assert seen(storage) == all_of("r1")
    assert not any(storage.exists(staged) for staged in moves)
    finish(storage, "r1")
    assert storage.list("_staging") == []


def test_the_run_before_stays_readable_and_the_one_before_that_goes(storage: LocalStorage) -> None:
    for run_id in ("r1", "r2", "r3", "r4"):
        published(storage, run_id)
        finish(storage, run_id)
    assert seen(storage) == all_of("r4")
    assert [bool(folders_of(storage, run_id)) for run_id in ("r1", "r3", "r4")] == [False, True, True]


def test_tables_of_other_partitions_stay(storage: LocalStorage) -> None:
    published(storage, "r1")
    base = manifests.read_manifest(storage)
    for number in (2, 3, 4):
        publish(storage, {}, base.model_copy(update={"version": number, "run_id": f"r{number}"}))
    assert seen(storage) == all_of("r1")


class _KilledAt(LocalStorage):
    """A storage under which the process dies at the nth of its renames (from 1), or as it commits (0)."""

    def __init__(self, root: str, at: int) -> None:
        super().__init__(root)
        self.at, self.renames = at, 0

    def rename(self, source: str, target: str) -> None:
        self.renames += 1
        if self.renames == self.at:
            os._exit(9)
        super().rename(source, target)

    def create(self, path: str, content: bytes) -> None:
        if self.at == 0:
            os._exit(9)
        super().create(path, content)


def publish_and_die(root: str, run_id: str, at: int) -> None:
    """What the killed process does."""
    storage = _KilledAt(root, at)
    staging = stage(storage, run_id)
    moves = moves_of(staging)
    publish(storage, moves, manifest_of(staging, moves))


def killed(storage: LocalStorage, run_id: str, at: int) -> None:
    """A run in a process of its own that dies while it publishes."""
    call = f"publish_and_die({str(storage.root)!r}, {run_id!r}, {at})"
    program = f"from billflow_tests.lake.publishing_test import publish_and_die; {call}"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9


POINTS = pytest.mark.parametrize("at", [1, 2, 0], ids=["before any rename", "between renames", "before the commit"])


@POINTS
class TestKilled:
    def test_readers_see_the_state_before(self, storage: LocalStorage, at: int) -> None:
        published(storage, "r1")
        killed(storage, "r2", at)
        assert seen(storage) == all_of("r1")

    def test_the_next_run_publishes_and_cleans_up(self, storage: LocalStorage, at: int) -> None:
        published(storage, "r1")
        killed(storage, "r2", at)
        assert folders_of(storage, "r2")
        published(storage, "r3")
        assert seen(storage) == all_of("r3")
        assert folders_of(storage, "r2") == []

    def test_the_step_can_be_tried_again(self, storage: LocalStorage, at: int) -> None:
        """A retried step finds what is staged by the run's id; what it publishes must still be there afterwards."""
        published(storage, "r1")
        killed(storage, "r2", at)
        from billflow.lake.staging import Staging

        staging = Staging(storage, "r2")
        moves = moves_of(staging)
        publish(storage, moves, manifest_of(staging, moves))
        assert seen(storage) == all_of("r2")
        published(storage, "r3")
        assert seen(storage) == all_of("r3")


def test_a_commit_that_fails_leaves_the_state_before(storage: LocalStorage) -> None:
    class Full(LocalStorage):
        def create(self, path: str, content: bytes) -> None:
            raise OSError(28, f"no space left for {path} ({len(content)} bytes)")

    published(storage, "r1")
    staging = stage(storage, "r2")
    moves = moves_of(staging)
    with pytest.raises(OSError, match="no space left"):
        publish(Full(str(storage.root)), moves, manifest_of(staging, moves))
    assert seen(storage) == all_of("r1")
    publish(storage, moves, manifest_of(staging, moves))
    assert seen(storage) == all_of("r2")


class _Overtaken(LocalStorage):
    """A storage in which another run does something just before this one commits."""

    def __init__(self, root: str, other: Callable[[], None]) -> None:
        super().__init__(root)
        self.other = other

    def create(self, path: str, content: bytes) -> None:
        self.other()
        super().create(path, content)


class TestTwoAtOnce:
    def test_the_second_says_who_was_first(self, storage: LocalStorage) -> None:
        first, second = stage(storage, "r1"), stage(storage, "r2")
        publish(storage, moves_of(first), manifest_of(first, moves_of(first)))
        with pytest.raises(ConflictError, match=r"another run \(r1\) published first"):
            publish(storage, moves_of(second), manifest_of(second, moves_of(second)))
        assert seen(storage) == all_of("r1")
        assert storage.exists(second.place(TABLES[0]))

    def test_overtaken_between_rename_and_commit(self, storage: LocalStorage) -> None:
        slow, quick = stage(storage, "slow"), stage(storage, "quick")

        def overtake() -> None:
            publish(storage, moves_of(quick), manifest_of(quick, moves_of(quick)))

        with pytest.raises(ConflictError, match="quick"):
            publish(_Overtaken(str(storage.root), overtake), moves_of(slow), manifest_of(slow, moves_of(slow)))
        assert seen(storage) == all_of("quick")
        finish(storage, "slow")
        published(storage, "next")
        assert folders_of(storage, "slow") == []
        assert seen(storage) == all_of("next")

    def test_the_winner_loses_nothing_to_the_loser(self, storage: LocalStorage) -> None:
        """A run that began after the winner must not be taken for a leftover by anyone before it."""
        published(storage, "r1")
        slow = stage(storage, "slow")

        def two_others() -> None:
            published(storage, "r2")
            published(storage, "r3")

        with pytest.raises(ConflictError):
            publish(_Overtaken(str(storage.root), two_others), moves_of(slow), manifest_of(slow, moves_of(slow)))
        assert seen(storage) == all_of("r3")

    @pytest.mark.parametrize("attempt", range(3))
    def test_of_many_one_wins(self, storage: LocalStorage, attempt: int) -> None:
        published(storage, f"before-{attempt}")
        stagings = [stage(storage, f"r{number}") for number in range(6)]
        barrier, won, lost = threading.Barrier(len(stagings)), [], []

        def run(at: int) -> None:
            barrier.wait()
            try:
                publish(storage, moves_of(stagings[at]), manifest_of(stagings[at], moves_of(stagings[at])))
                won.append(stagings[at].run_id)
            except ConflictError:
                lost.append(stagings[at].run_id)

        threads = [threading.Thread(target=run, args=(at,)) for at in range(len(stagings))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(won), len(lost)) == (1, 5)
        assert seen(storage) == all_of(won[0])
        for run_id in lost:
            finish(storage, run_id)
        published(storage, "after")
        assert [folders_of(storage, run_id) for run_id in lost] == [[]] * 5


def test_published_twice_is_published_once(storage: LocalStorage) -> None:
    """A step killed after its commit is tried again: its own manifest is there, so there is no conflict."""
    staging = stage(storage, "r1")
    moves = moves_of(staging)
    manifest = manifest_of(staging, moves)
    publish(storage, moves, manifest)
    publish(storage, moves, manifest)
    assert seen(storage) == all_of("r1")
    assert manifests.versions(storage) == [1]


def test_files_that_are_not_ours_stay(storage: LocalStorage) -> None:
    storage.write("notes/readme.txt", b"kept")
    storage.write(".hidden/run=1/x", b"kept")
    published(storage, "r1")
    published(storage, "r2")
    assert storage.read("notes/readme.txt") == storage.read(".hidden/run=1/x") == b"kept"
