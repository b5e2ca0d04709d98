"""Runs that are killed, and several at once: readers see the state before, and of two runs of one month one wins."""

from pathlib import Path

import dagster as dg
import pytest

from billflow.examples import write_energy_small
from billflow_tests.acceptance.runs import kill_when_staged, lake, put_on, start, version
from billflow_tests.servers.hdfs import Hdfs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(hdfs: Hdfs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On HDFS; `test_killed_and_two_runs_at_once_in_a_folder` tries what a folder's lake does otherwise."""
    folder = tmp_path_factory.mktemp("crash") / "project"
    write_energy_small(folder)
    put_on(folder, hdfs)
    return folder


@pytest.fixture
def in_a_folder(tmp_path: Path) -> Path:
    write_energy_small(tmp_path / "project")
    return tmp_path / "project"


def test_killed_while_writing_and_while_rendering_then_run_again(project, billflow, rows):
    kill_when_staged(project, "invoice_lines")
    assert version(project) == 0
    kill_when_staged(project, "rendered")
    assert version(project) == 1
    assert rows(project, "select count(*) as n from invoices") == [{"n": 6}]
    assert rows(project, "select count(*) as n from documents") == [{"n": 0}]
    process = start(project)
    told, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "healed by itself: left-over removed, _staging/" in told
    assert "healed by itself: run marked as ended, run " in billflow("--project", project, "status").output
    assert rows(project, "select count(*) as n from documents") == [{"n": 6}]
    assert lake(project).list("_staging") == []
    with dg.DagsterInstance.from_config(str(project / ".dagster")) as instance:
        statuses = sorted(run.status.value for run in instance.get_runs())
    assert statuses == ["FAILURE", "FAILURE", "SUCCESS"]


def test_two_runs_of_one_month_at_once(project, rows):
    before = rows(project, "select * from invoice_lines order by all")
    first, second = start(project), start(project)
    errors = [process.communicate()[1] for process in (first, second)]
    codes = [first.returncode, second.returncode]
    assert sorted(codes) == [0, 1], errors
    assert "published first" in errors[codes.index(1)]
    assert rows(project, "select * from invoice_lines order by all") == before


def test_killed_and_two_runs_at_once_in_a_folder(in_a_folder, rows):
    """A folder's commit is a link, HDFS's a rename."""
    kill_when_staged(in_a_folder, "invoice_lines")
    assert version(in_a_folder) == 0
    first, second = start(in_a_folder), start(in_a_folder)
    errors = [process.communicate()[1] for process in (first, second)]
    assert sorted([first.returncode, second.returncode]) == [0, 1], errors
    assert rows(in_a_folder, "select count(*) as n from documents") == [{"n": 6}]
    assert lake(in_a_folder).list("_staging") == []


def test_runs_of_two_months_at_once(project, rows):
    first, second = start(project), start(project, month="2026-06")
    errors = [process.communicate()[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], errors
    billed = rows(project, "select month, count(*) as n, count(pages) as pdfs from documents group by 1 order by 1")
    assert billed == [{"month": "2026-05", "n": 6, "pdfs": 6}, {"month": "2026-06", "n": 6, "pdfs": 6}]
    assert lake(project).list("_staging") == []


NUMBERS = "select month, invoice_number as number from invoices order by invoice_number nulls first, month"


def test_confirmations_killed_and_repeated(project, billflow, rows):
    """After `test_runs_of_two_months_at_once`: two drafts."""
    for table in ("ordered", "rendered"):
        kill_when_staged(project, table, verb="confirm")
        assert {row["number"] for row in rows(project, NUMBERS)} == {None}
    process = start(project, verb="confirm")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    given = [(row["month"], row["number"]) for row in rows(project, NUMBERS) if row["number"]]
    assert given == [("2026-05", f"INV-2026-{number:08d}") for number in range(1, 7)]
    assert billflow("--project", project, "verify").exit_code == 0


def test_a_confirmation_and_a_run_of_one_month_at_once(project, billflow, rows):
    """Whoever is first: the month has its numbers once, and is never half of each."""
    processes = [start(project, month="2026-06", verb=verb) for verb in ("confirm", "run")]
    errors = [process.communicate()[1] for process in processes]
    assert 0 in [process.returncode for process in processes], errors
    again = start(project, month="2026-06", verb="confirm")
    _, told = again.communicate()
    assert again.returncode == 0, told
    assert [row["number"] for row in rows(project, NUMBERS)] == [f"INV-2026-{number:08d}" for number in range(1, 13)]
    assert billflow("--project", project, "verify").exit_code == 0
