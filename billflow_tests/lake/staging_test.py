"""Staging folders, and when one is abandoned: its process is gone, and nobody can go on with its run."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from billflow.errors import ConflictError, RunFailedError
from billflow.lake.manifest import Manifest, PublishedPartition, commit
from billflow.lake.publishing import unnamed as abandoned
from billflow.lake.staging import Owner, Staging, process_started
from billflow.lake.storage import LocalStorage
from billflow_tests.lake.some_lake import COUNTS


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(str(tmp_path))


@pytest.fixture
def living() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that lives until the test ends it."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def owned(storage: LocalStorage, run_id: str, **changed: object) -> None:
    """A staging folder that says that it is another process's."""
    owner = Staging.begin(storage, run_id).owner
    storage.write(f"_staging/{run_id}/owner.json", owner.model_copy(update=changed).model_dump_json().encode())


KEY = "c01|2013-01"


def partition_of(run_id: str, *tables: str) -> PublishedPartition:
    """A partition as a run has published it."""
    return PublishedPartition(
        run_id=run_id,
        status="draft",
        period_start="2013-01-01",
        period_end="2013-02-01",
        counts=COUNTS,
        totals={},
        tables=dict.fromkeys(tables, ()),
    )


class TestBegin:
    def test_is_owned_by_this_process_and_has_the_newest_manifest_as_base(self, storage: LocalStorage) -> None:
        commit(storage, Manifest(version=3, run_id="r0"))
        staging = Staging.begin(storage, "r1")
        assert (staging.owner.pid, staging.owner.base) == (os.getpid(), 3)
        commit(storage, Manifest(version=4, run_id="other"))
        assert staging.base().run_id == "r0"

    def test_again_is_empty(self, storage: LocalStorage) -> None:
        first = Staging.begin(storage, "r1")
        storage.write(f"{first.place('usage')}/part-0", b"")
        assert storage.list(Staging.begin(storage, "r1").folder) == ["owner.json"]

    def test_a_retried_step_finds_it_by_its_id(self, storage: LocalStorage) -> None:
        Staging.begin(storage, "r1").note("totals", {"net": "12.30"})
        assert Staging(storage, "r1").noted("totals") == {"net": "12.30"}

    def test_a_step_tried_again_in_another_process_adopts_it(
        self, storage: LocalStorage, living: "subprocess.Popen[bytes]"
    ) -> None:
        owned(storage, "r1", pid=living.pid, process_started=process_started(living.pid), base=3)
        living.kill()
        living.communicate()
        Staging(storage, "r1").adopt()
        assert (Staging(storage, "r1").owner.pid, Staging(storage, "r1").owner.base) == (os.getpid(), 3)
        assert abandoned(storage) == []

    @pytest.mark.parametrize("act", [Staging.adopt, lambda staging: Staging.begin(staging.storage, "r1")])
    def test_nobody_takes_what_is_owned(
        self, storage: LocalStorage, living: "subprocess.Popen[bytes]", act: Callable[[Staging], None]
    ) -> None:
        owned(storage, "r1", pid=living.pid, process_started=process_started(living.pid))
        with pytest.raises(ConflictError, match=f"process {living.pid} is at work on this run"):
            act(Staging(storage, "r1"))
        assert Staging(storage, "r1").owner.pid == living.pid

    def test_places(self, storage: LocalStorage, tmp_path: Path) -> None:
        staging = Staging.begin(storage, "r1")
        assert staging.place("usage") == "_staging/r1/usage"
        assert staging.uri("usage") == f"file://{tmp_path}/_staging/r1/usage"


@pytest.mark.parametrize("ask", [lambda staging: staging.owner, lambda staging: staging.noted("totals")])
def test_what_is_gone_says_what_to_do(storage: LocalStorage, ask: object) -> None:
    assert callable(ask)
    with pytest.raises(RunFailedError) as caught:
        ask(Staging(storage, "r1"))
    assert caught.value.where == "_staging/r1"
    assert "run the whole partition again" in caught.value.remedy


class TestAbandoned:
    def test_none(self, storage: LocalStorage) -> None:
        assert abandoned(storage) == []

    def test_ones_own_is_not(self, storage: LocalStorage) -> None:
        Staging.begin(storage, "r1")
        assert abandoned(storage) == []

    def test_a_living_process(self, storage: LocalStorage, living: "subprocess.Popen[bytes]") -> None:
        owned(storage, "r1", pid=living.pid, process_started=process_started(living.pid))
        assert abandoned(storage) == []

    @pytest.mark.parametrize("asked", [True, False], ids=["asked for", "a zombie"])
    def test_a_killed_process_whose_partition_others_have_published(
        self, storage: LocalStorage, living: "subprocess.Popen[bytes]", asked: bool
    ) -> None:
        owned(storage, "r1", pid=living.pid, process_started=process_started(living.pid), key=KEY)
        living.kill()
        os.waitid(os.P_PID, living.pid, os.WEXITED | os.WNOWAIT)
        if asked:
            living.communicate()
        assert abandoned(storage) == []  # its run may be tried again
        commit(storage, Manifest(version=1, run_id="r2", partitions={KEY: partition_of("r2")}))
        assert abandoned(storage) == ["_staging/r1"]

    def test_another_process_with_the_same_number(
        self, storage: LocalStorage, living: "subprocess.Popen[bytes]"
    ) -> None:
        owned(storage, "r1", pid=living.pid, process_started=process_started(living.pid) - 1, key=KEY)
        commit(storage, Manifest(version=1, run_id="r2", partitions={KEY: partition_of("r2")}))
        assert abandoned(storage) == ["_staging/r1"]

    @pytest.mark.parametrize(("tables", "gone"), [([], []), (["documents"], ["_staging/r1"])])
    def test_a_dead_one_that_has_published(self, storage: LocalStorage, tables: list[str], gone: list[str]) -> None:
        owned(storage, "r1", process_started=1, key=KEY)
        commit(storage, Manifest(version=1, run_id="r1", partitions={KEY: partition_of("r1", *tables)}))
        assert abandoned(storage) == gone

    @pytest.mark.parametrize(("days", "gone"), [(6, []), (8, ["_staging/r1"])])
    def test_a_dead_one_by_age(self, storage: LocalStorage, days: int, gone: list[str]) -> None:
        began = Staging.begin(storage, "r0").owner.began
        owned(storage, "r1", process_started=1, key=KEY, began=began - days * 86400)
        assert abandoned(storage) == gone

    @pytest.mark.parametrize(("days", "gone"), [(0, []), (6, []), (8, ["_staging/r1"])])
    def test_another_host_by_age(self, storage: LocalStorage, days: int, gone: list[str]) -> None:
        began = Staging.begin(storage, "r0").owner.began
        owned(storage, "r1", host="another-host", began=began - days * 86400)
        assert abandoned(storage) == gone

    def test_a_folder_without_owner(self, storage: LocalStorage) -> None:
        storage.write("_staging/r1/usage/part-0", b"")
        assert abandoned(storage) == ["_staging/r1"]

    @pytest.mark.parametrize("content", [b"", b"{", b'{"run_id": "r1"}'])
    def test_a_folder_whose_owner_cannot_be_read(self, storage: LocalStorage, content: bytes) -> None:
        storage.write("_staging/r1/owner.json", content)
        assert abandoned(storage) == ["_staging/r1"]


def test_process_started_of_nobody() -> None:
    assert process_started(2**22 + 1) == 0.0


def test_the_owner_is_written_whole(storage: LocalStorage) -> None:
    staging = Staging.begin(storage, "r1")
    assert Owner.model_validate_json(storage.read("_staging/r1/owner.json")) == staging.owner
