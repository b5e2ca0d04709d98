import csv
from datetime import datetime
from decimal import Decimal

import pytest

from billflow.catalog import load_catalog
from billflow.errors import UsageError
from billflow.examples import write_energy_small
from billflow.settings import load_settings


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return write_energy_small(tmp_path_factory.mktemp("small"))


def rows(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestWriteEnergySmall:
    def test_project_loads(self, example):
        settings = load_settings(example.folder)
        catalog = load_catalog(example.folder / "catalog")
        assert example.months == ("2026-05", "2026-06")
        assert settings.first_month == example.months[0]
        assert {row["plan"] for row in rows(example.folder / "subscriptions.csv")} == set(catalog.plans)

    def test_every_reading_is_in_service(self, example):
        served = rows(example.folder / "subscriptions.csv")
        for path in (example.folder / "readings").iterdir():
            for reading in rows(path):
                day = reading["read_at"][:10]
                assert any(
                    row["meter"] == reading["meter"] and row["from_date"] <= day < (row["to_date"] or "9999")
                    for row in served
                )

    def test_readings_are_hourly_and_numbered(self, example):
        readings = rows(example.folder / "readings" / "M-1001.csv")
        assert len(readings) == 61 * 24
        assert [int(reading["reading_no"]) for reading in readings] == list(range(1, 61 * 24 + 1))
        assert datetime.fromisoformat(readings[-1]["read_at"]) == datetime(2026, 6, 30, 23)  # noqa: DTZ001

    def test_peaks_are_above_the_hour(self, example):
        for reading in rows(example.folder / "readings" / "M-1005.csv"):
            assert Decimal(reading["highest_kw"]) > Decimal(reading["kwh"]) > 0

    def test_same_files_again(self, example, tmp_path):
        again = write_energy_small(tmp_path / "again").folder
        for path in (path for path in example.folder.rglob("*.*") if path.is_file()):
            assert path.read_bytes() == (again / path.relative_to(example.folder)).read_bytes()

    def test_folder_that_is_not_empty_is_refused(self, example):
        with pytest.raises(UsageError, match="not empty"):
            write_energy_small(example.folder)
