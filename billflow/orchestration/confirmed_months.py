"""Months whose bills are final, and what each of their bills was made from.

Where a bill was corrected, that is what its newest correction was made from, under that one's catalogue. So a month may
stand here several times: as it was confirmed, without the accounts of corrected bills, and once for each catalogue that
bills of it were corrected under.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from billflow.billing import differences, holds
from billflow.billing.pricebook import Pricebook
from billflow.insights.months import confirmed_prices
from billflow.lake import schemas, tables
from billflow.lake.manifest import PublishedPartition, TableRun
from billflow.lake.other_cycles import bills_of_other_cycles
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.partitions import Partition


@dataclass(frozen=True)
class ConfirmedMonth:
    """Bills of an earlier month of the run's cycle that are final, all made under one catalogue."""

    run: BillRun
    partition: Partition
    made_from: tuple[PublishedPartition, ...]
    """The partition, or corrections of it."""
    left_out: tuple[PublishedPartition, ...] = ()
    """Of the partition as it was confirmed: the newest corrections, whose accounts are looked at on their own."""

    @property
    def is_corrected(self) -> bool:
        """Whether its bills are corrections."""
        return self.made_from[0].correction is not None

    @property
    def catalog(self) -> str:
        """The hash of the catalogue that it was billed with."""
        return self.made_from[0].catalog

    @property
    def name(self) -> str:
        """What tells it from other parts of the same month."""
        return f"{self.partition.month}-{self.catalog}" if self.is_corrected else self.partition.month

    @cached_property
    def pricebook(self) -> Pricebook:
        """Its own prices and days."""
        return confirmed_prices(self.run.storage, self.run.settings, self.partition.key, self.made_from[0])

    def table(self, name: str, schema: StructType) -> DataFrame:
        """A table that it was billed from; no rows when there was none."""
        runs = tuple(run for one in self.made_from for run in one.tables.get(name, ()))
        rows = published_rows(self.run, runs, schema)
        return self._without_left_out(rows) if self.left_out else rows

    def has(self, name: str) -> bool:
        """Whether there is such a table."""
        return any(one.tables.get(name) for one in self.made_from)

    def accounts(self) -> DataFrame:
        """The accounts of the cycle, as they were."""
        everyone = self.table("accounts", schemas.ACCOUNTS)
        return everyone.where(everyone["cycle"] == self.partition.cycle)

    def delivers(self, table: str) -> bool:
        """Whether the sources give any `usage`, or `adjustments`, of the month; what they do not is left as billed."""
        return self.partition.key in self.run.ingest.placed_tables()[table]

    def usage_now(self) -> DataFrame:
        """Usage of its accounts by the run's ingestion, and of accounts that nobody knew then."""
        if not self.delivers("usage"):
            return self.table("usage", schemas.USAGE)
        return self._of_its_bills(self.run.usage_of(self.partition.key))

    def adjustments_now(self) -> DataFrame:
        """The same of adjustments."""
        if not self.delivers("adjustments"):
            return self.table("adjustments", schemas.ADJUSTMENTS)
        return self._of_its_bills(self.run.adjustments_of(self.partition.key))

    def usage_to_bill(self) -> DataFrame:
        """The usage now, and of accounts that are not of the cycle any more what was billed."""
        return self._to_bill("usage", schemas.USAGE, self.usage_now())

    def adjustments_to_bill(self) -> DataFrame:
        """The same of adjustments."""
        return self._to_bill("adjustments", schemas.ADJUSTMENTS, self.adjustments_now())

    def _to_bill(self, table: str, schema: StructType, now: DataFrame) -> DataFrame:
        if not self.delivers(table):
            return now
        known = self.run.accounts().select(*holds.ACCOUNT)
        return now.unionByName(self.table(table, schema).join(known, holds.ACCOUNT, "left_anti"))

    def _of_its_bills(self, now: DataFrame) -> DataFrame:
        if self.is_corrected:
            return now.join(F.broadcast(_accounts_of(self.run, self.made_from)), holds.ACCOUNT, "left_semi")
        return self._without_left_out(now) if self.left_out else now

    def _without_left_out(self, rows: DataFrame) -> DataFrame:
        return rows.join(F.broadcast(_accounts_of(self.run, self.left_out)), holds.ACCOUNT, "left_anti")

    def lines(self) -> DataFrame:
        """The lines that the partition was confirmed with, of its own month: whether or not they still stand."""
        runs = confirmed(self.run)[self.partition.key].tables["invoice_lines"]
        return published_rows(self.run, runs, schemas.INVOICE_LINES).where(differences.is_own())

    def later_lines(self) -> DataFrame:
        """What was billed for the month since, and taken back, and the POSITION of its confirmation.

        Differences on other bills, and the bills of the month's corrections. A correction of another month's bill takes
        back the differences on it and has them again: it says nothing new, and is left out.
        """
        month, manifest = self.partition.month, self.run.staging.base()
        is_difference = F.col("difference_of") == month
        others = [one for one in confirmed(self.run).values() if month in one.late_months]
        own = manifest.corrections_of(self.partition.key).values()
        found = [_placed(self.run, one, is_difference) for one in others]
        found += [_placed(self.run, one, differences.is_own() | is_difference) for one in own]
        none = tables.empty(self.run.spark, schemas.INVOICE_LINES).withColumn(differences.POSITION, F.lit(0))
        return reduce(DataFrame.unionByName, found, none)

    def is_of_bills(self) -> Column:
        """Whether a line of the month is on the bill of an account that is looked at here; of corrections only."""
        made = [one.correction for one in self.made_from if one.correction]
        names = [f"{one.system}\n{one.account}" for one in made]
        return F.concat_ws("\n", "system", "account_id").isin(*names) if self.is_corrected else F.expr("true")

    def staged(self, what: str) -> str:
        """Where its lines are staged: `rated` again, or `differences`."""
        return f"late/{self.name}/{what}"


