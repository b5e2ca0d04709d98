"""Checks passed → published."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from billflow.errors import CheckFailedError
from billflow.lake.catalogs import keep_catalog
from billflow.lake.conflicts import lost_to
from billflow.lake.digests import code_version
from billflow.lake.manifest import AccountCounts, Ingest, PublishedPartition, TableRun, read_manifest
from billflow.lake.publishing import Publication, publish
from billflow.lake.schemas import HELD, INVOICES, SCHEMAS, UNRATED
from billflow.lake.tables import read_plain, row_counts
from billflow.orchestration import late_usage as late
from billflow.orchestration.assets.billing import totals
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.partitions import Partition
from billflow.orchestration.project import Project
from billflow.orchestration.steps import POOL, RETRY, explained

BILLED = ("invoices", "invoice_lines", "invoice_taxes", "held", "held_late", "unrated", "usage_history")
"""Tables that a bill run writes for its partition."""

CONSOLIDATED = ("consolidated_bills", "consolidated_items")
"""And those of a project that shows a customer's bills on one."""

_PUBLISHED_AS = {"held_late": "held", "unrated": "quarantine", late.UNRATED: "quarantine"}


def publishing_asset(*further: str) -> dg.AssetsDefinition:
    """The asset `published_bills`; `further` ones must be there, and pass their checks, before it."""
    return dg.asset(
        name="published_bills",
        deps=["invoices", "invoice_taxes", "usage_history", "quarantine", *further],
        group_name="published",
        kinds={"parquet"},
        retry_policy=RETRY,
        pool=POOL,
    )(_publish_bills)


def _publish_bills(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """The bills become visible, all at once: staged tables are verified, renamed and named in a new manifest."""
    with explained(context.log):
        run = BillRun(context, project)
        replaces = run.staging.base().partitions.get(run.partition.key)
        head = read_manifest(run.storage)
        now = head.partitions.get(run.partition.key)
        if now is not None and now.run_id == run.root:  # a step killed after its commit is tried again
            return dg.MaterializeResult(metadata={"manifest": head.version})
        if now != replaces:
            raise lost_to(head, run.partition.key)
        partition, moves = _verified(run)
        publication = Publication(run.root, run.partition.key, partition, replaces, _own_ingest(run))
        manifest = publish(run.storage, moves, publication, run.settings.retention)
        stays = {"path": run.settings.lake_root, "stays readable": str(run.settings.retention)}
        return dg.MaterializeResult(metadata={"manifest": manifest.version, **stays, **run.healed()})


published_bills = publishing_asset()


def _verified(run: BillRun) -> tuple[PublishedPartition, dict[str, str]]:
    """The partition as it was counted from what was written, and where each staged folder goes.

    Once the first folder was renamed nothing can be counted: a step that is tried again finds the counts in a note.
    """
    paths = {table: _path(run, table) for table in (*BILLED, *_consolidated(run), *_late_tables(run))}
    moves = {**_ingested(run), **{run.staging.place(table): path for table, path in paths.items()}}
    if not any(run.storage.exists(place) for place in moves.values()):
        rows = _rows(run, paths)
        written = {table: _table_run(run, table, path, rows[table]) for table, path in paths.items()}
        run.staging.note("partition", _partition(run, written).model_dump(mode="json"))
    return PublishedPartition.model_validate(run.staging.noted("partition")), moves


def _consolidated(run: BillRun) -> tuple[str, ...]:
    return CONSOLIDATED if run.settings.consolidates else ()


def _late_tables(run: BillRun) -> tuple[str, ...]:
    return (late.UNRATED, *late.evidence(run)) if run.staging.noted(late.NOTE)["months"] else ()


def _own_ingest(run: BillRun) -> Ingest | None:
    """The ingestion to publish; None when the run bills one that is published."""
    return run.ingest if run.ingest.run_id == run.root else None


def _ingested(run: BillRun) -> dict[str, str]:
    return {staged: place for place, staged in run.staged_ingest().items()}


def _path(run: BillRun, table: str) -> str:
    name = _PUBLISHED_AS.get(table, table)
    return run.run_folder(name) + ("" if name == table else f"-{table}")


def _rows(run: BillRun, staged: Iterable[str]) -> dict[str, int]:
    """Rows of each staged table, counted as they were written."""
    return row_counts({table: read_plain(run.spark, run.staging.uri(table), _schema(table)) for table in staged})


def _table_run(run: BillRun, table: str, path: str, rows: int) -> TableRun:
    """A staged table of so many rows, and where it will be."""
    bucketed = table in ("invoices", "invoice_lines", "invoice_taxes", "usage_history", *CONSOLIDATED, *late.EVIDENCE)
    return TableRun(path=path, rows=rows, buckets=run.buckets if bucketed else 0)


def _schema(table: str) -> Any:
    return UNRATED if _PUBLISHED_AS.get(table) == "quarantine" else HELD if table == "held_late" else SCHEMAS[table]


def _partition(run: BillRun, written: dict[str, TableRun]) -> PublishedPartition:
    noted = run.staging.noted(late.NOTE)
    months = tuple(month for month, found in noted["months"].items() if found["lines"])
    return PublishedPartition(
        run_id=run.root,
        status="draft",
        period_start=run.period.start.isoformat(),
        period_end=run.period.end.isoformat(),
        counts=_counts(run, written),
        totals=totals(run.staged("invoices", INVOICES)),
        tables=_tables(run, written),
        fingerprint=run.ingest.fingerprint,
        catalog=keep_catalog(run.storage, run.catalog_texts),
        code_version=code_version(),
        late_months=months,
        late_after=noted["after"],
        ahead_lines=_ahead_lines(run),
    )


def _ahead_lines(run: BillRun) -> tuple[str, ...] | None:
    """Folders of the lines of the period before, as this run found them; None where nothing is billed in advance."""
    if not run.pricebook.goes_on:
        return None
    before = run.staging.base().partitions.get(Partition(run.partition.cycle, run.period.previous.month).key)
    return tuple(lines.path for lines in before.tables["invoice_lines"]) if before else ()


def _tables(run: BillRun, written: dict[str, TableRun]) -> dict[str, tuple[TableRun, ...]]:
    key = run.partition.key
    ingested = {table: [one] for table, one in run.ingest.whole_tables().items()}
    for table, runs in run.ingest.placed_tables().items():
        ingested[table] = [runs[key]] if key in runs else []
    for table, one in written.items():
        ingested.setdefault(_PUBLISHED_AS.get(table, table), []).append(one)
    return {table: tuple(runs) for table, runs in ingested.items()}


def _counts(run: BillRun, written: dict[str, TableRun]) -> AccountCounts:
    """Accounts = invoiced + without lines + held, or nothing is published."""
    billed = run.staged("invoices", INVOICES).select("system", "account_id").distinct()
    counted = row_counts({"accounts": run.accounts(), "invoiced": billed})
    accounts, invoiced = counted["accounts"], counted["invoiced"]
    held = written["held"].rows + written["held_late"].rows
    without_lines = accounts - held - invoiced
    if invoiced != written["invoices"].rows or without_lines < 0:
        raise CheckFailedError(
            f"{accounts} accounts, but {invoiced} with {written['invoices'].rows} invoices and {held} held",
            where=run.partition.key,
            remedy="this is a defect of billflow: keep the staging folder and report it",
        )
    return AccountCounts(accounts=accounts, invoiced=invoiced, without_lines=without_lines, held=held)
