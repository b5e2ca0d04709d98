"""`export`: the documents of a month as files, as PDFs or as e-invoices."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click
from rich.console import Console
from rich.progress import track

from billflow.cli.one_document import documents_of
from billflow.documents import store
from billflow.documents.einvoice.cii import cii_xml
from billflow.documents.einvoice.compared import Writer, exported
from billflow.documents.einvoice.published import payloads_of_tables
from billflow.documents.einvoice.ubl import EN16931, PEPPOL_BIS_3, XRECHNUNG_3, ubl_xml
from billflow.errors import UsageError
from billflow.lake.manifest import Manifest, PublishedPartition, read_manifest
from billflow.lake.storage import Storage, open_lake
from billflow.settings import Seller, find_project, load_settings

PDF = "pdf"
REACHED = (("endpoint", "endpoint_scheme"), ("contact",), ("phone",))
"""Keys of the seller that say how it is reached; those of an electronic address belong together."""
WRITERS: dict[str, Writer] = {
    "cii": cii_xml,
    "ubl": partial(ubl_xml, customization=EN16931),
    "peppol": partial(ubl_xml, customization=PEPPOL_BIS_3),
    "xrechnung": partial(ubl_xml, customization=XRECHNUNG_3),
}
LEFT_OUT = 3
"""Exit code: done, but for some bills."""
MOST_TOLD = 10
"""Bills that are told by name."""

T = TypeVar("T")


@click.command()
@click.option("--cycle", required=True)
@click.option("--month", required=True)
@click.option(
    "--to", "target", type=click.Path(path_type=Path), required=True, help="A folder, or a file ending in .zip."
)
@click.option(
    "--format",
    "shape",
    type=click.Choice([PDF, *WRITERS]),
    default=PDF,
    show_default=True,
    help="PDFs, or EN 16931 e-invoices: UN/CEFACT CII, UBL 2.1, or UBL as Peppol BIS 3 or XRechnung 3 want it.",
)
@click.pass_obj
def export(project: str | None, cycle: str, month: str, target: Path, shape: str) -> int:
    """Write the documents of a cycle and month, those of its corrections too, as <invoice_id>.pdf or .xml."""
    settings = load_settings(find_project(project))
    storage = open_lake(settings)
    made = _partitions(read_manifest(storage), f"{cycle}|{month}")
    if shape == PDF:
        return _export_pdfs(storage, made, target)
    return _export_einvoices(storage, made, settings.seller, target, shape)


def _partitions(manifest: Manifest, key: str) -> list[PublishedPartition]:
    """A partition and its corrections."""
    if key not in manifest.partitions:
        raise UsageError(f"{key} is not published", where="--cycle, --month", remedy="`billflow status` lists what is")
    return [manifest.partitions[key], *manifest.corrections_of(key).values()]


def _export_pdfs(storage: Storage, made: list[PublishedPartition], target: Path) -> int:
    total = _rows(made, "documents")
    documents = store.iter_pdfs(documents_of(storage, made), filesystem=storage.filesystem)
    with _opened(target) as place:
        for name, content in _shown(documents, total):
            place.put(f"{name}.pdf", content)
    click.echo(f"wrote {total:,} PDFs to {target}")
    return 0


def _export_einvoices(
    storage: Storage, made: list[PublishedPartition], seller: Seller, target: Path, shape: str
) -> int:
    """Bills that are left out are told with their reason."""
    if not made[0].is_confirmed:
        remedy = "`billflow confirm` gives drafts the numbers that an e-invoice needs"
        raise UsageError("only confirmed bills can be e-invoices", where="--cycle, --month", remedy=remedy)
    left_out, written = [], 0
    payloads = (one for part in made for one in _payloads(storage, part, seller.model_dump()))
    with _opened(target) as place:
        for one in _shown(exported(payloads, WRITERS[shape]), total := _rows(made, "invoices")):
            if one.xml is None:
                left_out.append(f"{one.invoice_id}: {one.problem}")
            else:
                place.put(f"{one.invoice_id}.xml", one.xml)
                written += 1
    click.echo(f"wrote {written:,} e-invoices ({shape}) to {target}")
    _tell(left_out)
    lost = total - written - len(left_out)
    if lost:
        click.echo(
            f"{lost:,} bills have no document in the lake; `billflow verify` says which files are missing", err=True
        )
    return LEFT_OUT if left_out or lost else 0


def _payloads(
    storage: Storage, partition: PublishedPartition, seller: Mapping[str, str | None]
) -> Iterator[Mapping[str, Any]]:
    """What the documents of a partition were made from, or its tables where an earlier version did not keep that."""
    kept = store.iter_payloads(documents_of(storage, [partition]), filesystem=storage.filesystem)
    first = next(kept, None)
    if first is None:
        yield from payloads_of_tables(storage, partition, seller)
        return
    yield from (_reachable(json.loads(payload), seller) for _, payload in chain([first], kept))


def _reachable(payload: dict[str, Any], seller: Mapping[str, str | None]) -> dict[str, Any]:
    """A payload with what the seller has only said since of how it is reached: no document prints that."""
    kept = payload["seller"]
    missing = [names for names in REACHED if not any(kept.get(name) for name in names)]
    return {**payload, "seller": kept | {name: seller[name] for names in missing for name in names}}


def _tell(left_out: list[str]) -> None:
    if left_out:
        click.echo(f"{len(left_out):,} bills cannot be e-invoices:", err=True)
    for line in left_out[:MOST_TOLD]:
        click.echo(f"  {line}", err=True)
    if len(left_out) > MOST_TOLD:
        click.echo(f"  … and {len(left_out) - MOST_TOLD:,} more", err=True)


def _rows(made: list[PublishedPartition], table: str) -> int:
    return sum(run.rows for one in made for run in one.tables.get(table, ()))


def _shown(files: Iterator[T], total: int) -> Iterator[T]:
    console = Console(stderr=True)
    yield from track(files, "exporting", total, console=console, disable=not console.is_terminal)


class _Place(Protocol):
    def put(self, name: str, content: bytes) -> None: ...


class _Folder:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def put(self, name: str, content: bytes) -> None:
        (self._folder / name).write_bytes(content)


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def put(self, name: str, content: bytes) -> None:
        # A fixed date: the same documents make the same archive.
        self._archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_STORED)


@contextmanager
def _opened(target: Path) -> Iterator[_Place]:
    """A folder to write to; or a zip, which appears under its name only when it is whole."""
    if target.suffix.lower() != ".zip":
        yield _Folder(target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial_file = target.with_name(f".{target.name}.partial")
    with zipfile.ZipFile(partial_file, "w") as archive:
        yield _Zip(archive)
    partial_file.replace(target)
