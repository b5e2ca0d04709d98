"""When a period counts as closed, and what the sensor and the schedule do about it. No Spark starts here."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from billflow.examples import write_energy_small
from billflow.orchestration.closing import closed_partition, latest_ended, reason_to_wait
from billflow.orchestration.jobs import closing_sensor, monthly_schedule
from billflow.orchestration.partitions import Partition
from billflow.orchestration.project import Project
from billflow.settings import Settings, load_settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_energy_small(tmp_path / "p")
    return tmp_path / "p"


@pytest.fixture
def settings(folder: Path) -> Settings:
    return load_settings(folder)


def touch(folder: Path, when: datetime) -> None:
    for file in folder.glob("readings/*"):
        os.utime(file, (when.timestamp(), when.timestamp()))
    for name in ("customers.csv", "subscriptions.csv"):
        os.utime(folder / name, (when.timestamp(), when.timestamp()))


@pytest.mark.parametrize(
    ("today", "month"),
    [
        (date(2026, 7, 1), "2026-06"),
        (date(2026, 6, 30), "2026-05"),
        (date(2026, 6, 1), "2026-05"),
        (date(2026, 5, 31), None),
    ],
)
def test_latest_ended(settings, today, month):
    found = latest_ended(settings, "c01", today)
    assert (found.month if found else None) == month


def test_closed_partition_goes_by_the_projects_own_day(settings):
    # 30 June 15:00 UTC is 1 July 01:00 in Sydney.
    assert closed_partition(settings, "c01", datetime(2026, 6, 30, 15, tzinfo=UTC)) == Partition("c01", "2026-06")
    assert closed_partition(settings, "c01", datetime(2026, 6, 30, 13, tzinfo=UTC)) == Partition("c01", "2026-05")


def test_waits_for_grace_then_for_the_sources(folder, settings):
    june = Partition("c01", "2026-06")
    assert "grace lasts until 2026-07-03" in reason_to_wait(settings, june, datetime(2026, 7, 2, 12, tzinfo=UTC))
    late = datetime(2026, 7, 3, 12, tzinfo=UTC)
    touch(folder, datetime(2026, 6, 29, tzinfo=UTC))
    assert "before the period's end" in reason_to_wait(settings, june, late)
    touch(folder, datetime(2026, 7, 1, tzinfo=UTC))
    assert reason_to_wait(settings, june, late) == ""


def test_waits_for_the_marker_file(folder, settings):
    june, late = Partition("c01", "2026-06"), datetime(2026, 7, 9, tzinfo=UTC)
    touch(folder, datetime(2026, 7, 1, tzinfo=UTC))
    sources = tuple(source.model_copy(update={"ready": "done.marker"}) for source in settings.sources)
    waiting = settings.model_copy(update={"sources": sources})
    assert "waits for its marker file done.marker" in reason_to_wait(waiting, june, late)
    (folder / "done.marker").touch()
    os.utime(folder / "done.marker", (0, 0))
    assert "before the period's end" in reason_to_wait(waiting, june, late)
    os.utime(folder / "done.marker")
    assert reason_to_wait(waiting, june, late) == ""


def sensor_result(folder: Path, instance: dg.DagsterInstance) -> list[dg.RunRequest | dg.SkipReason]:
    context = dg.build_sensor_context(instance=instance, resources={"project": Project(folder=str(folder))})
    found = closing_sensor("c01")(context)
    return list(found)


def test_sensor_asks_for_the_latest_ended_period_only(folder):
    with dg.DagsterInstance.ephemeral() as instance:
        [request] = sensor_result(folder, instance)
        assert isinstance(request, dg.RunRequest)
        assert request.partition_key == request.run_key
        assert request.partition_key is not None
        assert request.partition_key.startswith("c01|")


def test_sensor_skips_what_is_running(folder):
    with dg.DagsterInstance.ephemeral() as instance:
        [request] = sensor_result(folder, instance)
        assert isinstance(request, dg.RunRequest)
        run = dg.DagsterRun(
            job_name="bill_run",
            tags={"dagster/partition": str(request.partition_key)},
            status=dg.DagsterRunStatus.STARTED,
        )
        instance.add_run(run)
        [skipped] = sensor_result(folder, instance)
        assert isinstance(skipped, dg.SkipReason)
        assert "queued or running" in str(skipped.skip_message)


def test_sensor_is_on_and_schedule_is_off(settings):
    assert closing_sensor("c01").default_status is dg.DefaultSensorStatus.RUNNING
    assert monthly_schedule(settings).default_status is dg.DefaultScheduleStatus.STOPPED
