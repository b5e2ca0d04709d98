"""Corrections: beside their partition, in one chain and one series with confirmations, at once or not at all."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from billflow.errors import ConflictError, UsageError
from billflow.lake.confirming import draft_of
from billflow.lake.correcting import check_correctable
from billflow.lake.manifest import Manifest, read_manifest
from billflow.lake.published import connect, table_runs
from billflow.lake.standing import standing_lines
from billflow.lake.storage import LocalStorage, Storage, open_storage
from billflow.lake.verifying import confirmed, ledger_problems, partition_problems
from billflow_tests.lake.publishing_test import POINTS, _KilledAt, _Overtaken
from billflow_tests.lake.some_bills import (
    JULY,
    JUNE,
    MAY,
    bills,
    confirm,
    draft,
    numbers,
    publish_confirmed,
    put,
    staged,
    take,
)
from billflow_tests.lake.some_corrections import correct, correcting, publish_corrected

FIRST, SECOND = f"{MAY}#1", f"{MAY}#2"


@pytest.fixture(scope="module")
def confirmed_may(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake in which May is confirmed with three invoices, and June is a draft."""
    storage = LocalStorage(str(tmp_path_factory.mktemp("confirmed") / "lake"))
    for key in (MAY, JUNE):
        draft(storage, key)
    confirm(storage, MAY)
    return storage.root


@pytest.fixture
def local(confirmed_may: Path, tmp_path: Path) -> LocalStorage:
    """That lake, for one test."""
    return LocalStorage(str(shutil.copytree(confirmed_may, tmp_path / "lake")))


def all_problems(storage: Storage) -> list[str]:
    manifest = read_manifest(storage)
    found = [problem for key, one in manifest.published() for problem in partition_problems(storage, key, one)]
    return ledger_problems(manifest) + found


def books(storage: Storage) -> list[tuple[object, ...]]:
    """What a reader finds: number, account and total of everything, in order."""
    with connect(storage, read_manifest(storage)) as connection:
        sql = "SELECT invoice_number, account_id, total::INTEGER FROM invoices WHERE month = '2026-05' ORDER BY 1"
        return connection.execute(sql).fetchall()


class TestCorrected:
    def test_both_bills_are_beside_the_confirmed_ones(self, local: LocalStorage) -> None:
        before = read_manifest(local).partitions
        manifest = correct(local)
        assert books(local) == [
            ("CN-2026-00000001", "A", -1),
            ("INV-2026-00000001", "A", 1),
            ("INV-2026-00000002", "B", 2),
            ("INV-2026-00000003", "C", 3),
            ("INV-2026-00000004", "A", 5),
        ]
        assert manifest.partitions == before
        assert manifest.series == {"invoice|2026": 4, "credit_note|2026": 1}
        assert manifest.chain == manifest.corrections[FIRST].confirmation.head
        assert all_problems(local) == []

    def test_without_a_new_bill(self, local: LocalStorage) -> None:
        manifest = correct(local, factor=0)
        assert manifest.series == {"invoice|2026": 3, "credit_note|2026": 1}
        assert all_problems(local) == []

    def test_chain_and_series_go_on_over_all(self, local: LocalStorage) -> None:
        correct(local, "2026-05-B", "b")
        confirm(local, JUNE)
        correct(local, "2026-05-B+1", "again")
        assert list(confirmed(read_manifest(local))) == [MAY, FIRST, JUNE, SECOND]
        assert numbers(local, JUNE) == [f"INV-2026-{number:08d}" for number in (5, 6, 7)]
        assert all_problems(local) == []

    def test_what_it_was_billed_from_is_no_second_row(self, local: LocalStorage) -> None:
        before = table_runs(read_manifest(local), "usage")
        manifest = correct(local)
        assert table_runs(manifest, "usage") == before
        assert len(table_runs(manifest, "documents")) == 3

    def test_its_folders_stay(self, local: LocalStorage) -> None:
        correct(local)
        for at in range(4):
            draft(local, JULY, run_id=f"july-{at}")
        assert all(local.exists(run.path) for run in read_manifest(local).table_runs())
        assert all_problems(local) == []