def confirmed(run: BillRun) -> dict[str, PublishedPartition]:
    """The confirmed partitions of the run's cycle when it began."""
    cycle = run.partition.cycle
    found = run.staging.base().partitions.items()
    return {key: one for key, one in found if one.is_confirmed and Partition.of(key).cycle == cycle}


def confirmed_months(run: BillRun) -> Iterator[ConfirmedMonth]:
    """All that is final of months before the run's own; of a month its corrections first."""
    for key, one in sorted(confirmed(run).items()):
        partition = Partition.of(key)
        if partition.month >= run.partition.month:
            continue
        newest = newest_corrections(run.staging.base().corrections_of(key).values())
        by_catalog: dict[str, list[PublishedPartition]] = defaultdict(list)
        for correction in newest:
            by_catalog[correction.catalog].append(correction)
        for _, group in sorted(by_catalog.items()):
            yield ConfirmedMonth(run, partition, tuple(group))
        yield ConfirmedMonth(run, partition, (one,), newest)


def newest_corrections(made: Iterable[PublishedPartition]) -> tuple[PublishedPartition, ...]:
    """Of each bill the newest of its corrections, which are given in order."""
    newest = {(one.correction.system, one.correction.account): one for one in made if one.correction}
    return tuple(newest.values())


def billed_in_other_cycles(run: BillRun) -> DataFrame | None:
    """system, account_id, cycle, month and period_end of final bills of other cycles for days of the run's period."""
    found = bills_of_other_cycles(run.staging.base(), run.partition.cycle, run.period.start, run.period.end)
    if not found:
        return None
    return published_rows(run, found, schemas.INVOICES).select(*holds.ACCOUNT, "cycle", "month", "period_end")


def published_rows(run: BillRun, found: tuple[TableRun, ...], schema: StructType) -> DataFrame:
    """The rows of folders; none where there is no folder."""
    return tables.read_runs(run.spark, run.storage, found, schema)


def _placed(run: BillRun, one: PublishedPartition, wanted: Column) -> DataFrame:
    position = one.confirmation.position if one.confirmation else 0
    lines = published_rows(run, one.tables["invoice_lines"], schemas.INVOICE_LINES)
    return lines.where(wanted).withColumn(differences.POSITION, F.lit(position))


def _accounts_of(run: BillRun, made: tuple[PublishedPartition, ...]) -> DataFrame:
    runs = tuple(table for one in made for table in one.tables["accounts"])
    return published_rows(run, runs, schemas.ACCOUNTS).select(*holds.ACCOUNT)
