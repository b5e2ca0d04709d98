"""What an account would be billed for a period, with the very steps of a bill run, and nothing written."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.billing import invoices, taxes
from billflow.billing.period import ALL_STEPS, PeriodBilling
from billflow.billing.pricebook import Pricebook
from billflow.catalog import BillingPeriod, Catalog
from billflow.errors import UsageError
from billflow.insights.amounts import in_minor
from billflow.insights.family import Family
from billflow.insights.family_billing import billing_of
from billflow.insights.late_bills import LateBill
from billflow.lake.session import living_session, start_session
from billflow.lake.small_tables import arrow_rows, frame_of, kept_small
from billflow.settings import Settings

LINE = (
    "line_no",
    "section",
    "description",
    "service_account_id",
    "subscription_id",
    "plan",
    "charge",
    "line_type",
    "metric",
    "period_start",
    "period_end",
    "quantity",
    "unit",
    "unit_price",
    "net",
    "gross",
    "tax_code",
    "tax_category",
    "tax_rate",
    "usage_count",
    "difference_of",
)
TAX = ("tax_category", "tax_rate", "base", "tax", "reason")
UNRATED = ("account_id", "subscription_id", "metric", "cause", "events", "quantity")
HELD = ("account_id", "rule", "reason")

Rows = list[dict[str, Any]]

SMALL = {
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.maxPlanStringLength": "0",
}
"""Spark's settings for one bill: what makes a large job fast only costs time here."""


@dataclass(frozen=True)
class Preview:
    """One bill as it would be now. Without lines `kind` is None and all amounts are 0."""

    account_id: str
    """The account that is invoiced."""
    system: str
    cycle: str
    period: BillingPeriod
    currency: str
    kind: str | None
    lines: Rows
    taxes: Rows
    net: Decimal
    tax: Decimal
    total: Decimal
    unrated: Rows
    held: Rows
    """Accounts of the bill that cannot be billed, and why: then there is no bill."""
    late_elsewhere: Rows = field(default_factory=list)
    """account_id and month of bills that members had of their own: what came late for these goes on such a bill."""

    def document(self) -> dict[str, Any]:
        """The preview as one JSON object."""
        return {
            "account_id": self.account_id,
            "system": self.system,
            "cycle": self.cycle,
            "month": self.period.month,
            "period_start": self.period.start,
            "period_end": self.period.end,
            "currency": self.currency,
            "kind": self.kind,
            "lines": self.lines,
            "taxes": self.taxes,
            "net": self.net,
            "tax": self.tax,
            "total": self.total,
            "unrated": self.unrated,
            "held": self.held,
            "late_elsewhere": self.late_elsewhere,
        }


def preview(
    spark: SparkSession,
    family: Family,
    catalog: Catalog,
    settings: Settings,
    cycle: str,
    period: BillingPeriod,
    late: Sequence[LateBill] = (),
) -> Preview:
    """The bill of a family, with what came `late` for months before; late usage that nothing prices is not told.

    UsageError when the catalogue lacks a plan that it holds.
    """
    check_plans(family, catalog, period)
    pricebook = Pricebook(catalog, settings, period)
    differences = _differences(spark, late)
    billing = billing_of(spark, family, pricebook, (cycle, period.month), late=differences).in_steps(_STEPS, kept_small)
    held = _rows(billing.held_before.unionByName(billing.held_late), HELD)
    reasons = _reasons(pricebook, late)
    billing.taxes = kept_small(invoices.invoice_taxes(billing.lines, pricebook.currencies, reasons))
    lines = [] if held else _rows(billing.lines, LINE)
    bills = _rows(billing.invoices, ("kind", "net", "tax", "total")) if lines else []
    groups = _rows(billing.taxes, TAX) if lines else []
    currency = _currency(family)
    bill = bills[0] if bills else {"kind": None, **dict.fromkeys(("net", "tax", "total"), Decimal(0))}
    return Preview(
        account_id=family.invoiced,
        system=family.system,
        cycle=cycle,
        period=period,
        currency=currency,
        lines=sorted((in_minor(line, currency) for line in lines), key=lambda line: line["line_no"]),
        taxes=sorted(
            (in_minor(tax, currency) for tax in groups), key=lambda tax: (tax["tax_category"], tax["tax_rate"])
        ),
        unrated=unrated_usage(billing),
        held=held,
        **in_minor(bill, currency),
    )


_STEPS = tuple(step for step in ALL_STEPS if step != "taxes")


def _differences(spark: SparkSession, late: Sequence[LateBill]) -> DataFrame | None:
    found = [line for bill in late for line in bill.differences(spark)]
    return frame_of(spark, "invoice_lines", arrow_rows("invoice_lines", found)) if found else None


def _reasons(pricebook: Pricebook, late: Sequence[LateBill]) -> taxes.Reasons:
    """Why no tax is due; of a line of another month as that one's catalogue says it."""
    others = [(F.col("difference_of") == bill.month, bill.pricebook) for bill in late]
    return taxes.reasons(pricebook, others)


@contextmanager
def small_session(name: str, settings: Settings) -> Iterator[SparkSession]:
    """A Spark of its own on this machine, whatever the project's master is: it is one bill. Or the process's own."""
    living = living_session()
    if living is not None:
        yield living
        return
    with tempfile.TemporaryDirectory(prefix="billflow-spark-") as scratch:
        properties = {**SMALL, **settings.secured.spark_properties(settings.lake_root)}
        spark = start_session(name, "local[1]", properties, Path(scratch), input_bytes=0)
        try:
            yield spark
        finally:
            spark.stop()


def check_plans(family: Family, catalog: Catalog, period: BillingPeriod) -> None:
    """UsageError when a plan that is served in the period is not in the catalogue: it may be another than the run's."""
    for row in family.tables["subscriptions"].to_pylist():
        end = row["end_date"]
        serves = row["start_date"] < period.end and (end is None or end > period.start)
        if serves and row["plan"] not in catalog.plans:
            raise UsageError(
                f"the catalogue has no plan {row['plan']!r}, which subscription {row['subscription_id']} is on",
                where="--catalog",
                remedy=f"add it to the catalogue, which has {', '.join(sorted(catalog.plans))}",
            )


def unrated_usage(billing: PeriodBilling) -> Rows:
    """UNRATED: usage of the family that no charge prices."""
    return _rows(_summed(billing.unrated), UNRATED)


def _summed(groups: DataFrame) -> DataFrame:
    """Unrated usage by subscription, metric and cause: groups tell more apart than a reader wants to see."""
    keys = ("account_id", "subscription_id", "metric", "cause")
    sums = groups.groupBy(*keys).agg(F.sum("events").alias("events"), F.sum("quantity_sum").alias("quantity"))
    return sums.orderBy(*keys)


def _rows(frame: DataFrame, columns: Iterable[str]) -> Rows:
    """The rows of one bill."""
    return [row.asDict() for row in frame.select(*columns).collect()]


def _currency(family: Family) -> str:
    accounts = family.tables["accounts"].to_pylist()
    currency: str = next(row["currency"] for row in accounts if row["account_id"] == family.invoiced)
    return currency
