"""`pdf`: the document of one invoice, as it was made, made again, or what it was made from."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from billflow.documents import store
from billflow.errors import CheckFailedError, UsageError
from billflow.lake import published
from billflow.lake.manifest import PublishedPartition, read_manifest
from billflow.lake.storage import Storage, open_lake
from billflow.settings import Settings, find_project, load_settings


@dataclass(frozen=True)
class OneDocument:
    """Where the document of an invoice is, and the hashes that it was published with."""

    storage: Storage
    invoice_id: str
    key: str
    files: list[str]
    sha256: str
    template: str

    def pdf(self) -> bytes:
        """As it was made."""
        found = store.fetch_pdf(self.files, self.invoice_id, filesystem=self.storage.filesystem)
        if found is None:
            raise UsageError(
                f"invoice {self.invoice_id} has no document",
                where=self.key,
                remedy="`billflow status` says what is held, and why",
            )
        return found

    def payload(self) -> str:
        """What it was made from, as `billflow schema payload` describes it."""
        found = store.fetch_payload(self.files, self.invoice_id, filesystem=self.storage.filesystem)
        if found is None:
            raise UsageError(
                f"what the document of invoice {self.invoice_id} was made from is not kept",
                where=self.key,
                remedy="it is of an earlier version of billflow; a draft has it after another `billflow run`",
            )
        return found


@click.command()
@click.argument("invoice")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; - for standard output.")
@click.option("--again", is_flag=True, help="Render it again, with templates and settings as they are now.")
@click.option("--payload", is_flag=True, help="Write the JSON that it was rendered from instead.")
@click.pass_obj
def pdf(project: str | None, invoice: str, output: Path | None, again: bool, payload: bool) -> None:
    """Write the PDF of one invoice, found by its id or number."""
    if again and payload:
        raise UsageError("either the document or its payload", where="--again, --payload", remedy="give one of them")
    settings = load_settings(find_project(project))
    document = _found(open_lake(settings), invoice)
    if payload:
        _write(document.payload().encode(), output or Path(f"{document.invoice_id}.json"))
        return
    content = _rendered_again(document, settings) if again else document.pdf()
    _write(content, output or Path(f"{document.invoice_id}.pdf"))


def _found(storage: Storage, invoice: str) -> OneDocument:
    """By id or number, of a bill run or of a correction."""
    manifest = read_manifest(storage)
    row = published.connect(storage, manifest).execute(_SQL, [invoice]).fetchone()
    if row is None:
        remedy = '`billflow query "select invoice_id, account_id, month from invoices"` lists them'
        raise UsageError(f"there is no invoice {invoice!r}", where="published invoices", remedy=remedy)
    invoice_id, key, sha256, template = row
    files = documents_of(storage, [manifest.holder(key, invoice_id)])
    return OneDocument(storage, invoice_id, key, files, sha256 or "", template or "")


_SQL = """
SELECT i.invoice_id, i.cycle || '|' || i.month, d.sha256, d.template
FROM invoices i LEFT JOIN documents d USING (invoice_id)
WHERE i.invoice_id = $1 OR i.invoice_number = $1
"""


def _rendered_again(document: OneDocument, settings: Settings) -> bytes:
    """The PDF of today's templates; whether it is the one that is kept is told."""
    from billflow.documents.rendering import Renderer, rendered_document  # noqa: PLC0415 - fonts take a while
    from billflow.documents.templates import find_templates  # noqa: PLC0415

    renderer = Renderer(find_templates(settings.templates), settings.documents)
    made = rendered_document(document.payload(), renderer)
    if made.get("error"):
        raise CheckFailedError(
            f"invoice {document.invoice_id} cannot be rendered: {made['error']}",
            where="templates",
            remedy="mend what is named",
        )
    click.echo(_verdict(document, made["sha256"], renderer.template), err=True)
    content: bytes = made["pdf"]
    return content


def _verdict(document: OneDocument, sha256: str, template: str) -> str:
    if not document.sha256:
        return "there was no document before: it could not be rendered"
    if sha256 == document.sha256:
        return "the same bytes as the document that is kept"
    if template != document.template:
        return f"other than the document that is kept: its templates were {document.template}, now they are {template}"
    return "other than the document that is kept: its templates were the same, so billflow or its settings have changed"


def _write(content: bytes, target: Path) -> None:
    if str(target) == "-":
        sys.stdout.buffer.write(content)
        return
    target.write_bytes(content)
    click.echo(f"wrote {target} ({len(content):,} bytes)")


def documents_of(storage: Storage, made: Iterable[PublishedPartition]) -> list[str]:
    """The files of documents of bill runs or corrections."""
    return published.files(storage, (run for one in made for run in one.tables.get("documents", ())))
