"""Source → raw → canonical: copies what the sources deliver, judges every row, lays the good ones out by account."""

import hashlib
import json
from collections.abc import Callable
from functools import partial, reduce
from itertools import count
from math import ceil
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow import __version__
from billflow.canonical import CANONICAL_TABLES
from billflow.catalog import Catalog
from billflow.lake import schemas, tables
from billflow.lake.kept import drop_all_kept, kept
from billflow.lake.local_rows import local_rows
from billflow.lake.manifest import Ingest
from billflow.lake.staging import Staging
from billflow.merging_settings import Merging
from billflow.settings import Settings
from billflow.source_mappings import TableMapping
from billflow.source_settings import Source
from billflow.sources.canonical_tables import judge_customers, judge_subscriptions, judge_usage
from billflow.sources.changes import as_changes, has_changes, settle_changes, standing, with_changes
from billflow.sources.conversion import TYPES
from billflow.sources.counting import by_meters, by_verdict, measured
from billflow.sources.deliveries import delivery_of, state
from billflow.sources.delivering import RawTables
from billflow.sources.hierarchies import has_parents, with_hierarchies, without_hierarchies
from billflow.sources.mapping import map_rows
from billflow.sources.merging.decisions import judge_crosswalk
from billflow.sources.merging.merge import Merge
from billflow.sources.money_tables import judge_adjustments, judge_bills, judge_payments
from billflow.sources.opening import mapping_place
from billflow.sources.quarantine import Quarantine
from billflow.sources.registers import as_readings, has_readings, of_registers
from billflow.sources.replacements import replaces_any, with_replacements
from billflow.sources.verdicts import VALID, VERDICT

_CANONICAL_SCHEMAS = (
    schemas.ACCOUNTS,
    schemas.SUBSCRIPTIONS,
    schemas.USAGE,
    schemas.ADJUSTMENTS,
    schemas.BILLS,
    schemas.PAYMENTS,
    schemas.CROSSWALK,
    schemas.CUSTOMER_ACCOUNTS,
    schemas.MERGE_CANDIDATES,
)
_SETTINGS = {"sources", "merging", "cycles", "timezone", "currency", "language"}
_ROWS_A_BUCKET = 1_000_000