class TestStandingLines:
    def test_of_each_bill_the_newest(self, local: LocalStorage) -> None:
        correct(local, "2026-05-B", "b")
        correct(local, "2026-05-B+1", "again")
        found = standing_lines(read_manifest(local), MAY)
        rows = [row for run in found.runs for row in take(local, run.path) if row["invoice_id"] not in found.left_out]
        assert {row["invoice_id"] for row in rows} == {"2026-05-A", "2026-05-B+1+2", "2026-05-C"}

    @pytest.mark.parametrize(("known", "left_out"), [(0, 0), (1, 0), (2, 2), (None, 2)])
    def test_as_a_run_knew_them(self, local: LocalStorage, known: int | None, left_out: int) -> None:
        assert len(standing_lines(correct(local), MAY, known).left_out) == left_out

    def test_of_no_partition(self) -> None:
        assert standing_lines(Manifest(), MAY).runs == ()


class TestVerify:
    @pytest.mark.parametrize("table", ["invoices", "invoice_lines", "invoice_taxes", "documents", "accounts"])
    def test_a_changed_file(self, local: LocalStorage, table: str) -> None:
        manifest = correct(local)
        place = manifest.corrections[FIRST].tables[table][0].path
        put(local, place, table, take(local, place)[1:])
        assert f"the files of {table} are not the ones that were confirmed" in "\n".join(all_problems(local))

    def test_another_reason(self, local: LocalStorage) -> None:
        made = correct(local).corrections[FIRST]
        assert made.correction is not None
        forged = made.model_copy(update={"correction": made.correction.model_copy(update={"reason": "none"})})
        assert "the hash chain ends in" in "\n".join(partition_problems(local, FIRST, forged))

    def test_a_removed_one(self, local: LocalStorage) -> None:
        correct(local)
        manifest = confirm(local, JUNE)
        found = "\n".join(ledger_problems(manifest.model_copy(update={"corrections": {}})))
        assert "c01|2026-06 is not chained to the confirmation before it" in found
        assert "series invoice|2026 goes on at 5, where 4 is in turn" in found


class TestProblems:
    @pytest.mark.parametrize(
        ("table", "changed", "problem"),
        [
            ("invoices", {"total": 7}, "does not add up"),
            ("invoices", {"invoice_number": "CN-2026-00000007"}, "CN-2026-00000001 is in turn"),
            ("invoice_lines", {"net": 7}, "invoice_lines of invoice 2026-05-A are not what its reversal takes back"),
            ("invoice_lines", {"line_no": 7}, "invoice_lines of invoice 2026-05-A are not"),
            ("invoice_taxes", {"tax_rate": 7}, "invoice_taxes of invoice 2026-05-A are not"),
            ("documents", {"invoice_id": "x"}, "invoice 2026-05-A-1 has 0 documents"),
        ],
    )
    def test_of_what_is_staged(self, local: LocalStorage, table: str, changed: dict[str, object], problem: str) -> None:
        made = correcting(local)
        place = made.staged[table].path
        first, *others = take(local, place)
        put(local, place, table, [{**first, **changed}, *others])
        assert problem in "\n".join(made.problems())


class TestWhatMayBeCorrected:
    @pytest.mark.parametrize(
        ("invoice", "told", "remedy"),
        [
            ("2026-05-A", r"corrected already \(wrong\): invoice 2026-05-A\+1", "billflow correct 2026-05-A+1"),
            ("2026-05-A-1", "takes back invoice INV-2026-00000001", "billflow correct 2026-05-A+1"),
            ("2026-05-B", r"corrected already \(wrong\): nothing is due", ""),
        ],
    )
    def test_not_twice(self, local: LocalStorage, invoice: str, told: str, remedy: str) -> None:
        correct(local)
        manifest = correct(local, "2026-05-B", "b", factor=0)
        with pytest.raises(UsageError, match=told) as caught:
            check_correctable(manifest, {"invoice_id": invoice, "status": "confirmed"})
        assert remedy in caught.value.remedy

    def test_not_a_draft(self, local: LocalStorage) -> None:
        row = {"invoice_id": "2026-06-A", "status": "draft", "cycle": "c01", "month": "2026-06"}
        with pytest.raises(UsageError, match="is a draft") as caught:
            check_correctable(read_manifest(local), row)
        assert "billflow run --cycle c01 --month 2026-06" in caught.value.remedy

    def test_others(self, local: LocalStorage) -> None:
        manifest = correct(local)
        for invoice in ("2026-05-B", "2026-05-A+1"):
            check_correctable(manifest, {"invoice_id": invoice, "status": "confirmed"})


