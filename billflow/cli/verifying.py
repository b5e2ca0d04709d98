"""`verify`: are confirmed bills what they were when they were confirmed? Without Spark and Dagster."""

import click
from rich.console import Console
from rich.markup import escape

from billflow.cli.reading import numbers_of
from billflow.errors import UsageError
from billflow.lake.manifest import Manifest, partition_of, read_manifest
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
    """Confirmed partitions and corrections, in the order of their confirmations."""
    placed = {key: partition_of(key).split("|") for key in confirmed(manifest)}
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
    partition = manifest.at(key)
    problems = list(partition_problems(storage, key, partition)) if partition else []
    for problem in problems:
        console.print(f"[red]✗[/] {key}: {escape(problem)}")
    if not problems and partition and partition.confirmation:
        head, count = partition.confirmation.head, sum(run.rows for run in partition.tables["invoices"])
        console.print(f"[green]✓[/] {key}: {count:,} invoices, {numbers_of(partition)}; head {head}")
    return len(problems)
