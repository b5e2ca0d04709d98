"""What came late for confirmed months of one bill: the lines that go on its next one (PRICING §5).

A bill run finds them for all bills (`billflow.orchestration.late_usage`); here those of one are read without Spark, and
only months whose usage or adjustments are others than were billed are rated again.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.billing import differences
from billflow.billing.pricebook import Pricebook
from billflow.insights.family import TABLES, Families, Family, bills_before, ingested_tables, newest_ingestion
from billflow.insights.family_billing import billing_of
from billflow.insights.months import confirmed_prices, made_from
from billflow.insights.recomputed import Row
from billflow.lake import schemas
from billflow.lake.manifest import Manifest, PublishedPartition, TableRun
from billflow.lake.published import connect_to
from billflow.lake.small_tables import frame_of, kept_small
from billflow.lake.storage import Storage
from billflow.lake.tables import conformed
from billflow.settings import Settings

SAYS: Mapping[str, tuple[str, ...]] = {
    "usage": ("account_id", *differences.EVENT_SAYS),
    "adjustments": ("account_id", *differences.ADJUSTMENT_SAYS),
}
"""Tables by which a month is found to have been billed from less than there is now, and what makes a row another."""

_STEPS = ("held_before", "owed", "groups", "rated", "priced")
_LINES = "invoice_lines"

Billed = Sequence[tuple[int, pa.Table]]
"""INVOICE_LINES with the position of the confirmation that they went out with."""


@dataclass(frozen=True)
class LateBill:
    """The bill of a confirmed month whose accounts have other usage or adjustments now than it was billed from."""

    cycle: str
    pricebook: Pricebook
    """The prices and days that it was billed with."""
    family: Family
    """Its accounts as it was billed from them, but with the usage and adjustments that there are now."""
    own: pa.Table
    """The lines that the month was confirmed with."""
    later: Billed
    """What was billed for it since, and taken back."""

    @property
    def month(self) -> str:
        """As 2013-01."""
        return self.pricebook.period.month

    def differences(self, spark: SparkSession) -> list[Row]:
        """INVOICE_LINES of what it comes to now, less what was billed; none where it cannot be billed."""
        billing = billing_of(spark, self.family, self.pricebook, (self.cycle, self.month))
        known = differences.served(billing.usage, frame_of(spark, "subscriptions", self.family.tables["subscriptions"]))
        billing.usage = known.where(F.col("subscription_start").isNotNull())
        billing.in_steps(_STEPS, kept_small)
        if not billing.held_before.isEmpty():
            return []
        placed = {"cycle": self.cycle, "month": self.month, "difference_of": self.month, "invoice_id": None}
        again = billing.priced.withColumns({name: F.lit(value) for name, value in placed.items()})
        billed = differences.billed_so_far(frame_of(spark, _LINES, self.own), self._later(spark))
        found = differences.differences(billed, conformed(again, schemas.INVOICE_LINES), self.month)
        return [row.asDict() for row in found.collect()]

    def _later(self, spark: SparkSession) -> DataFrame:
        nothing = frame_of(spark, _LINES, self.own.slice(0, 0)).withColumn(differences.POSITION, F.lit(0))
        frames = [
            frame_of(spark, _LINES, lines).withColumn(differences.POSITION, F.lit(position))
            for position, lines in self.later
        ]
        return reduce(DataFrame.unionByName, frames, nothing)


class LateBills:
    """The confirmed months of a cycle, and what of them is late."""

    def __init__(self, storage: Storage, manifest: Manifest, settings: Settings, cycle: str) -> None:
        self._storage, self._manifest, self._settings, self._cycle = storage, manifest, settings, cycle
        self._ingest = newest_ingestion(manifest)
        self._confirmed = {
            key: one
            for key, one in sorted(manifest.partitions.items())
            if one.is_confirmed and key.partition("|")[0] == cycle
        }

    def of(self, system: str, invoiced: str, before: str) -> Iterator[LateBill]:
        """Those of an invoiced account, of months before one."""
        for key in self._confirmed:
            if key.partition("|")[2] >= before:
                continue
            made = made_from(self._manifest, key, system, invoiced)
            if not self._may_differ(key, made):
                continue
            billed = self._billed(key, made, system, invoiced)
            now = billed and self._now(key, billed)
            if billed and now and _differ(billed, now):
                yield self._late(key, made, now)

    def _may_differ(self, key: str, made: PublishedPartition) -> bool:
        """Whether what is delivered now is another table; what is delivered no more is left as it was billed."""
        now = self._ingest.placed_tables()
        return any(key in now[table] and (now[table][key],) != made.tables.get(table, ()) for table in SAYS)

    def _billed(self, key: str, made: PublishedPartition, system: str, invoiced: str) -> Family | None:
        """The accounts of the bill as it was made; None when there was none, or it was held."""
        period = self._settings.cycles[self._cycle].period(key.partition("|")[2])
        runs = {table: made.tables.get(table, ()) for table in (*TABLES, "held")}
        families = Families(self._storage, runs, bills_before(self._manifest, self._cycle, period))
        family = families.read(system, invoiced)
        cycles = {row["account_id"]: row["cycle"] for row in family.tables["accounts"].to_pylist()}
        if cycles.get(invoiced) != self._cycle or families.rows_of("held", system, family.members).num_rows:
            return None
        return family

    def _now(self, key: str, billed: Family) -> Family:
        """The same accounts with the usage and adjustments that are delivered now; those of accounts that have left the
        cycle stay as they were billed.
        """
        delivered = Families(self._storage, ingested_tables(self._ingest, key))
        accounts = delivered.rows_of("accounts", billed.system, billed.members).to_pylist()
        here = [row["account_id"] for row in accounts if row["cycle"] == self._cycle]
        tables = {
            table: pa.concat_tables(
                [delivered.rows_of(table, billed.system, billed.members), _of_others(billed.tables[table], here)]
            )
            for table in SAYS
            if key in self._ingest.placed_tables()[table]
        }
        return replace(billed, tables={**billed.tables, **tables})

    def _late(self, key: str, made: PublishedPartition, now: Family) -> LateBill:
        month = key.partition("|")[2]
        prices = confirmed_prices(self._storage, self._settings, key, made)
        own = self._lines(now, self._confirmed[key].tables[_LINES], "difference_of IS NULL")
        others = [(one, "difference_of = $3") for one in self._confirmed.values() if month in one.late_months]
        corrections = self._manifest.corrections_of(key).values()
        others += [(one, "(difference_of IS NULL OR difference_of = $3)") for one in corrections]
        later = [
            (one.confirmation.position, self._lines(now, one.tables[_LINES], condition, month))
            for one, condition in others
            if one.confirmation
        ]
        return LateBill(self._cycle, prices, now, own, later)

    def _lines(self, family: Family, runs: Sequence[TableRun], condition: str, *values: str) -> pa.Table:
        with connect_to(self._storage, {_LINES: runs}) as connection:
            sql = f"SELECT * FROM {_LINES} WHERE system = $1 AND account_id = $2 AND {condition}"
            return connection.sql(sql, params=[family.system, family.invoiced, *values]).to_arrow_table()


def _of_others(rows: pa.Table, accounts: Sequence[str]) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows.column("account_id"), value_set=pa.array(accounts, pa.string()))))


def _differ(billed: Family, now: Family) -> bool:
    return any(_said(billed, table) != _said(now, table) for table in SAYS)


def _said(family: Family, table: str) -> Counter[tuple[Any, ...]]:
    """What the rows of a table say, in no order."""
    rows = family.tables[table].select(SAYS[table]).to_pylist()
    return Counter(tuple(_plain(value) for value in row.values()) for row in rows)


def _plain(value: Any) -> Any:
    """A map of dimensions, which Arrow gives as a list, as something that can be counted."""
    return tuple(sorted(value)) if isinstance(value, list) else value
