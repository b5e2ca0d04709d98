"""Pairs of accounts with an equal key, such as a tax id."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.sources.merging.decisions import node

MOST = 20
"""Accounts that may share a value: more do so by a placeholder, or because a whole group has one."""
_SHORTEST = 4
"""Digits of a number that can tell customers apart."""
_COUNTED_UP = "01234567890123456789"


def key_pairs(accounts: DataFrame, keys: Sequence[str], apart: DataFrame) -> DataFrame:
    """a, b (nodes), found_by (the key's name), evidence, and `doubt`: why a pair must be asked for, NULL if it is sure.

    The first account that has a value is paired with each other one, so that their number stays that of the accounts.
    Numbers with few digits, of one repeated digit or counted up tell nothing. A value proves nothing where too many
    accounts have it, accounts of two countries, or two that were decided to be different (`apart`: a, b).
    """
    pairs = reduce(DataFrame.unionByName, [_pairs(accounts, key) for key in keys])
    value = ["found_by", "evidence"]
    members = pairs.select(*value, F.col("a").alias("node")).unionByName(pairs.select(*value, F.col("b").alias("node")))
    of_a, of_b = (members.distinct().withColumnRenamed("node", end) for end in ("a", "b"))
    refuted = (
        apart.select("a", "b").join(of_a, "a", "inner").join(of_b, ["b", *value], "inner").select(*value).distinct()
    )
    refuted = refuted.withColumn("_refuted", F.lit("two accounts that have it were decided to be different"))
    told = F.coalesce("doubt", "_refuted")
    return pairs.join(refuted, value, "left").withColumn("doubt", told).drop("_refuted")


def _pairs(accounts: DataFrame, key: str) -> DataFrame:
    valued = accounts.select(node("system", "account_id").alias("b"), "country", _comparable(key).alias("value"))
    telling = valued.where(F.col("value").isNotNull())
    groups = telling.groupBy("value").agg(
        F.min("b").alias("a"), F.count(F.lit(1)).alias("shared"), F.count_distinct("country").alias("countries")
    )
    pairs = telling.join(groups.where(F.col("shared") > 1), "value", "inner").where(F.col("a") != F.col("b"))
    many = F.concat(F.col("shared").cast("string"), F.lit(" accounts have it, which is more than one customer has"))
    doubt = F.when(F.col("shared") > MOST, many).when(F.col("countries") > 1, "accounts of several countries have it")
    evidence = F.concat(F.lit(f"{key} "), F.col("value"))
    return pairs.select("a", "b", F.lit(key).alias("found_by"), evidence.alias("evidence"), doubt.alias("doubt"))


def _comparable(key: str) -> Column:
    """The value without case, spaces and punctuation; NULL when it tells nothing. E-mail keeps its punctuation."""
    if key == "email":
        address = F.lower(F.trim(key))
        return F.when(address.contains("@"), address)
    text = F.regexp_replace(F.upper(key), r"[^\p{L}\p{N}]", "")
    digits = F.regexp_replace(text, r"\D", "")
    repeated = F.length(F.replace(digits, F.substring(digits, 1, 1), F.lit(""))) == 0
    counted_up = F.lit(_COUNTED_UP).contains(digits)
    return F.when((F.length(digits) >= _SHORTEST) & ~repeated & ~counted_up, text)
