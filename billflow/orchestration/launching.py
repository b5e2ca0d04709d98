"""Starts bill runs in this process, and says where Dagster keeps what it knows of runs."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import dagster as dg

from billflow.errors import MachineError
from billflow.orchestration.jobs import JOB
from billflow.orchestration.partitions import Partition
from billflow.orchestration.processes import PROCESS_TAG, in_this_process

DAGSTER_YAML = """\
# How Dagster works for this project. Runs, events and schedules are kept in SQLite files beside this one.
telemetry:
  enabled: false
nux:
  enabled: false

# A run that does not start is marked failed, like one whose process is gone (the sensor dead_runs sees that).
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  max_runtime_seconds: 86400

# A run that died is started again where it stopped. A run that failed for a reason is for a human.
run_retries:
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false

# One bill run at a time: each has a Spark session of its own. On a machine with the memory for it, allow more.
concurrency:
  runs:
    max_concurrent_runs: 10
  pools:
    granularity: run
    default_limit: 1

retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: {skipped: 7, failure: 30, success: -1}
"""


def dagster_home(project: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of dagster.yaml: DAGSTER_HOME, else one inside the project, written when it is not there yet."""
    if environment.get("DAGSTER_HOME"):
        return Path(environment["DAGSTER_HOME"])
    home = project / ".dagster"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / "dagster.yaml").exists():
            (home / "dagster.yaml").write_text(DAGSTER_YAML)
    except OSError as error:
        raise MachineError(
            f"the folder for Dagster's own files cannot be written: {error.strerror}",
            where=str(home),
            remedy="make the project's folder writable for this user",
        ) from error
    return home


@contextmanager
def open_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's storage of runs and events; MachineError when it cannot be reached."""
    try:
        instance = dg.DagsterInstance.from_config(str(home))
        instance.get_runs_count()
    except Exception as error:  # each kind of storage raises errors of its own library's
        raise MachineError(
            f"Dagster cannot reach the storage of its runs: {_last_line(error)}",
            where=str(home / "dagster.yaml"),
            remedy="start the database, or correct the address, name and password that dagster.yaml takes",
        ) from error
    with instance:
        yield instance


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error.__cause__ or error).splitlines() if line.strip()]
    return lines[0].strip() if lines else type(error).__name__


def storage_of(instance: dg.DagsterInstance) -> str:
    """What keeps Dagster's runs, in a word."""
    return "PostgreSQL" if "Postgres" in type(instance.run_storage).__name__ else "SQLite"


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `exit_code` as of the command line, `reasons` of what failed."""

    run_id: str
    exit_code: int
    reasons: tuple[str, ...]


StepWatcher = Callable[[str, str], None]
"""Told (step, "started" | "done" | "failed" | "again")."""


def execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    partition: Partition,
    watch: StepWatcher,
    *,
    job_name: str = JOB,
    read_whole: bool = False,
) -> Outcome:
    """Bills one partition (or confirms it) in this process, with the assets and checks that the UI shows.

    With `read_whole` the bill run reads all rows of the sources, those too that it has.
    """
    job = definitions.resolve_job_def(job_name)
    run_id = str(uuid4())
    # Told by Dagster itself: to look for events in its files four times a second was a fifth of what this process did.
    instance.add_event_listener(run_id, partial(_tell, watch))
    result = job.execute_in_process(
        instance=instance,
        partition_key=partition.key,
        raise_on_error=False,
        run_id=run_id,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}, **(_WHOLE if read_whole else {})},
        # Who typed the command sees it fail; the daemon does not start it again.
        tags={PROCESS_TAG: in_this_process(run_id), "dagster/max_retries": "0"},
    )
    failures = [failure for event in result.all_events if (failure := _failure(event))]
    # Steps beside each other fail of one cause, such as a server that went away: that is one reason.
    steps: dict[str, list[str]] = {}
    for _, step, text in failures:
        steps.setdefault(text, []).append(step)
    return Outcome(
        run_id,
        0 if result.success else max([code for code, *_ in failures], default=1),
        tuple(f"{', '.join(names)}: {text}" for text, names in steps.items()),
    )


_WHOLE = {"ops": {"raw": {"config": {"whole": True}}}}


def _failure(event: dg.DagsterEvent) -> tuple[int, str, str] | None:
    """(exit code, step, reason) of a step that failed."""
    evaluated = event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    if evaluated and not event.asset_check_evaluation_data.passed:
        check = event.asset_check_evaluation_data
        return 1, f"check {check.check_name}", str(check.description)
    if not event.is_step_failure or "AssetCheckFailed" in str(event.step_failure_data.error):
        return None
    failure = event.step_failure_data
    told = failure.user_failure_data
    if told is not None:
        code = told.metadata.get("exit_code") if told.metadata else None
        return int(getattr(code, "value", 1) or 1), str(event.step_key), str(told.description)
    # After the last of several tries the error itself says only that they ran out.
    error = failure.error and (failure.error.cause or failure.error)
    return 1, str(event.step_key), error.message.strip() if error else "failed"


_STATES = {
    dg.DagsterEventType.STEP_START: "started",
    dg.DagsterEventType.STEP_SUCCESS: "done",
    dg.DagsterEventType.STEP_FAILURE: "failed",
    dg.DagsterEventType.STEP_UP_FOR_RETRY: "again",
}


def _tell(watch: StepWatcher, entry: dg.EventLogEntry) -> None:
    event = entry.dagster_event
    if event and event.step_key and event.event_type in _STATES:
        watch(event.step_key, _STATES[event.event_type])
