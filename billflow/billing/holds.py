"""Accounts whose bill is held back: each with the rule and the reason. The others go out."""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.pricebook import Pricebook
from billflow.lake.schemas import TEXT

ACCOUNT = ["system", "account_id"]


def holds(accounts: DataFrame, subscriptions: DataFrame, prices: DataFrame, pricebook: Pricebook) -> DataFrame:
    """system, account_id, rule, reason of accounts that cannot be billed; one may have several rows."""
    serving = _serving(subscriptions, pricebook)
    found = [
        _without_top(accounts),
        _other_currency(accounts, serving, prices),
        _without_price(serving, pricebook),
        _unknown_discount(serving, pricebook),
    ]
    held = found[0]
    for more in found[1:]:
        held = held.unionByName(more)
    return held


def _serving(subscriptions: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Subscriptions with a day of service in the period."""
    period = pricebook.period
    ends = F.coalesce(F.col("end_date"), F.lit(period.end))
    serves = (F.col("start_date") < period.end) & (ends > period.start) & (ends > F.col("start_date"))
    return subscriptions.where(serves)


def _held(rows: DataFrame, rule: str, reason: Column) -> DataFrame:
    return rows.select(*ACCOUNT, F.lit(rule).alias("rule"), reason.alias("reason"))


def _without_top(accounts: DataFrame) -> DataFrame:
    """Nobody is known who would be invoiced for them."""
    return _held(accounts.where(F.col("hierarchy_problem").isNotNull()), "hierarchy", F.col("hierarchy_problem"))


def _other_currency(accounts: DataFrame, serving: DataFrame, prices: DataFrame) -> DataFrame:
    priced = prices.select("plan", F.col("currency").alias("_priced")).distinct()
    owed = serving.join(F.broadcast(priced), "plan", "inner")
    known = owed.join(accounts.select(*ACCOUNT, "currency"), ACCOUNT, "inner")
    reason = F.concat(
        F.lit("the account is in "),
        F.col("currency"),
        F.lit(" but its plan "),
        F.col("plan"),
        F.lit(" is in "),
        F.col("_priced"),
    )
    return _held(known.where(F.col("currency") != F.col("_priced")), "other_currency", reason)


def _without_price(serving: DataFrame, pricebook: Pricebook) -> DataFrame:
    gaps = serving.sparkSession.createDataFrame(pricebook.gaps(), "plan string, _from date, _to date")
    ends = F.coalesce(F.col("end_date"), F.lit(pricebook.period.end))
    inside = (F.col("start_date") < F.col("_to")) & (ends > F.col("_from"))
    reason = F.concat(
        F.lit("plan "),
        F.col("plan"),
        F.lit(" has no version in force from "),
        F.col("_from").cast(TEXT),
        F.lit(" to "),
        F.col("_to").cast(TEXT),
    )
    return _held(serving.join(F.broadcast(gaps), "plan", "inner").where(inside), "no_price_in_force", reason)


def _unknown_discount(serving: DataFrame, pricebook: Pricebook) -> DataFrame:
    known = F.array(*[F.lit(code) for code in pricebook.catalog.discounts]).cast("array<string>")
    unknown = F.array_except(F.coalesce("discounts", F.array().cast("array<string>")), known)
    reason = F.concat(F.lit("no discount is named "), F.array_join(unknown, ", "))
    return _held(serving.where(F.size(unknown) > 0), "unknown_discount", reason)


def overflowing(lines: DataFrame) -> DataFrame:
    """Accounts with an amount that does not fit decimal(38,24): the same shape as `holds`."""
    reason = F.concat(F.lit("the amount of charge "), F.col("charge"), F.lit(" is too large to be computed exactly"))
    return _held(lines.where(F.col("net").isNull()), "amount_overflow", reason)


def without(rows: DataFrame, held: DataFrame) -> DataFrame:
    """`rows` of accounts that are not held."""
    return rows.join(held.select(*ACCOUNT), ACCOUNT, "left_anti")


def one_reason_each(held: DataFrame, cycle: str, month: str, run_id: str) -> DataFrame:
    """HELD: one row an account, with all its reasons."""
    joined = held.groupBy(*ACCOUNT).agg(
        F.array_join(F.array_sort(F.collect_set("rule")), ", ").alias("rule"),
        F.array_join(F.array_sort(F.collect_set("reason")), "; ").alias("reason"),
    )
    placed: Iterable[tuple[str, str]] = (("cycle", cycle), ("month", month), ("run_id", run_id))
    return joined.withColumns({name: F.lit(value) for name, value in placed})
