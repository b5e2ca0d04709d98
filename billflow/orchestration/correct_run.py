"""A correction made final: numbers, documents and the sealed record become visible at once, in one manifest.

It is about one bill, so it is no run of Dagster's: it writes a few rows without Spark, and ends with its process.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.billing import numbering
from billflow.catalog import Catalog, parse_catalog
from billflow.documents import history, payload, rendering, templates
from billflow.errors import CheckFailedError, PassingError
from billflow.insights.correction import Bill, Corrected
from billflow.insights.family import TABLES
from billflow.lake import schemas, tables
from billflow.lake.catalogs import keep_catalog
from billflow.lake.correcting import Correcting, next_key
from billflow.lake.digests import code_version
from billflow.lake.manifest import AccountCounts, Correction, Manifest, PublishedPartition, TableRun, partition_of
from billflow.lake.publishing import Publication, finish, publish, run_folder
from billflow.lake.small_tables import arrow_rows, frame_of, write_small
from billflow.lake.staging import Staging
from billflow.lake.storage import Storage
from billflow.settings import Settings

Row = dict[str, Any]


@dataclass(frozen=True)
class CorrectRun:
    """One correction on its way into the lake, to follow the newest confirmation of manifest `base`."""

    spark: SparkSession
    storage: Storage
    settings: Settings
    base: Manifest
    made: Corrected
    catalog_texts: Mapping[str, str]
    reason: str

    @cached_property
    def run_id(self) -> str:
        """A new one each time: what was staged by a correction that failed is not gone on with."""
        return str(uuid4())

    @cached_property
    def key(self) -> str:
        """`c01|2026-05#1`."""
        return next_key(self.base, self.made.case.key)

    @cached_property
    def _catalog(self) -> Catalog:
        return parse_catalog(self.catalog_texts, where="catalog")

    def publish(self) -> list[Row]:
        """Numbers, renders, checks and publishes; INVOICES of the reversal and of the new bill, if there is one.

        CheckFailedError when a document cannot be rendered or a check fails, ConflictError when another bill was
        confirmed or corrected meanwhile: nothing is published then.
        """
        wrong = self.made.disagreements(self._catalog, self.settings)
        if wrong:
            raise _defect(f"the new bill is not what its prices and usage give: {wrong[0]}", self.key)
        invoices = self._numbered()
        documents, template = self._documents(invoices)
        staging = Staging.begin(self.storage, self.run_id, self.key)
        try:
            self._publish(staging, self._tables(invoices, documents), template)
        finally:
            with suppress(PassingError):  # all is published, or nothing will be
                finish(self.storage, self.run_id)
        return invoices

    def _numbered(self) -> list[Row]:
        drafts = frame_of(self.spark, "invoices", arrow_rows("invoices", [bill.invoice for bill in self.made.bills]))
        ordered = numbering.in_order(drafts, 1).localCheckpoint()
        found = numbering.numbered(ordered, self.base.series, self.settings.numbering).collect()
        given = {row["invoice_id"]: row.asDict() for row in found}
        return [given[bill.invoice["invoice_id"]] for bill in self.made.bills]

    def _documents(self, invoices: Sequence[Row]) -> tuple[list[Row], str]:
        """DOCUMENTS, and the fingerprint of the templates."""
        template_set = templates.find_templates(self.settings.templates)
        renderer = rendering.Renderer(template_set, self.settings.documents)
        made = [_rendered(renderer, row.asDict()) for row in self._payloads(invoices).collect()]
        return made, template_set.fingerprint

    def _payloads(self, invoices: Sequence[Row]) -> DataFrame:
        takes_back = F.col("invoice_id") == self.made.reversal.invoice["invoice_id"]
        notes = {
            "correction": F.when(takes_back, "takes_back").otherwise("replaces"),
            "corrects_number": F.lit(self.made.case.published.invoice["invoice_number"]),
            "correction_reason": F.lit(self.reason),
        }
        frames = {table: frame_of(self.spark, table, rows) for table, rows in self._tables(invoices, []).items()}
        shown = {**frames, "invoices": frames["invoices"].withColumns(notes), "usage_history": self._history(frames)}
        return payload.payloads_of_bills(shown, self.settings, self._catalog)

    def _history(self, frames: Mapping[str, DataFrame]) -> DataFrame:
        """USAGE_HISTORY of the bill: earlier months as it showed them, its own as it is billed now."""
        month = self.made.case.published.invoice["month"]
        runs = self.base.partitions[self.made.case.key].tables.get("usage_history", ())
        shown = tables.read_runs(self.spark, self.storage, runs, schemas.USAGE_HISTORY)
        earlier = shown.join(frames["accounts"].select("system", "account_id"), ["system", "account_id"], "left_semi")
        own = history.usage_history({month: frames["usage"]}, frames["accounts"], self._catalog)
        return earlier.where(F.col("usage_month") != month).select(*own.columns).unionByName(own)

    def _tables(self, invoices: Sequence[Row], documents: Sequence[Row]) -> dict[str, pa.Table]:
        """The bills, and what the new one was billed from."""
        rows = {
            "invoices": invoices,
            "invoice_lines": _lines(self.made.bills),
            "invoice_taxes": _taxes(self.made.bills),
            "documents": sorted(documents, key=lambda row: str(row["invoice_id"])),
        }
        bills = {table: arrow_rows(table, listed) for table, listed in rows.items()}
        return bills | {table: self.made.case.family.tables[table] for table in TABLES}

    def _publish(self, staging: Staging, tables: Mapping[str, pa.Table], template: str) -> None:
        staged = {table: write_small(self.storage, staging.place(table), table, rows) for table, rows in tables.items()}
        placed = {table: run.model_copy(update={"path": self._folder(table)}) for table, run in staged.items()}
        correcting = Correcting(
            self.storage,
            self.base,
            self.key,
            self._partition(placed),
            self.made.case.published.partition,
            staged,
            patterns=self.settings.numbering.patterns,
            template=template,
        )
        problems = correcting.problems()
        if problems:
            raise _defect(problems[0], self.key)
        moves = {run.path: placed[table].path for table, run in staged.items()}
        publication = Publication(self.run_id, self.key, correcting.sealed(), replaces=None)
        publish(self.storage, moves, publication, self.settings.retention)

    def _folder(self, table: str) -> str:
        cycle, _, month = partition_of(self.key).partition("|")
        return run_folder(table, self.run_id, (cycle, month))

    def _partition(self, placed: Mapping[str, TableRun]) -> PublishedPartition:
        made, case = self.made, self.made.case
        invoiced = int(made.replacement is not None)
        totals = {
            currency: {name: f"{value:f}" for name, value in sums.items()} for currency, sums in made.totals().items()
        }
        return PublishedPartition(
            run_id=self.run_id,
            status="confirmed",
            period_start=case.period.start.isoformat(),
            period_end=case.period.end.isoformat(),
            counts=AccountCounts(accounts=1, invoiced=invoiced, without_lines=1 - invoiced, held=0),
            totals=totals,
            tables={table: (run,) for table, run in placed.items()},
            fingerprint=case.ingest.fingerprint,
            catalog=keep_catalog(self.storage, self.catalog_texts),
            code_version=code_version(),
            late_after=self.base.confirmations,
            correction=self._correction(),
        )

    def _correction(self) -> Correction:
        made, invoice = self.made, self.made.case.published.invoice
        return Correction(
            invoice=invoice["invoice_id"],
            number=invoice["invoice_number"],
            reversal=made.reversal.invoice["invoice_id"],
            replacement=made.replacement.invoice["invoice_id"] if made.replacement else "",
            reason=self.reason,
            system=invoice["system"],
            account=invoice["account_id"],
            takes_ahead=made.takes_ahead,
        )


def _defect(what: str, key: str) -> CheckFailedError:
    return CheckFailedError(what, where=key, remedy="this is a defect of billflow: keep the lake and report it")


def _lines(bills: Sequence[Bill]) -> list[Row]:
    return [line for bill in bills for line in bill.lines]


def _taxes(bills: Sequence[Bill]) -> list[Row]:
    return [tax for bill in bills for tax in bill.taxes]


def _rendered(renderer: rendering.Renderer, row: Row) -> Row:
    """A row of DOCUMENTS. CheckFailedError when it cannot be rendered: a number without its document would be a gap."""
    made = rendering.rendered_document(row["payload"], renderer)
    if made.get("error"):
        raise CheckFailedError(
            f"invoice {row['invoice_id']} cannot be rendered: {made['error']}",
            where="templates",
            remedy="mend the template or the row, then correct it again",
        )
    return {**row, **made}
