"""How far a source reaches: its marker file, else its newest file."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billflow.errors import SettingsError
from billflow.settings import Settings
from billflow.sources.readiness import covered_until
from billflow_tests.sources.files_test import settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, day in (("c.csv", 1), ("s.csv", 3), ("u1.csv", 2), ("u2.csv", 2)):
        written(tmp_path / name, day)
    return tmp_path


def written(file: Path, day: int) -> None:
    file.write_text("id\n")
    os.utime(file, (at(day).timestamp(),) * 2)


def at(day: int) -> datetime:
    return datetime(2013, 2, day, tzinfo=UTC)


def with_source(found: Settings, **changed: object) -> Settings:
    return found.model_copy(update={"sources": (found.sources[0].model_copy(update=changed),)})


USAGE = {"usage_id": "id", "subscription_id": "id", "metric": "'m'", "quantity": "1", "event_time": "d"}


def with_usage(found: Settings, path: str) -> Settings:
    [mapping] = found.sources[0].mappings("subscriptions")
    usage = mapping.model_copy(update={"path": path, "columns": USAGE})
    return with_source(found, tables={**found.sources[0].tables, "usage": usage})


def test_without_usage_the_newest_of_all_files(project: Path) -> None:
    found = settings(project, "s.csv")
    assert covered_until(found, found.sources[0]) == at(3)


def test_with_usage_the_newest_of_its_files(project: Path) -> None:
    found = with_usage(settings(project, "s.csv"), "u*.csv")
    assert covered_until(found, found.sources[0]) == at(2)
    written(project / "u3.csv", 5)
    assert covered_until(found, found.sources[0]) == at(5)


def test_a_marker_file_decides(project: Path) -> None:
    found = with_source(settings(project, "s.csv"), ready="ready")
    assert covered_until(found, found.sources[0]) is None
    written(project / "ready", 9)
    assert covered_until(found, found.sources[0]) == at(9)


def test_no_files(project: Path) -> None:
    found = with_usage(settings(project, "s.csv"), "none/*.csv")
    with pytest.raises(SettingsError, match="no file is there"):
        covered_until(found, found.sources[0])
