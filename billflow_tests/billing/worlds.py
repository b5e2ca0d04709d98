"""Small made-up bases for tests of billing: a catalogue, accounts, subscriptions and usage, as rows and as frames."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.billing import advance, bills, rating, usage
from billflow.billing.pricebook import Pricebook
from billflow.catalog import BillingPeriod, Catalog, Cycle
from billflow.lake import schemas, tables
from billflow.settings import Settings

ZONE = "Europe/Berlin"
METRICS = {"kwh": {"aggregate": "sum", "unit": "kWh"}, "kw": {"aggregate": "max"}, "calls": {"aggregate": "count"}}
TAXES = {
    "std": {"category": "S", "rate": "0.19"},
    "low": {"category": "S", "rate": "0.07"},
    "zero": {"category": "Z", "rate": "0"},
}


@dataclass
class World:
    """Rows are dicts; what they leave out is filled in."""

    catalog: Catalog
    month: str = "2026-01"
    cycle: Cycle = Cycle(day=1)  # noqa: RUF009
    currency: str = "EUR"
    accounts: list[dict[str, Any]] = field(default_factory=list)
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    adjustments: list[dict[str, Any]] = field(default_factory=list)
    billed_ahead: list[dict[str, Any]] = field(default_factory=list)
    """Lines of the bills before for charges in advance."""
    written: dict[str, Any] = field(default_factory=dict)
    """The catalogue as it would stand in YAML, where a test needs it."""

    @property
    def settings(self) -> Settings:
        return settings(self.currency)

    @property
    def period(self) -> BillingPeriod:
        return self.cycle.period(self.month)

    @property
    def pricebook(self) -> Pricebook:
        return Pricebook(self.catalog, self.settings, self.period)

    def subscribe(self, account: str, plan: str, **more: Any) -> None:
        known = {row["account_id"] for row in self.accounts}
        if account not in known:
            self.accounts.append(
                {"account_id": account, "timezone": more.pop("timezone", ZONE), "currency": self.currency}
            )
        row = {
            "subscription_id": f"{account}-1",
            "start_date": date(2020, 1, 1),
            "quantity": Decimal(1),
            "discounts": [],
        }
        self.subscriptions.append({**row, "account_id": account, "plan": plan, **more})

    def use(
        self,
        account: str,
        quantity: str,
        metric: str = "kwh",
        at: str = "2026-01-10 12:00",
        subscription_id: str = "",
        **dimensions: str,
    ) -> None:
        rows = [one for one in self.subscriptions if one["account_id"] == account]
        row = next(one for one in rows if subscription_id in ("", one["subscription_id"]))
        zone = next(one["timezone"] for one in self.accounts if one["account_id"] == account)
        instant = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        self.events.append(
            {
                "usage_id": f"u{len(self.events)}",
                "subscription_id": row["subscription_id"],
                "account_id": account,
                "metric": metric,
                "quantity": Decimal(quantity),
                "event_time": instant,
                "local_time": instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None),
                "dimensions": dimensions,
                "subscription_start": self._serving(row, datetime.fromisoformat(at).date()),
            }
        )

    def _serving(self, served: dict[str, Any], day: date) -> date:
        same = ("account_id", "subscription_id")
        rows = [row for row in self.subscriptions if all(row[name] == served[name] for name in same)]
        return next(row["start_date"] for row in rows if row["start_date"] <= day < (row.get("end_date") or date.max))

    def lines(self, spark: SparkSession) -> DataFrame:
        """All printed lines, by the Spark rating."""
        pricebook = self.pricebook
        prices = pricebook.frame(spark)
        accounts = frame(spark, [_account(row) for row in self.accounts], schemas.ACCOUNTS)
        tops = accounts.select("system", "account_id", "invoiced_account_id")
        subscriptions = frame(spark, self.subscriptions, schemas.SUBSCRIPTIONS).join(tops, ["system", "account_id"])
        events = frame(spark, self.events, schemas.USAGE)
        owed = rating.owed_charges(subscriptions, pricebook)
        groups = usage.grouped(events, pricebook)
        # Computed before the lines are planned, as a run does: as one query, planning takes minutes.
        rated = tables.conformed(rating.rated(owed, groups, events, pricebook), schemas.CHARGES).localCheckpoint()
        if self.billed_ahead:
            ahead = [{"line_type": "flat", "service_account_id": row["account_id"], **row} for row in self.billed_ahead]
            billed = frame(spark, ahead, schemas.INVOICE_LINES)
            rated = rated.unionByName(advance.credits_of_advance(billed, subscriptions, prices, pricebook))
        return bills.bill_lines(
            rated,
            pricebook,
            accounts=accounts,
            subscriptions=subscriptions,
            adjustments=frame(spark, self.adjustments, schemas.ADJUSTMENTS) if self.adjustments else None,
            hierarchies=any(_account(row)["invoiced_account_id"] != row["account_id"] for row in self.accounts),
        )


def _account(row: dict[str, Any]) -> dict[str, Any]:
    return {"invoiced_account_id": row["account_id"], "name": row["account_id"], **row}


def settings(currency: str = "EUR") -> Settings:
    """The least that a project must say."""
    mapping = {"path": "x.csv", "columns": {"account_id": "a", "name": "n"}}
    subscriptions = {
        "path": "s.csv",
        "columns": {name: name for name in ("subscription_id", "account_id", "plan", "start_date")},
    }
    source = {
        "name": "s",
        "kind": "files",
        "format": "csv",
        "tables": {"customers": mapping, "subscriptions": subscriptions},
    }
    return Settings.model_validate(
        {
            "folder": Path(),
            "project": "test",
            "currency": currency,
            "timezone": ZONE,
            "seller": {"name": "S"},
            "cycles": {"c01": {"day": 1}},
            "sources": [source],
        }
    )


def catalog(plans: dict[str, Any], **more: Any) -> Catalog:
    """A catalogue with METRICS, TAXES and `plans`; a plan given as charges is one version for ever."""
    versions = {
        name: plan if isinstance(plan, list) or "charges" in plan else {"charges": plan} for name, plan in plans.items()
    }
    return Catalog.model_validate({"metrics": METRICS, "taxes": TAXES, "plans": versions, **more})


def frame(spark: SparkSession, rows: Sequence[dict[str, Any]], schema: Any) -> DataFrame:
    """Rows as a table of the lake; columns left out are NULL, `system` is "default"."""
    full = [tuple({"system": "default", "source": "s", **row}.get(name) for name in schema.names) for row in rows]
    made = spark.createDataFrame([], schema) if not full else spark.createDataFrame(full, schema)
    return made.withColumn("system", F.lit("default"))
