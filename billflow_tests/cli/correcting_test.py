"""What `correct` refuses before it starts anything: exit code 2, nothing written, and a word on how to mend it."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from billflow.cli.correcting import issue_date
from billflow.cli.main import cli
from billflow.errors import UsageError
from billflow.lake.manifest import Manifest, read_manifest
from billflow.lake.storage import LocalStorage
from billflow_tests.insights.tables import partition
from billflow_tests.lake.some_bills import JUNE, MAY, bills, confirm, draft
from billflow_tests.lake.some_corrections import correct
from billflow_tests.settings_test import SMALL


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """May is confirmed, its first invoice corrected; June is a draft."""
    (tmp_path / "billflow.yaml").write_text("\n".join(SMALL.values()))
    storage = LocalStorage(str(tmp_path / "lake"))
    for key in (MAY, JUNE):
        draft(storage, key, {**bills(key), "held": [], "quarantine": []})
    confirm(storage, MAY)
    correct(storage)
    return tmp_path


def asked(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--project", str(project), *arguments])


@pytest.mark.parametrize(
    ("invoice", "reason", "what"),
    [
        ("nobody", "x", "there is no invoice 'nobody'"),
        ("2026-06-A", "x", "invoice 2026-06-A is a draft"),
        ("INV-2026-00000001", "x", "it was corrected already (wrong): invoice 2026-05-A+1 is in its place"),
        ("2026-05-A", "x", "it was corrected already (wrong)"),
        ("CN-2026-00000001", "x", "it takes back invoice INV-2026-00000001"),
        ("INV-2026-00000002", " ", "the reason is empty"),
        ("INV-2026-00000002", "x", "invoice is of"),
    ],
)
def test_wrong_input(project: Path, invoice: str, reason: str, what: str) -> None:
    before = read_manifest(LocalStorage(str(project / "lake")))
    result = asked(project, "correct", invoice, "--reason", reason)
    assert isinstance(result.exception, UsageError)
    assert what in str(result.exception)
    assert "→" in str(result.exception)
    assert read_manifest(LocalStorage(str(project / "lake"))) == before


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("INV-2026-00000002",), "Missing option '--reason'"),
        (("INV-2026-00000002", "--reason", "x", "--date", "1.6.2026"), "does not match the format"),
        (("INV-2026-00000002", "--reason", "x", "--catalog", "nowhere"), "does not exist"),
    ],
)
def test_wrong_options(project: Path, arguments: tuple[str, ...], what: str) -> None:
    result = asked(project, "correct", *arguments)
    assert (result.exit_code, what in result.output) == (2, True)


def test_help(project: Path) -> None:
    shown = asked(project, "correct", "--help").output
    assert all(word in shown for word in ("credit note", "--reason", "--catalog", "--date", "--dry-run", "--format"))
    assert "correct " in asked(project, "--help").output


MAY_31, JUNE_1, JUNE_9, JULY_1 = date(2026, 5, 31), date(2026, 6, 1), date(2026, 6, 9), date(2026, 7, 1)


@pytest.mark.parametrize(
    ("billed", "chosen", "day"),
    [
        (JUNE_1, None, JULY_1),
        (JUNE_1, JUNE_9, JUNE_9),
        (JUNE_1, JUNE_1, JUNE_1),
        (date(2026, 8, 1), None, date(2026, 8, 1)),
    ],
    ids=["the lake's day", "the day asked for", "its own day", "not before the invoice"],
)
def test_issue_date(billed: date, chosen: date | None, day: date) -> None:
    """The lake's day is the newest end of a published period: no clock is read."""
    assert issue_date(Manifest(partitions={"c01|2026-06": partition("2026-06")}), billed, chosen) == day


def test_no_day_before_the_invoice() -> None:
    with pytest.raises(UsageError, match="cannot be corrected on 2026-05-31") as caught:
        issue_date(Manifest(), JUNE_1, MAY_31)
    assert caught.value.where == "--date"


def test_status_pdf_and_verify_know_corrections(project: Path) -> None:
    assert (
        "c01|2026-05#1: CN-2026-00000001, INV-2026-00000004 for invoice INV-2026-00000001: wrong"
        in asked(project, "status").output
    )
    verified = asked(project, "verify", "--cycle", "c01", "--month", "2026-05").output
    assert [line.split(": ")[0] for line in verified.splitlines()] == ["✓ c01|2026-05", "✓ c01|2026-05#1"]
    for number in ("INV-2026-00000001", "INV-2026-00000004"):
        assert "wrote" in asked(project, "pdf", number, "-o", str(project / "bill.pdf")).output
    assert (
        "wrote 5 PDFs"
        in asked(project, "export", "--cycle", "c01", "--month", "2026-05", "--to", str(project / "all")).output
    )


def test_it_needs_no_dagster() -> None:
    code = (
        "import sys, billflow.cli.correcting, billflow.orchestration.correct_run; assert 'dagster' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
