"""`verify`: are confirmed bills what they were when they were confirmed? Without Spark and Dagster."""

import click
from rich.console import Console
from rich.markup import escape

from billflow.cli.reading import numbers_of
from billflow.errors import UsageError
from billflow.lake.manifest import Manifest, read_manifest
from billflow.lake.storage import Storage, open_lake
from billflow.lake.verifying import confirmed, ledger_problems, partition_problems
from billflow.settings import find_project, load_settings


@click.command()
@click.option("--cycle", help="Only this cycle.")
@click.option("--month", help="Only this month, as 2013-01.")
@click.pass_obj
def verify(project: str | None, cycle: str | None, month: str | None) -> int:
    """Recompute every hash, the chain and the numbers of confirmed bills, and say what is not as it was."""
    storage = open_lake(load_settings(find_project(project)))
    manifest = read_manifest(storage)
    keys = _chosen(manifest, cycle, month)
    console = Console(highlight=False, soft_wrap=True)
    problems = ledger_problems(manifest)
    for problem in problems:
        console.print(f"[red]✗[/] {escape(problem)}")
    wrong = sum([_verified(console, storage, manifest, key) for key in keys])
    if not keys and not problems:
        console.print("nothing is confirmed yet; `billflow confirm --cycle C --month YYYY-MM` makes drafts final")
    return 1 if problems or wrong else 0


def _chosen(manifest: Manifest, cycle: str | None, month: str | None) -> list[str]:
    """Confirmed partitions, in the order of their confirmations."""
    placed = {key: key.split("|") for key in confirmed(manifest)}
    keys = [
        key
        for key, (its_cycle, its_month) in placed.items()
        if cycle in (None, its_cycle) and month in (None, its_month)
    ]
    if (cycle or month) and not keys:
        raise UsageError(
            "nothing of that is confirmed", where="--cycle, --month", remedy="`billflow status` lists what is"
        )
    return keys


def _verified(console: Console, storage: Storage, manifest: Manifest, key: str) -> int:
    """Prints what is wrong with a partition, or that nothing is; how much is wrong."""
    partition = manifest.partitions[key]
    problems = list(partition_problems(storage, key, partition))
    for problem in problems:
        console.print(f"[red]✗[/] {key}: {escape(problem)}")
    if not problems and partition.confirmation is not None:
        head = partition.confirmation.head
        console.print(
            f"[green]✓[/] {key}: {partition.counts.invoiced:,} invoices, {numbers_of(partition)}; head {head}"
        )
    return len(problems)
