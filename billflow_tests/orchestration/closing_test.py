"""When a period counts as closed, and what the sensor and the schedule do about it. No Spark starts here."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from billflow.examples import write_energy_small
from billflow.orchestration.closing import ended_partitions, next_to_bill, reason_to_wait
from billflow.orchestration.jobs import closing_sensor, monthly_schedule
from billflow.orchestration.partitions import Partition
from billflow.orchestration.project import Project
from billflow.settings import Cycle, Settings, load_settings


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
    ("now", "months"),
    [
        (datetime(2026, 8, 1, 12, tzinfo=UTC), ["2026-07", "2026-06"]),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), ["2026-06", "2026-05"]),
        # 30 June 15:00 UTC is 1 July 01:00 in Sydney: the project's own day decides.
        (datetime(2026, 6, 30, 15, tzinfo=UTC), ["2026-06", "2026-05"]),
        (datetime(2026, 6, 30, 13, tzinfo=UTC), ["2026-05"]),
        (datetime(2026, 5, 31, 12, tzinfo=UTC), []),
        (datetime(2026, 1, 1, 12, tzinfo=UTC), []),
    ],
)
def test_ended_partitions(settings, now, months):
    assert ended_partitions(settings, "c01", now) == [Partition("c01", month) for month in months]


def test_a_cycle_that_starts_within_the_month(settings):
    middle = settings.model_copy(update={"cycles": {"c15": Cycle(day=15)}})
    found = ended_partitions(middle, "c15", datetime(2026, 8, 14, 12, tzinfo=UTC))
    assert found == [Partition("c15", "2026-06"), Partition("c15", "2026-05")]
    assert [one.period(middle).end.isoformat() for one in found] == ["2026-07-15", "2026-06-15"]


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


JULY_3 = datetime(2026, 7, 3, 12, tzinfo=UTC)
"""June's grace is over, and May was never billed."""
JULY_2 = datetime(2026, 7, 2, 12, tzinfo=UTC)
"""June's grace lasts."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def began(instance: dg.DagsterInstance, month: str) -> None:
    tags = {"dagster/partition": f"c01|{month}"}
    instance.add_run(dg.DagsterRun(job_name="bill_run", tags=tags, status=dg.DagsterRunStatus.STARTED))


def test_the_newest_closed_period_is_billed_and_not_the_history_before_it(folder, instance):
    touch(folder, JULY_3)
    project = Project(folder=str(folder))
    assert next_to_bill(project, "c01", instance, JULY_3) == (Partition("c01", "2026-06"), "")
    began(instance, "2026-06")
    assert next_to_bill(project, "c01", instance, JULY_3) == (None, "c01|2026-06 is queued or running")


def test_while_the_newest_period_waits_the_one_before_it_is_not_passed_over(folder, instance):
    project = Project(folder=str(folder))
    touch(folder, JULY_2)
    assert next_to_bill(project, "c01", instance, JULY_2) == (Partition("c01", "2026-05"), "")
    touch(folder, datetime(2026, 6, 20, tzinfo=UTC))  # grace is over on the third, but no file is from after June
    assert next_to_bill(project, "c01", instance, JULY_3) == (Partition("c01", "2026-05"), "")
    touch(folder, datetime(2026, 5, 20, tzinfo=UTC))
    partition, reason = next_to_bill(project, "c01", instance, JULY_3)
    assert partition is None
    assert reason.startswith("c01|2026-06: source ")
    assert reason.endswith("before the period's end")


def test_what_the_newest_period_waits_for_is_the_reason_when_the_one_before_it_is_billed(folder, instance):
    touch(folder, JULY_2)
    began(instance, "2026-05")
    found = next_to_bill(Project(folder=str(folder)), "c01", instance, JULY_2)
    assert found == (None, "c01|2026-06: grace lasts until 2026-07-03 00:00 AEST")


def test_nothing_has_ended_yet(folder, instance):
    found = next_to_bill(Project(folder=str(folder)), "c01", instance, datetime(2026, 5, 9, tzinfo=UTC))
    assert found == (None, "no period of cycle c01 has ended yet since the first month, 2026-05")


def sensor_result(folder: Path, instance: dg.DagsterInstance) -> list[dg.RunRequest | dg.SkipReason]:
    context = dg.build_sensor_context(instance=instance, resources={"project": Project(folder=str(folder))})
    found = closing_sensor("c01")(context)
    return list(found)


def test_sensor_asks_for_one_run_and_for_none_while_that_goes_on(folder, instance):
    touch(folder, datetime.now(UTC))
    [request] = sensor_result(folder, instance)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == request.run_key
    assert request.partition_key is not None
    began(instance, request.partition_key.removeprefix("c01|"))
    [skipped] = sensor_result(folder, instance)
    assert isinstance(skipped, dg.SkipReason)


def test_sensor_is_on_and_schedule_is_off(settings):
    assert closing_sensor("c01").default_status is dg.DefaultSensorStatus.RUNNING
    assert monthly_schedule(settings).default_status is dg.DefaultScheduleStatus.STOPPED
