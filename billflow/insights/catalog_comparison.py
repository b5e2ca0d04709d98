"""A shadow run: a published month priced again, as a whole, under another catalogue, and what that would change.

The month's own accounts, subscriptions, usage and adjustments are billed in memory (`billflow.billing.period`); nothing
is written. What ingestion put in quarantine stays there: usage of a metric, or subscriptions to a plan, that only the
draft knows are not in the month's tables.

Late usage of other months that was billed with it is of those months' prices: both sides have it alike.

Differences are after minus before. Plans and charges are compared by their nets, customers by what they have to pay.
"""

from functools import cached_property

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing import holds, usage
from billflow.billing.period import PeriodBilling
from billflow.billing.pricebook import Pricebook
from billflow.billing.whole_bills import has_hierarchies
from billflow.catalog import Catalog
from billflow.insights.billed_tables import BilledTables
from billflow.insights.draft_holds import without_plan
from billflow.insights.listing import Listing
from billflow.lake import schemas
from billflow.lake.schemas import MONEY
from billflow.settings import Settings

ACCOUNT = ["account_id", "system"]
CUSTOMER = ("system", "account_id", "currency", "before", "after", "difference", "change", "note")
"""Columns of `CatalogComparison.customers`."""
UP, DOWN, UNCHANGED, NEWLY_HELD, RELEASED = "up", "down", "unchanged", "newly held", "no longer held"
"""What changes for a customer who has a bill before or after."""

_SUMMED = ("net", "total")


class CatalogComparison:
    """Nothing is computed before a table is asked for; what several of them need is then kept on disk until `close`."""

    def __init__(self, billed: BilledTables, catalog: Catalog, settings: Settings) -> None:
        """`catalog` is the draft."""
        self._billed, month = billed, billed.month
        self._on_disk: list[DataFrame] = []
        accounts, subscriptions = billed.accounts(), billed.subscriptions()
        hierarchies = has_hierarchies(accounts)
        found = without_plan(accounts, subscriptions, sorted(catalog.plans), month.period, hierarchies=hierarchies)
        self._planless = self._kept(holds.one_reason_each(found, month.cycle, month.period.month, ""))
        self._billing = PeriodBilling(
            Pricebook(catalog, settings, month.period),
            (month.cycle, month.period.month),
            accounts=holds.without(accounts, self._planless),
            subscriptions=subscriptions,
            usage=holds.without(billed.read("usage", schemas.USAGE), self._planless),
            adjustments=billed.adjustments(),
            billed_ahead=billed.billed_ahead(),
            billed_elsewhere=billed.billed_elsewhere(),
            late=self._billable(billed.late_lines()),
            hierarchies=hierarchies,
            buckets=billed.buckets,
        )
        self._kept(self._billing.groups)
        self._billing.in_steps()
        self._kept(self._billing.priced)

    def _billable(self, lines: DataFrame | None) -> DataFrame | None:
        return None if lines is None else holds.without(lines, self._planless)

    @cached_property
    def _held_before(self) -> DataFrame:
        return self._billed.read("held", schemas.HELD)

    @cached_property
    def _held_after(self) -> DataFrame:
        billing = self._billing
        return self._kept(self._planless.unionByName(billing.held_before).unionByName(billing.held_late))

    @cached_property
    def customers(self) -> DataFrame:
        """CUSTOMER of everyone who has a bill before or after: what they have to pay, and how that changes."""
        before = _bills(self._billed.read("invoices", schemas.INVOICES), "before")
        bills = before.join(_bills(self._billing.invoices, "after"), [*ACCOUNT, "currency"], "full")
        sums = {f"{name}_{side}": _or_zero(f"{name}_{side}") for name in _SUMMED for side in ("before", "after")}
        held = {"_was_held": self._held_before, "_is_held": self._held_after}
        for name, rows in held.items():
            bills = bills.join(rows.select(*ACCOUNT, F.col("reason").alias(name)), ACCOUNT, "left")
        difference = (F.col("total_after") - F.col("total_before")).cast(MONEY)
        known = bills.withColumns(sums).withColumn("difference", difference)
        return self._kept(known.withColumns({"change": _change(), "note": F.coalesce("_is_held", "_was_held")}))

    def totals(self) -> Listing:
        """A row a currency: what all customers have to pay and its net, and how many of them it changes for.

        `difference_of_held` is the part of `difference` that comes from bills held only before or only after.
        """
        of_held = F.when(F.col("change").isin(NEWLY_HELD, RELEASED), F.col("difference"))
        counted = [F.count_if(F.col("change") == change).alias(change.replace(" ", "_")) for change in _COUNTED]
        sums = self.customers.groupBy("currency").agg(
            _sum(F.col("total_before"), "before"),
            _sum(F.col("total_after"), "after"),
            _sum(F.col("difference"), "difference"),
            _sum(of_held, "difference_of_held"),
            _sum(F.col("net_before"), "net_before"),
            _sum(F.col("net_after"), "net_after"),
            *counted,
        )
        return _listed(sums.withColumn("percent", _percent()).orderBy("currency"))

    def holds(self, limit: int) -> Listing:
        """Accounts that only one of the catalogues cannot bill, by rule: how many, one of them, and why."""
        newly = self._held_after.join(self._held_before.select(*ACCOUNT), ACCOUNT, "left_anti")
        released = self._held_before.join(self._held_after.select(*ACCOUNT), ACCOUNT, "left_anti")
        kinds = newly.withColumn("change", F.lit(NEWLY_HELD)).unionByName(
            released.withColumn("change", F.lit(RELEASED))
        )
        first = F.min(F.struct("account_id", "reason"))
        counted = kinds.groupBy("change", "rule").agg(F.count(F.lit(1)).alias("accounts"), first.alias("_first"))
        shown = counted.select(
            "change", "rule", "accounts", F.col("_first.account_id").alias("such_as"), "_first.reason"
        )
        return _listed(shown.orderBy("change", F.desc("accounts"), "rule").limit(limit))

    def unrated(self, limit: int) -> Listing:
        """Usage that only one of the catalogues has no price for, by metric and cause: events and quantity."""
        billing = self._billing
        events = usage.in_groups(billing.usage, billing.unrated, billing.pricebook)
        key = ["source", "usage_id"]
        after = events.select(*key, "metric", "quantity", F.col("cause"), F.lit(True).alias("_after"))
        before = self._unrated_before().withColumn("_before", F.lit(True))
        newly = after.join(before.select(*key), key, "left_anti").withColumn("change", F.lit("newly unrated"))
        priced = before.join(after.select(*key), key, "left_anti").withColumn("change", F.lit("no longer unrated"))
        columns = ["change", "metric", "quantity", "cause"]
        found = newly.select(columns).unionByName(priced.select(columns)).groupBy("change", "metric", "cause")
        counted = found.agg(F.count(F.lit(1)).alias("events"), F.sum("quantity").alias("quantity"))
        return _listed(counted.orderBy("change", F.desc("events"), "metric", "cause").limit(limit))

    def _unrated_before(self) -> DataFrame:
        """Events that the run could not rate, of accounts that the draft can bill."""
        rows = self._billed.read("quarantine", schemas.QUARANTINE)
        unrated = rows.where((F.col("table") == "usage") & F.array_contains("rules", "unrated"))
        texts = {name: F.get_json_object("row", f"$.{name}") for name in ("system", "account_id", "metric")}
        quantity = F.get_json_object("row", "$.quantity").cast(schemas.QUANTITY)
        read = unrated.withColumnRenamed("key", "usage_id").withColumns({**texts, "quantity": quantity})
        return holds.without(read.withColumn("cause", F.lit(None).cast("string")), self._held_after)

    def by(self, *names: str, limit: int) -> Listing:
        """Nets by columns of invoice_lines, such as plan and charge: the largest differences first."""
        before = _nets(self._billed.read("invoice_lines", schemas.INVOICE_LINES), names, "before")
        after = _nets(self._billing.lines, names, "after")
        same = [before[name].eqNullSafe(after[name]) for name in (*names, "currency")]
        keys = [F.coalesce(before[name], after[name]).alias(name) for name in (*names, "currency")]
        joined = before.join(after, same, "full").select(*keys, _or_zero("before"), _or_zero("after"))
        found = joined.withColumn("difference", (F.col("after") - F.col("before")).cast(MONEY))
        ordered = found.withColumn("percent", _percent()).orderBy(F.desc(F.abs("difference")), "currency", *names)
        return _listed(ordered.limit(limit))

    def by_customer(self, limit: int) -> Listing:
        """CUSTOMER of those for whom most changes."""
        changed = self.customers.where((F.col("difference") != 0) | F.col("change").isin(NEWLY_HELD, RELEASED))
        return _listed(customer_rows(changed).orderBy(F.desc(F.abs("difference")), "system", "account_id").limit(limit))

    def _kept(self, rows: DataFrame) -> DataFrame:
        self._on_disk.append(rows)
        return rows.persist(StorageLevel.DISK_ONLY)

    def close(self) -> None:
        """Forgets what was kept on disk."""
        for rows in self._on_disk:
            rows.unpersist()


