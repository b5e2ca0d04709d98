"""Draft → confirmed: gapless over confirmations, exactly once when killed or racing, and final."""

import os
import subprocess
import sys
import threading

import pytest

from billflow.errors import ConflictError, UsageError
from billflow.lake.confirming import draft_of, earlier_drafts
from billflow.lake.manifest import Manifest, PublishedPartition, read_manifest
from billflow.lake.storage import LocalStorage, Storage, open_storage
from billflow.lake.verifying import ledger_problems, partition_problems
from billflow_tests.lake.publishing_test import POINTS, _KilledAt, _Overtaken
from billflow_tests.lake.some_bills import (
    JULY,
    JUNE,
    MAY,
    bills,
    confirm,
    draft,
    numbers,
    placed,
    publish_confirmed,
    put,
    staged,
    take,
)


@pytest.fixture
def local(tmp_path) -> LocalStorage:
    return LocalStorage(str(tmp_path / "lake"))


def all_problems(storage: Storage) -> list[str]:
    manifest = read_manifest(storage)
    confirmed = {key: one for key, one in manifest.partitions.items() if one.is_confirmed}
    return ledger_problems(manifest) + [
        p for key, one in confirmed.items() for p in partition_problems(storage, key, one)
    ]


def lines_of(storage: Storage, key: str) -> tuple[str, ...]:
    return tuple(run.path for run in read_manifest(storage).partitions[key].tables["invoice_lines"])


def numbers_from(first: int, count: int = 3) -> list[str]:
    return [f"INV-2026-{number:08d}" for number in range(first, first + count)]


def test_confirmed(storage):
    draft(storage, MAY)
    before = read_manifest(storage).partitions[MAY]
    manifest = confirm(storage, MAY)
    now = manifest.partitions[MAY]
    assert numbers(storage, MAY) == numbers_from(1)
    assert (before.status, now.status) == ("draft", "confirmed")
    assert manifest.series == {"invoice|2026": 3}
    assert now.confirmation is not None
    assert manifest.chain == now.confirmation.head
    assert now.tables["invoice_lines"] == before.tables["invoice_lines"]
    assert all_problems(storage) == []


def test_the_series_goes_on_whatever_the_months_order(local):
    for key in (MAY, JUNE, JULY):
        draft(local, key)
    for key, first in ((JUNE, 1), (MAY, 4), (JULY, 7)):
        confirm(local, key)
        assert numbers(local, key) == numbers_from(first)
    assert all_problems(local) == []


def test_each_kind_and_year_has_a_series(local):
    draft(local, MAY, bills(MAY, kind="credit_note"))
    draft(local, JUNE)
    draft(local, "c01|2026-12")  # issued on 1 January 2027
    for key in (MAY, JUNE, "c01|2026-12"):
        manifest = confirm(local, key)
    assert manifest.series == {"credit_note|2026": 3, "invoice|2026": 3, "invoice|2027": 3}
    assert numbers(local, MAY)[0] == "CN-2026-00000001"
    assert numbers(local, "c01|2026-12")[0] == "INV-2027-00000001"
    assert all_problems(local) == []


def test_a_partition_without_invoices(local):
    draft(local, MAY, bills(MAY, accounts=()))
    draft(local, JUNE)
    assert confirm(local, MAY).series == {}
    confirm(local, JUNE)
    assert numbers(local, JUNE) == numbers_from(1)
    assert all_problems(local) == []


