"""`compare`: published bills held against another catalogue, or against the bills of an older system."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from billflow.errors import UsageError
from billflow.insights.months import PublishedMonth, published_month
from billflow.insights.table_file import FORMATS
from billflow.lake.manifest import Manifest, read_manifest
from billflow.lake.storage import Storage, open_lake
from billflow.settings import Settings, find_project, load_settings

_DEFAULT_LIMIT = 20


class _Share(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            share = Decimal(str(value))
        except ArithmeticError:
            share = Decimal(-1)
        if not share.is_finite() or not 0 <= share <= 1:
            self.fail(f"{value!r} is not a share between 0 and 1, such as 0.99", param, ctx)
        return share


@dataclass(frozen=True)
class Asked:
    """A published cycle and month, and how its comparison is to be shown."""

    settings: Settings
    storage: Storage
    manifest: Manifest
    month: PublishedMonth
    shape: str
    limit: int
    target: Path | None


@click.command()
@click.option("--cycle", required=True, help="Billing cycle.")
@click.option("--month", required=True, help="Month, as 2013-01; its bills must be published.")
@click.option(
    "--catalog",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder with a draft catalogue: what would it have billed?",
)
@click.option("--against", type=click.Choice(["bills"]), help="The canonical table with an older system's bills.")
@click.option("--by", type=click.Choice(["plan", "charge", "customer"]), help="With --catalog: only this table.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=_DEFAULT_LIMIT, show_default=True, help="Rows that are shown."
)
@click.option("--format", "shape", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option(
    "--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="Write all differences, .csv or .parquet."
)
@click.option("--fail-under", type=_Share(), help="With --against: exit 1 when fewer accounts match, as 0.99.")
@click.pass_obj
def compare(
    project: str | None,
    cycle: str,
    month: str,
    catalog: Path | None,
    against: str | None,
    by: str | None,
    limit: int,
    shape: str,
    target: Path | None,
    fail_under: Decimal | None,
) -> int:
    """Compare published bills with a draft catalogue's, or with those of an older system."""
    _check_options(catalog, against, by, fail_under)
    _check_target(target)
    settings = load_settings(find_project(project))
    storage = open_lake(settings)
    manifest = read_manifest(storage)
    asked = Asked(settings, storage, manifest, published_month(settings, manifest, cycle, month), shape, limit, target)
    if catalog is not None:
        from billflow.cli.comparing_catalogs import against_catalog  # noqa: PLC0415  # Spark and Dagster

        return against_catalog(asked, catalog, by)
    from billflow.cli.comparing_bills import against_bills  # noqa: PLC0415  # DuckDB

    return against_bills(asked, fail_under)


def _check_options(catalog: Path | None, against: str | None, by: str | None, fail_under: Decimal | None) -> None:
    if (catalog is None) == (against is None):
        raise UsageError(
            "there is nothing to compare with" if catalog is None else "there are two things to compare with",
            where="--catalog, --against",
            remedy="name a draft catalogue's folder with --catalog, or an older system's bills with --against bills",
        )
    if against and by:
        raise UsageError("--by goes with --catalog", where="--by", remedy="leave it out; causes are always shown")
    if catalog and fail_under is not None:
        raise UsageError("--fail-under goes with --against bills", where="--fail-under", remedy="leave it out")


def _check_target(target: Path | None) -> None:
    if target is None:
        return
    if target.suffix not in FORMATS:
        raise UsageError(f"{target} is no CSV or Parquet file", where="--to", remedy="end it in .csv or .parquet")
    if not target.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", where="--to", remedy="make it, or name another file")
