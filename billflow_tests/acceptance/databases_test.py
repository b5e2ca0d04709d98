"""One project whose customers, subscriptions and usage are in three databases: it bills what it bills from files."""

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from billflow.examples import write_energy_small
from billflow_tests.servers.mariadb import MariaDb
from billflow_tests.servers.postgres import PASSWORD, Postgres
from billflow_tests.sources.databases_test import SqliteFile

pytestmark = pytest.mark.slow

RUN = ("run", "--cycle", "c01", "--month", "2026-05")
LINES = "select * from invoice_lines order by all"
TABLES = {
    "customers": "(customer varchar(9) primary key, name text, street text, city text, postcode text, email text)",
    "subscriptions": "(meter varchar(9), customer varchar(9), plan text, from_date date, to_date date)",
    "readings": "(meter varchar(9), reading_no varchar(20), read_at timestamp, kwh decimal(20,6), highest_kw decimal(20,6))",
}


def literal(value: str) -> str:
    return "null" if value == "" else "'" + value.replace("'", "''") + "'"


def filled(server: Any, table: str, files: list[Path]) -> None:
    rows = [row for file in files for row in csv.DictReader(file.open(encoding="utf-8"))]
    columns = [one.split()[0] for one in TABLES[table].strip("()").split(", ")]
    server.do(f"create table {table} {TABLES[table]}")
    for start in range(0, len(rows), 1000):
        values = ", ".join(
            "(" + ", ".join(literal(row[name]) for name in columns) + ")" for row in rows[start : start + 1000]
        )
        server.do(f"insert into {table} ({', '.join(columns)}) values {values}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("databases") / "project"
    write_energy_small(folder)
    return folder


@pytest.fixture(scope="module")
def servers(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        started = {}
        for table, kind in {"customers": SqliteFile, "subscriptions": MariaDb, "readings": Postgres}.items():
            started[table] = kind(tmp_path_factory.mktemp(table))
            stack.callback(started[table].stop)
        filled(started["customers"], "customers", [project / "customers.csv"])
        filled(started["subscriptions"], "subscriptions", [project / "subscriptions.csv"])
        filled(started["readings"], "readings", sorted((project / "readings").glob("*.csv")))
        yield started


def moved(project: Path, servers: dict[str, Any]) -> None:
    """The same mappings over the databases instead of the files."""
    file = project / "billflow.yaml"
    text = file.read_text(encoding="utf-8")
    office, subscriptions = text.index("  - name: office"), text.index("      subscriptions:\n")
    meters = text.index("  - name: meters")
    parts = [
        text[:office],
        text[office:subscriptions],
        f"  - name: contracts\n    kind: sql\n    url: {servers['subscriptions'].url}\n    tables:\n",
        text[subscriptions:meters],
        text[meters:],
    ]
    whole = "".join(parts)
    for old, new in {
        "kind: files\n    format: csv\n    tables:\n      customers": f"kind: sql\n    url: {servers['customers'].url}\n"
        "    tables:\n      customers",
        "kind: files\n    format: csv": "kind: sql\n    url: ${env:METERS}",
        "path: customers.csv": "table: customers",
        "path: subscriptions.csv": "table: subscriptions",
        "path: readings/*.csv\n": "table: readings\n          partition_by: reading_no\n",
    }.items():
        assert old in whole
        whole = whole.replace(old, new)
    file.write_text(whole, encoding="utf-8")


def test_bills_are_those_of_the_files(project, servers, billflow, rows, monkeypatch):
    from_files = billflow("--project", project, *RUN)
    assert from_files.exit_code == 0, from_files.output
    expected = rows(project, LINES)
    moved(project, servers)
    monkeypatch.setenv("METERS", servers["readings"].url)
    result = billflow("--project", project, *RUN)
    assert result.exit_code == 0, result.output
    found = rows(project, LINES)
    assert len(found) > 20
    assert found == expected
    sources = rows(project, "select distinct source from usage union select distinct source from accounts")
    assert {row["source"] for row in sources} == {"office", "meters"}


def test_the_password_is_nowhere(project, servers, billflow, monkeypatch):
    """After the run before: not in the lake, in Dagster's files, nor in what commands print."""
    monkeypatch.setenv("METERS", servers["readings"].url)
    told = billflow("--project", project, "doctor")
    assert "reading_no=" in told.output
    assert PASSWORD not in told.output
    kept = [file for name in ("lake", ".dagster") for file in (project / name).rglob("*") if file.is_file()]
    assert len(kept) > 50
    assert [file for file in kept if PASSWORD.encode() in file.read_bytes()] == []


@pytest.mark.usefixtures("servers")
def test_a_database_that_is_away_is_told_before_anything_is_written(project, billflow, monkeypatch):
    monkeypatch.setenv("METERS", "postgresql://meters:secret@127.0.0.1:1/meters")
    result = billflow("--project", project, *RUN)
    assert result.exit_code == 1
    assert "the database does not answer" in str(result.exception)
    assert "secret" not in str(result.exception)
