"""Stage → rename → commit: killed at any point readers see the previous state, and of two runs at once one wins."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from billflow.errors import ConflictError, PassingError, RunFailedError
from billflow.lake import manifest as manifests
from billflow.lake.delivered import Delivered, Segment
from billflow.lake.healing import taken
from billflow.lake.manifest import Ingest, TableRun
from billflow.lake.publishing import Publication, finish, publish, run_folder
from billflow.lake.staging import Staging
from billflow.lake.storage import Storage, open_storage
from billflow_tests.lake.some_lake import (
    PARTITION,
    TABLES,
    all_of,
    folders_of,
    moves_of,
    publication_of,
    publish_staged,
    published,
    seen,
    stage,
)

OTHER = ("c01", "2013-02")


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


def test_staged_then_renamed_then_named(storage: Storage) -> None:
    staging = stage(storage, "r1")
    moves = moves_of(staging)
    assert seen(storage) == {}
    publish(storage, moves, publication_of(staging, moves))
    assert seen(storage) == all_of("r1")
    assert not any(storage.exists(staged) for staged in moves)
    finish(storage, "r1")
    assert storage.list("_staging") == []


def test_the_run_before_stays_readable_and_the_one_before_that_goes(storage: Storage) -> None:
    taken()
    for run_id in ("r1", "r2", "r3", "r4"):
        published(storage, run_id)
        finish(storage, run_id)
    assert seen(storage) == all_of("r4")
    assert [bool(folders_of(storage, run_id)) for run_id in ("r1", "r3", "r4")] == [False, True, True]
    assert taken() == []  # nothing was wrong


def test_tables_of_other_partitions_stay(storage: Storage) -> None:
    published(storage, "r1")
    for run_id in ("r2", "r3", "r4"):
        published(storage, run_id, OTHER)
        finish(storage, run_id)
    assert seen(storage) == all_of("r1")


def _published_with(storage: Storage, run_id: str, *segments: str) -> None:
    """A whole run whose ingestion has raw rows in these segments; those that are not there are its own."""
    staging = stage(storage, run_id)
    moves = moves_of(staging)
    places = [run_folder("raw/delivery=meters", one) for one in segments]
    for place in places:
        if place.endswith(run_id):
            storage.write(f"{staging.place('raw/meters')}/part-0.parquet", b"rows")
            moves[staging.place("raw/meters")] = place
    none = TableRun(path=run_folder("accounts", "none"), rows=0)
    raw = Delivered(segments=tuple(Segment(path=place, rows=1) for place in places), rows=1)
    ingest = Ingest(
        fingerprint=run_id,
        run_id=run_id,
        raw={"meters": raw},
        accounts=none,
        subscriptions=none,
        usage={},
        quarantine={},
        report={},
    )
    partition = {staged: place for staged, place in moves.items() if not place.startswith("raw/")}
    publish(storage, moves, replace(publication_of(staging, partition), ingest=ingest))
    finish(storage, run_id)


def test_a_segment_stays_as_long_as_a_manifest_that_is_read_names_it(storage: Storage) -> None:
    kept: list[str] = []
    for run_id, segments in {
        "r1": ["r1"],
        "r2": ["r1", "r2"],
        "r3": ["r1", "r2", "r3"],
        "r4": ["r1", "r2", "r3"],
        "r5": ["r5"],
        "r6": ["r5", "r6"],
        "r7": ["r5", "r6", "r7"],
    }.items():
        _published_with(storage, run_id, *segments)
        kept.append(" ".join(name.removeprefix("run=") for name in storage.list("raw/delivery=meters")))
    assert kept == ["r1", "r1 r2", "r1 r2 r3", "r1 r2 r3", "r1 r2 r3 r5", "r1 r2 r3 r5 r6", "r5 r6 r7"]


def test_a_segment_that_is_gone_is_never_named(storage: Storage) -> None:
    _published_with(storage, "r1", "r1")
    storage.delete("raw/delivery=meters/run=r1")
    with pytest.raises(RunFailedError, match="is gone"):
        _published_with(storage, "r2", "r1", "r2")
    assert manifests.read_manifest(storage).run_id == "r1"


class _Around:
    """A storage with which something else happens at a rename or at the commit."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self.storage, name)

    def rename(self, source: str, target: str) -> None:
        self.storage.rename(source, target)

    def create(self, path: str, content: bytes) -> None:
        self.storage.create(path, content)


