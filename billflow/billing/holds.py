"""Accounts whose bill is held back: each with the rule and the reason. The others go out."""

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing.layout import looked_up
from billflow.billing.pricebook import Pricebook
from billflow.lake.local_rows import local_rows
from billflow.lake.schemas import DAY, TEXT, columns

ACCOUNT = ["account_id", "system"]


def holds(
    accounts: DataFrame,
    subscriptions: DataFrame,
    prices: DataFrame,
    pricebook: Pricebook,
    *,
    billed_elsewhere: DataFrame | None = None,
    hierarchies: bool = False,
    buckets: int | None = None,
) -> DataFrame:
    """system, account_id, rule, reason of accounts that cannot be billed; one may have several rows.

    `subscriptions` may be of other accounts too. `billed_elsewhere` has system, account_id, cycle, month and period_end
    of final bills of other cycles for days of the period. `buckets`: the layout by account of all that is given.
    """
    serving = _serving(subscriptions, pricebook)
    found = [
        _other_currency(accounts, serving, prices, pricebook, buckets),
        _without_price(serving, pricebook),
        _unknown_discount(serving, pricebook),
    ]
    of_accounts = [_without_top(accounts), *([other_currency_than_top(accounts)] if hierarchies else [])]
    # Only what is found is joined to the accounts, in the end: it is little, and they are many.
    served = accounts.select(*ACCOUNT).join(looked_up(reduce(DataFrame.unionByName, found), buckets), ACCOUNT, "inner")
    if billed_elsewhere is not None:
        of_accounts.append(_billed_elsewhere(accounts, billed_elsewhere, buckets))
    held = reduce(DataFrame.unionByName, of_accounts, served)
    return with_families(held, accounts) if hierarchies else held


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


def _other_currency(
    accounts: DataFrame, serving: DataFrame, prices: DataFrame, pricebook: Pricebook, buckets: int | None
) -> DataFrame:
    priced = prices.select("plan", F.col("currency").alias("_priced")).distinct()
    owed = serving.join(F.broadcast(priced), "plan", "inner")
    currencies = {rate.currency for rate in pricebook.rates}
    # Where all plans are in one currency, the accounts in another are few or none, and files tell that by their pages.
    foreign = F.col("currency") != next(iter(currencies)) if len(currencies) == 1 else F.lit(True)
    concerned = looked_up(accounts.where(foreign).select(*ACCOUNT, "currency"), buckets)
    known = owed.join(concerned, ACCOUNT, "inner")
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
    gaps = local_rows(serving.sparkSession, pricebook.gaps(), columns(plan=TEXT, _from=DAY, _to=DAY))
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
    unknown = F.array_except("discounts", known)
    reason = F.concat(F.lit("no discount is named "), F.array_join(unknown, ", "))
    named = serving.where(F.col("discounts").isNotNull())
    return _held(named.where(F.size(unknown) > 0), "unknown_discount", reason)


def _billed_elsewhere(accounts: DataFrame, billed: DataFrame, buckets: int | None) -> DataFrame:
    """They came from another cycle: the same days, and their usage, would be billed twice."""
    known = billed.join(looked_up(accounts.select(*ACCOUNT), buckets), ACCOUNT, "left_semi")
    reason = F.concat(
        F.lit("its bill of cycle "),
        F.col("cycle"),
        F.lit(" for "),
        F.col("month"),
        F.lit(" is final, and for days of this period, too: those before "),
        F.col("period_end").cast(TEXT),
    )
    return _held(known, "cycle_changed", reason)


def unbillable(lines: DataFrame) -> DataFrame:
    """Accounts with an amount that cannot be computed exactly or a tax without a rate: the same shape as `holds`."""
    too_large = F.concat(F.lit("the amount of charge "), F.col("charge"), F.lit(" is too large to be computed exactly"))
    taxless = F.concat(F.lit("no rate of tax "), F.col("tax_code"), F.lit(" fits the customer on the issue date"))
    wrong = lines.where(F.col("net").isNull() | F.col("tax_rate").isNull())
    is_taxless = F.col("tax_rate").isNull()
    rule = F.when(is_taxless, F.lit("no_tax_rate")).otherwise(F.lit("amount_overflow"))
    return wrong.select(*ACCOUNT, rule.alias("rule"), F.when(is_taxless, taxless).otherwise(too_large).alias("reason"))


def with_families(held: DataFrame, accounts: DataFrame) -> DataFrame:
    """`held` and everyone whose bill goes to the same account: a bill without one of its children would be wrong."""
    tops = accounts.select(*ACCOUNT, "invoiced_account_id")
    first = F.first(F.struct("account_id", "reason")).alias("_first")
    families = held.join(tops, ACCOUNT, "inner").groupBy("system", "invoiced_account_id").agg(first)
    others = tops.join(families, ["system", "invoiced_account_id"], "inner").join(
        held.select(*ACCOUNT), ACCOUNT, "left_anti"
    )
    reason = F.concat(
        F.lit("account "), F.col("_first.account_id"), F.lit(" of the same bill is held: "), F.col("_first.reason")
    )
    return held.unionByName(_held(others, "hierarchy", reason))


def other_currency_than_top(accounts: DataFrame) -> DataFrame:
    """Children in another currency than the account that gets their bill."""
    tops = accounts.select("system", F.col("account_id").alias("invoiced_account_id"), F.col("currency").alias("_owed"))
    known = accounts.join(tops, ["system", "invoiced_account_id"], "inner")
    reason = F.concat(
        F.lit("the account is in "),
        F.col("currency"),
        F.lit(" but its bill goes to "),
        F.col("invoiced_account_id"),
        F.lit(" in "),
        F.col("_owed"),
    )
    return _held(known.where(F.col("currency") != F.col("_owed")), "other_currency", reason)


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
