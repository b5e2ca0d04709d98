"""`preview`: what one account would be billed, open period or closed, under this catalogue or another."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from billflow.catalog import BillingPeriod, load_catalog
from billflow.catalog.periods import named_period
from billflow.cli.output import open_output, plain
from billflow.errors import UsageError
from billflow.exact_json import exact_json
from billflow.insights.family import Families, Family, bills_before, ingested_tables, newest_ingestion
from billflow.insights.late_bills import LateBill, LateBills
from billflow.insights.preview import Preview, check_plans, small_session
from billflow.insights.preview import preview as previewed
from billflow.lake.manifest import Manifest, read_manifest
from billflow.lake.other_cycles import bills_of_other_cycles
from billflow.lake.storage import Storage, open_lake
from billflow.settings import Settings, find_project, load_settings

HELD = 3
"""Exit code: nothing is wrong with the command, but there is no bill."""


@click.command()
@click.option("--account", required=True, help="The account's id; of a child the bill of who is invoiced is shown.")
@click.option("--cycle", required=True)
@click.option("--month", required=True, help="As 2013-01; it may not have ended yet.")
@click.option("--system", help="Where several systems have an account of this id: whose.")
@click.option(
    "--catalog",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Another catalogue than the project's.",
)
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_obj
def preview(
    project: str | None, account: str, cycle: str, month: str, system: str | None, folder: Path | None, shape: str
) -> int:
    """What this account would be billed now; writes nothing."""
    place = find_project(project)
    settings = load_settings(place)
    period = named_period(settings.cycles, cycle, month)
    catalog = load_catalog(folder or place / "catalog")
    storage = open_lake(settings)
    manifest = read_manifest(storage)
    family = _family(storage, manifest, account, system, cycle, period)
    check_plans(family, catalog, period)
    late = _late(storage, manifest, settings, family, cycle, month)
    with small_session("billflow preview", settings) as spark:
        of_family = late.pop(family.invoiced, [])
        made = previewed(spark, family, catalog, settings, cycle, period, of_family)
    elsewhere = [{"account_id": own, "month": bill.month} for own, bills in late.items() for bill in bills]
    made = replace(made, late_elsewhere=elsewhere)
    if shape == "json":
        sys.stdout.write(exact_json(made.document()) + "\n")
    else:
        _print(made, account)
    return HELD if made.held else 0


def _late(
    storage: Storage, manifest: Manifest, settings: Settings, family: Family, cycle: str, month: str
) -> dict[str, list[LateBill]]:
    """What is late of each account of the bill that had one of its own; for a month that is final it comes later."""
    partition = manifest.partitions.get(f"{cycle}|{month}")
    if partition is not None and partition.is_confirmed:
        return {}
    bills = LateBills(storage, manifest, settings, cycle)
    return {member: [*bills.of(family.system, member, before=month)] for member in family.members}


def _family(
    storage: Storage, manifest: Manifest, account: str, system: str | None, cycle: str, period: BillingPeriod
) -> Family:
    families = Families(
        storage,
        ingested_tables(newest_ingestion(manifest), f"{cycle}|{period.month}"),
        bills_before(manifest, cycle, period),
        bills_of_other_cycles(manifest, cycle, period.start, period.end),
    )
    found, invoiced, own_cycle = families.find(account, system)
    if own_cycle != cycle:
        raise UsageError(
            f"account {account!r} is billed in cycle {own_cycle}", where="--cycle", remedy=f"--cycle {own_cycle}"
        )
    return families.read(found, invoiced)


def _print(made: Preview, asked: str) -> None:
    console = open_output()
    period = made.period
    console.print(
        f"[bold]Preview[/] of {_kind(made)} for account {escape(made.account_id)} ({escape(made.system)}), "
        f"{made.cycle} {period.month}: {period.start} to before {period.end}, {made.currency}"
    )
    if asked != made.account_id:
        console.print(f"Account {escape(asked)} gets no bill of its own: this one goes to {escape(made.account_id)}.")
    if made.held:
        _print_held(console, made)
    elif not made.lines:
        console.print("No line: nothing is due for this period, so there would be no invoice.")
    else:
        _print_bill(console, made)
    _print_unrated(console, made)
    for one in made.late_elsewhere:
        console.print(
            f"What came late for {one['month']} of account {one['account_id']} goes on a bill of its own.", markup=False
        )


def _kind(made: Preview) -> str:
    return "a credit note" if made.kind == "credit_note" else "the bill"


def _print_held(console: Console, made: Preview) -> None:
    console.print("[bold red]held[/]: there would be no bill until this is mended")
    for row in made.held:
        console.print(f"  account {row['account_id']}: {row['rule']}: {row['reason']}", markup=False)


def _print_bill(console: Console, made: Preview) -> None:
    _print_table(
        console,
        ("section", "description", "from", "to", "quantity>", "unit", "unit price>", "net>"),
        [
            (
                line["section"],
                line["description"],
                line["period_start"],
                line["period_end"],
                plain(line["quantity"]),
                line["unit"],
                plain(line["unit_price"]),
                line["net"],
            )
            for line in made.lines
        ],
    )
    groups = [
        (row["tax_category"], f"{plain(row['tax_rate'] * 100)} %", row["base"], row["tax"], row["reason"])
        for row in made.taxes
    ]
    _print_table(console, ("tax", "rate>", "of>", "tax>", "why none"), groups)
    console.print(f"net {made.net}   tax {made.tax}   [bold]total {made.total} {made.currency}[/]")


def _print_unrated(console: Console, made: Preview) -> None:
    if not made.unrated:
        return
    console.print("[bold yellow]Usage that no charge prices[/], which goes to quarantine instead of on the bill:")
    rows = [
        (row["account_id"], row["subscription_id"], row["metric"], row["cause"], row["events"], plain(row["quantity"]))
        for row in made.unrated
    ]
    _print_table(console, ("account", "subscription", "metric", "why", "events>", "quantity>"), rows)


def _print_table(console: Console, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """A name that ends in > is of a column of numbers."""
    table = Table()
    for name in columns:
        table.add_column(name.removesuffix(">"), justify="right" if name.endswith(">") else "left")
    for row in rows:
        table.add_row(*["" if value is None else escape(str(value)) for value in row])
    console.print(table)
