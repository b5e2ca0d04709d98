"""What a published period was billed from, and what it billed, read from the lake."""

from dataclasses import dataclass

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
        lines = tables.read_standing(self.spark, self.storage, before)
        return lines.where(lines["difference_of"].isNull())

    def billed_elsewhere(self) -> DataFrame | None:
        """Final bills of other cycles (INVOICES) for days of the month; None when there are none."""
        found = self.month.elsewhere
        return tables.read_runs(self.spark, self.storage, found, schemas.INVOICES) if found else None

    def read(self, table: str, schema: StructType) -> DataFrame:
        """A table of the month; no rows when nothing is named for it."""
        return tables.read_runs(self.spark, self.storage, self._runs(table), schema)

    def _runs(self, table: str) -> tuple[TableRun, ...]:
        return self.month.partition.tables.get(table, ())
