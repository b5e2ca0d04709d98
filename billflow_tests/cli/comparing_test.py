"""What `compare` refuses before it starts anything: exit code 2, and one error that says how to mend it."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from billflow.cli.comparing import compare
from billflow.cli.listings import shown
from billflow.errors import UsageError
from billflow.examples import write_energy_small
from billflow.lake.manifest import Manifest, PublishedPartition, commit
from billflow.lake.storage import open_lake
from billflow.settings import load_settings
from billflow_tests.lake.some_lake import COUNTS


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in whose lake May is published."""
    folder = tmp_path_factory.mktemp("compare") / "project"
    write_energy_small(folder)
    may = PublishedPartition(run_id="r", status="draft", period_start="2026-05-01", period_end="2026-06-01", counts=COUNTS, totals={}, tables={})  # fmt: skip
    commit(open_lake(load_settings(folder)), Manifest(version=1, partitions={"c01|2026-05": may}))
    return folder


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("--month 2026-05", "there is nothing to compare with"),
        ("--month 2026-05 --catalog {p}/catalog --against bills", "there are two things to compare with"),
        ("--month 2026-05 --against bills --by plan", "--by goes with --catalog"),
        ("--month 2026-05 --catalog {p}/catalog --fail-under 1", "--fail-under goes with --against bills"),
        ("--month 2026-05 --against bills --to x.xlsx", "x.xlsx is no CSV or Parquet file"),
        ("--month 2026-05 --against bills --to {p}/no/x.csv", "there is no folder {p}/no"),
        ("--month 2026-06 --catalog {p}/catalog", "c01|2026-06 is not published"),
        ("--month 2026-06 --against bills", "c01|2026-06 is not published"),
        ("--month 2026-05 --against bills", "the lake has no bills of an older system"),
        ("--month 2026-05 --catalog {p}/readings", "there is no catalogue"),
        ("--month 2026-05 --catalog {p}/nowhere", "there is no catalogue"),
    ],
)
def test_wrong_input(project, options, what):
    result = CliRunner().invoke(compare, ["--cycle", "c01", *options.format(p=project).split()], obj=str(project))
    assert isinstance(result.exception, UsageError)
    assert what.format(p=project) in str(result.exception)
    assert "→" in str(result.exception)


@pytest.mark.parametrize("share", ["2", "-0.1", "much", "NaN"])
def test_a_share_is_between_0_and_1(project, share):
    result = CliRunner().invoke(compare, ["--cycle", "c01", "--month", "2026-05", "--against", "bills", f"--fail-under={share}"], obj=str(project))  # fmt: skip
    assert result.exit_code == 2
    assert "is not a share between 0 and 1" in result.output


def test_bills_are_compared_without_spark_and_dagster():
    code = "import sys, billflow.cli.comparing_bills; print(sorted({'dagster'} & set(sys.modules)))"
    import subprocess

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (1234567, "1,234,567"), (True, "True"), ("a", "a")],
)
def test_shown(value, text):
    assert shown(value) == text
