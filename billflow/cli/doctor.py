"""`doctor`: each part that a run needs, tried out, with the command that mends it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from billflow.catalog import load_catalog
from billflow.documents.templates import check_templates, find_templates
from billflow.errors import BillflowError, MachineError
from billflow.lake.manifest import read_manifest
from billflow.lake.session import java_version, prepare_java
from billflow.lake.storage import open_lake
from billflow.settings import find_project, load_settings
from billflow.sources.files import check_files

_ENOUGH = 2 * 1024**3


def examine(project: str | None) -> int:
    """Prints what works and what does not; 1 when something does not."""
    console = Console(highlight=False, soft_wrap=True)
    results = [_tried(console, name, part) for name, part in _parts(project).items()]
    return 0 if all(results) else 1


def _parts(project: str | None) -> dict[str, Callable[[], str]]:
    return {
        "Java": _java,
        "project": lambda: f"{find_project(project)}: {load_settings(find_project(project)).project}",
        "catalogue": lambda: f"{len(load_catalog(find_project(project) / 'catalog').plans)} plans",
        "source files": lambda: _sources(find_project(project)),
        "lake": lambda: _lake(find_project(project)),
        "templates": lambda: _templates(find_project(project)),
        "disk": lambda: _disk(find_project(project)),
    }


def _tried(console: Console, name: str, part: Callable[[], str]) -> bool:
    try:
        console.print(f"[green]✓[/] {name}: {part()}")
    except BillflowError as error:
        console.print(f"[red]✗[/] {name}: ", end="")
        console.print(str(error), markup=False)
        return False
    return True


def _java() -> str:
    home = prepare_java()
    return f"version {java_version(home / 'bin' / 'java')}"


def _sources(folder: Path) -> str:
    settings = load_settings(folder)
    check_files(settings)
    return f"{len(settings.sources)} sources"


def _lake(folder: Path) -> str:
    storage = open_lake(load_settings(folder))
    storage.write("_staging/.doctor", b"")
    storage.delete("_staging/.doctor")
    return f"can be written; {len(read_manifest(storage).partitions)} cycles and months are published"


def _templates(folder: Path) -> str:
    check_templates(find_templates(load_settings(folder).templates))
    return "render"


def _disk(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    if free < _ENOUGH:
        raise MachineError(
            f"only {free / 1024**3:.1f} GiB are free", where=str(folder), remedy="make room on this disk"
        )
    return f"{free / 1024**3:.0f} GiB free"
