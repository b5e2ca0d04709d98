"""Usage that came late for confirmed months: which accounts it concerns, and their months rated again.

A month is a `ConfirmedMonth`: what it was billed from, as the manifest keeps it. What is found is staged by month, and
the steps that follow read it there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from billflow.billing import differences, holds, taxes, usage
from billflow.billing.period import PeriodBilling
from billflow.billing.pricebook import Pricebook
from billflow.billing.whole_bills import has_hierarchies
from billflow.catalog import parse_catalog
from billflow.errors import UsageError
from billflow.lake import schemas, tables
from billflow.lake.catalogs import kept_catalog
from billflow.lake.manifest import PublishedPartition, TableRun
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.partitions import Partition

NOTE = "late_usage"
UNRATED = "late_unrated"
"""Staged table: late events that no bill shows, with the reason."""

LATE = "late"
"""Rule beside `unrated` of an event that came late."""

UNKNOWN = "it came late, and its subscription was not known when the month was confirmed; it counts"


@dataclass(frozen=True)
class ConfirmedMonth:
    """An earlier month of the run's cycle whose bills are final."""

    run: BillRun
    partition: Partition
    published: PublishedPartition

    @cached_property
    def pricebook(self) -> Pricebook:
        """Its own prices and days. UsageError when its cycle's periods have begun on another day then."""
        period = self.partition.period(self.run.settings)
        if period.start.isoformat() != self.published.period_start:
            raise UsageError(
                f"{self.partition.key} is confirmed as of {self.published.period_start}, but by its cycle it begins on "
                f"{period.start}: usage that came late cannot be told from usage that was moved",
                where=f"cycles.{self.partition.cycle}.day",
                remedy="give the cycle its day back, and make a new cycle for the other day",
            )
        catalog = parse_catalog(kept_catalog(self.run.storage, self.published.catalog), where="catalog")
        return Pricebook(catalog, self.run.settings, period)

    def table(self, name: str, schema: StructType) -> DataFrame:
        """A table that it was billed from, or its own."""
        return _published(self.run, self.published.tables.get(name, ()), schema)

    def accounts(self) -> DataFrame:
        """The accounts of the cycle, as they were."""
        everyone = self.table("accounts", schemas.ACCOUNTS)
        return everyone.where(everyone["cycle"] == self.partition.cycle)

    def lines(self) -> DataFrame:
        """The lines of its own bills that are of that month."""
        return self.table("invoice_lines", schemas.INVOICE_LINES).where(differences.is_own())

    def corrections(self) -> DataFrame:
        """Lines of other confirmed bills that correct the month, and the POSITION of their confirmation."""
        found = [
            _published(self.run, one.tables["invoice_lines"], schemas.INVOICE_LINES)
            .where(F.col("difference_of") == self.partition.month)
            .withColumn(differences.POSITION, F.lit(one.confirmation.position))
            for one in _confirmed(self.run).values()
            if one.confirmation and self.partition.month in one.late_months
        ]
        none = tables.empty(self.run.spark, schemas.INVOICE_LINES).withColumn(differences.POSITION, F.lit(0))
        return reduce(DataFrame.unionByName, found, none)

    def usage_now(self) -> DataFrame:
        """Its usage by the run's ingestion; of accounts that are not of the cycle any more, as it was billed."""
        known = self.run.accounts().select(*holds.ACCOUNT)
        gone = self.table("usage", schemas.USAGE).join(known, holds.ACCOUNT, "left_anti")
        return self.run.usage_of(self.partition.key).unionByName(gone)

    def staged(self, what: str) -> str:
        """Where its lines are staged: `rated` again, or `differences`."""
        return f"late/{self.partition.month}/{what}"


def _published(run: BillRun, found: tuple[TableRun, ...], schema: StructType) -> DataFrame:
    frames = [
        tables.read_bucketed(run.spark, run.storage.uri(one.path), schema, one.buckets)
        if one.buckets
        else tables.read_plain(run.spark, run.storage.uri(one.path), schema)
        for one in found
    ]
    return reduce(DataFrame.unionByName, frames) if frames else tables.empty(run.spark, schema)


def _confirmed(run: BillRun) -> dict[str, PublishedPartition]:
    """The confirmed partitions of the run's cycle when it began."""
    cycle = run.partition.cycle
    found = run.staging.base().partitions.items()
    return {key: one for key, one in found if one.is_confirmed and Partition.of(key).cycle == cycle}


def months_to_compare(run: BillRun) -> list[ConfirmedMonth]:
    """Confirmed months before the run's own with other usage tables than they were billed from, in order.

    A month of which the sources deliver nothing any more is left as it was billed.
    """
    earlier = {key: one for key, one in _confirmed(run).items() if Partition.of(key).month < run.partition.month}
    return [
        ConfirmedMonth(run, Partition.of(key), one)
        for key, one in sorted(earlier.items())
        if key in run.ingest.usage
        and {table.path for table in one.tables.get("usage", ())} != {run.ingest.usage[key].path}
    ]


