"""What a step shows and keeps of what was healed: what it was tried again for, too."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from billflow.errors import PassingError
from billflow.lake.healed import healed
from billflow.lake.healing import action, note, taken
from billflow.lake.storage import open_lake
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.healing import note_gone_on
from billflow.orchestration.project import Project
from billflow.orchestration.steps import failure
from billflow_tests.settings_test import SMALL

AWAY = PassingError("no answer: postgresql://u:secret@db | away", where="billflow.yaml: sources.crm", remedy="start it")


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=2, delay=0))
def read(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    run = BillRun(context, project)
    if context.retry_number < 2:
        raise failure(AWAY)
    return dg.MaterializeResult(metadata={"rows": 1, **run.healed()})


def test_a_step_that_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "billflow.yaml").write_text("\n".join(SMALL.values()))
    project = Project(folder=str(tmp_path))
    taken()
    note(action("part of a source fetched again", "sources.crm", "away", times=2, waited=1.5))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [read],
            instance=instance,
            resources={"project": project},
            tags={"dagster/partition": "c01|2026-05"},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    [made] = result.asset_materializations_for_node("read")
    assert made.metadata["healed by itself"].value == (
        "| what was done | where | times | waited, s | why |\n"
        "|---|---|---:|---:|---|\n"
        "| part of a source fetched again | sources.crm | 2 | 1.5 | away |\n"
        "| step tried again | read | 2 | 0 | billflow.yaml: sources.crm: no answer: postgresql://u:…@db \\| away |"
    )
    [record] = healed(open_lake(project.settings()), by=result.run_id)
    assert (record.key, [one.times for one in record.actions]) == ("c01|2026-05", [2, 2])
    assert taken() == []


@pytest.mark.parametrize(
    ("before", "tags", "told"),
    [
        (
            "0" * 32,
            {"dagster/retry_number": "1"},
            ["run gone on with, c01|2026-05: the process of run " + "0" * 32 + " had died"],
        ),
        ("0" * 32, {}, []),  # somebody has started it again
        (None, {"dagster/retry_number": "1"}, []),
    ],
)
def test_a_run_that_the_daemon_has_started_again(before: str | None, tags: dict[str, str], told: list[str]) -> None:
    taken()
    run = dg.DagsterRun("bill_run", run_id="1" * 32, parent_run_id=before, root_run_id=before, tags=tags)
    note_gone_on(run, "c01|2026-05")
    assert list(map(str, taken())) == told