class _KilledAt(_Around):
    """A storage under which the process dies at the nth of its renames (from 1), or as it commits (0)."""

    def __init__(self, storage: Storage, at: int) -> None:
        super().__init__(storage)
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


def publish_and_die(root: str, web: str, run_id: str, at: int) -> None:
    """What the killed process does."""
    storage = _KilledAt(open_storage(root, web), at)
    publish_staged(storage, stage(storage, run_id))


def killed(storage: Storage, run_id: str, at: int) -> None:
    """A run in a process of its own that dies while it publishes."""
    call = f"publish_and_die({str(storage.root)!r}, {getattr(storage, 'web', '')!r}, {run_id!r}, {at})"
    program = f"from billflow_tests.lake.publishing_test import publish_and_die; {call}"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9


POINTS = pytest.mark.parametrize("at", [1, 2, 0], ids=["before any rename", "between renames", "before the commit"])


@POINTS
class TestKilled:
    def test_readers_see_the_state_before(self, storage: Storage, at: int) -> None:
        published(storage, "r1")
        killed(storage, "r2", at)
        assert seen(storage) == all_of("r1")

    def test_the_next_run_publishes_and_the_one_after_cleans_up(self, storage: Storage, at: int) -> None:
        """Until another run has published the partition, the dead one may be tried again."""
        published(storage, "r1")
        killed(storage, "r2", at)
        published(storage, "other", ("c02", "2013-01"))
        assert folders_of(storage, "r2")
        published(storage, "r3")
        assert seen(storage) == all_of("r3")
        taken()
        published(storage, "r4", ("c02", "2013-01"))
        assert folders_of(storage, "r2") == []
        assert "_staging/r2" in {one.where for one in taken()}

    def test_the_step_can_be_tried_again(self, storage: Storage, at: int) -> None:
        """A retried step finds what is staged by the run's id; what it publishes must still be there afterwards."""
        published(storage, "r1")
        killed(storage, "r2", at)
        publish_staged(storage, Staging(storage, "r2"))
        assert seen(storage) == all_of("r2")
        published(storage, "r3")
        assert seen(storage) == all_of("r3")


def test_what_is_gone_is_never_named(storage: Storage) -> None:
    """Spark would read a bucketed table without its folder as an empty one."""
    published(storage, "r1")
    staging = stage(storage, "r2")
    moves = moves_of(staging)
    publication = publication_of(staging, moves)
    moved = dict([moves.popitem()])
    with pytest.raises(RunFailedError, match="is gone") as caught:
        publish(storage, moves, publication)
    assert caught.value.where == moved.popitem()[1]
    assert seen(storage) == all_of("r1")


def test_a_commit_that_fails_leaves_the_state_before(storage: Storage) -> None:
    class Full(_Around):
        def create(self, path: str, content: bytes) -> None:
            raise OSError(28, f"no space left for {path} ({len(content)} bytes)")

    published(storage, "r1")
    staging = stage(storage, "r2")
    with pytest.raises(OSError, match="no space left"):
        publish_staged(Full(storage), staging)
    assert seen(storage) == all_of("r1")
    publish_staged(storage, staging)
    assert seen(storage) == all_of("r2")


class _Overtaken(_Around):
    """A storage in which another run does something just before this one commits for the first time."""

    def __init__(self, storage: Storage, other: Callable[[], None]) -> None:
        super().__init__(storage)
        self.others = [other]

    def create(self, path: str, content: bytes) -> None:
        while self.others:
            self.others.pop()()
        super().create(path, content)


