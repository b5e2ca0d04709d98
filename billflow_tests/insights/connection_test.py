"""The views stand beside the tables, described, and cost nothing until they are asked."""

from pathlib import Path

import pytest

from billflow.insights import connect
from billflow.insights.connection import views
from billflow.lake.manifest import Manifest, read_manifest
from billflow.lake.schemas import SCHEMAS
from billflow.lake.storage import LocalStorage
from billflow_tests.lake import some_bills

VIEWS = ("open_items", "balances", "ageing", "dunning", "leakage")


@pytest.mark.parametrize("view", [*VIEWS, "ageing_on(DATE '2026-07-15')", "dunning_on(DATE '2026-07-15')"])
def test_an_empty_lake(tmp_path: Path, view: str) -> None:
    assert connect(LocalStorage(str(tmp_path)), Manifest()).sql(f"SELECT * FROM {view}").fetchall() == []


def test_every_column_is_described(tmp_path: Path) -> None:
    connection = connect(LocalStorage(str(tmp_path)), Manifest())
    described = connection.sql(
        "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL"
    ).fetchall()
    told = {(view, column): meaning for view, column, meaning in described}
    assert {view for view, _ in told} == set(VIEWS)
    for view in views(Manifest()):
        assert connection.sql(f"SELECT * FROM {view.name}").columns == list(view.columns)
        assert {column: told[view.name, column] for column in view.columns} == view.columns
    about = connection.sql("SELECT comment FROM duckdb_views() WHERE NOT internal AND comment IS NOT NULL").fetchall()
    assert len(about) == len(VIEWS)


def test_a_lake_without_payments(tmp_path: Path) -> None:
    storage = LocalStorage(str(tmp_path))
    some_bills.draft(storage, some_bills.MAY)
    some_bills.confirm(storage, some_bills.MAY)
    some_bills.draft(storage, some_bills.JUNE)
    connection = connect(storage, read_manifest(storage))
    assert connection.sql("SELECT count(*), sum(total), sum(paid) FROM open_items").fetchall() == [(3, 6, 0)]


def test_tables_and_views_are_all_there_is(tmp_path: Path) -> None:
    connection = connect(LocalStorage(str(tmp_path)), Manifest())
    assert {name for (name,) in connection.sql("SHOW TABLES").fetchall()} == {*SCHEMAS, *VIEWS}


def test_files_are_opened_when_they_are_asked_for(tmp_path: Path) -> None:
    """A view over a table whose files are gone is made, and fails only when it is read."""
    storage = LocalStorage(str(tmp_path))
    some_bills.draft(storage, some_bills.MAY)
    [file] = tmp_path.glob("invoices/**/*.parquet")
    manifest = read_manifest(storage)
    connection = connect(storage, manifest)
    file.unlink()
    assert connection.sql("SELECT count(*) FROM accounts").fetchall() == [(3,)]
    with pytest.raises(Exception, match=r"No files found|does not exist|No such file|Cannot open"):
        connection.sql("SELECT * FROM balances").fetchall()
