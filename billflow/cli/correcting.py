"""`correct`: a credit note for a confirmed invoice, and a new invoice in its place."""

import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from pyspark.sql import SparkSession
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from billflow.catalog import catalog_texts, parse_catalog
from billflow.cli.output import open_output, plain
from billflow.cli.previewing import HELD
from billflow.errors import CheckFailedError, PassingError, SettingsError, UsageError
from billflow.exact_json import exact_json
from billflow.insights.connection import newest_end
from billflow.insights.correctable import correctable
from billflow.insights.correction import Bill, Corrected, corrected
from billflow.insights.preview import check_plans, small_session
from billflow.lake.manifest import Manifest, partition_of, read_manifest
from billflow.lake.storage import Storage, open_lake
from billflow.settings import Settings, find_project, load_settings

_SHOWN = ("side", "section", "description", "period_start", "period_end", "quantity", "unit_price", "net")
_NUMBERS = ("quantity", "unit_price", "net")


@click.command()
@click.argument("invoice")
@click.option("--reason", required=True, help="Why; printed on both documents.")
@click.option(
    "--catalog",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Another catalogue than the project's.",
)
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day of issue [default: the newest end of a published period].",
)
@click.option("--dry-run", is_flag=True, help="Show what would be made; write nothing.")
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_obj
def correct(
    project: str | None, invoice: str, reason: str, folder: Path | None, day: datetime | None, dry_run: bool, shape: str
) -> int:
    """Take a confirmed invoice (its id or number) back by a credit note, and bill its month again.

    The new invoice is what `billflow preview` shows: with the sources as the last bill run has read them, under the
    catalogue as it is now. Both documents get legal numbers at once; the invoice itself stays as it is.
    """
    # Starting Spark and Typst takes seconds: not before the command's own mistakes are told.
    from billflow.orchestration.correct_run import CorrectRun  # noqa: PLC0415

    place = find_project(project)
    settings = load_settings(place)
    storage = open_lake(settings)
    manifest = read_manifest(storage)
    _check_reason(reason)
    case = correctable(storage, manifest, settings, invoice)
    issued = issue_date(manifest, case.published.invoice["issue_date"], day.date() if day else None)
    texts = catalog_texts(folder or place / "catalog")
    catalog = parse_catalog(texts, where=str(folder or place / "catalog"))
    check_plans(case.family, catalog, case.period)
    with small_session("billflow correct", settings) as spark:
        made = corrected(spark, case, catalog, settings, issued)
        _check_changes(made)
        if made.held or dry_run:
            _show(manifest, made, reason, shape, dry_run=dry_run)
        else:
            run = CorrectRun(spark, storage, settings, manifest, made, texts, reason)
            _show(manifest, made.numbered(run.publish()), reason, shape, dry_run=False)
            _write_back(spark, storage, settings, run.key)
    return HELD if made.held else 0


def _show(manifest: Manifest, made: Corrected, reason: str, shape: str, *, dry_run: bool) -> None:
    if shape == "json":
        sys.stdout.write(exact_json({"dry_run": dry_run, "reason": reason, **made.document()}) + "\n")
    else:
        _print(made, dry_run=dry_run)
        _print_next(manifest, made)


def _write_back(spark: SparkSession, storage: Storage, settings: Settings, key: str) -> None:
    from billflow.sinks.writing import write_back  # noqa: PLC0415

    try:
        write_back(spark, storage, settings, key)
    except (PassingError, SettingsError, CheckFailedError) as error:
        cycle, _, month = partition_of(key).partition("|")
        raise type(error)(
            f"the correction is published, but could not be written back: {error.what}",
            where=error.where,
            remedy=f"{error.remedy}; then `billflow confirm --cycle {cycle} --month {month}` writes it there",
        ) from error


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("the reason is empty", where="--reason", remedy="say in a few words what was wrong")


def issue_date(manifest: Manifest, billed: date, asked: date | None) -> date:
    """The day of issue that was asked for, or the lake's own day; UsageError when the invoice (`billed`) is younger."""
    if asked is None:
        return max(newest_end(manifest) or billed, billed)
    if asked < billed:
        raise UsageError(
            f"the invoice is of {billed}, and cannot be corrected on {asked}",
            where="--date",
            remedy="give its own day or a later one",
        )
    return asked


def _check_changes(made: Corrected) -> None:
    if made.changes_nothing:
        raise UsageError(
            "nothing would change: the new bill would be the old one, line by line",
            where=f"invoice {made.case.published.invoice['invoice_number']}",
            remedy="mend the catalogue, or the sources and run a month to have them read; "
            "`billflow preview` shows what the bill would be",
        )


def _print(made: Corrected, *, dry_run: bool) -> None:
    console = open_output()
    if made.held:
        console.print("[bold red]held[/]: there is no correction until this is mended")
        for row in made.held:
            console.print(f"  account {row['account_id']}: {row['rule']}: {row['reason']}", markup=False)
        return
    invoice = made.case.published.invoice
    would = "Would correct" if dry_run else "[green]✓[/] Corrected"
    console.print(f"{would} invoice {invoice['invoice_number']} of account {escape(invoice['account_id'])}")
    _print_bills(console, made)
    if dry_run:
        _print_lines(console, made.changed_lines)
    for row in made.unrated:
        text = f"{row['events']} events of {row['subscription_id']} are on no bill: {row['cause']} {row['metric']}"
        console.print(f"[yellow]warning:[/] {escape(text)}")


def _print_bills(console: Console, made: Corrected) -> None:
    table = Table("document", "number", "issued")
    for name in ("net", "tax", "total"):
        table.add_column(name, justify="right")
    for bill in made.bills:
        cells = (_kind(bill), bill.invoice["invoice_number"] or "", str(bill.invoice["issue_date"]))
        table.add_row(*cells, *[f"{amount:f}" for amount in bill.amounts().values()])
    for currency, sums in made.totals().items():
        table.add_row(f"difference, {currency}", "", "", *[f"{amount:f}" for amount in sums.values()])
    console.print(table)
    if made.replacement is None:
        console.print("Nothing is due for the month any more: there is no new invoice.")


def _kind(bill: Bill) -> str:
    return str(bill.invoice["kind"]).replace("_", " ")


def _print_lines(console: Console, lines: Sequence[dict[str, Any]]) -> None:
    """The lines that only the old or only the new bill has."""
    table = Table()
    for name in _SHOWN:
        table.add_column(name.replace("_", " "), justify="right" if name in _NUMBERS else "left")
    for line in lines:
        table.add_row(*[escape(_cell(name, line[name])) for name in _SHOWN])
    console.print(table)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    return plain(value) if name in ("quantity", "unit_price") else str(value)


def _print_next(manifest: Manifest, made: Corrected) -> None:
    """The bill after may have given back days that this one took in advance: it is not corrected by itself."""
    case = made.case
    after = f"{case.published.invoice['cycle']}|{case.period.following.month}"
    following = manifest.partitions.get(after)
    if made.takes_ahead and not made.held and following is not None and following.is_confirmed:
        open_output(stderr=True).print(
            f"[yellow]warning:[/] days of {case.period.following.month} were billed in advance here, and its bill is "
            "confirmed: look at that one too, it may have given some of them back"
        )
