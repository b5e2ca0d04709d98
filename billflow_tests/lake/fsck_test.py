"""Damage of each kind is found, what nobody needs is told apart from it, and only that is removed."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from billflow.cli.lake_checking import lake
from billflow.errors import MachineError
from billflow.lake.fsck import examine
from billflow.lake.healed import healed
from billflow.lake.manifest import path_of, read_manifest
from billflow.lake.publishing import finish, remove, run_folder
from billflow.lake.storage import Storage
from billflow.settings import Retention
from billflow_tests.lake.some_lake import PARTITION, TABLES, published, stage

FILE = "part-0.parquet"


def parquet(rows: int) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table({"invoice_id": [f"i{at}" for at in range(rows)]}), target)
    return target.getvalue()


def folder(table: str = "invoices", run_id: str = "r2") -> str:
    return run_folder(table, run_id, PARTITION)


@pytest.fixture
def sound(storage: Storage) -> Storage:
    """Two runs of a partition, one row a table, as its manifests say."""
    for run_id in ("r1", "r2"):
        published(storage, run_id)
        finish(storage, run_id)
        for table in TABLES:
            storage.write(f"{folder(table, run_id)}/{FILE}", parquet(1))
    return storage


def kinds(storage: Storage) -> list[tuple[str, str]]:
    return [(one.kind, one.path) for one in examine(storage)]


def test_a_sound_lake(sound):
    assert kinds(sound) == []


def test_an_empty_lake(storage):
    assert kinds(storage) == []


def test_each_damage_is_found(sound):
    sound.delete(folder("invoice_lines"))
    sound.write(f"{folder()}/{FILE}", parquet(1)[:-9])
    assert kinds(sound) == [("unreadable_file", f"{folder()}/{FILE}"), ("missing_folder", folder("invoice_lines"))]


@pytest.mark.parametrize("rows", [0, 2])
def test_other_rows_than_were_published(sound, rows):
    sound.write(f"{folder()}/{FILE}", parquet(rows))
    [found] = examine(sound)
    assert (found.kind, found.path, found.needless) == ("wrong_rows", folder(), False)
    assert f"{rows} rows are in it, and 1 were published" in found.what


def test_older_runs_that_a_rule_keeps_are_examined_too(sound):
    rule = Retention(versions=2)
    assert list(examine(sound, rule)) == []
    sound.delete(folder("invoice_lines", "r1"))
    sound.write(f"{folder(run_id='r1')}/{FILE}", parquet(2))
    found = {(one.kind, one.path, one.needless) for one in examine(sound, rule)}
    assert found == {
        ("missing_folder", folder("invoice_lines", "r1"), False),
        ("wrong_rows", folder(run_id="r1"), False),
    }
    assert kinds(sound) == []


def test_an_empty_folder_has_lost_its_rows(sound):
    sound.delete(f"{folder()}/{FILE}")
    assert [kind for kind, _ in kinds(sound)] in (["wrong_rows"], ["missing_folder"])


def test_a_broken_manifest_hides_what_nobody_needs(sound):
    sound.write(f"{folder(run_id='ghost')}/{FILE}", parquet(1))
    sound.write(path_of(2), b"{")
    assert kinds(sound) == [("broken_manifest", path_of(2))]
    with pytest.raises(MachineError, match="never remove it"):
        read_manifest(sound)


def test_a_broken_manifest_of_before_and_one_that_is_missing(sound):
    sound.write(path_of(1), b"\xff")
    assert kinds(sound) == [("broken_manifest", path_of(1))]
    sound.delete(path_of(1))
    assert kinds(sound)[0] == ("missing_manifest", path_of(1))


def test_what_nobody_needs_is_removed_and_nothing_else(sound):
    sound.write(f"{folder(run_id='ghost')}/{FILE}", parquet(1))
    living = stage(sound, "living")
    found = list(examine(sound))
    assert [(one.kind, one.path, one.needless) for one in found] == [("orphan", folder(run_id="ghost"), True)]
    remove(sound, [one.path for one in found if one.needless])
    assert kinds(sound) == []
    assert sound.exists(living.folder)
    assert sound.exists(folder(run_id="r1"))  # readers of the version before may be at work


@pytest.mark.parametrize(("options", "left"), [([], True), (["--repair"], False)])
def test_the_command_removes_only_when_it_is_told_to(tmp_path, options, left):
    from billflow.examples import write_energy_small
    from billflow.lake.storage import LocalStorage

    write_energy_small(tmp_path / "p")
    storage = LocalStorage(str(tmp_path / "p" / "lake"))
    published(storage, "r1")
    finish(storage, "r1")
    for table in TABLES:
        storage.write(f"{folder(table, 'r1')}/{FILE}", parquet(1))
    storage.write(f"{folder(run_id='ghost')}/{FILE}", parquet(1))
    result = CliRunner().invoke(lake, ["fsck", *options], obj=str(tmp_path / "p"), standalone_mode=False)
    assert (result.return_value, storage.exists(folder(run_id="ghost"))) == (0, left)
    done = [(one.by, str(action)) for one in healed(storage) for action in one.actions]
    assert done == (
        [] if left else [("lake fsck --repair", f"lake repaired, {folder(run_id='ghost')}: orphan: removed")]
    )
    storage.delete(folder(run_id="r1"))
    again = CliRunner().invoke(lake, ["fsck", "--format", "json"], obj=str(tmp_path / "p"), standalone_mode=False)
    assert again.return_value == 1
    assert "missing_folder" in again.stdout