def fingerprint(settings: Settings, catalog: Catalog) -> str:
    """What canonical tables depend on: the sources' state, the mappings, the names that rows may use, the tables'
    columns and this version. A source that cannot tell its state makes it another one each time.
    """
    parts = {
        "version": __version__,
        "sources": state(settings) or uuid4().hex,
        "settings": settings.model_dump(mode="json", include=_SETTINGS),
        "metrics": sorted(catalog.metrics),
        "plans": sorted(catalog.plans),
        "taxes": sorted(catalog.taxes),
        "tables": [schema.json() for schema in _CANONICAL_SCHEMAS],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def bucket_count(rows: int, cores: int) -> int:
    """Buckets for a lake of so many raw rows: a task each, none so large that it does not fit a core's memory."""
    return max(cores, ceil(rows / _ROWS_A_BUCKET))


class Ingestion:
    """One ingestion of staged raw tables into staged canonical tables.

    `before` is the ingestion that is published: customers that are known keep their ids.
    """

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        catalog: Catalog,
        staging: Staging,
        buckets: int,
        before: Ingest | None = None,
    ) -> None:
        self.spark, self.settings, self.catalog, self.staging, self.buckets = spark, settings, catalog, staging, buckets
        self.before = before
        self._kept = count(1)
        self._incoming: dict[str, DataFrame] = {}
        self._settled: DataFrame | None = None
        """Usage as `judge_usage` has kept it: unless more is made of it, it is not kept twice."""
        self.report: dict[str, dict[str, dict[str, str]]] = {}
        self._raw = RawTables(spark, staging)
        self._quarantine = Quarantine(spark, staging, self._raw)
        self.mended: dict[str, int] = {}
        """Table → rows that were in quarantine at the ingestion before and are good now."""

    def run(self) -> dict[str, Any]:
        """Writes the canonical tables and quarantine; gives the report that checks and metadata are made of.

        The report: table → "in", each verdict and (usage, adjustments) each "verdict|cycle|month" → rows and quantity,
        which is Σ amount for tables of money, and of readings what meters showed; "registers" has what they went on by.
        """
        accounts = self._written("customers", self._judged("customers", self._customers), "accounts")
        plans, metrics, cycles = sorted(self.catalog.plans), sorted(self.catalog.metrics), self.settings.cycles
        judged = self._judged("subscriptions", lambda rows: judge_subscriptions(rows, accounts, plans))
        subscriptions = self._written("subscriptions", judged, "subscriptions")
        usage = self._judged(
            "usage",
            lambda rows: self._usage(
                judge_usage(rows, subscriptions, accounts, metrics, cycles, self.settings.timezone, self.buckets)
            ),
        )
        self._write_placed("usage", usage)
        if self.settings.merging:
            self._merge(self.settings.merging, accounts, subscriptions)
        self._write_money(accounts)
        for table, counted in measured(self._incoming).items():
            self.report[table]["in"] = counted
        self.report["quarantine"] = self._quarantine.write()
        self.mended = self._quarantine.mended(self.before.quarantine.values() if self.before else ())
        drop_all_kept(self.spark)
        return self.report

    def _judged(self, table: str, judge: Callable[[DataFrame], DataFrame]) -> DataFrame:
        """The rows of a table with their verdicts; of changes only the last ones of each key are judged."""
        rows = self._mapped(table)
        if not has_changes(rows):
            return judge(rows)
        settled = kept(settle_changes(rows))
        return with_changes(judge(standing(settled)), settled)

    def _customers(self, rows: DataFrame) -> DataFrame:
        judged = judge_customers(rows, self.settings)
        if not has_parents(rows):
            return without_hierarchies(judged)
        # Each level of parents reads the customers again.
        return with_hierarchies(kept(judged))

    def _usage(self, judged: DataFrame) -> DataFrame:
        self._settled = judged
        return self._used(self._corrected(judged))

    def _corrected(self, usage: DataFrame) -> DataFrame:
        """Usage without what other usage replaces, where any does."""
        if not self.settings.gives("usage", "replaces"):
            return usage
        rows = kept(usage)
        return with_replacements(rows) if replaces_any(rows) else rows

    def _used(self, usage: DataFrame) -> DataFrame:
        """Usage with the differences of readings in their place, where any mapping gives readings."""
        if not has_readings(usage):
            return usage
        used = kept(of_registers(usage))
        self.report["registers"] = by_meters(used)
        return used

    def _write_money(self, accounts: DataFrame) -> None:
        """The tables that a project need not have: those that no source gives cost nothing."""
        taxes, cycles = sorted(self.catalog.taxes), self.settings.cycles
        judges: dict[str, Callable[[DataFrame], DataFrame]] = {
            "adjustments": lambda rows: judge_adjustments(rows, accounts, taxes, cycles),
            "bills": lambda rows: judge_bills(rows, accounts),
            "payments": lambda rows: judge_payments(rows, accounts),
        }
        for table, judge in judges.items():
            if not self.settings.gives(table):
                self._no_rows(table)
            elif table == "adjustments":
                self._write_placed(table, self._judged(table, judge))
            else:
                self._written(table, self._judged(table, judge), table)

    def _merge(self, settings: Merging, accounts: DataFrame, subscriptions: DataFrame) -> None:
        """Which customer each account is of; every account is of one."""
        judged = self._judged("crosswalk", lambda rows: judge_crosswalk(rows, accounts))
        crosswalk = self._written("crosswalk", judged, "crosswalk")
        version = self.staging.base().version + 1
        merge = Merge(settings, accounts, subscriptions, crosswalk, self._customers_before(), version, self._keep)
        customers, candidates = merge.run()
        self._write_made("customer_accounts", customers, expected=self.report["customers"]["valid"])
        self._write_made("merge_candidates", candidates)

    def _customers_before(self) -> DataFrame | None:
        known = self.before.customer_accounts if self.before else None
        if known is None:
            return None
        return tables.read_runs(self.spark, self.staging.storage, [known], schemas.CUSTOMER_ACCOUNTS)

    def _keep(self, rows: DataFrame) -> DataFrame:
        """`rows` as they were written: what comes after does not compute them again."""
        place = self.staging.uri(f"merging/{next(self._kept)}")
        tables.write_plain(rows, place)
        return tables.read_plain(self.spark, place, rows.schema)

    def _write_made(self, table: str, rows: DataFrame, expected: dict[str, str] | None = None) -> None:
        """Writes a table that is made of others, and counts what was written against what was `expected`."""
        place = self.staging.uri(table)
        schema = schemas.SCHEMAS[table]
        tables.write_bucketed(tables.by_account(tables.conformed(rows, schema), self.buckets), place, self.buckets)
        written = {"rows": str(self.spark.read.schema(schema).parquet(place).count()), "quantity": "0"}
        self.report[table] = {"in": {**written, **(expected or {})}, VALID: written}

    def _mapped(self, table: str) -> DataFrame:
        """All rows that the sources map to `table`, with source, system and _delivery; they are counted later."""
        parts = [
            self._mapped_part(source, mapping, table)
            for source in self.settings.sources
            for mapping in source.mappings(table)
        ]
        if not parts:
            return self._no_rows(table)
        rows = reduce(partial(DataFrame.unionByName, allowMissingColumns=True), parts)
        self.report[table] = {"in": {}}  # it stands first in the report, and is counted last
        self._incoming[table] = rows
        return rows

    def _mapped_part(self, source: Source, mapping: TableMapping, table: str) -> DataFrame:
        delivery = delivery_of(self.settings, source, mapping)
        raw = self._raw.rows(delivery.name)
        where = mapping_place(self.settings, source, table, mapping)
        mapped = map_rows(raw, mapping, table, timezone=self.settings.timezone, where=where)
        rows = as_readings(mapped) if mapping.meter_register else mapped
        placed = rows.withColumns(
            {
                "source": F.lit(source.name),
                "system": F.lit(source.system),
                "_delivery": F.lit(delivery.name),
            }
        )
        return as_changes(placed, table) if mapping.changes else placed

    def _no_rows(self, table: str) -> DataFrame:
        self.report[table] = {"in": {"rows": "0", "quantity": "0"}}
        types = {**TYPES, "_failed": schemas.TEXTS, "_malformed": schemas.FLAG, "_row": schemas.COUNT}
        names = (*CANONICAL_TABLES[table].columns, *_MAPPED_EXTRAS, "source", "system", "_delivery")
        schema = schemas.columns(**{name: types.get(name, schemas.TEXT) for name in names})
        return local_rows(self.spark, [], schema)

    def _written(self, table: str, judged: DataFrame, name: str) -> DataFrame:
        """Writes the valid rows of a table of master data, and keeps the others for quarantine."""
        rows = kept(judged)
        self.report[table].update(verdicts := by_verdict(rows))
        self._quarantine.keep(table, rows, verdicts)
        schema = schemas.SCHEMAS[name]
        valid = tables.conformed(rows.where(F.col(VERDICT) == VALID), schema)
        place = self.staging.uri(name)
        return tables.write_bucketed(tables.by_account(valid, self.buckets), place, self.buckets)

    def _write_placed(self, table: str, judged: DataFrame) -> None:
        """Writes the valid rows of a table by cycle and month, and keeps the others for quarantine."""
        rows = judged if judged is self._settled else kept(judged)
        self.report[table].update(verdicts := by_verdict(rows, "_cycle", "_month"))
        self._quarantine.keep(table, rows, verdicts)
        valid = rows.where(F.col(VERDICT) == VALID)
        columns = [valid[field.name].cast(field.dataType).alias(field.name) for field in schemas.SCHEMAS[table]]
        placed = valid.select(*columns, F.col("_cycle").alias("cycle"), F.col("_month").alias("month"))
        by_account = tables.by_account(placed, self.buckets)
        tables.write_bucketed(by_account, self.staging.uri(table), self.buckets, partition_by=("cycle", "month"))


_MAPPED_EXTRAS = ("_row", "_file", "_failed", "_malformed")