class TestTwoOfOnePartition:
    def test_the_second_says_who_was_first(self, storage: Storage) -> None:
        first, second = stage(storage, "r1"), stage(storage, "r2")
        publish_staged(storage, first)
        with pytest.raises(ConflictError, match=r"another run \(r1\) of c01\|2013-01 published first") as caught:
            publish(storage, moves_of(second), lost_publication(second))
        assert (caught.value.exit_code, bool(caught.value.remedy)) == (1, True)
        assert seen(storage) == all_of("r1")
        assert storage.exists(second.place(TABLES[0]))

    def test_overtaken_between_rename_and_commit(self, storage: Storage) -> None:
        slow, quick = stage(storage, "slow"), stage(storage, "quick")
        with pytest.raises(ConflictError, match="quick"):
            publish_staged(_Overtaken(storage, lambda: publish_staged(storage, quick)), slow)
        assert seen(storage) == all_of("quick")
        finish(storage, "slow")
        published(storage, "next")
        assert folders_of(storage, "slow") == []
        assert seen(storage) == all_of("next")

    def test_the_winner_loses_nothing_to_the_loser(self, storage: Storage) -> None:
        """A run that began after the winner must not be taken for a leftover by anyone before it."""
        published(storage, "r1")
        slow = stage(storage, "slow")

        def two_others() -> None:
            published(storage, "r2")
            published(storage, "r3")

        with pytest.raises(ConflictError):
            publish_staged(_Overtaken(storage, two_others), slow)
        assert seen(storage) == all_of("r3")

    @pytest.mark.parametrize("attempt", range(3))
    def test_of_many_one_wins(self, storage: Storage, attempt: int) -> None:
        published(storage, f"before-{attempt}")
        stagings = [stage(storage, f"r{number}") for number in range(6)]
        won, lost = at_once(storage, dict.fromkeys(stagings, PARTITION))
        assert (len(won), len(lost)) == (1, 5)
        assert seen(storage) == all_of(won[0])
        for run_id in lost:
            finish(storage, run_id)
        published(storage, "after")
        assert [folders_of(storage, run_id) for run_id in lost] == [[]] * 5


def lost_publication(staging: Staging) -> Publication:
    return publication_of(staging, moves_of(staging))