class TestWhatMayBeConfirmed:
    def manifest(self, storage: Storage, **changed: object) -> Manifest:
        draft(storage, MAY)
        head = read_manifest(storage)
        return head.model_copy(update={"partitions": {MAY: head.partitions[MAY].model_copy(update=changed)}})

    def test_a_whole_draft(self, local):
        assert draft_of(self.manifest(local), MAY).status == "draft"

    def test_not_what_is_not_published(self, local):
        with pytest.raises(UsageError, match="it is not published") as caught:
            draft_of(self.manifest(local), JUNE)
        assert "billflow run --cycle c01 --month 2026-06" in caught.value.remedy

    def test_not_without_documents(self, local):
        whole = self.manifest(local).partitions[MAY]
        without = {name: runs for name, runs in whole.tables.items() if name != "documents"}
        with pytest.raises(UsageError, match="its documents are not published"):
            draft_of(Manifest(partitions={MAY: whole.model_copy(update={"tables": without})}), MAY)
        fewer = {**whole.tables, "documents": (whole.tables["documents"][0].model_copy(update={"rows": 2}),)}
        with pytest.raises(UsageError, match="1 of its 3 invoices have no PDF"):
            draft_of(Manifest(partitions={MAY: whole.model_copy(update={"tables": fewer})}), MAY)

    def test_not_of_an_unknown_catalogue(self, local):
        with pytest.raises(UsageError, match="which catalogue"):
            draft_of(self.manifest(local, catalog=""), MAY)

    def test_not_twice(self, local):
        draft(local, MAY)
        with pytest.raises(UsageError, match="is confirmed"):
            draft_of(confirm(local, MAY), MAY)


def test_earlier_drafts(local):
    for key in (MAY, JUNE, JULY, "c02|2026-05"):
        draft(local, key)
    manifest = confirm(local, MAY)
    assert earlier_drafts(manifest, JULY) == [JUNE]


class TestProblems:
    """What is staged is looked at before anything is published."""

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda rows: rows[:-1], "this draft is missing"),
            (lambda rows: [*rows, rows[0]], "this invoice is of no draft"),
            (
                lambda rows: [{**rows[0], "total": 99}, *rows[1:]],
                "2026-05-A: this invoice is of no draft, or was changed",
            ),
            (
                lambda rows: [{**rows[0], "invoice_number": None}, *rows[1:]],
                "with number None, where INV-2026-00000001",
            ),
            (
                lambda rows: [{**rows[0], "invoice_number": "INV-2026-00000002"}, *rows[1:]],
                "INV-2026-00000001 is in turn",
            ),
            (lambda rows: [{**rows[0], "status": "draft"}, *rows[1:]], "is draft with number"),
        ],
        ids=["removed", "doubled", "changed", "not numbered", "numbered twice", "left a draft"],
    )
    def test_of_invoices(self, local, change, problem):
        draft(local, MAY)
        confirming = staged(local, MAY, "c")
        place = confirming.staged["invoices"].path
        put(local, place, "invoices", change(take(local, place)))
        assert problem in "\n".join(confirming.problems())

    def test_of_documents(self, local):
        draft(local, MAY)
        confirming = staged(local, MAY, "c")
        place = confirming.staged["documents"].path
        put(local, place, "documents", take(local, place)[1:])
        assert confirming.problems() == ["invoice 2026-05-A has 0 documents"]


def test_nothing_replaces_what_is_confirmed(storage):
    draft(storage, MAY)
    confirm(storage, MAY)
    version = read_manifest(storage).version
    with pytest.raises(UsageError, match=r"c01\|2026-05 is confirmed") as caught:
        draft(storage, MAY, run_id="again")
    assert "credit note" in caught.value.remedy
    assert read_manifest(storage).version == version
    assert numbers(storage, MAY) == numbers_from(1)


def test_a_draft_is_replaced(local):
    draft(local, MAY)
    draft(local, MAY, bills(MAY, accounts=("A", "B", "D", "E")), run_id="again")
    confirm(local, MAY)
    assert numbers(local, MAY) == numbers_from(1, 4)


def confirm_and_die(root: str, web: str, key: str, at: int) -> None:
    """What the killed process does."""
    storage = _KilledAt(open_storage(root, web), at)
    publish_confirmed(storage, staged(storage, key, "killed"))


def killed(storage: Storage, key: str, at: int) -> None:
    call = f"confirm_and_die({str(storage.root)!r}, {getattr(storage, 'web', '')!r}, {key!r}, {at})"
    program = f"from billflow_tests.lake.confirming_test import confirm_and_die; {call}"
    assert subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ}).returncode == 9


