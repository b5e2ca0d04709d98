"""What the steps of one bill run share: the partition, its prices, and where each table is staged."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import dagster as dg
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from billflow.billing.parts import FLAT
from billflow.billing.period import PeriodBilling
from billflow.billing.pricebook import Pricebook
from billflow.catalog import BillingPeriod, Catalog, parse_catalog
from billflow.lake import schemas, tables
from billflow.lake.catalogs import catalog_hash
from billflow.lake.healed import keep
from billflow.lake.healing import taken
from billflow.lake.manifest import Ingest, PublishedPartition, TableRun
from billflow.lake.publishing import run_folder
from billflow.lake.staging import Staging
from billflow.lake.standing import standing_lines
from billflow.lake.storage import Storage
from billflow.orchestration.healing import note_tried_again, shown
from billflow.orchestration.partitions import Partition
from billflow.orchestration.processes import PROCESS_TAG, in_this_process
from billflow.orchestration.project import Project
from billflow.settings import Settings
from billflow.sources.delivering import segment_folder
from billflow.sources.quarantine import UNPLACED


class BillRun:
    """One step's view of a bill run. `root` is the id of the run that was started first; retries keep it."""

    def __init__(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, project: Project) -> None:
        run = context.run
        self.root: str = run.root_run_id or run.run_id
        self.partition = Partition.of(str(run.tags["dagster/partition"]))
        self.project = project
        process = in_this_process(run.run_id)
        if run.tags.get(PROCESS_TAG) != process:  # started by the daemon, not by `billflow run`
            context.instance.add_run_tags(run.run_id, {PROCESS_TAG: process})
        note_tried_again(context)

    @cached_property
    def settings(self) -> Settings:
        """billflow.yaml."""
        return self.project.settings()

    @cached_property
    def catalog_texts(self) -> dict[str, str]:
        """catalog/*.yaml as the run found them when it began; what is edited meanwhile counts from the next run on."""
        return self.staging.noted("catalog")

    @cached_property
    def catalog(self) -> Catalog:
        """What those texts say."""
        return parse_catalog(self.catalog_texts, where="catalog")

    @cached_property
    def storage(self) -> Storage:
        """The lake."""
        return self.project.storage()

    @cached_property
    def spark(self) -> SparkSession:
        """The session; started here at the latest."""
        return self.project.spark()

    @cached_property
    def period(self) -> BillingPeriod:
        """The days that are billed."""
        return self.partition.period(self.settings)

    @cached_property
    def pricebook(self) -> Pricebook:
        """The prices of the period."""
        return Pricebook(self.catalog, self.settings, self.period)

    @cached_property
    def staging(self) -> Staging:
        """Where this run writes; `raw` has begun it."""
        staging = Staging(self.storage, self.root)
        staging.adopt()
        return staging

    @cached_property
    def buckets(self) -> int:
        """Into how many buckets this run's tables are laid out."""
        return int(self.staging.noted("ingest")["buckets"])

    @cached_property
    def ingest(self) -> Ingest:
        """The ingestion that this run bills: its own, or the newest published one when the sources are unchanged."""
        return Ingest.model_validate(self.staging.noted("ingestion"))

    def place_of(self, run: TableRun) -> str:
        """Where a table of the ingestion is now: still staged when this run made it."""
        staged = self.staged_ingest().get(run.path)
        return staged if staged and self.storage.exists(staged) else run.path

    def staged_ingest(self) -> dict[str, str]:
        """Final place → staged place of each table that this run ingested; empty when it reuses an ingestion."""
        if self.ingest.run_id != self.root:
            return {}
        ingest = self.ingest
        own = {segment_folder(name, self.root): name for name in ingest.raw}
        paths = [one.path for table in ingest.raw.values() for one in table.segments if one.path in own]
        moves = {path: self.staging.place(f"raw/{own[path]}") for path in paths}
        moves |= {run.path: self.staging.place(name) for name, run in ingest.whole_tables().items()}
        for table, runs in ingest.placed_tables().items():
            moves |= {run.path: self.staging.place(f"{table}/{_staged_at(table, key)}") for key, run in runs.items()}
        return moves

    def accounts(self) -> DataFrame:
        """The accounts of the cycle."""
        everyone = self._bucketed(self.ingest.accounts, schemas.ACCOUNTS)
        return everyone.where(everyone["cycle"] == self.partition.cycle)

    def subscriptions(self) -> DataFrame:
        """The subscriptions of the cycle's accounts."""
        return self._of_cycle(self.ingest.subscriptions, schemas.SUBSCRIPTIONS)

    def bills(self) -> DataFrame:
        """Lines of bills of other systems, of the cycle's accounts."""
        return self._of_cycle(self.ingest.bills, schemas.BILLS)

    def payments(self) -> DataFrame:
        """Payments of the cycle's accounts."""
        return self._of_cycle(self.ingest.payments, schemas.PAYMENTS)

    def all_bills(self) -> DataFrame:
        """Lines of bills of other systems, of all accounts: a customer's other accounts may be in other cycles."""
        return self._bucketed(self.ingest.bills, schemas.BILLS)

    def customer_accounts(self) -> DataFrame:
        """Which customer each account is of."""
        return self._bucketed(self.ingest.customer_accounts, schemas.CUSTOMER_ACCOUNTS)

    def _of_cycle(self, run: TableRun | None, schema: StructType) -> DataFrame:
        everyone = self._bucketed(run, schema)
        return everyone.join(self.accounts().select("system", "account_id"), ["account_id", "system"], "left_semi")

    def usage(self) -> DataFrame:
        """The usage of the partition."""
        return self.usage_of(self.partition.key)

    def held(self) -> DataFrame:
        """HELD, before anything is priced; where nobody is, so that Spark sees it, and reads nothing to join it."""
        found = tables.read_plain(self.spark, self.staging.uri("held"), schemas.HELD)
        return tables.empty(self.spark, schemas.HELD) if found.isEmpty() else found

    def usage_of_held(self) -> DataFrame:
        """The partition's usage of accounts that are held."""
        return self.usage().join(self.held(), ["account_id", "system"], "left_semi")

    def usage_ingested(self) -> dict[str, str] | None:
        """Rows and quantity of the partition's usage as the ingestion has counted them.

        None where there are readings: of those it counts what meters showed.
        """
        report = self.ingest.report
        if "registers" in report:
            return None
        return report["usage"].get(f"valid|{self.partition.key}", {"rows": "0", "quantity": "0"})

    def usage_of(self, key: str) -> DataFrame:
        """The usage of a partition, as it is now."""
        return self._bucketed(self.ingest.usage.get(key), schemas.USAGE)

    def months_before(self, count: int) -> list[Partition]:
        """Of so many months before the partition's own, those that have usage."""
        found, period = [], self.period
        for _ in range(count):
            period = period.previous
            partition = Partition(self.partition.cycle, period.month)
            if partition.key in self.ingest.usage:
                found.append(partition)
        return found

    def added_up_before(self, months: Sequence[Partition]) -> dict[str, list[str]]:
        """`added_up` of the manifest that the run started from."""
        return added_up(months, self.staging.base().partitions, self.ingest, catalog_hash(self.catalog_texts))

    def usage_history(self, key: str, months: Sequence[str]) -> DataFrame:
        """What a bill run before has added up of some months."""
        runs = self.staging.base().partitions[key].tables["usage_history"]
        history = tables.read_runs(self.spark, self.storage, runs, schemas.USAGE_HISTORY)
        return history.where(history["usage_month"].isin(*months))

    def adjustments(self) -> DataFrame:
        """The adjustments of the partition."""
        return self.adjustments_of(self.partition.key)

    def adjustments_of(self, key: str) -> DataFrame:
        """The adjustments of a partition, as they are now."""
        return self._bucketed(self.ingest.adjustments.get(key), schemas.ADJUSTMENTS)

    def billing(
        self, *, hierarchies: bool, late: DataFrame | None = None, billed_elsewhere: DataFrame | None = None
    ) -> PeriodBilling:
        """The billing of the partition; `late` are the differences of other months that go on its bills.

        `billed_elsewhere` as of `billflow.billing.holds.holds`.
        """
        return PeriodBilling(
            self.pricebook,
            self.partition.placed,
            accounts=self.accounts(),
            subscriptions=self._bucketed(self.ingest.subscriptions, schemas.SUBSCRIPTIONS),
            usage=self.usage(),
            adjustments=self.adjustments() if self.partition.key in self.ingest.adjustments else None,
            billed_ahead=self.billed_ahead(),
            billed_elsewhere=billed_elsewhere,
            late=late,
            hierarchies=hierarchies,
            buckets=self.buckets,
            run_id=self.root,
        )

    def billed_ahead(self, pricebook: Pricebook | None = None) -> DataFrame | None:
        """The lines of the bills before for days of this period; None when those bills were not made here.

        `pricebook` is another period's of the cycle.
        """
        prices = pricebook or self.pricebook
        before = standing_lines(self.staging.base(), Partition(self.partition.cycle, prices.period.previous.month).key)
        if not before.runs or not prices.goes_on:
            return None
        lines = tables.read_standing(self.spark, self.storage, before)
        own = lines["difference_of"].isNull() & (lines["line_type"] == FLAT)
        return lines.where(own & (lines["period_start"] >= prices.period.start))

    def _bucketed(self, run: TableRun | None, schema: StructType) -> DataFrame:
        if run is None:
            return tables.empty(self.spark, schema)
        return tables.read_bucketed(self.spark, self.storage.uri(self.place_of(run)), schema, run.buckets)

    def written(self, run: TableRun) -> DataFrame:
        """The account of each row of a table of the ingestion, as its files have it."""
        return self.spark.read.schema("account_id string").parquet(self.storage.uri(self.place_of(run)))

    def staged(self, table: str, schema: StructType) -> DataFrame:
        """A table that an earlier step of this run wrote by account."""
        return tables.read_bucketed(self.spark, self.staging.uri(table), schema, self.buckets)

    def stage(self, table: str, rows: DataFrame, schema: StructType) -> DataFrame:
        """Writes `rows` by account and gives back what was written."""
        return tables.write_bucketed(tables.conformed(rows, schema), self.staging.uri(table), self.buckets)

    def stage_few(self, table: str, rows: DataFrame, schema: StructType) -> DataFrame:
        """Writes a small table as it is and gives back what was written."""
        tables.write_plain(tables.conformed(rows, schema).coalesce(1), self.staging.uri(table))
        return tables.read_plain(self.spark, self.staging.uri(table), schema)

    def healed(self) -> dict[str, Any]:
        """Keeps a record of what was healed since the last one; metadata that shows it."""
        actions = taken()
        keep(self.storage, actions, by=self.root, key=self.partition.key)
        return shown(actions)

    def run_folder(self, table: str) -> str:
        """Where a table of this partition and run is published."""
        return run_folder(table, self.root, self.partition.placed)


def added_up(
    months: Sequence[Partition], published: Mapping[str, PublishedPartition], ingest: Ingest, catalog: str
) -> dict[str, list[str]]:
    """Key of a bill run → those of `months` (newest first) whose usage, as it is now, it has added up.

    The month's own run; else that of a later one of them, if it had the same ingestion and the same `catalog` (hash).
    """
    found: dict[str, list[str]] = {}
    alike: list[str] = []
    for month in months:
        run = published.get(month.key)
        run = run if run and run.tables.get("usage_history") else None
        if run and run.tables.get("usage") == (ingest.usage[month.key],):
            found.setdefault(month.key, []).append(month.month)
        elif alike:
            found.setdefault(alike[0], []).append(month.month)
        if run and (run.fingerprint, run.catalog) == (ingest.fingerprint, catalog):
            alike.append(month.key)
    return found


def _staged_at(table: str, key: str) -> str:
    """Where in its staged table Spark writes the rows of a partition."""
    if table == "quarantine":
        return f"place={key.replace('|', '~') or UNPLACED}"
    part = Partition.of(key)
    return f"cycle={part.cycle}/month={part.month}"
