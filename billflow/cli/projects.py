"""`init` and `demo`: projects that run as they are."""

from pathlib import Path

import click
from rich.console import Console

from billflow.cli.running import bill, open_project
from billflow.errors import UsageError
from billflow.examples import write_energy, write_energy_small, write_telecom
from billflow.orchestration.launching import dagster_home

_SMALL = 50
"""Customers of `init --example telecom`."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--example", type=click.Choice(["energy", "telecom"]), default="telecom", show_default=True)
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Real meter data for the energy example."
)
def init(folder: Path, example: str, data: Path | None) -> None:
    """Write a small project that runs as it is."""
    if data is not None and example != "energy":
        raise UsageError("--data goes with --example energy", where="--data", remedy="add --example energy")
    if example == "telecom":
        cycle, month = (made := write_telecom(folder, customers=_SMALL)).cycle, made.month
    else:
        energy = write_energy(folder, data=data) if data else write_energy_small(folder)
        cycle, month = energy.cycle, energy.months[-1]
    dagster_home(folder.resolve())
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Wrote [bold]{folder}[/]. Try:\n  billflow --project {folder} run --cycle {cycle} --month {month}")


@click.command()
@click.option("--customers", type=click.IntRange(min=1), default=1000, show_default=True)
def demo(customers: int) -> int:
    """Make the project ./billflow-demo with customers of its own, bill one cycle and say where the PDFs are."""
    folder = Path("billflow-demo")
    console = Console(highlight=False, soft_wrap=True)
    with console.status(f"making {customers:,} customers and their usage"):
        example = write_telecom(folder, customers=customers)
    console.print(f"[green]✓[/] {customers:,} customers and {example.usage:,} usage records in [bold]{folder}[/]")
    code = bill(open_project(str(folder)), [example.cycle], [example.month])
    if code in (0, 3):
        _what_next(console, folder, example.cycle, example.month)
    return code


def _what_next(console: Console, folder: Path, cycle: str, month: str) -> None:
    console.print(
        f"\nThe invoices are tables in [bold]{folder}/lake[/]; the PDFs are in there too. Next, try:\n"
        f"  cd {folder}\n"
        f"  billflow export --cycle {cycle} --month {month} --to bills        # every PDF, as a file\n"
        '  billflow query "select section, sum(net) as net from invoice_lines group by section"\n'
        '  billflow query "select rules, count(*) as n from quarantine group by rules"\n'
        "  billflow status\n"
        f"  billflow confirm --cycle {cycle} --month {month}               # legal numbers; final from then on\n"
        "  billflow ui                                            # the same run, in Dagster"
    )