def rate_again(run: BillRun) -> dict[str, dict[str, int]]:
    """Stages what late usage makes of the confirmed months; month → what was found. Months without any are left out."""
    found: dict[str, dict[str, int]] = {}
    unrated = []
    for month in months_to_compare(run):
        changed = _changed(month).persist(StorageLevel.DISK_ONLY)
        if not changed.isEmpty():
            lines, events = _stage(month, changed)
            unrated.append(events)
            found[month.partition.month] = {"accounts": changed.count(), "lines": lines}
        changed.unpersist()
    if unrated:
        run.stage_few(UNRATED, reduce(DataFrame.unionByName, unrated), schemas.UNRATED)
    run.staging.note(NOTE, {"months": found, "after": run.staging.base().confirmations})
    return found


def _changed(month: ConfirmedMonth) -> DataFrame:
    """Accounts of the cycle, then or now, with other usage than was billed."""
    now, billed = month.run.usage_of(month.partition.key), month.table("usage", schemas.USAGE)
    known = month.run.accounts().select(*holds.ACCOUNT)
    return differences.changed_accounts(billed, now).join(known, holds.ACCOUNT, "left_semi")


def _stage(month: ConfirmedMonth, changed: DataFrame) -> tuple[int, DataFrame]:
    """Rates the bills of changed accounts again: how many lines of difference there are, and events on no bill."""
    run, accounts = month.run, month.accounts()
    family = differences.families(changed, accounts, month.table("held", schemas.HELD)).persist(StorageLevel.DISK_ONLY)
    here = family.select(*holds.ACCOUNT)
    subscriptions = month.table("subscriptions", schemas.SUBSCRIPTIONS)
    events = differences.served(month.usage_now().join(here, holds.ACCOUNT, "left_semi"), subscriptions).persist(
        StorageLevel.DISK_ONLY
    )
    billing = PeriodBilling(
        month.pricebook,
        month.partition.placed,
        accounts=family,
        subscriptions=subscriptions,
        usage=events.where(F.col("subscription_start").isNotNull()),
        adjustments=_adjustments(month, here),
        billed_ahead=run.billed_ahead(month.pricebook),
        hierarchies=has_hierarchies(family),
    )
    # Each step is written before the next one is planned: as one query, planning it takes minutes.
    billing.held_before = run.stage_few(month.staged("held"), billing.held_before, schemas.HELD)
    billing.groups = billing.groups.persist(StorageLevel.DISK_ONLY)
    billing.rated = run.stage(month.staged("charges"), billing.rated, schemas.CHARGES)
    lines = _stage_lines(month, billing)
    unknown = events.where(F.col("subscription_start").isNull()).unionByName(_of_nobody(month, changed))
    unrated = run.stage_few(month.staged("unrated"), _unrated(month, billing, unknown), schemas.UNRATED)
    for kept in (billing.groups, events, family):
        kept.unpersist()
    return lines, unrated


def _adjustments(month: ConfirmedMonth, accounts: DataFrame) -> DataFrame | None:
    if not month.published.tables.get("adjustments"):
        return None
    return month.table("adjustments", schemas.ADJUSTMENTS).join(accounts, holds.ACCOUNT, "left_semi")


def _stage_lines(month: ConfirmedMonth, billing: PeriodBilling) -> int:
    """Stages the bills rated again and their differences; how many lines these have."""
    run = month.run
    placed = {"cycle": month.partition.cycle, "month": month.partition.month, "difference_of": month.partition.month}
    columns = {name: F.lit(value) for name, value in placed.items()}
    again = billing.priced.withColumns({**columns, "invoice_id": F.lit(None).cast("string")})
    rated = run.stage(month.staged("rated"), tables.by_account(again, run.buckets), schemas.INVOICE_LINES)
    tops = holds.without(billing.accounts, billing.held_before).select("system", F.col("invoiced_account_id"))
    bills = tops.withColumnRenamed("invoiced_account_id", "account_id").distinct()
    own, corrections = (of.join(bills, holds.ACCOUNT, "left_semi") for of in (month.lines(), month.corrections()))
    found = differences.differences(differences.billed_so_far(own, corrections), rated, month.partition.month)
    laid_out = tables.by_account(found, run.buckets)
    return run.stage(month.staged("differences"), laid_out, schemas.INVOICE_LINES).count()


