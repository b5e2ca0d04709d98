"""Pairs of accounts with an equal key, such as a tax id."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.sources.merging.decisions import node

MOST = 100
"""Accounts that may share a value: more do so by a placeholder, or because a whole group has one."""
_SHORTEST = 4
"""Letters and digits of a value that can tell customers apart."""


def key_pairs(accounts: DataFrame, keys: Sequence[str]) -> DataFrame:
    """a, b (nodes), found_by (the key's name), evidence, and `shared`: how many accounts have the value.

    The first account that has a value is paired with each other one, so that their number stays that of the accounts.
    Values of one repeated sign, and those that are too short, tell nothing.
    """
    return reduce(DataFrame.unionByName, [_pairs(accounts, key) for key in keys])


def _pairs(accounts: DataFrame, key: str) -> DataFrame:
    valued = accounts.select(node("system", "account_id").alias("b"), _comparable(key).alias("value"))
    telling = valued.where(F.col("value").isNotNull())
    groups = telling.groupBy("value").agg(F.min("b").alias("a"), F.count(F.lit(1)).alias("shared"))
    pairs = telling.join(groups.where(F.col("shared") > 1), "value", "inner").where(F.col("a") != F.col("b"))
    evidence = F.concat(F.lit(f"{key} "), F.col("value"))
    return pairs.select("a", "b", F.lit(key).alias("found_by"), evidence.alias("evidence"), "shared")


def _comparable(key: str) -> Column:
    """The value without case, spaces and punctuation; NULL when it tells nothing. E-mail keeps its punctuation."""
    text = F.lower(F.trim(key)) if key == "email" else F.regexp_replace(F.upper(key), r"[^\p{L}\p{N}]", "")
    repeated = F.length(F.replace(text, F.substring(text, 1, 1), F.lit(""))) == 0
    return F.when((F.length(text) >= _SHORTEST) & ~repeated, text)
