"""`bench`: the same work done by billflow and by others, side by side."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from billflow import __version__
from billflow.bench.documents import COMPARED, Compared, Made, compare
from billflow.bench.machine import described
from billflow.cli.benching_bill_runs import bill_run, queries
from billflow.cli.output import open_output

DEFAULT_DOCUMENTS = 200


@click.group()
def bench() -> None:
    """Measure against rivals on this machine, side by side."""


bench.add_command(bill_run)
bench.add_command(queries)


@bench.command()
@click.option(
    "--customers", type=click.IntRange(min=10), default=DEFAULT_DOCUMENTS, show_default=True, help="Bills of each size."
)
@click.option("--json", "target", type=click.Path(path_type=Path, dir_okay=False), help="The figures as JSON too.")
def documents(customers: int, target: Path | None) -> None:
    """PDFs: billflow beside others that make them.

    PDFs of bills of four sizes, in one process and through Spark on all cores, beside the same bill made by Typst's own
    tables, the `typst` command, ReportLab and WeasyPrint where they are installed: pip install 'billflow[bench]'.
    """
    with Console(stderr=True).status("starting") as status:
        found = compare(customers, status.update)
    _print(found)
    if target:
        figures = {"billflow": __version__, "machine": described(), "documents": customers, **asdict(found)}
        target.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def _print(found: Compared) -> None:
    console = open_output()
    console.print(_table("billflow", found.shapes, ratio_to=None))
    own = next(one for one in found.shapes if one.name == COMPARED)
    console.print(_table(f"The bill of {COMPARED}, made by others", found.rivals, ratio_to=own.milliseconds))
    console.print(f"Peak memory of the one process: {found.peak_mebibytes:,.0f} MiB")
    if found.missing:
        console.print(f"Not installed, so not measured: {', '.join(found.missing)}")


def _table(title: str, rows: Sequence[Made], *, ratio_to: float | None) -> Table:
    table = Table(title=title, title_justify="left")
    shown = ("times as long",) if ratio_to else ("a second and core", "a CPU second")
    for label in ("", "ms", "bytes", "pages", *shown):
        table.add_column(label, justify="right" if label else "left")
    for one in rows:
        last = [one.milliseconds / ratio_to] if ratio_to else [one.a_second_and_core, one.a_cpu_second]
        figures = [f"{one.milliseconds:.1f}", f"{one.pdf_bytes:,.0f}", f"{one.pages:.0f}"]
        table.add_row(one.name, *figures, *["" if figure is None else f"{figure:.1f}" for figure in last])
    return table
