"""`confirm`: what makes drafts final."""

import click
import dagster as dg
from rich.console import Console

from billflow.cli.reading import numbers_of
from billflow.cli.running import OpenProject, open_dagster, open_project, run_job
from billflow.lake.confirming import draft_of, earlier_drafts
from billflow.lake.manifest import PublishedPartition, read_manifest
from billflow.lake.storage import open_lake
from billflow.orchestration.jobs import CONFIRM
from billflow.orchestration.partitions import Partition


@click.command()
@click.option("--cycle", required=True, help="Billing cycle.")
@click.option("--month", required=True, help="Month, as 2013-01.")
@click.pass_obj
def confirm(project: str | None, cycle: str, month: str) -> int:
    """Make the drafts of a cycle and month final: legal numbers, final documents, a sealed record.

    Accounts that are held back are not in it. Repeated, it changes nothing, and writes to `sinks` once more.
    """
    opened, partition = open_project(project), Partition(cycle, month)
    partition.period(opened.settings)  # an unknown cycle is told first
    published = _published(opened, partition)
    if published is not None and published.is_confirmed:
        Console(highlight=False, soft_wrap=True).print(f"{partition.key} is confirmed already: {_described(published)}")
        if not opened.settings.sinks:
            return 0
        with open_dagster(opened) as instance:
            return run_job(CONFIRM, partition, instance)
    _check(opened, partition)
    with open_dagster(opened) as instance:
        return _confirmed(opened, partition, instance)


def _published(project: OpenProject, partition: Partition) -> PublishedPartition | None:
    return read_manifest(open_lake(project.settings)).partitions.get(partition.key)


def _check(project: OpenProject, partition: Partition) -> None:
    """Before anything starts: UsageError when there is no whole draft, a warning when an earlier one is left out."""
    manifest = read_manifest(open_lake(project.settings))
    draft_of(manifest, partition.key)
    earlier = earlier_drafts(manifest, partition.key)
    if earlier:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"[yellow]warning:[/] still drafts, whose numbers will come after these: {', '.join(earlier)}"
        )


def _confirmed(project: OpenProject, partition: Partition, instance: dg.DagsterInstance) -> int:
    code = run_job(CONFIRM, partition, instance)
    published = _published(project, partition)
    if published is None or not published.is_confirmed:
        return code
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[green]✓[/] {partition.key} is confirmed: {_described(published)}")
    if code:
        console.print("  but not all of it was written to `sinks`; mend what is told above, then confirm it once more")
        return code
    held = sum(run.rows for run in published.tables.get("held", ()))
    if held:
        console.print(f"  {held:,} held accounts are not in it; why: `billflow status`")
    return 0


def _described(partition: PublishedPartition) -> str:
    return f"{partition.counts.invoiced:,} invoices, {numbers_of(partition) or 'no numbers'}"
