"""The folder that an example is written into, and the text files that ship with the package."""

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from billflow.errors import UsageError


def claim(folder: Path) -> None:
    """Make `folder`; UsageError when something is in the way, so that nobody's work is written over."""
    if folder.exists() and not folder.is_dir():
        raise UsageError("a file is in the way", where=str(folder), remedy="name a folder that does not exist yet")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(
            "the folder is not empty", where=str(folder), remedy="name a new folder, or empty this one first"
        )
    folder.mkdir(parents=True, exist_ok=True)


def write_project_files(folder: Path, example: str, values: Mapping[str, object]) -> None:
    """Write billflow.yaml and catalog/*.yaml of `projects/<example>`, each `$name` replaced from `values`."""
    shipped = files("billflow.examples") / "projects" / example
    (folder / "catalog").mkdir()
    _fill(shipped / "billflow.yaml", folder / "billflow.yaml", values)
    for page in sorted((shipped / "catalog").iterdir(), key=lambda entry: entry.name):
        _fill(page, folder / "catalog" / page.name, values)


def _fill(page: Traversable, target: Path, values: Mapping[str, object]) -> None:
    text = Template(page.read_text(encoding="utf-8")).substitute(values)
    target.write_text(text, encoding="utf-8", newline="\n")
