"""Accounts that a draft catalogue leaves without a price: ingestion, which sees that, is not run for a draft."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from billflow.billing import holds
from billflow.catalog import BillingPeriod


def without_plan(
    accounts: DataFrame, subscriptions: DataFrame, plans: Sequence[str], period: BillingPeriod, *, hierarchies: bool
) -> DataFrame:
    """system, account_id, rule, reason of accounts that are served under a plan that is not one of `plans`."""
    ends = F.coalesce(F.col("end_date"), F.lit(period.end))
    serves = (F.col("start_date") < period.end) & (ends > period.start) & (ends > F.col("start_date"))
    unknown = subscriptions.where(serves & ~F.col("plan").isin(list(plans)))
    known = unknown.join(accounts.select(*holds.ACCOUNT), holds.ACCOUNT, "inner")
    reason = F.concat(F.lit("the catalogue has no plan "), F.col("plan"))
    held = known.select(*holds.ACCOUNT, F.lit("unknown_plan").alias("rule"), reason.alias("reason"))
    return holds.with_families(held, accounts) if hierarchies else held
