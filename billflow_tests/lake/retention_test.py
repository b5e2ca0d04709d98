"""Which older runs a rule keeps: publishing removes the others, and `lake fsck` takes no other for needless."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from billflow.cli.main import cli
from billflow.lake import manifest as manifests
from billflow.lake.fsck import examine
from billflow.lake.manifest import path_of
from billflow.lake.publishing import finish
from billflow.lake.retention import kept_runs, readable_runs
from billflow.lake.storage import LocalStorage, Storage
from billflow.settings import Retention
from billflow_tests.lake import some_bills
from billflow_tests.lake.some_lake import all_of, folders_of, published, seen
from billflow_tests.settings_test import SMALL

OTHER = ("c01", "2013-02")
RUNS = ("r1", "r2", "r3", "r4")


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """A folder of this machine: how files are kept plays no part."""
    return LocalStorage(str(tmp_path / "lake"))


def aged(storage: Storage, days: dict[int, int]) -> None:
    """As if versions had been published so many days ago."""
    for version, age in days.items():
        written = json.loads(storage.read(path_of(version)))
        written["committed"] = (datetime.now(UTC) - timedelta(days=age)).isoformat()
        storage.write(path_of(version), json.dumps(written).encode())


def several(storage: Storage, retention: Retention) -> None:
    """Four runs of a month, and then two of another one, which push them out of the newest versions."""
    for run_id in RUNS:
        published(storage, run_id, retention=retention)
        finish(storage, run_id)
    for run_id in ("o1", "o2"):
        published(storage, run_id, OTHER, retention)
        finish(storage, run_id)


def there(storage: Storage) -> list[str]:
    return [run_id for run_id in RUNS if folders_of(storage, run_id)]


def needless(storage: Storage, retention: Retention) -> set[str]:
    """The runs of which `fsck` would remove folders."""
    return {one.path.rpartition("=")[2] for one in examine(storage, retention) if one.needless}


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        (Retention(), ["r4"]),
        (Retention(versions=2), ["r3", "r4"]),
        (Retention(versions=3), ["r2", "r3", "r4"]),
        (Retention(versions=9), ["r1", "r2", "r3", "r4"]),
        (Retention(days=1), ["r1", "r2", "r3", "r4"]),
    ],
    ids=str,
)
def test_so_many_runs_of_each_month_stay(storage, retention, expected):
    several(storage, retention)
    assert there(storage) == expected
    assert needless(storage, retention) == set()
    assert seen(storage) == all_of("r4")


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        (Retention(days=30), ["r3", "r4"]),  # r3 was replaced 20 days ago, r2 40 days ago
        (Retention(days=15), ["r4"]),
        (Retention(versions=3, days=15), ["r2", "r3", "r4"]),
        (Retention(days=50), ["r2", "r3", "r4"]),
    ],
    ids=str,
)
def test_how_long_since_a_run_was_replaced(storage, retention, expected):
    several(storage, Retention(days=1))
    aged(storage, {1: 99, 2: 60, 3: 40, 4: 20, 5: 1, 6: 0})
    gone = set(RUNS) - set(expected)
    assert needless(storage, retention) == gone
    published(storage, "o3", OTHER, retention)
    assert there(storage) == expected


def test_a_narrower_rule_removes_with_the_next_publication(storage):
    several(storage, Retention(versions=3))
    assert needless(storage, Retention()) == {"r2", "r3"}
    published(storage, "o3", OTHER)
    assert there(storage) == ["r4"]


def test_what_was_gone_before_a_wider_rule_is_no_damage(storage):
    several(storage, Retention())
    assert needless(storage, Retention(versions=3)) == set()
    assert [one.partition.run_id for one in kept_runs(storage, Retention(versions=3))] == ["o1", "r3", "r2"]
    assert [one.partition.run_id for one in readable_runs(storage, Retention(versions=3))] == ["o1"]
    assert not [
        one for one in examine(storage, Retention(versions=3)) if one.kind == "missing_folder" and "r2" in one.path
    ]


def test_manifests_that_tell_no_time(storage):
    """Of before it was noted: their runs were replaced no later than the next time that is known."""
    several(storage, Retention(days=1))
    aged(storage, {5: 40})
    for version in (2, 3, 4):
        written = manifests.read_manifest(storage, version).model_dump(mode="json", exclude={"committed"})
        storage.write(path_of(version), json.dumps(written).encode())
    assert [one.partition.run_id for one in kept_runs(storage, Retention(days=50))] == ["o1", "r3", "r2", "r1"]
    assert [one.partition.run_id for one in kept_runs(storage, Retention(days=30))] == ["o1"]


@pytest.mark.parametrize(
    ("retention", "broken", "expected"),
    [
        (Retention(versions=2), 3, ["r2", "r3", "r4"]),
        (Retention(versions=2), 1, ["r3", "r4"]),
        (Retention(days=30), 3, ["r2", "r3", "r4"]),
        (Retention(days=15), 3, ["r4"]),
        (Retention(), 5, ["r2", "r3", "r4"]),  # a reader may be at work on the newest but one
    ],
    ids=str,
)
def test_a_broken_manifest_of_before_stops_no_publication(storage, caplog, retention, broken, expected):
    """Nothing is removed then; further back than the rule reaches no manifest is read."""
    several(storage, Retention(versions=3))
    aged(storage, {1: 99, 2: 60, 3: 40, 4: 20, 5: 1, 6: 0})
    storage.write(path_of(broken), b"{")
    published(storage, "o3", OTHER, retention)
    assert manifests.read_manifest(storage).partitions["|".join(OTHER)].run_id == "o3"
    assert there(storage) == expected
    assert ("nothing is removed from the lake this time" in caplog.text) is ("r2" in expected)


class _Counting(LocalStorage):
    """Notes what is read."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.files: list[str] = []

    def read(self, path: str) -> bytes:
        self.files.append(path)
        return super().read(path)


def test_a_publication_reads_older_manifests_once(tmp_path):
    storage = _Counting(str(tmp_path / "lake"))
    several(storage, Retention(days=1))
    storage.files.clear()
    published(storage, "o3", OTHER, Retention(days=1))
    assert [storage.files.count(path_of(version)) for version in (1, 2, 3, 4)] == [1, 1, 1, 1]


def test_confirmed_bills_stay_and_status_tells_what_else_does(tmp_path):
    (tmp_path / "billflow.yaml").write_text("\n".join([*SMALL.values(), "retention: {versions: 2}"]))
    storage = LocalStorage(str(tmp_path / "lake"))
    rows = {**some_bills.bills(some_bills.MAY), "quarantine": [], "held": []}
    some_bills.draft(storage, some_bills.MAY, rows)
    some_bills.confirm(storage, some_bills.MAY)
    shown = CliRunner().invoke(cli, ["--project", str(tmp_path), "status"], catch_exceptions=False).output
    assert "c01|2026-05: run " in shown
    assert "stays readable (the 2 newest runs of a cycle and month)" in shown
    before = storage.read(path_of(1))
    storage.write(path_of(1), b"{")
    shown = CliRunner().invoke(cli, ["--project", str(tmp_path), "status"], catch_exceptions=False)
    assert (shown.exit_code, "which older runs stay readable is not known: " in shown.output) == (0, True)
    storage.write(path_of(1), before)
    confirmed = manifests.read_manifest(storage).partitions["c01|2026-05"]
    for run_id in ("o1", "o2", "o3"):
        published(storage, run_id, OTHER)
        finish(storage, run_id)
    assert all(storage.exists(run.path) for table in confirmed.tables.values() for run in table)