def correct_and_die(root: str, web: str, at: int) -> None:
    """What the killed process does."""
    storage = _KilledAt(open_storage(root, web), at)
    publish_corrected(storage, correcting(storage, run_id="killed"))


def killed(storage: Storage, at: int) -> None:
    call = f"correct_and_die({str(storage.root)!r}, {getattr(storage, 'web', '')!r}, {at})"
    program = f"from billflow_tests.lake.correcting_test import correct_and_die; {call}"
    assert subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ}).returncode == 9


@POINTS
def test_killed(storage: Storage, at: int) -> None:
    """Readers see the state before; corrected again it is corrected once, and what was left is cleared away."""
    draft(storage, MAY)
    confirm(storage, MAY)
    before = books(storage)
    killed(storage, at)
    assert books(storage) == before
    correct(storage)
    assert [number for number, account, _ in books(storage) if account == "A"] == [
        "CN-2026-00000001",
        "INV-2026-00000001",
        "INV-2026-00000004",
    ]
    assert all_problems(storage) == []
    assert storage.list("_staging") == []
    assert all("run=killed" not in storage.list(f"{table}/cycle=c01/month=2026-05") for table in ("invoices", "usage"))


class TestAtOnce:
    def test_a_confirmation_meanwhile(self, storage: Storage) -> None:
        for key in (MAY, JUNE):
            draft(storage, key)
        confirm(storage, MAY)
        with pytest.raises(ConflictError, match="confirmed or corrected meanwhile") as caught:
            publish_corrected(_Overtaken(storage, lambda: confirm(storage, JUNE)), correcting(storage))
        assert "correct it again" in caught.value.remedy
        assert read_manifest(storage).corrections == {}
        correct(storage, run_id="again")
        assert all_problems(storage) == []

    def test_another_correction_meanwhile(self, local: LocalStorage) -> None:
        slow = correcting(local, run_id="slow")
        with pytest.raises(ConflictError, match="confirmed or corrected meanwhile"):
            publish_corrected(_Overtaken(local, lambda: correct(local, "2026-05-B", "fast")), slow)
        correct(local, run_id="again")
        assert all_problems(local) == []

    def test_it_stops_a_confirmation(self, local: LocalStorage) -> None:

        slow = staged(local, JUNE, "slow")
        with pytest.raises(ConflictError, match="another partition was confirmed"):
            publish_confirmed(_Overtaken(local, lambda: correct(local)), slow)
        confirm(local, JUNE)
        assert all_problems(local) == []

    def test_a_bill_run_meanwhile_does_not_matter(self, local: LocalStorage) -> None:
        publish_corrected(_Overtaken(local, lambda: draft(local, JULY)), correcting(local))
        assert all_problems(local) == []


class TestDraftsMadeBefore:
    """What a draft goes on from may be corrected before it is confirmed: then it is run again."""

    @pytest.mark.parametrize(
        ("key", "late", "takes_ahead", "told"),
        [
            (
                JUNE,
                ("2026-05",),
                False,
                r"an invoice of 2026-05, of which it has late usage, was corrected since \(wrong",
            ),
            (JUNE, (), True, "with days in advance was corrected since"),
            (JUNE, (), False, ""),
            (JULY, (), True, ""),
            ("c15|2026-06", ("2026-05",), True, ""),
        ],
    )
    def test_of_a_later_month(
        self, local: LocalStorage, key: str, late: tuple[str, ...], takes_ahead: bool, told: str
    ) -> None:
        draft(local, key, late=late, run_id="before", start="2026-07-01" if key == JULY else "2026-06-01")
        manifest = correct(local, takes_ahead=takes_ahead)
        if not told:
            assert draft_of(manifest, key).status == "draft"
            return
        with pytest.raises(UsageError, match=told):
            draft_of(manifest, key)
        draft(local, key, bills(key), late=late, run_id="after", start="2026-06-01")
        confirm(local, key)
        assert all_problems(local) == []
