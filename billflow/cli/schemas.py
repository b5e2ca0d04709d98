"""`schema`: what editors check billflow.yaml and the catalogue with."""

from pathlib import Path
from typing import cast, get_args

import click

from billflow.yaml_schemas import Page, schema_text


@click.command()
@click.argument("page", type=click.Choice(get_args(Page)), default="billflow.yaml")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write [default: standard output]."
)
def schema(page: str, output: Path | None) -> None:
    """The JSON Schema of billflow.yaml, or of the catalogue's files, with which editors complete and check them."""
    text = schema_text(cast("Page", page))
    if output is None:
        click.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8", newline="\n")
    click.echo(f"wrote {output}; name it in a YAML file's first line: # yaml-language-server: $schema={output}")
