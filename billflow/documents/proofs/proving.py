"""Samples of a month rendered with the templates at hand, judged, and held beside the documents of a month before."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from billflow.documents import store
from billflow.documents.proofs.comparison import compare_documents
from billflow.documents.proofs.findings import inspect_document
from billflow.documents.proofs.report import Proof
from billflow.documents.proofs.samples import Sample, earlier_invoices
from billflow.documents.proofs.strays import strays
from billflow.documents.rendering import Renderer, rendered_document
from billflow.lake.manifest import Manifest, PublishedPartition, TableRun
from billflow.lake.published import files
from billflow.lake.storage import Storage

NOT_KEPT = "what it was made from is not kept: it is of an earlier version of billflow; bill the month again"


@dataclass(frozen=True)
class Month:
    """A published cycle and month whose documents are proved, and the one that they are compared with."""

    name: str
    partition: PublishedPartition
    earlier_name: str | None = None
    earlier: PublishedPartition | None = None


def month_to_prove(manifest: Manifest, key: str) -> Month:
    """`key` ("c01|2026-06") must be published; it is compared with the newest published month of its cycle before."""
    cycle = key.partition("|")[0]
    before = [name for name in manifest.partitions if name.partition("|")[0] == cycle and name < key]
    earlier = max(before, default=None)
    return Month(key, manifest.partitions[key], earlier, manifest.partitions[earlier] if earlier else None)


def prove(storage: Storage, month: Month, renderer: Renderer, samples: Sequence[Sample]) -> Iterator[Proof]:
    """Each sample as `renderer` prints it now. What was published is not changed."""
    documents = _Documents(storage, month.partition.tables.get("documents", ()))
    earlier = _Earlier(storage, month.earlier, samples)
    was_confirmed = month.earlier is not None and month.earlier.is_confirmed
    for sample in samples:
        payload = documents.payload(sample.invoice_id)
        shown = _confirmed(payload) if payload and was_confirmed else payload
        yield _proof(sample, shown, earlier.pdf(sample), renderer)


def _confirmed(payload: str) -> str:
    """A draft as it will be printed when it is final, its id in the place of its number: so it is compared with what is
    final already.
    """
    bill = json.loads(payload)
    number = bill["invoice"]["invoice_number"] or bill["invoice"]["invoice_id"]
    return json.dumps({**bill, "invoice": {**bill["invoice"], "status": "confirmed", "invoice_number": number}})


def _proof(sample: Sample, payload: str | None, before: bytes | None, renderer: Renderer) -> Proof:
    named: dict[str, Any] = {"kind": sample.why, "invoice_id": sample.invoice_id, "account": sample.account_id}
    if payload is None:
        return Proof(**named, pdf=None, error=NOT_KEPT)
    made = rendered_document(payload, renderer)
    if made.get("error"):
        return Proof(**named, pdf=None, before=before, error=made["error"])
    bill = json.loads(payload)
    findings = inspect_document(made["pdf"], renderer.typesetter.printed(bill))
    if not any(finding.kind == "broken" for finding in findings):
        findings += strays(made["pdf"], renderer.render_pdf(bill, replayed=False).pdf)
    return Proof(
        **named,
        pdf=made["pdf"],
        before=before,
        comparison=compare_documents(before, made["pdf"]) if before else None,
        findings=findings,
        remarks=made["remarks"],
    )


class _Documents:
    """The documents of one partition."""

    def __init__(self, storage: Storage, runs: Sequence[TableRun]) -> None:
        self._storage = storage
        self._files = files(storage, runs)

    def payload(self, invoice_id: str) -> str | None:
        return store.fetch_payload(self._files, invoice_id, filesystem=self._storage.filesystem)

    def pdf(self, invoice_id: str) -> bytes | None:
        return store.fetch_pdf(self._files, invoice_id, filesystem=self._storage.filesystem)


class _Earlier:
    """The documents that accounts of samples got before."""

    def __init__(self, storage: Storage, partition: PublishedPartition | None, samples: Sequence[Sample]) -> None:
        self._invoices = earlier_invoices(storage, partition, samples) if partition else {}
        self._documents = _Documents(storage, partition.tables.get("documents", ())) if partition else None

    def pdf(self, sample: Sample) -> bytes | None:
        invoice_id = self._invoices.get((sample.system, sample.account_id))
        return self._documents.pdf(invoice_id) if self._documents and invoice_id else None
