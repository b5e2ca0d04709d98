"""The documents of a month whose catalogue or templates are others than last month's, judged and shown."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from billflow.documents.proofs.pictures import side_by_side
from billflow.documents.proofs.proving import Month, month_to_prove, prove
from billflow.documents.proofs.report import Proof, pages_worth_seeing
from billflow.documents.proofs.samples import choose_samples
from billflow.documents.rendering import Renderer
from billflow.documents.templates import find_templates
from billflow.lake.manifest import read_manifest
from billflow.lake.published import connect_to
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.project import Project
from billflow.orchestration.steps import explained

SAMPLES, PICTURES = 12, 3


@dg.asset_check(asset="published_documents")
def documents_after_a_change(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
    """Where prices or templates have changed since last month: a bill of each kind, judged and beside the one before.

    A warning: the bills are published as drafts, and `billflow template check` shows all of it.
    """
    with explained(context.log):
        run = BillRun(context, project)
        month = month_to_prove(read_manifest(run.storage), run.partition.key)
        changed = list(_changes(run, month))
        if not changed:
            return dg.AssetCheckResult(passed=True, metadata={"changed since last month": "nothing, or no last month"})
        try:
            samples = choose_samples(run.storage, month.partition, SAMPLES).samples
            renderer = Renderer(find_templates(run.settings.templates), run.settings.documents)
            return _result(changed, month, list(prove(run.storage, month, renderer, samples)))
        except Exception as problem:
            # The bills are published: what goes wrong in looking at them must not fail their run.
            context.log.exception("the documents could not be judged")
            what = f"the documents could not be judged: {type(problem).__name__}: {problem}"
            return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description=what)


def _changes(run: BillRun, month: Month) -> Iterator[str]:
    """What of the documents' making is not as it was; nothing where there is no earlier month."""
    if month.earlier is None:
        return
    if month.earlier.catalog != month.partition.catalog:
        yield "the catalogue"
    made = [connect_to(run.storage, one.tables) for one in (month.partition, month.earlier)]
    now, before = (one.execute("SELECT min(template) FROM documents").fetchone() for one in made)
    if now != before:
        yield "the templates"


def _result(changed: Sequence[str], month: Month, proofs: Sequence[Proof]) -> dg.AssetCheckResult:
    problems = [f"{proof.kind}, invoice {proof.invoice_id}: {what}" for proof in proofs for what in proof.problems]
    cycle, _, name = month.name.partition("|")
    metadata: dict[str, Any] = {
        "changed since last month": " and ".join(changed),
        "compared with": month.earlier_name or "",
        "documents": dg.MetadataValue.md("\n".join(_told(proofs))),
        "pages": dg.MetadataValue.md("\n\n".join(_pictures(proofs)) or "nothing moved"),
        "all of it": f"billflow template check --cycle {cycle} --month {name}",
    }
    return dg.AssetCheckResult(
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN,
        description=problems[0] if problems else None,
        metadata=metadata,
    )


def _told(proofs: Sequence[Proof]) -> Iterator[str]:
    for proof in proofs:
        yield f"- **{proof.kind}**, invoice {proof.invoice_id}"
        yield from (f"  - to be mended: {what}" for what in proof.problems)
        yield from (f"  - {what}" for what in (*proof.changes, *proof.notes))


def _pictures(proofs: Sequence[Proof]) -> Iterator[str]:
    """The first page worth seeing of the documents with problems, then of those with changes."""
    shown = [proof for proof in proofs if proof.pdf and (proof.problems or proof.changes)]
    for proof in sorted(shown, key=lambda one: not one.problems)[:PICTURES]:
        page = pages_worth_seeing(proof)[0]
        png = side_by_side(proof.before, proof.pdf or b"", proof.comparison, page, findings=proof.findings)
        yield f"![{proof.invoice_id}, page {page}](data:image/png;base64,{b64encode(png).decode()})"