def _of_nobody(month: ConfirmedMonth, changed: DataFrame) -> DataFrame:
    """Usage of accounts that nobody knew when the month was confirmed, without `subscription_start`."""
    then = month.table("accounts", schemas.ACCOUNTS).select(*holds.ACCOUNT)
    new = changed.join(then, holds.ACCOUNT, "left_anti")
    events = month.run.usage_of(month.partition.key).join(new, holds.ACCOUNT, "left_semi")
    return events.withColumn("subscription_start", F.lit(None).cast("date"))


def _unrated(month: ConfirmedMonth, billing: PeriodBilling, unknown: DataFrame) -> DataFrame:
    """UNRATED: late events that are on no bill, and in no quarantine of a confirmed one yet."""
    judged = usage.in_groups(billing.usage, billing.unrated, month.pricebook)
    unpriced = F.concat(F.lit("it came late, and "), F.col("cause"), F.lit(" "), F.col("metric"))
    found = judged.withColumn("reason", unpriced).select(*schemas.USAGE.names, "reason")
    nobody = unknown.withColumn("reason", F.concat(F.lit(UNKNOWN + " "), F.col("metric")))
    late = found.unionByName(nobody).join(_told(month), ["source", "usage_id"], "left_anti")
    event = ["system", "usage_id", "_content"]
    billed = month.table("usage", schemas.USAGE).withColumn("_content", differences.event_hash()).select(*event)
    marked = late.withColumn("_content", differences.event_hash())
    return marked.join(billed, event, "left_anti").select(
        "source",
        F.lit("usage").alias("table"),
        F.col("usage_id").alias("key"),
        F.array(F.lit("unrated"), F.lit(LATE)).alias("rules"),
        F.concat(F.lit(f"{month.partition.month} is confirmed: "), F.col("reason")).alias("reason"),
        F.to_json(F.struct(*[name for name in schemas.USAGE.names if name != "source"])).alias("row"),
        F.lit(month.run.partition.cycle).alias("cycle"),
        F.lit(month.run.partition.month).alias("month"),
        F.lit(month.run.root).alias("run_id"),
        F.lit(None).cast("string").alias("file"),
        "quantity",
    )


def _told(month: ConfirmedMonth) -> DataFrame:
    """source, usage_id of late events that confirmed bills of the cycle have in quarantine."""
    runs = tuple(table for one in _confirmed(month.run).values() for table in one.tables.get("quarantine", ()))
    rows = _published(month.run, runs, schemas.QUARANTINE).where(F.array_contains("rules", LATE))
    return rows.select("source", F.col("key").alias("usage_id"))


def late_months(run: BillRun) -> list[ConfirmedMonth]:
    """The confirmed months with late usage, as the step before has found them."""
    confirmed = _confirmed(run)
    keys = [Partition(run.partition.cycle, month) for month in run.staging.noted(NOTE)["months"]]
    return [ConfirmedMonth(run, partition, confirmed[partition.key]) for partition in keys]


def late_lines(run: BillRun) -> DataFrame | None:
    """The differences of all months, of accounts whose bill goes out; those of others wait. None without any."""
    return _billable(run, "differences")


def _billable(run: BillRun, what: str) -> DataFrame | None:
    frames = [run.staged(month.staged(what), schemas.INVOICE_LINES) for month in late_months(run)]
    if not frames:
        return None
    here = run.accounts().select(*holds.ACCOUNT)
    held = tables.read_plain(run.spark, run.staging.uri("held"), schemas.HELD)
    return holds.without(reduce(DataFrame.unionByName, frames).join(here, holds.ACCOUNT, "left_semi"), held)


def reasons(run: BillRun) -> Column:
    """Why no tax is due, as `billing.taxes.reasons`; of a line of another month as its own catalogue says it."""
    others = [
        F.when(F.col("difference_of") == month.partition.month, taxes.reasons(month.pricebook))
        for month in late_months(run)
    ]
    return F.coalesce(*others, taxes.reasons(run.pricebook))


def unsettled(run: BillRun) -> Iterator[DataFrame]:
    """For each month what `billing.differences.unsettled` finds, of the bills that go out."""
    made = run.staged("invoice_lines", schemas.INVOICE_LINES)
    late_held = tables.read_plain(run.spark, run.staging.uri("held_late"), schemas.HELD)
    rated, found = _billable(run, "rated"), _billable(run, "differences")
    if rated is None or found is None:
        return
    for month in late_months(run):
        is_of_month = F.col("difference_of") == month.partition.month
        of_month, made_now = holds.without(rated.where(is_of_month), late_held), made.where(is_of_month)
        differing = holds.without(found.where(is_of_month), late_held)
        bills = of_month.unionByName(differing).select(*holds.ACCOUNT).distinct()
        before = month.lines().unionByName(month.corrections().drop(differences.POSITION))
        counted = before.join(bills, holds.ACCOUNT, "left_semi").unionByName(made_now)
        yield differences.unsettled(counted, of_month)