_COUNTED = (UP, DOWN, UNCHANGED, NEWLY_HELD, RELEASED)


def _bills(invoices: DataFrame, side: str) -> DataFrame:
    sums = [_sum(F.col(name), f"{name}_{side}") for name in _SUMMED]
    return invoices.groupBy(*ACCOUNT, "currency").agg(*sums)


def _nets(lines: DataFrame, names: tuple[str, ...], side: str) -> DataFrame:
    return lines.groupBy(*names, "currency").agg(_sum(F.col("net"), side))


def _sum(amount: Column, name: str) -> Column:
    return F.coalesce(F.sum(amount), F.lit(0)).cast(MONEY).alias(name)


def _or_zero(name: str) -> Column:
    return F.coalesce(F.col(name), F.lit(0)).cast(MONEY).alias(name)


def _change() -> Column:
    is_held, was_held = F.col("_is_held").isNotNull(), F.col("_was_held").isNotNull()
    return (
        F.when(is_held & ~was_held, NEWLY_HELD)
        .when(was_held & ~is_held, RELEASED)
        .when(F.col("difference") > 0, UP)
        .when(F.col("difference") < 0, DOWN)
        .otherwise(UNCHANGED)
    )


def _percent() -> Column:
    """The difference in per cent of what was before, to a hundredth; NULL where there was nothing."""
    share = F.try_divide((F.col("after") - F.col("before")).cast("decimal(30,4)") * 100, F.col("before"))
    return F.round(share, 2).cast("decimal(18,2)")


def customer_rows(customers: DataFrame) -> DataFrame:
    """CUSTOMER of `CatalogComparison.customers`."""
    return customers.withColumnsRenamed({"total_before": "before", "total_after": "after"}).select(*CUSTOMER)


def _listed(rows: DataFrame) -> Listing:
    """Rows of a result that was summed up or limited before."""
    return Listing(tuple(rows.columns), tuple(tuple(row) for row in rows.collect()))
