"""`schema`: what editors check billflow.yaml, the catalogue and templates' files with, and what templates are given."""

from pathlib import Path
from typing import cast, get_args

import click

from billflow.documents.schemas import brand_schema, layout_schema, payload_schema, text_of, texts_schema
from billflow.yaml_schemas import Page, schema_text

OF_DOCUMENTS = {"layout": layout_schema, "brand": brand_schema, "texts": texts_schema, "payload": payload_schema}


@click.command()
@click.argument("page", type=click.Choice([*get_args(Page), *OF_DOCUMENTS]), default="billflow.yaml")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write [default: standard output]."
)
def schema(page: str, output: Path | None) -> None:
    """The JSON Schema of billflow.yaml, of the catalogue's files or of the templates' layout.yaml, brand.yaml or
    texts.yaml, with which editors complete and check them; or of the payload that templates print.
    """
    text = text_of(OF_DOCUMENTS[page]()) if page in OF_DOCUMENTS else schema_text(cast("Page", page))
    if output is None:
        click.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8", newline="\n")
    if page != "payload":
        click.echo(f"wrote {output}; name it in a YAML file's first line: # yaml-language-server: $schema={output}")
