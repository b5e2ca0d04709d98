"""What Dagster has done again by itself, and how a step shows what was healed."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from billflow.lake.healed import keep
from billflow.lake.healing import Action, action, note
from billflow.lake.storage import Storage
from billflow.orchestration.processes import mark_dead_runs

Step = dg.AssetExecutionContext | dg.AssetCheckExecutionContext
_BY_THE_DAEMON = "dagster/retry_number"
"""Tag of a run that the daemon has started because the one before had died."""


def note_tried_again(context: Step) -> None:
    """Notes why this step is tried again, when it is."""
    if not context.retry_number:
        return
    again = dg.DagsterEventType.STEP_UP_FOR_RETRY
    records = context.instance.get_records_for_run(context.run.run_id, of_type={again}, ascending=False).records
    events = [one.event_log_entry.dagster_event for one in records]
    step = context.op_execution_context.get_step_execution_context().step.key
    last = next((one.step_retry_data for one in events if one and one.step_key == step), None)
    if last is not None:
        cause = last.error.cause or last.error
        what = cause.message.strip().removeprefix("dagster._core.definitions.events.Failure: ").partition("\n")[0]
        note(action("step tried again", step, what, waited=float(last.seconds_to_wait or 0)))


def note_gone_on(run: dg.DagsterRun, key: str) -> None:
    """Notes that the daemon has started the run again where it had stopped, when it has."""
    if _BY_THE_DAEMON in run.tags and run.parent_run_id:
        note(action("run gone on with", key, f"the process of run {run.parent_run_id} had died"))


def heal_dead_runs(instance: dg.DagsterInstance, storage: Storage, *, by: str) -> list[str]:
    """Marks runs whose process is gone, as `mark_dead_runs` does, and keeps a record of it; their ids."""
    dead = mark_dead_runs(instance)
    runs = [instance.get_run_by_id(run_id) for run_id in dead]
    ended = [action("run marked as ended", f"run {one.run_id}", "its process is gone") for one in runs if one]
    keep(storage, ended, by=by)
    return dead


def shown(actions: Sequence[Action]) -> dict[str, Any]:
    """Metadata with a table of actions; none where there are none."""
    if not actions:
        return {}
    lines = ["| what was done | where | times | waited, s | why |", "|---|---|---:|---:|---|"]
    lines += [
        f"| {one.kind} | {_cell(one.where)} | {one.times} | {one.waited:g} | {_cell(one.what)} |" for one in actions
    ]
    return {"healed by itself": dg.MetadataValue.md("\n".join(lines))}


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
