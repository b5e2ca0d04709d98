"""`leakage`: what was measured and is on no bill."""

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from billflow.cli.output import open_output
from billflow.cli.reading import open_tables, shown_text


@click.command()
@click.option("--cycle", help="Only this billing cycle.")
@click.option("--month", help="Only this month, as 2013-01.")
@click.pass_obj
def leakage(project: str | None, cycle: str | None, month: str | None) -> None:
    """Usage that was measured and is on no bill, by cause."""
    result = open_tables(project).execute(
        "SELECT * FROM leakage WHERE ($cycle IS NULL OR cycle = $cycle) AND ($month IS NULL OR month = $month) "
        "ORDER BY cycle, month, events DESC, metric, cause",
        {"cycle": cycle, "month": month},
    )
    names, rows = [column[0] for column in result.description or []], result.fetchall()
    console = open_output()
    if not rows:
        console.print("all usage that was measured is on a bill")
        return
    _print(console, names, rows)


def _print(console: Console, names: list[str], rows: list[tuple[object, ...]]) -> None:
    table = Table(*names)
    for row in rows:
        table.add_row(*[escape(shown_text(value)) for value in row])
    console.print(table)
