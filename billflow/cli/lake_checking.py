"""`lake fsck`: is the lake whole? Without Spark and Dagster."""

import sys
from dataclasses import asdict

import click
from rich.console import Console
from rich.markup import escape

from billflow.exact_json import exact_json
from billflow.lake.fsck import Finding, examine
from billflow.lake.healed import keep
from billflow.lake.healing import action
from billflow.lake.manifest import versions
from billflow.lake.publishing import remove
from billflow.lake.storage import Storage, open_lake
from billflow.settings import find_project, load_settings


@click.group()
def lake() -> None:
    """The files that everything is published in."""


@lake.command()
@click.option("--repair", is_flag=True, help="Remove what no reader and no run needs.")
@click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def fsck(project: str | None, *, repair: bool, shape: str) -> int:
    """Find folders that nobody needs, and what is missing, broken or of another size: of all that is published, and of
    the older runs that `retention` keeps.

    Exit code 1 when something is damaged. Only what nobody needs is ever removed; `verify` compares contents.
    """
    settings = load_settings(find_project(project))
    storage = open_lake(settings)
    findings = list(examine(storage, settings.retention))
    needless = [one for one in findings if one.needless]
    if repair and needless:
        removed = set(remove(storage, [one.path for one in needless]))
        repaired = [
            action("lake repaired", one.path, f"{one.kind}: removed") for one in needless if one.path in removed
        ]
        keep(storage, repaired, by="lake fsck --repair")
    if shape == "json":
        sys.stdout.write(exact_json({"repaired": repair, "findings": [asdict(one) for one in findings]}) + "\n")
    else:
        _print(storage, findings, repaired=repair)
    return 1 if len(needless) < len(findings) else 0


def _print(storage: Storage, findings: list[Finding], *, repaired: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for one in findings:
        sign = ("[green]✓[/] removed:" if repaired else "[yellow]•[/]") if one.needless else "[red]✗[/]"
        remedy = "" if one.needless and repaired else f"; {one.remedy}"
        console.print(f"{sign} {one.kind} {escape(one.path)}: {escape(one.what + remedy)}")
    damaged = sum(not one.needless for one in findings)
    count = len(versions(storage))
    if not damaged:
        console.print(f"[green]✓[/] all that manifest {count} names is there" if count else "nothing is published yet")
