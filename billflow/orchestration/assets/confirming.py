"""Published drafts → numbered invoices → final documents → confirmed bills.

A step of a partition that is confirmed already does nothing, and says so: confirming twice is confirming once.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import dagster as dg
from pyspark.sql import functions as F

from billflow.billing import numbering
from billflow.errors import CheckFailedError, PassingError
from billflow.lake import schemas, tables
from billflow.lake.confirming import draft_of
from billflow.lake.manifest import PublishedPartition, read_manifest
from billflow.lake.publishing import Publication, finish, publish
from billflow.lake.staging import Staging
from billflow.orchestration.assets.documents import published_documents, read_published, stage_rendered
from billflow.orchestration.confirm_run import ConfirmRun
from billflow.orchestration.project import Project
from billflow.orchestration.steps import POOL, RETRY, described, explained

_CHECK = "numbers_are_gapless"
_ALREADY: dict[str, Any] = {"confirmed already": True}


@dg.asset(deps=[published_documents], group_name="confirmation", kinds={"spark"}, retry_policy=RETRY, pool=POOL)
def numbered_invoices(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """Legal numbers for the drafts: one gapless series per kind and year, going on from the last confirmation."""
    with explained(context.log):
        run = ConfirmRun(context, project)
        if run.confirmed:
            return dg.MaterializeResult(metadata=_ALREADY)
        draft_of(read_manifest(run.storage), run.partition.key)
        staging = Staging.begin(run.storage, run.root, run.partition.key)
        staging.note("patterns", run.settings.numbering.patterns)
        drafts = read_published(run, run.draft, "invoices")
        ordered = run.stage_ordered(numbering.in_order(drafts, run.ranges))
        numbered = numbering.numbered(ordered, staging.base().series, run.settings.numbering)
        written = run.stage("invoices", tables.by_account(numbered, run.buckets), schemas.INVOICES)
        return dg.MaterializeResult(metadata=described(written, written.count()))


@dg.asset(deps=[numbered_invoices], group_name="confirmation", kinds={"typst", "spark"}, retry_policy=RETRY, pool=POOL)
def final_documents(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """The PDFs once more, with their numbers. All must succeed: a number without its document would be a gap."""
    with explained(context.log):
        run = ConfirmRun(context, project)
        if run.confirmed:
            return dg.MaterializeResult(metadata=_ALREADY)
        invoices = run.numbered()
        made = stage_rendered(run, run.draft, invoices)
        _check_rendered(run)
        count = invoices.count()
        noted = {"invoices": count, "documents": made["dagster/row_count"], "template": made["template"]}
        run.staging.note("final", noted)
        return dg.MaterializeResult(metadata=made)


def _check_rendered(run: ConfirmRun) -> None:
    failed = run.spark.read.parquet(run.staging.uri("rendered")).where(F.col("error").isNotNull()).first()
    if failed is not None:
        raise CheckFailedError(
            f"invoice {failed['invoice_id']} cannot be rendered: {failed['error']}",
            where=run.partition.key,
            remedy="mend the template or the row, run the partition again, then confirm",
        )


@dg.asset(
    deps=[final_documents],
    group_name="confirmation",
    kinds={"parquet"},
    retry_policy=RETRY,
    pool=POOL,
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK,
            asset="confirmed_bills",
            blocking=True,
            description="The drafts' rows and amounts, no gap, no double, a document each; or nothing is published.",
        )
    ],
)
def confirmed_bills(
    context: dg.AssetExecutionContext, project: Project
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[Any]]:
    """Final from here on: numbers, documents and the sealed record become visible at once, in one manifest."""
    with explained(context.log):
        run = ConfirmRun(context, project)
        if run.confirmed:
            yield _checked([])
            yield dg.MaterializeResult(metadata=_ALREADY)
            return
        partition, problems = _verified(run)
        yield _checked(problems)
        if partition is None:
            raise CheckFailedError(problems[0], where=run.partition.key, remedy="run the partition again, then confirm")
        version = _publish(run, partition)
        yield dg.MaterializeResult(metadata={"manifest": version, **_shown(partition), **run.healed()})


def _verified(run: ConfirmRun) -> tuple[PublishedPartition | None, list[str]]:
    """The confirmed partition, or what forbids it.

    Once the first folder was renamed nothing can be looked at: a step that is tried again finds it in a note.
    """
    confirming = run.confirming()
    if not any(run.storage.exists(table.path) for table in confirming.placed.values()):
        problems = confirming.problems()
        if problems:
            return None, problems
        run.staging.note("partition", confirming.partition().model_dump(mode="json"))
    return PublishedPartition.model_validate(run.staging.noted("partition")), []


def _publish(run: ConfirmRun, partition: PublishedPartition) -> int:
    confirming = run.confirming()
    moves = {staged.path: confirming.placed[table].path for table, staged in confirming.staged.items()}
    publication = Publication(run.root, run.partition.key, partition, replaces=run.draft)
    manifest = publish(run.storage, moves, publication, run.settings.retention)
    with suppress(PassingError):  # all is published; the next run clears up
        finish(run.storage, run.root)
    return manifest.version


def _checked(problems: Sequence[str]) -> dg.AssetCheckResult:
    listed = {"problems": dg.MetadataValue.md("\n".join(f"- {problem}" for problem in problems))} if problems else {}
    description = problems[0] if problems else None
    return dg.AssetCheckResult(passed=not problems, check_name=_CHECK, description=description, metadata=listed)


def _shown(partition: PublishedPartition) -> dict[str, Any]:
    confirmation = partition.confirmation
    if confirmation is None:
        return {}
    ranges = {name: f"{one.first_number} – {one.last_number}" for name, one in confirmation.numbers.items()}
    return {"numbers": ranges, "head": confirmation.head, "dagster/row_count": partition.counts.invoiced}
