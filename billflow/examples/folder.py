"""The folder that an example is written into, and the text files that ship with the package."""

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from billflow.errors import UsageError
from billflow.yaml_schemas import Page, schema_text

BILLFLOW_SCHEMA = ".billflow/billflow.schema.json"
CATALOG_SCHEMA = ".billflow/catalog.schema.json"


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
    """Write billflow.yaml and catalog/*.yaml of `projects/<example>`, each `$name` replaced from `values`.

    The first line of each names the JSON Schema that editors check it with.
    """
    shipped = files("billflow.examples") / "projects" / example
    (folder / "catalog").mkdir()
    write_schemas(folder)
    _fill(shipped / "billflow.yaml", folder / "billflow.yaml", values, BILLFLOW_SCHEMA)
    for page in sorted((shipped / "catalog").iterdir(), key=lambda entry: entry.name):
        _fill(page, folder / "catalog" / page.name, values, f"../{CATALOG_SCHEMA}")


def write_schemas(folder: Path) -> None:
    """Write the JSON Schemas of a project's YAML files into it."""
    pages: dict[Page, str] = {"billflow.yaml": BILLFLOW_SCHEMA, "catalog": CATALOG_SCHEMA}
    for page, place in pages.items():
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text(schema_text(page), encoding="utf-8", newline="\n")


def _fill(page: Traversable, target: Path, values: Mapping[str, object], schema: str) -> None:
    text = Template(page.read_text(encoding="utf-8")).substitute(values)
    target.write_text(f"# yaml-language-server: $schema={schema}\n{text}", encoding="utf-8", newline="\n")
