"""What an HDFS can do to a run: fill up, refuse, pause, lose nodes. A run survives or says what is wrong; the next repairs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from billflow.examples import write_energy_small
from billflow_tests.acceptance.runs import put_on, staged_by, version
from billflow_tests.servers.hdfs import Hdfs

pytestmark = pytest.mark.slow

RUN = ("run", "--cycle", "c01", "--month", "2026-05")
BILLS = "select account_id, total::varchar as total, bytes > 1000 as pdf from invoices join documents using (invoice_id) order by 1"


@pytest.fixture(scope="module")
def project(hdfs: Hdfs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trouble") / "project"
    write_energy_small(folder)
    put_on(folder, hdfs)
    return folder


@pytest.fixture(scope="module")
def place(project: Path) -> str:
    """The lake's folder on HDFS."""
    return f"/{project.parent.name}"


def test_read_only(project, place, hdfs, billflow, monkeypatch):
    hdfs.dfs("-mkdir", "-p", f"{place}/project")
    monkeypatch.setenv("HADOOP_USER_NAME", "alice")
    result = billflow("--project", project, *RUN)
    assert result.exit_code == 1
    assert "HDFS does not let this user write or read there" in result.stderr
    assert "user=alice" in result.stderr
    assert billflow("--project", project, "status").exit_code == 0


def test_quota(project, place, hdfs, billflow):
    hdfs.admin("-setSpaceQuota", "40m", place)
    result = billflow("--project", project, *RUN)
    hdfs.admin("-clrSpaceQuota", place)
    assert result.exit_code == 1
    assert "reached its quota on HDFS" in result.stderr
    assert result.stderr.count("error:") == 1
    assert version(project) == 0


def test_safe_mode(project, hdfs, billflow):
    hdfs.admin("-safemode", "enter")
    try:
        result = billflow("--project", project, *RUN)
        status = billflow("--project", project, "status")
    finally:
        hdfs.admin("-safemode", "leave")
    assert result.exit_code == 1
    assert "HDFS is in safe mode" in result.stderr
    assert result.stderr.count("error:") == 1
    assert status.exit_code == 0
    assert version(project) == 0


@contextmanager
def once_staged(project: Path, table: str, *acts) -> Iterator[None]:
    """Does something to the cluster while a run is writing a table."""
    before = staged_by(project, table)

    def wait() -> None:
        while staged_by(project, table) <= before:
            time.sleep(0.05)
        for act in acts:
            act()

    thread = Thread(target=wait, daemon=True)
    thread.start()
    yield
    thread.join(timeout=120)
    assert not thread.is_alive()


def test_all_data_nodes_go_away(project, hdfs, billflow):
    with once_staged(project, "charges", lambda: hdfs.kill_data_node(0), lambda: hdfs.kill_data_node(1)):
        result = billflow("--project", project, *RUN)
    assert result.exit_code == 1
    assert result.stderr.count("error:") == 1, result.stderr
    assert "DataNode" in result.stderr
    hdfs.restart_data_nodes(0, 1)
    assert version(project) == 0


def test_a_data_node_goes_away_and_comes_back(project, hdfs, billflow, rows):
    with once_staged(project, "charges", lambda: hdfs.kill_data_node(0), lambda: hdfs.restart_data_nodes(0)):
        result = billflow("--project", project, *RUN)
    assert result.exit_code == 0, result.output
    bills = rows(project, BILLS)
    assert len(bills) == 6
    assert all(row["pdf"] for row in bills)


def test_the_name_node_restarts(project, hdfs, billflow, rows):
    """After the runs above: what is published stays the same."""
    before, run = rows(project, BILLS), version(project)
    with once_staged(project, "charges", hdfs.restart_name_node):
        result = billflow("--project", project, *RUN)
    assert result.exit_code == 0, f"{result.output}{result.stderr}"
    assert version(project) == run + 2
    assert rows(project, BILLS) == before
    assert len(before) == 6
