"""`run`, `ui` and `doctor`: what starts work."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event
from types import FrameType
from zoneinfo import ZoneInfo

import click
import dagster as dg
from rich.console import Console

from billflow.catalog import load_catalog
from billflow.cli.progress import Progress, open_console
from billflow.documents.templates import check_own_templates
from billflow.errors import UsageError
from billflow.lake.healed import healed
from billflow.lake.healing import summed
from billflow.lake.manifest import Manifest, read_manifest
from billflow.lake.storage import Storage, open_lake
from billflow.orchestration.healing import heal_dead_runs
from billflow.orchestration.jobs import JOB
from billflow.orchestration.launching import dagster_home, execute, open_instance
from billflow.orchestration.partitions import Partition
from billflow.settings import Settings, find_project, load_settings
from billflow.sources.deliveries import check_sources
from billflow.sources.parts import tried

_PATIENCE = 20
"""Seconds that servers have to end by themselves."""

_SOURCES_PATIENCE = 10
"""Seconds within which a source that does not answer is asked again before a run begins."""


@dataclass(frozen=True)
class OpenProject:
    """A project whose files have been read and found right."""

    folder: Path
    settings: Settings


def open_project(project: str | None) -> OpenProject:
    """Reads billflow.yaml; SettingsError when it has mistakes."""
    folder = find_project(project)
    return OpenProject(folder, load_settings(folder))


@click.command()
@click.option("--cycle", "cycles", multiple=True, required=True, help="Billing cycle; may be repeated.")
@click.option("--month", "months", multiple=True, required=True, help="Month, as 2013-01; may be repeated.")
@click.option("--read-whole", is_flag=True, help="Read all rows of the sources, those too that were read before.")
@click.pass_obj
def run(project: str | None, cycles: Sequence[str], months: Sequence[str], *, read_whole: bool) -> int:
    """The bill run: ingest, rate, invoice, check, publish, documents."""
    return bill(open_project(project), cycles, months, read_whole=read_whole)


def bill(project: OpenProject, cycles: Sequence[str], months: Sequence[str], *, read_whole: bool = False) -> int:
    """Bills every cycle and month, one after the other in one Spark session; the worst exit code.

    With `read_whole` each reads all rows of the sources.
    """
    partitions = [Partition(cycle, month) for cycle in dict.fromkeys(cycles) for month in dict.fromkeys(months)]
    for partition in partitions:
        _check_ended(partition, project.settings)
    _check_project(project)
    head = read_manifest(open_lake(project.settings))
    for partition in partitions:
        head.check_open(partition.key)
    with open_dagster(project) as instance:
        codes = (_bill_one(project, partition, instance, read_whole=read_whole) for partition in partitions)
        return max(codes, key=_severity)


@contextmanager
def open_dagster(project: OpenProject) -> Iterator[dg.DagsterInstance]:
    """The project's Dagster, with runs marked failed whose process is gone."""
    home = dagster_home(project.folder)
    with _environment(project.folder, home), open_instance(home) as instance:
        heal_dead_runs(instance, open_lake(project.settings), by="billflow")
        yield instance


@contextmanager
def _environment(folder: Path, home: Path) -> Iterator[None]:
    """What `billflow.definitions` and Dagster look at, for as long as a run lasts."""
    wanted = {"BILLFLOW_PROJECT": str(folder), "DAGSTER_HOME": str(home)}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _severity(code: int) -> int:
    """Of several months' exit codes the one to report: failed, then wrong input, then held."""
    return (0, 3, 2, 1).index(code)


def _check_ended(partition: Partition, settings: Settings) -> None:
    period = partition.period(settings)
    if partition.month < settings.first_month:
        raise UsageError(
            f"{partition.month} is before the project's first_month {settings.first_month}",
            where="--month",
            remedy="set first_month in billflow.yaml earlier, or name a later month",
        )
    if period.end > datetime.now(ZoneInfo(settings.timezone)).date():
        raise UsageError(
            f"the period of {partition.key} has not ended: it lasts to {period.end}",
            where="--month",
            remedy="bill it from that day on",
        )


def _check_project(project: OpenProject) -> None:
    """Everything that can be wrong before Spark starts."""
    load_catalog(project.folder / "catalog")
    open_lake(project.settings)
    tried(lambda: check_sources(project.settings), "source asked again", patience=_SOURCES_PATIENCE)
    check_own_templates(project.settings.templates, project.settings.documents)


def _bill_one(project: OpenProject, partition: Partition, instance: dg.DagsterInstance, *, read_whole: bool) -> int:
    code = run_job(JOB, partition, instance, read_whole=read_whole)
    if code:
        return code
    storage = open_lake(project.settings)
    code = _report(partition, manifest := read_manifest(storage))
    _print_healed(storage, manifest.partitions[partition.key].run_id)
    return code


