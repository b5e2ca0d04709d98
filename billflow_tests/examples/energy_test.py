import csv
import json
import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from ruamel.yaml import YAML

from billflow.catalog import load_catalog
from billflow.catalog.calendars import windows_of
from billflow.errors import UsageError
from billflow.examples import write_energy
from billflow.examples.energy import PERIODS, months_between
from billflow.settings import load_settings

DATA = (Path(__file__).parents[2] / ".." / "shared" / "data").resolve()

needs_data = pytest.mark.skipif(not (DATA / "smart_meters").is_dir(), reason=f"the real readings are not there: {DATA}")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return write_energy(tmp_path_factory.mktemp("energy"), data=DATA).folder


@pytest.fixture(scope="module")
def readings(project):
    """Tables `readings` and `subscriptions`, the latter as the project has it."""
    with duckdb.connect() as connection:
        connection.read_parquet(str(DATA / "smart_meters" / "*.parquet")).create_view("readings")
        connection.read_csv(str(project / "subscriptions.csv")).create_view("subscriptions")
        yield connection


def tariff() -> dict:
    text = next((DATA / "tariffs").glob("*.json")).read_text(encoding="utf-8")
    return next(
        version for version in json.loads(text, parse_float=Decimal) if version["startdate"].startswith("2014-05-01")
    )


@needs_data
class TestWriteEnergy:
    def test_project_loads(self, project):
        assert load_settings(project).first_month == "2012-01"
        assert list(load_catalog(project / "catalog").plans) == ["time-of-use"]

    def test_readings_stay_where_they_are(self, project):
        (mapping,) = load_settings(project).sources[1].mappings("usage")
        assert mapping.path == (DATA / "smart_meters" / "*.parquet").as_posix()
        assert not list(project.rglob("*.parquet"))

    def test_readings_inside_the_project_are_named_relative_to_it(self, tmp_path, monkeypatch):
        monkeypatch.setattr("billflow.examples.energy.claim", lambda _: None)
        shutil.copytree(DATA, tmp_path / "data", ignore=shutil.ignore_patterns("online_retail"))
        write_energy(tmp_path, data=tmp_path / "data")
        (mapping,) = load_settings(tmp_path).sources[1].mappings("usage")
        assert mapping.path == "data/smart_meters/*.parquet"

    def test_calendar_is_the_tariffs_schedule(self, project):
        """Expanded here by billflow's own calendar, hour by hour through a year."""
        calendar = load_catalog(project / "catalog").calendars["tou"]
        version = tariff()
        for day in (date.fromordinal(date(2013, 1, 1).toordinal() + n) for n in range(365)):
            schedule = version["energyweekendschedule" if day.weekday() > 4 else "energyweekdayschedule"]
            for hour, period in enumerate(schedule[day.month - 1]):
                at = datetime(day.year, day.month, day.day, hour, 30)  # noqa: DTZ001 - the wall clock
                fitting = [
                    name
                    for name, windows in calendar.items()
                    if any(window.contains(at) for window in windows_of(windows))
                ]
                assert fitting == [PERIODS[period]]

    def test_rates_are_those_of_the_json_text(self, project):
        page = YAML(typ="safe", pure=True).load(project / "catalog" / "tariff.yaml")
        charges = page["plans"]["time-of-use"]["charges"]
        rates = ["0.14881", "0.16801", "0.21195", "0.23875", "0.24756"]
        assert [charges[period]["unit_price"] for period in PERIODS] == rates
        assert [str(period[0]["rate"]) for period in tariff()["energyratestructure"]] == rates
        assert charges["customer_charge"]["amount"] == "10"

    def test_january_2013(self, readings):
        found = readings.execute(
            "select count(distinct customer_id), count(*), sum(general_supply_kwh::decimal(18, 3)) from readings"
            " where general_supply_kwh is not null and reading_datetime >= '2013-01-01'"
            " and reading_datetime < '2013-02-01'"
        ).fetchone()
        assert found == (41, 59_820, Decimal("12005.809"))

    def test_every_reading_is_inside_its_subscription(self, readings):
        outside = readings.execute(
            "select count(*) from readings anti join subscriptions on customer_id = subscription_id"
            " and reading_datetime >= start_date and reading_datetime < end_date"
        ).fetchone()
        assert outside == (0,)

    def test_usage_ids_are_unique(self, readings):
        doubles = readings.execute(
            "select count(*) - count(distinct (customer_id, calendar_key)) from readings"
        ).fetchone()
        assert doubles == (0,)

    def test_fifty_households_are_customers(self, project):
        with (project / "customers.csv").open(encoding="utf-8", newline="") as file:
            customers = list(csv.DictReader(file))
        assert len(customers) == 50
        assert customers[0] == {"account_id": "10006414", "name": "Household 10006414"}

    def test_folder_that_is_not_empty_is_refused(self, project):
        with pytest.raises(UsageError, match="not empty"):
            write_energy(project, data=DATA)


class TestWithoutData:
    def test_folder_without_tariff_is_refused(self, tmp_path):
        with pytest.raises(UsageError, match="no tariff version starts on 2014-05-01"):
            write_energy(tmp_path / "project", data=tmp_path)
        assert not (tmp_path / "project").exists()


class TestMonthsBetween:
    def test_over_new_year(self):
        assert months_between("2012-11", "2013-01") == ("2012-11", "2012-12", "2013-01")

    def test_one_month(self):
        assert months_between("2014-02", "2014-02") == ("2014-02",)
