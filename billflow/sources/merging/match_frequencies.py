"""How common a value is: two Smiths say less than two Featherstonehaughs, a shared `info@…` next to nothing."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

COLUMNS = ("name_key", "street_key", "place", "birth", "email", "phone", "tax_id", "registration_number")
"""Columns of `normalised` of which frequencies are taken."""


def frequencies(records: DataFrame, *, own: int) -> DataFrame:
    """_column, _value, _share (0 to 1) of the values that more accounts have than one customer may have.

    One account in each system, or `own` in all, may be one customer's; the others belong to strangers who share the
    value. What no strangers share is not here: it is as rare as `comparisons` has it.
    """
    values = records.select("system", F.explode(F.array(*map(_named, COLUMNS))).alias("_named"))
    given = values.select("system", "_named.*").where(F.col("_value").isNotNull())
    in_system = given.groupBy("_column", "_value", "system").agg(F.count(F.lit(1)).alias("_accounts"))
    in_all = [F.sum("_accounts").alias("_accounts"), F.count(F.lit(1)).alias("_systems")]
    shared = in_system.groupBy("_column", "_value").agg(*in_all)
    strangers = F.col("_accounts") - F.greatest("_systems", F.lit(own))
    everyone = given.groupBy("_column").agg(F.count(F.lit(1)).alias("_everyone"))
    told = shared.where(strangers > 0).join(F.broadcast(everyone), "_column", "inner")
    return told.select("_column", "_value", (strangers / F.col("_everyone")).alias("_share"))


def _named(column: str) -> Column:
    return F.struct(F.lit(column).alias("_column"), F.col(column).alias("_value"))


def frequency(shares: DataFrame, column: str) -> DataFrame:
    """Of one column, as Splink looks it up: <column>, tf_<column>."""
    of_column = shares.where(F.col("_column") == column)
    return of_column.select(F.col("_value").alias(column), F.col("_share").alias(f"tf_{column}"))