@POINTS
class TestKilled:
    def test_it_is_a_draft_still_and_confirmed_once_when_repeated(self, storage, at):
        draft(storage, MAY)
        draft(storage, JUNE)
        killed(storage, MAY, at)
        assert numbers(storage, MAY) == ["", "", ""]
        assert read_manifest(storage).series == {}
        confirm(storage, MAY)
        confirm(storage, JUNE)  # and clears up what the killed one left
        assert storage.list("_staging") == []
        assert numbers(storage, MAY) == numbers_from(1)
        assert numbers(storage, JUNE) == numbers_from(4)
        assert all_problems(storage) == []

    def test_another_month_may_go_first(self, local, at):
        draft(local, MAY)
        draft(local, JUNE)
        killed(local, MAY, at)
        confirm(local, JUNE)
        confirm(local, MAY)
        assert (numbers(local, JUNE), numbers(local, MAY)) == (numbers_from(1), numbers_from(4))
        assert all_problems(local) == []

    def test_the_last_step_is_tried_again(self, local, at):
        """It finds the partition as it was noted before the first rename."""
        draft(local, MAY)
        confirming = staged(local, MAY, "c")
        partition = confirming.partition()
        moves = list(confirming.staged)[: max(at - 1, 0)] if at else list(confirming.staged)
        for table in moves:
            local.rename(confirming.staged[table].path, confirming.placed[table].path)
        publish_confirmed(local, confirming, partition)
        publish_confirmed(local, confirming, partition)  # and again, after its commit
        assert numbers(local, MAY) == numbers_from(1)
        assert all_problems(local) == []


class TestDaysInAdvance:
    """June's draft has what comes back of the days that May's bills have of it."""

    @pytest.fixture
    def mays(self, local: LocalStorage) -> tuple[str, ...]:
        draft(local, MAY)
        return lines_of(local, MAY)

    def june(self, storage: Storage, ahead_lines: tuple[str, ...] | None, run_id: str = "") -> None:
        draft(storage, JUNE, run_id=run_id, start="2026-06-01", ahead_lines=ahead_lines)

    def test_the_month_before_is_confirmed_first(self, local: LocalStorage, mays: tuple[str, ...]) -> None:
        self.june(local, mays)
        with pytest.raises(
            UsageError, match=r"c01\|2026-05, whose days in advance its bills go on from, is a draft"
        ) as refused:
            draft_of(read_manifest(local), JUNE)
        assert refused.value.remedy == "`billflow confirm --cycle c01 --month 2026-05` first"
        confirm(local, MAY)
        confirm(local, JUNE)
        assert all_problems(local) == []

    @pytest.mark.parametrize("is_confirmed", [False, True])
    def test_a_month_before_that_was_billed_again(
        self, local: LocalStorage, mays: tuple[str, ...], is_confirmed: bool
    ) -> None:
        self.june(local, mays)
        draft(local, MAY, run_id="again")
        if is_confirmed:
            confirm(local, MAY)
        with pytest.raises(UsageError, match=r"c01\|2026-05, whose days in advance it goes on from, was billed since"):
            draft_of(read_manifest(local), JUNE)
        self.june(local, lines_of(local, MAY), run_id="again-06")
        if not is_confirmed:
            confirm(local, MAY)
        confirm(local, JUNE)

    def test_a_month_before_that_was_billed_afterwards(self, local: LocalStorage) -> None:
        self.june(local, ())
        draft_of(read_manifest(local), JUNE)
        draft(local, MAY)
        with pytest.raises(UsageError, match="was billed since"):
            draft_of(read_manifest(local), JUNE)

    def test_where_nothing_is_in_advance_any_order_will_do(self, local: LocalStorage, mays: tuple[str, ...]) -> None:
        assert mays
        self.june(local, None)
        confirm(local, JUNE)


