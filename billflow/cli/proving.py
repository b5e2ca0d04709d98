"""`template check`: samples of every kind of account, judged, and beside last month's pages."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from billflow.cli.output import open_output
from billflow.documents.proofs.proving import Month, month_to_prove, prove
from billflow.documents.proofs.report import Proof, write_report
from billflow.documents.proofs.samples import DEFAULT_SAMPLES, Sampled, choose_samples
from billflow.documents.rendering import Renderer
from billflow.documents.templates import check_templates, find_templates
from billflow.errors import UsageError
from billflow.lake.manifest import Manifest, read_manifest
from billflow.lake.storage import open_lake
from billflow.settings import find_project, load_settings

FAILED = 1
MOST_TOLD = 3
"""Lines about one sample in the terminal; the report has all."""


@click.group()
def template() -> None:
    """What bills look like."""


@template.command()
@click.option("--cycle", help="With --month: which bills [default: the newest published ones].")
@click.option("--month", help="As 2026-06.")
@click.option("--samples", type=click.IntRange(min=1), default=DEFAULT_SAMPLES, show_default=True, help="At most.")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("template-check"),
    show_default=True,
    help="Folder of the report: index.html, the documents, and pages side by side with last month's.",
)
@click.pass_obj
def check(project: str | None, cycle: str | None, month: str | None, samples: int, target: Path) -> int:
    """Render a bill for every kind of account with the templates as they are now, and judge it.

    Found are texts outside the page, over one another or lost, characters without a glyph, and empty cells; and what
    has moved since last month. Nothing published is changed.
    """
    settings = load_settings(find_project(project))
    storage = open_lake(settings)
    proved = month_to_prove(manifest := read_manifest(storage), _key(manifest, cycle, month))
    template_set = find_templates(settings.templates)
    check_templates(template_set, settings.documents)
    sampled = choose_samples(storage, proved.partition, samples)
    found = prove(storage, proved, Renderer(template_set, settings.documents), sampled.samples)
    proofs = list(_shown(found, len(sampled.samples)))
    report = write_report(target, proofs, _title(proved))
    _print(open_output(), proved, sampled, proofs)
    click.echo(f"report: {report}")
    return FAILED if any(proof.problems for proof in proofs) else 0


def _key(manifest: Manifest, cycle: str | None, month: str | None) -> str:
    """The partition that is meant."""
    if bool(cycle) != bool(month):
        raise UsageError("a month is of a cycle", where="--cycle, --month", remedy="give both, or none of them")
    key = f"{cycle}|{month}"
    if cycle is None:
        key = max(manifest.partitions, key=lambda name: (manifest.partitions[name].period_end, name), default="")
    if key not in manifest.partitions:
        remedy = "`billflow status` lists what is published; `billflow run --cycle C --month M` bills a month"
        raise UsageError(f"{key} is not published" if key else "nothing is published yet", where="lake", remedy=remedy)
    return key


def _shown(proofs: Iterator[Proof], total: int) -> Iterator[Proof]:
    console = Console(stderr=True)
    yield from track(proofs, "proving", total, console=console, disable=not console.is_terminal)


def _title(month: Month) -> str:
    return f"Documents of {month.name}" + (f", beside those of {month.earlier_name}" if month.earlier_name else "")


def _print(console: Console, month: Month, sampled: Sampled, proofs: Sequence[Proof]) -> None:
    table = Table(
        "stands for",
        "bills",
        "account",
        "to be mended",
        f"since {month.earlier_name}" if month.earlier_name else "no month before",
        "notes",
    )
    for sample, proof in zip(sampled.samples, proofs, strict=True):
        texts = [_told(lines) for lines in (proof.problems, proof.changes, proof.notes)]
        table.add_row(*map(escape, (sample.why, f"{sample.bills:,}", sample.account_id, *texts)))
    console.print(table)
    if sampled.left_out:
        bills = sum(sample.bills for sample in sampled.left_out)
        console.print(f"{len(sampled.left_out)} more kinds ({bills:,} bills) are left out; --samples N takes more")
    failed = sum(bool(proof.problems) for proof in proofs)
    console.print(f"{len(proofs)} documents, {failed} to be mended" if failed else f"{len(proofs)} documents, all well")


def _told(lines: Sequence[str]) -> str:
    more = len(lines) - MOST_TOLD
    return "\n".join([*lines[:MOST_TOLD], *([f"… and {more} more"] if more > 0 else [])])
