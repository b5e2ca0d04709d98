"""`bench bill-run` and `bench queries`: billflow beside PostgreSQL and DuckDB."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import click
from rich.console import Console

from billflow.bench import queries_report, report
from billflow.bench.bill_runs import Bench, compare
from billflow.bench.queries import ask_both

DEFAULT_CUSTOMERS = 250_000


class _Sizes(click.ParamType[tuple[int, ...]]):
    """Numbers of customers: `25000,250000`."""

    name = "N[,N…]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        sizes = tuple(int(one) if one.isdigit() else 0 for one in str(value).replace("_", "").split(","))
        if min(sizes) < 10:
            self.fail(f"{value} is not a number of customers, or several with commas; from 10 on", param, ctx)
        return sizes


_RUNS = click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True, help="Medians are of so many.")
_POSTGRES = click.option(
    "--postgres", metavar="URL", help="A PostgreSQL to compare with, instead of one started for it."
)


@click.command("bill-run")
@click.option(
    "--customers",
    "sizes",
    type=_Sizes(),
    default=str(DEFAULT_CUSTOMERS),
    show_default=True,
    help="Customers of the base; several sizes, as 25000,250000,2500000, show how the cost grows.",
)
@_RUNS
@_POSTGRES
@click.option(
    "--json",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The figures as JSON too; for several sizes a plot, growth.svg, goes beside it.",
)
def bill_run(sizes: Sequence[int], runs: int, postgres: str | None, target: Path | None) -> None:
    """A bill run without documents: billflow, PostgreSQL and DuckDB, side by side.

    A base with 12 usage rows a customer, the same tariffs and taxes, and totals that agree to the cent. A PostgreSQL is
    started for it from the machine's package. Files go to TMPDIR meanwhile: about 5 GB for a million customers.
    """
    with _bench(runs, postgres) as bench:
        found = [compare(size, bench) for size in sizes]
    click.echo(report.markdown(found))
    if target:
        report.write(target, found, runs)


@click.command()
@click.option(
    "--customers",
    type=click.IntRange(min=10),
    default=DEFAULT_CUSTOMERS,
    show_default=True,
    help="Customers in the last month.",
)
@_RUNS
@_POSTGRES
@click.option("--json", "target", type=click.Path(path_type=Path, dir_okay=False), help="The figures as JSON too.")
def queries(customers: int, runs: int, postgres: str | None, target: Path | None) -> None:
    """Ten questions over 24 months of bills: `billflow query` beside PostgreSQL.

    One month is billed, the others are made from it. PostgreSQL has the same tables, with indexes. Files go to TMPDIR
    meanwhile: about 30 GB for a million customers.
    """
    with _bench(runs, postgres) as bench:
        found = ask_both(customers, bench)
    click.echo(queries_report.markdown(found))
    if target:
        queries_report.write(target, found, runs)


@contextmanager
def _bench(runs: int, postgres: str | None) -> Iterator[Bench]:
    scratch = Path(mkdtemp(prefix="billflow-bench-"))
    scratch.chmod(0o711)  # where this is root's, PostgreSQL runs as another user
    with Console(stderr=True).status("starting") as status:
        yield Bench(runs, scratch, status.update, postgres)
    scratch.rmdir()
