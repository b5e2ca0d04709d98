"""Which accounts belong together, by pairs of them: directly, or by way of others.

Nobody is joined with somebody from whom they were decided to be different, not by way of others either.
"""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

Written = Callable[[DataFrame], DataFrame]
"""Writes a frame and gives back what was written: what is joined again and again must not be computed each time."""

DECIDED, KEYED, MATCHED = 0, 1, 2
"""Ranks of pairs, the surest first."""


def clusters(
    pairs: DataFrame, apart: DataFrame, written: Written, *, within_systems: bool = True
) -> tuple[DataFrame, DataFrame]:
    """(node, cluster), and the `pairs` (a, b, rank, …) that joined them.

    `cluster` is the smallest node of it; accounts that no pair joins are not there. Where a cluster would hold two
    accounts that are `apart` (a, b), its weakest pairs are left out, rank by rank: who is merged wrongly sees another
    one's bills. Not `within_systems`, so is one in which what is probable would join two accounts of one system.
    """
    kept = written(pairs.join(apart.select("a", "b"), ["a", "b"], "left_anti"))
    for rank in (MATCHED, KEYED, DECIDED):
        found = components(kept, written)
        torn = _torn(found, apart)
        if rank == MATCHED and not within_systems:
            surely = components(kept.where(F.col("rank") < MATCHED), written)
            torn = torn.union(_doubled(found, surely)).distinct()
        torn = written(torn)
        if torn.isEmpty():
            return found, kept
        placed = kept.join(found.withColumnRenamed("node", "a"), "a", "inner").join(
            torn.withColumn("_torn", F.lit(True)), "cluster", "left"
        )
        weak = (F.col("rank") >= rank) & F.col("_torn").isNotNull()
        kept = written(placed.where(~weak).select(*pairs.columns))
    return components(kept, written), kept


def _torn(found: DataFrame, apart: DataFrame) -> DataFrame:
    """The clusters that hold both accounts of a pair that is apart."""
    of_a = found.select(F.col("node").alias("a"), "cluster")
    of_b = found.select(F.col("node").alias("b"), F.col("cluster").alias("_other"))
    both = apart.join(of_a, "a", "inner").join(of_b, "b", "inner")
    return both.where(F.col("cluster") == F.col("_other")).select("cluster").distinct()


def _doubled(found: DataFrame, surely: DataFrame) -> DataFrame:
    """The clusters that hold two accounts of one system which no decision or key joins."""
    sure = surely.select("node", F.col("cluster").alias("_sure"))
    placed = found.join(sure, "node", "left").withColumn("_sure", F.coalesce("_sure", "node"))
    several = placed.groupBy("cluster", _system().alias("_system")).agg(F.count_distinct("_sure").alias("_parts"))
    return several.where(F.col("_parts") > 1).select("cluster").distinct()


def _system() -> Column:
    """The system of an account, out of its node."""
    return F.expr("substring(node, instr(node, ':') + 1, int(substring_index(node, ':', 1)))")


def components(pairs: DataFrame, written: Written) -> DataFrame:
    """(node, cluster) of every account in a pair (a, b).

    The algorithm FastSV (Zhang, Azad, Hu 2020): in each round the smallest label that an account or a neighbour has, or
    that such a label has itself, goes to the account and to its label. A chain of 1,000 accounts in any order takes 12
    rounds; to hand labels on to neighbours only takes hundreds.
    """
    links = written(pairs.select("a", "b").unionByName(pairs.select(F.col("b").alias("a"), F.col("a").alias("b"))))
    labels = written(links.select(F.col("a").alias("node"), F.col("a").alias("cluster")).distinct())
    while True:
        found = written(_nearer(links, labels))
        if found.where("changed").isEmpty():
            return labels
        labels = found.drop("changed")


def _nearer(links: DataFrame, labels: DataFrame) -> DataFrame:
    """node, cluster, changed: after one round."""
    further = labels.select(F.col("node").alias("cluster"), F.col("cluster").alias("_further"))
    reached = labels.join(further, "cluster", "inner")
    of_neighbours = (
        links.join(reached.select(F.col("node").alias("b"), "_further"), "b", "inner")
        .groupBy(F.col("a").alias("node"))
        .agg(F.min("_further").alias("_near"))
    )
    smallest = reached.join(of_neighbours, "node", "inner").withColumn("_found", F.least("_further", "_near"))
    taken = smallest.select("node", "_found").unionByName(smallest.select(F.col("cluster").alias("node"), "_found"))
    next_labels = taken.groupBy("node").agg(F.min("_found").alias("_next")).join(labels, "node", "inner")
    return next_labels.select(
        "node", F.col("_next").alias("cluster"), (F.col("_next") != F.col("cluster")).alias("changed")
    )
