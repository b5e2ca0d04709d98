"""What a published period was billed from, and what it billed, read from the lake."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from billflow.insights.months import PublishedMonth
from billflow.lake import schemas, tables
from billflow.lake.manifest import TableRun
from billflow.lake.storage import Storage


@dataclass(frozen=True)
class BilledTables:
    """The tables that a published month names, in the layout that they were written with."""

    spark: SparkSession
    storage: Storage
    month: PublishedMonth

    @property
    def buckets(self) -> int:
        """Into how many buckets by account the canonical tables are laid out."""
        return self.month.partition.tables["accounts"][0].buckets

    def accounts(self) -> DataFrame:
        """The accounts of the cycle."""
        everyone = self.read("accounts", schemas.ACCOUNTS)
        return everyone.where(everyone["cycle"] == self.month.cycle)

    def subscriptions(self) -> DataFrame:
        """All subscriptions, of other cycles too."""
        return self.read("subscriptions", schemas.SUBSCRIPTIONS)

    def adjustments(self) -> DataFrame | None:
        """The adjustments of the month; None when there are none."""
        return self.read("adjustments", schemas.ADJUSTMENTS) if self._runs("adjustments") else None

    def late_lines(self) -> DataFrame | None:
        """The differences of other months that went on the month's bills; None when there are none."""
        if not self.month.partition.late_months:
            return None
        lines = self.read("invoice_lines", schemas.INVOICE_LINES)
        return lines.where(lines["difference_of"].isNotNull())

    def billed_ahead(self) -> DataFrame | None:
        """The bills before, of which days of this month may come back; None when they were not made here."""
        before = self.month.before
        if not before.runs:
            return None
        lines = reduce(DataFrame.unionByName, [self._read(run, schemas.INVOICE_LINES) for run in before.runs])
        own = lines.where(lines["difference_of"].isNull())
        return own.where(~own["invoice_id"].isin(*before.left_out)) if before.left_out else own

    def read(self, table: str, schema: StructType) -> DataFrame:
        """A table of the month; no rows when nothing is named for it."""
        read = [self._read(run, schema) for run in self._runs(table)]
        return reduce(DataFrame.unionByName, read) if read else tables.empty(self.spark, schema)

    def _runs(self, table: str) -> tuple[TableRun, ...]:
        return self.month.partition.tables.get(table, ())

    def _read(self, run: TableRun, schema: StructType) -> DataFrame:
        place = self.storage.uri(run.path)
        if run.buckets:
            return tables.read_bucketed(self.spark, place, schema, run.buckets)
        return tables.read_plain(self.spark, place, schema)
