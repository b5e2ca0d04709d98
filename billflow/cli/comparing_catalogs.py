"""`compare --catalog`: what a draft catalogue would have billed, for people and for programs. Starts Spark."""

from collections.abc import Callable
from pathlib import Path

import click

from billflow.catalog import load_catalog
from billflow.cli.comparing import Asked
from billflow.cli.listings import print_csv, print_json, print_table
from billflow.cli.output import open_output
from billflow.insights.billed_tables import BilledTables
from billflow.insights.catalog_comparison import CatalogComparison, customer_rows
from billflow.insights.customer_file import write_customers
from billflow.insights.listing import Listing
from billflow.orchestration.project import Project

BY: dict[str, Callable[[CatalogComparison, int], Listing]] = {
    "plan": lambda found, limit: found.by("plan", limit=limit),
    "charge": lambda found, limit: found.by("plan", "charge", limit=limit),
    "customer": lambda found, limit: found.by_customer(limit),
}
"""`--by` → the table."""


def against_catalog(asked: Asked, folder: Path, by: str | None) -> int:
    """Prints what changes under the catalogue in `folder`; the exit code."""
    draft = load_catalog(folder)  # its mistakes show before Spark starts
    project = Project(folder=str(asked.settings.folder))
    with open_output(stderr=True).status(f"{asked.month.key}: pricing the whole base again"):
        billed = BilledTables(project.spark(), asked.storage, asked.month)
        found = CatalogComparison(billed, draft, asked.settings)
        try:
            _PRINTERS[asked.shape](asked, found, by)
            if asked.target:
                written = write_customers(customer_rows(found.customers), asked.storage, asked.target)
                click.echo(f"wrote {written:,} customers to {asked.target}", err=asked.shape != "table")
        finally:
            found.close()
    return 0


def _print_csv(asked: Asked, found: CatalogComparison, by: str | None) -> None:
    print_csv(BY[by or "charge"](found, asked.limit))


def _print_json(asked: Asked, found: CatalogComparison, by: str | None) -> None:
    tables = {f"by_{name}": BY[name](found, asked.limit) for name in ([by] if by else BY)}
    print_json(
        {
            "cycle": asked.month.cycle,
            "month": asked.month.period.month,
            "totals": found.totals(),
            "holds": found.holds(asked.limit),
            "unrated": found.unrated(asked.limit),
            **tables,
        }
    )


def _print_report(asked: Asked, found: CatalogComparison, by: str | None) -> None:
    open_output().print(f"{asked.month.key}: the published bills (before) and those of the draft catalogue (after)")
    print_table("What customers have to pay (nets: without tax)", found.totals())
    for title, table in (("Held accounts", found.holds(asked.limit)), ("Unrated usage", found.unrated(asked.limit))):
        if table.rows:
            print_table(title, table)
    for name in [by] if by else BY:
        paid = "what they have to pay" if name == "customer" else "net"
        print_table(f"By {name} ({paid}), the largest differences first", BY[name](found, asked.limit))


_PRINTERS = {"table": _print_report, "csv": _print_csv, "json": _print_json}
