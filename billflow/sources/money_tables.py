"""Judges the optional tables that carry money: adjustments, bills of other systems, and payments.

As in `billflow.sources.canonical_tables`. An amount may be negative; it stays as exact as it was given, for rounding is
billing's.
"""

from collections.abc import Collection, Mapping

from babel.numbers import list_currencies
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from billflow.canonical import CANONICAL_TABLES
from billflow.catalog import Cycle
from billflow.catalog.charges import NO_TAX
from billflow.sources.canonical_tables import TOO_MUCH, cycle_month
from billflow.sources.listing import any_of
from billflow.sources.verdicts import Rule, apply_rules, mapped_rules, rule, settle_duplicates, unknown_if_given


def judge_adjustments(
    rows: DataFrame, accounts: DataFrame, taxes: Collection[str], cycles: Mapping[str, Cycle]
) -> DataFrame:
    """Adjustments against the valid accounts and the codes of the catalogue's taxes; adds _cycle and _month.

    A row that breaks a rule is placed in the cycle and month of its date where its account and date are known.
    """
    cycle = F.when(F.col("date").isNotNull(), F.col("_account_cycle"))
    placed = _with_account(rows, accounts).withColumns(
        {"_cycle": cycle, "_month": cycle_month(F.col("date"), cycle, cycles)}
    )
    described = rule("missing_description", F.col("description").isNull(), "description is missing")
    return _settled(placed, "adjustments", "date", [described, unknown_if_given("tax", {*taxes, NO_TAX})])


def judge_bills(rows: DataFrame, accounts: DataFrame) -> DataFrame:
    """Lines of bills against the valid accounts, whose currency they have unless they name one."""
    return _settled(_in_currency(rows, accounts), "bills", "issue_date", [_known_currency()])


def judge_payments(rows: DataFrame, accounts: DataFrame) -> DataFrame:
    """Payments against the valid accounts, whose currency they have unless they name one."""
    return _settled(_in_currency(rows, accounts), "payments", "date", [_known_currency()])


def _with_account(rows: DataFrame, accounts: DataFrame) -> DataFrame:
    known = accounts.select(
        "system",
        "account_id",
        F.lit(True).alias("_known"),
        F.col("cycle").alias("_account_cycle"),
        F.col("currency").alias("_account_currency"),
    )
    return rows.join(known, ["account_id", "system"], "left")


def _in_currency(rows: DataFrame, accounts: DataFrame) -> DataFrame:
    return _with_account(rows, accounts).withColumn("currency", F.coalesce("currency", "_account_currency"))


def _known_currency() -> Rule:
    return unknown_if_given("currency", list_currencies())


def _settled(rows: DataFrame, table: str, day: str, rules: Collection[Rule]) -> DataFrame:
    """Judged by the rules of all these tables and by `rules`; of rows with one key the first stands."""
    key = CANONICAL_TABLES[table].key
    content = [name for name in CANONICAL_TABLES[table].columns if name not in key]
    numbers = [name for name in ("quantity", "unit_price", "amount") if name in content]
    unknown = F.col("_known").isNull()
    judged = apply_rules(
        rows,
        [
            *mapped_rules(),
            rule("missing_key", any_of([F.col(name).isNull() for name in key]), f"{' or '.join(key)} is missing"),
            rule("unknown_account", unknown, "no valid customer has the account_id ", F.col("account_id")),
            rule("invalid_date", F.col(day).isNull(), f"{day} is missing or not a date"),
            *[one for name in numbers for one in _number(name)],
            *rules,
        ],
    )
    return settle_duplicates(judged, key=key, content=content)


def _number(column: str) -> tuple[Rule, Rule]:
    """The number is there, and not larger, either way, than sums of it can hold."""
    return (
        rule(f"invalid_{column}", F.col(column).isNull(), f"{column} is missing or not a number"),
        rule(f"excessive_{column}", F.abs(column) >= TOO_MUCH, f"{column} is ", F.col(column)),
    )
