"""Published bills → documents → published documents."""

from contextlib import suppress
from typing import Any, get_args

import dagster as dg
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from billflow.documents import payload, rendering, store, templates
from billflow.documents.typesetting import Way
from billflow.errors import PassingError
from billflow.lake import schemas, tables
from billflow.lake.conflicts import lost_to
from billflow.lake.manifest import Manifest, PublishedPartition, TableRun, read_manifest
from billflow.lake.publishing import Publication, finish, publish
from billflow.orchestration.assets.publishing import published_bills
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.healing import note_gone_on
from billflow.orchestration.project import Project
from billflow.orchestration.steps import POOL, RETRY, explained


@dg.asset(deps=[published_bills], group_name="documents", kinds={"typst", "spark"}, retry_policy=RETRY, pool=POOL)
def documents(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """One PDF an invoice, rendered on the executors. An invoice whose PDF fails is held; the others go out."""
    with explained(context.log):
        run = BillRun(context, project)
        published = _published(run)
        made = stage_rendered(run, published, read_published(run, published, "invoices"))
        failed = _stage_held(run, published)
        run.staging.note("documents", {"documents": made["dagster/row_count"], "failed": failed})
        return dg.MaterializeResult(metadata={**made, "failed": failed})


def stage_rendered(run: BillRun, published: PublishedPartition, invoices: DataFrame) -> dict[str, Any]:
    """Renders a partition's invoices, as they are given, into the staged table `rendered`; its metadata."""
    template_set = templates.find_templates(run.settings.templates)
    templates.check_own_templates(run.settings.templates, run.settings.documents)
    payloads = rendering.in_tasks(_payloads(run, published, invoices), published.counts.invoiced)
    rendered = rendering.render_documents(payloads, template_set, run.settings.documents)
    rendered.write.mode("overwrite").options(**store.write_options()).parquet(run.staging.uri("rendered"))
    written = _rendered(run)
    by_way = [F.count_if(F.col("way") == way).alias(way) for way in get_args(Way)]
    sums = written.agg(F.count("pdf"), F.sum("bytes"), F.sum("pages"), F.count("remarks"), *by_way).first()
    made, size, pages, remarked, *ways = (int(value or 0) for value in sums or ())
    told = {"bytes": size, "pages": pages, "printed with remarks": remarked, "template": template_set.fingerprint}
    return {"dagster/row_count": made, **told, **dict(zip(get_args(Way), ways, strict=True))}


def _rendered(run: BillRun) -> DataFrame:
    return tables.read_plain(run.spark, run.staging.uri("rendered"), rendering.DOCUMENTS)


def _published(run: BillRun) -> PublishedPartition:
    """The partition as this run published it; ConflictError when another run has replaced it since."""
    head = read_manifest(run.storage)
    found = head.partitions.get(run.partition.key)
    if found is None or found.run_id != run.root:
        raise lost_to(head, run.partition.key)
    return found


def _payloads(run: BillRun, published: PublishedPartition, invoices: DataFrame) -> DataFrame:
    billed_from = ["invoice_lines", "invoice_taxes", "accounts", "usage", "usage_history"]
    if "consolidated_bills" in published.tables:
        billed_from += ["consolidated_bills", "consolidated_items", "bills"]
    read = {name: read_published(run, published, name) for name in billed_from}
    return payload.payloads_of_bills({**read, "invoices": invoices}, run.settings, run.catalog)


def read_published(run: BillRun, published: PublishedPartition, table: str) -> DataFrame:
    """A table of a partition, in its buckets."""
    return tables.read_runs(run.spark, run.storage, published.tables.get(table, ()), schemas.SCHEMAS[table])


def _stage_held(run: BillRun, published: PublishedPartition) -> int:
    """Writes the accounts whose PDF failed, with Typst's reason; how many."""
    failed = _rendered(run).where(F.col("error").isNotNull())
    if failed.isEmpty():
        run.stage_few("held_documents", tables.empty(run.spark, schemas.HELD), schemas.HELD)
        return 0
    named = failed.join(read_published(run, published, "invoices").drop("cycle", "month"), "invoice_id", "inner")
    held = named.withColumns({"rule": F.lit("document_failed"), "reason": F.col("error"), "run_id": F.lit(run.root)})
    return run.stage_few("held_documents", held, schemas.HELD).count()


@dg.asset(deps=[documents], group_name="published", kinds={"parquet"}, retry_policy=RETRY, pool=POOL)
def published_documents(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """The documents become visible, for the invoices they were rendered from and no others."""
    with explained(context.log):
        run = BillRun(context, project)
        if done := _already_published(run):  # a step killed after its commit is tried again
            return dg.MaterializeResult(metadata={"dagster/row_count": done.rows})
        noted = run.staging.noted("documents")
        rendered = TableRun(path=run.run_folder("documents"), rows=noted["documents"])
        held = TableRun(path=run.run_folder("held") + "-documents", rows=noted["failed"])
        moves = {run.staging.place("rendered"): rendered.path, run.staging.place("held_documents"): held.path}
        manifest = _commit(run, moves, rendered, held)
        with suppress(PassingError):  # all is published; the next run clears up
            finish(run.storage, run.root)
        note_gone_on(context.run, run.partition.key)
        told = {"manifest": manifest.version, "dagster/row_count": rendered.rows}
        return dg.MaterializeResult(metadata={**told, **run.healed()})


def _already_published(run: BillRun) -> TableRun | None:
    """The run's documents, when the newest manifest names them."""
    partition = read_manifest(run.storage).partitions.get(run.partition.key)
    tables = partition.tables.get("documents", ()) if partition else ()
    return next((one for one in tables if one.path == run.run_folder("documents")), None)


def _commit(run: BillRun, moves: dict[str, str], rendered: TableRun, held: TableRun) -> Manifest:
    partition = _published(run)
    with_documents = partition.model_copy(
        update={"tables": {**partition.tables, "documents": (rendered,), "held": (*partition.tables["held"], held)}}
    )
    publication = Publication(run.root, run.partition.key, with_documents, replaces=partition)
    return publish(run.storage, moves, publication, run.settings.retention)