def run_job(job: str, partition: Partition, instance: dg.DagsterInstance, *, read_whole: bool = False) -> int:
    """Runs a job for a partition in this process and shows how far it is, and why it failed; its exit code.

    `read_whole` as of a bill run (`execute`).
    """
    from billflow.definitions import build_definitions  # noqa: PLC0415  # it reads the project when it is imported
    from billflow.lake.watching import watched  # noqa: PLC0415  # PySpark, which other commands need not wait for

    with (
        open_console() as console,
        Progress(console, partition.key) as progress,
        watched(progress.tasks, every=0.5),
    ):
        outcome = execute(build_definitions(), instance, partition, progress.step, job_name=job, read_whole=read_whole)
    if outcome.exit_code:
        errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        errors.print("\n".join(f"error: {reason}" for reason in outcome.reasons) or "error: the run failed")
    return outcome.exit_code


def _report(partition: Partition, manifest: Manifest) -> int:
    published = manifest.partitions[partition.key]
    counts, quarantined = published.counts, sum(one.rows for one in published.tables["quarantine"])
    totals = ", ".join(f"{currency} {sums['total']}" for currency, sums in published.totals.items()) or "nothing"
    documents = sum(one.rows for one in published.tables.get("documents", ()))
    failed = sum(one.rows for one in published.tables["held"]) - counts.held
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"[green]✓[/] {partition.key}: [bold]{counts.invoiced:,}[/] invoices over {totals}, {documents:,} PDFs; "
        f"{counts.without_lines:,} accounts without lines, {counts.held + failed:,} held, "
        f"{quarantined:,} rows in quarantine"
    )
    if counts.held + failed:
        console.print(f"  held, and why: billflow query \"select * from held where month = '{partition.month}'\"")
    if unplaced := _unplaced(manifest):
        console.print(f"  {unplaced:,} more rows in quarantine are of no month: {_WHY_UNPLACED}")
    return 3 if counts.held + failed else 0


def _print_healed(storage: Storage, run_id: str) -> None:
    """What went wrong on the way and needed nobody, in one line."""
    actions = summed(action for record in healed(storage, by=run_id) for action in record.actions)
    if actions:
        more = f"; and {len(actions) - _SHOWN:,} more (billflow status)" if len(actions) > _SHOWN else ""
        console = Console(highlight=False, soft_wrap=True, markup=False)
        console.print(f"  healed by itself: {'; '.join(map(str, actions[:_SHOWN]))}{more}")


_SHOWN = 5
"""Actions that a run prints."""

_WHY_UNPLACED = 'billflow query "select source, rules, count(*) from quarantine where month is null group by all"'


def _unplaced(manifest: Manifest) -> int:
    """Rows in quarantine that no cycle and month can be told of."""
    found = manifest.ingest.quarantine.get("") if manifest.ingest else None
    return found.rows if found else 0


@click.command()
@click.option("--port", type=int, default=3000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.pass_obj
def ui(project: str | None, port: int, host: str) -> int:
    """The Dagster UI on this project (webserver and daemon); one click runs everything."""
    opened = open_project(project)
    load_catalog(opened.folder / "catalog")
    home = dagster_home(opened.folder)
    with open_instance(home) as instance:
        heal_dead_runs(instance, open_lake(opened.settings), by="billflow ui")
    click.echo(f"billflow's UI is at http://{host}:{port} (stop it with Ctrl-C)")
    command = [sys.executable, "-m", "dagster", "dev", "-m", "billflow.definitions", "-h", host, "-p", str(port)]
    environment = {**os.environ, "DAGSTER_HOME": str(home), "BILLFLOW_PROJECT": str(opened.folder)}
    return _served(command, environment, opened.folder)


def _served(command: list[str], environment: Mapping[str, str], folder: Path) -> int:
    """Runs the servers until this process is told to stop; then all of them end with it."""
    stopped = Event()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopped.set()

    # Set before the servers start: a signal that is ignored here, as in a shell's background, would be ignored there.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    server = subprocess.Popen(command, env=environment, cwd=folder, process_group=0)  # noqa: S603  # our own command
    while server.poll() is None and not stopped.wait(timeout=0.5):
        pass
    return server.returncode if server.poll() is not None else _ended(server)


def _ended(server: "subprocess.Popen[bytes]") -> int:
    os.killpg(server.pid, signal.SIGINT)
    try:
        server.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
    return 0


@click.command()
@click.pass_obj
def doctor(project: str | None) -> int:
    """What is missing on this machine or unreachable, and the command that mends it."""
    from billflow.cli.doctor import examine  # noqa: PLC0415

    return examine(project)
