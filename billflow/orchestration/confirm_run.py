"""What the steps of one confirmation share: the draft, what takes its tables' place, and where that is staged."""

from functools import cached_property
from math import ceil

from pyspark.sql import DataFrame

from billflow.lake import schemas, tables
from billflow.lake.catalogs import kept_catalog
from billflow.lake.confirming import Confirming, draft_of
from billflow.lake.manifest import PublishedPartition, TableRun, read_manifest
from billflow.orchestration.bill_run import BillRun

_INVOICES_A_RANGE = 250_000
"""Some hundred megabytes to sort in one task."""


class ConfirmRun(BillRun):
    """One step's view of a confirmation. Its catalogue is the one that the draft was billed with."""

    @cached_property
    def confirmed(self) -> PublishedPartition | None:
        """The partition when it is confirmed already, by this run or another one: nothing is to be done then."""
        published = read_manifest(self.storage).partitions.get(self.partition.key)
        return published if published is not None and published.is_confirmed else None

    @cached_property
    def draft(self) -> PublishedPartition:
        """What this run confirms: the partition as the run found it."""
        return draft_of(self.staging.base(), self.partition.key)

    @cached_property
    def catalog_texts(self) -> dict[str, str]:
        """catalog/*.yaml as they were when the drafts were made."""
        return kept_catalog(self.storage, self.draft.catalog)

    @cached_property
    def buckets(self) -> int:
        """Those of the draft's tables, which stay beside the new ones."""
        return self.draft.tables["invoices"][0].buckets

    @property
    def ranges(self) -> int:
        """Into how many ranges the invoices are sorted to be numbered."""
        cores = self.spark.sparkContext.defaultParallelism
        return max(cores, ceil(self.draft.counts.invoiced / _INVOICES_A_RANGE))

    def stage_ordered(self, rows: DataFrame) -> DataFrame:
        """Writes `rows` as they are sorted, and gives back what was written."""
        tables.write_plain(rows, self.staging.uri("ordered"))
        return tables.read_plain(self.spark, self.staging.uri("ordered"), rows.schema)

    def numbered(self) -> DataFrame:
        """The staged invoices with their numbers."""
        return self.staged("invoices", schemas.INVOICES)

    def confirming(self) -> Confirming:
        """The draft and what is staged in place of its tables."""
        noted = self.staging.noted("final")
        rows, buckets = noted["invoices"], self.buckets
        staged = {
            "invoices": TableRun(path=self.staging.place("invoices"), rows=rows, buckets=buckets),
            "documents": TableRun(path=self.staging.place("rendered"), rows=noted["documents"]),
        }
        placed = {table: run.model_copy(update={"path": self.run_folder(table)}) for table, run in staged.items()}
        return Confirming(
            self.storage,
            self.staging.base(),
            self.partition.key,
            self.root,
            staged,
            placed,
            patterns=self.staging.noted("patterns"),
            template=noted["template"],
        )