def at_once(storage: Storage, stagings: Mapping[Staging, tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Publishes all of them at the same moment; the ids of those that won and of those that lost."""
    barrier, won, lost = threading.Barrier(len(stagings)), [], []

    def run(staging: Staging, partition: tuple[str, str]) -> None:
        publication = publication_of(staging, moves_of(staging, partition=partition), partition)
        barrier.wait()
        try:
            publish(storage, moves_of(staging, partition=partition), publication)
            won.append(staging.run_id)
        except ConflictError:
            lost.append(staging.run_id)

    threads = [threading.Thread(target=run, args=one) for one in stagings.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won, lost


class TestOfDifferentPartitions:
    def test_all_are_published(self, storage: Storage) -> None:
        months = {stage(storage, f"r{month}"): ("c01", f"2013-{month:02d}") for month in range(1, 7)}
        won, lost = at_once(storage, months)
        assert (len(won), lost) == (6, [])
        head = manifests.read_manifest(storage)
        assert {key: one.run_id for key, one in head.partitions.items()} == {
            f"c01|2013-{month:02d}": f"r{month}" for month in range(1, 7)
        }
        assert head.version == 6
        assert all(storage.exists(run.path) for run in head.table_runs())

    def test_one_is_put_onto_the_others(self, storage: Storage) -> None:
        published(storage, "r1")
        slow = stage(storage, "slow")
        publish_staged(_Overtaken(storage, lambda: published(storage, "other", OTHER)), slow)
        assert seen(storage) == all_of("slow")
        assert manifests.read_manifest(storage).partitions["|".join(OTHER)].run_id == "other"

    def test_what_a_living_run_has_renamed_stays(self, storage: Storage) -> None:
        """Between its rename and its commit a run's folders are named by nobody."""
        slow = stage(storage, "slow")

        def others() -> None:
            for run_id in ("r1", "r2", "r3"):
                published(storage, run_id, OTHER)

        publish_staged(_Overtaken(storage, others), slow)
        assert seen(storage) == all_of("slow")

    def test_what_a_living_run_started_from_stays(self, storage: Storage) -> None:
        """It may read an ingestion that newer manifests do not name any more."""
        published(storage, "r1", OTHER)
        reading = stage(storage, "reading")
        for run_id in ("r2", "r3", "r4"):
            published(storage, run_id, OTHER)
            finish(storage, run_id)
        runs = [*reading.base().table_runs()]
        assert runs
        assert all(storage.exists(run.path) for run in runs)
        finish(storage, "reading")
        finish(storage, "r1")
        published(storage, "r5", OTHER)
        assert not any(storage.exists(run.path) for run in runs)


class _Silent(_Around):
    """A storage that does what it is asked for, or not, and then answers with an error."""

    def __init__(self, storage: Storage, told: Exception, *, does: bool, at: tuple[str, ...]) -> None:
        super().__init__(storage)
        self.told, self.does, self.at = told, does, at

    def create(self, path: str, content: bytes) -> None:
        self._answered(super().create, path, content)

    def rename(self, source: str, target: str) -> None:
        self._answered(super().rename, source, target)

    def _answered(self, asked: Callable[..., None], *arguments: Any) -> None:
        fails = asked.__name__ in self.at
        if self.does or not fails:
            asked(*arguments)
        if fails:
            raise self.told


SENT_AGAIN = FileExistsError("the request came twice")
NEXT_NAME_NODE = FileNotFoundError("the next NameNode has nothing to rename")
AWAY = PassingError("no answer")


@pytest.mark.parametrize("told", [SENT_AGAIN, NEXT_NAME_NODE, AWAY], ids=str)
def test_what_is_done_though_its_answer_is_lost_is_found(storage: Storage, told: Exception) -> None:
    publish_staged(_Silent(storage, told, does=True, at=("rename", "create")), stage(storage, "r1"))
    assert seen(storage) == all_of("r1")
    assert manifests.versions(storage) == [1]


@pytest.mark.parametrize(
    ("told", "at"),
    [
        (SENT_AGAIN, "rename"),
        (NEXT_NAME_NODE, "rename"),
        (AWAY, "rename"),
        (NEXT_NAME_NODE, "create"),
        (AWAY, "create"),
    ],
    ids=str,
)
def test_what_is_not_done_is_an_error_and_can_be_tried_again(storage: Storage, told: Exception, at: str) -> None:
    staging = stage(storage, "r1")
    with pytest.raises(type(told), match=str(told)):
        publish_staged(_Silent(storage, told, does=False, at=(at,)), staging)
    assert seen(storage) == {}
    publish_staged(storage, staging)
    assert seen(storage) == all_of("r1")


def test_published_twice_is_published_once(storage: Storage) -> None:
    """A step killed after its commit is tried again: its own manifest is there, so there is no conflict."""
    staging = stage(storage, "r1")
    moves = moves_of(staging)
    publication = publication_of(staging, moves)
    publish(storage, moves, publication)
    publish(storage, moves, publication)
    assert seen(storage) == all_of("r1")
    assert manifests.versions(storage) == [1]


def test_files_that_are_not_ours_stay(storage: Storage) -> None:
    storage.write("notes/readme.txt", b"kept")
    storage.write(".hidden/run=1/x", b"kept")
    published(storage, "r1")
    published(storage, "r2")
    assert storage.read("notes/readme.txt") == storage.read(".hidden/run=1/x") == b"kept"