class TestAtOnce:
    def test_stale_numbers_are_not_published(self, storage):
        draft(storage, MAY)
        draft(storage, JUNE)
        slow = staged(storage, MAY, "slow")
        with pytest.raises(ConflictError, match="another partition was confirmed") as caught:
            publish_confirmed(_Overtaken(storage, lambda: confirm(storage, JUNE)), slow)
        assert "confirm it again" in caught.value.remedy
        assert numbers(storage, JUNE) == numbers_from(1)
        assert numbers(storage, MAY) == ["", "", ""]
        confirm(storage, MAY)
        assert numbers(storage, MAY) == numbers_from(4)
        assert all_problems(storage) == []

    def test_a_bill_run_of_another_month_does_not_stop_it(self, local):
        draft(local, MAY)
        slow = staged(local, MAY, "slow")
        publish_confirmed(_Overtaken(local, lambda: draft(local, JUNE)), slow)
        assert numbers(local, MAY) == numbers_from(1)
        assert all_problems(local) == []

    def test_a_bill_run_of_the_same_month_stops_it(self, local):
        draft(local, MAY)
        slow = staged(local, MAY, "slow")
        with pytest.raises(ConflictError, match="published first"):
            publish_confirmed(_Overtaken(local, lambda: draft(local, MAY, run_id="again")), slow)
        assert read_manifest(local).series == {}

    def test_it_stops_a_bill_run_of_the_same_month(self, local):
        draft(local, MAY)
        with pytest.raises(UsageError, match="is confirmed"):
            draft(_Overtaken(local, lambda: confirm(local, MAY)), MAY, run_id="again")
        assert numbers(local, MAY) == numbers_from(1)

    def test_of_one_partition_one_wins(self, local):
        draft(local, MAY)
        first, second = (staged(local, MAY, name) for name in ("first", "second"))
        publish_confirmed(local, first)
        with pytest.raises(UsageError, match="is confirmed"):
            publish_confirmed(local, second)
        assert all_problems(local) == []

    def test_many_that_try_again_leave_no_gap(self, local):
        keys = [f"c01|2026-{month:02d}" for month in range(1, 7)]
        for key in keys:
            draft(local, key)
        threads = [threading.Thread(target=confirmed_at_last, args=(local, key)) for key in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        given = sorted(number for key in keys for number in numbers(local, key))
        assert given == numbers_from(1, 18)
        assert all_problems(local) == []


def confirmed_at_last(storage: Storage, key: str) -> None:
    for attempt in range(20):
        try:
            publish_confirmed(storage, staged(storage, key, f"{placed(key)[1]}-{attempt}"))
        except ConflictError:
            continue
        return


def test_a_manifest_of_an_older_version_is_read(local):
    """It has no series, and its partitions no record."""
    draft(local, MAY)
    head = read_manifest(local)
    old = head.model_dump(exclude={"series", "chain"})
    for name in ("fingerprint", "catalog", "confirmation"):
        old["partitions"][MAY].pop(name)
    read = Manifest.model_validate(old)
    assert (read.series, read.chain) == ({}, "")
    assert isinstance(read.partitions[MAY], PublishedPartition)


def test_late_usage_that_another_bill_has_meanwhile(local):
    """June's and July's drafts both have it: whichever is confirmed first keeps it, the other one is run again."""
    draft(local, MAY)
    confirm(local, MAY)
    for key in (JUNE, JULY):
        draft(local, key, late=("2026-04", "2026-05"))
    draft(local, "c01|2026-08", late=("2026-04",), run_id="august")
    draft(local, "c15|2026-06", late=("2026-05",), run_id="other-cycle")
    confirm(local, JULY)
    with pytest.raises(UsageError) as caught:
        draft_of(read_manifest(local), JUNE)
    assert "c01|2026-07, which was confirmed since, has billed late usage of 2026-04, 2026-05" in str(caught.value)
    assert "billflow run --cycle c01 --month 2026-06" in str(caught.value)
    with pytest.raises(UsageError, match="late usage of 2026-04"):
        draft_of(read_manifest(local), "c01|2026-08")
    draft_of(read_manifest(local), "c15|2026-06")
    draft(local, JUNE, late=("2026-05",), run_id="again")
    confirm(local, JUNE)
    assert all_problems(local) == []
