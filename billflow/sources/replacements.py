"""Usage that corrects other usage: a record that names another one's id in `replaces` stands in its place.

A correction may be corrected again: the last of such a chain stands, whatever becomes of those between. What a record
replaces need not be there (yet). The chains are followed by doubling, as hierarchies are: three joins of the records
that correct others reach eight of them.
"""

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.sources.verdicts import DUPLICATE, RULES, VALID, VERDICT, judged_further, rule

REPLACED = "replaced"
"""Verdict beside those of `verdicts`: another record stands in the place of this one, be it valid or not."""

_DOUBLINGS = 3
MOST_CORRECTIONS = 2**_DOUBLINGS
"""Of one record, one after the other, at most."""

_KEY = ["usage_id", "system"]


def replaces_any(usage: DataFrame) -> bool:
    """Whether any row names another one; stops reading at the first."""
    return not usage.where(F.col("replaces").isNotNull()).isEmpty()


def with_replacements(usage: DataFrame) -> DataFrame:
    """Judged usage in which what is replaced has the verdict REPLACED.

    A correction that cannot be followed is quarantined, and what it names stands: in a circle (`circular_replacement`),
    after too many others (`too_many_replacements`), or of a record that another one has corrected already
    (`already_replaced`). Of several corrections of one record the first by arrival, source and id stands.
    """
    found = usage.join(_chains(_claims(usage).localCheckpoint()), _KEY, "left")
    named = F.col("_chain.replaces")
    circle = F.concat(F.array("usage_id"), named)
    lost = F.get(F.filter("_chain", lambda one: one["winner"].isNotNull()), F.lit(0))
    corrects = F.col("replaces").isNotNull() & F.col("_chain").isNotNull()
    circular = F.size(F.array_distinct(circle)) < F.size(circle)
    judged = judged_further(
        found,
        [
            rule(
                "circular_replacement",
                corrects & circular,
                "what it replaces leads back to itself: ",
                F.array_join(F.array_distinct(circle), " → "),
            ),
            rule(
                "already_replaced",
                corrects & ~circular & lost.isNotNull(),
                lost["replaces"],
                " is replaced by ",
                lost["winner"],
                " already",
            ),
            rule(
                "too_many_replacements",
                corrects & ~circular & F.col("_goes_on"),
                f"it is more than {MOST_CORRECTIONS} corrections away from the first record",
            ),
        ],
    ).persist(StorageLevel.DISK_ONLY)
    standing = judged.where((F.col(VERDICT) == VALID) & corrects)
    gone = standing.select("system", F.explode(named).alias("usage_id")).distinct().withColumn("_gone", F.lit(True))
    is_gone = F.col("_gone").isNotNull() & (F.col(VERDICT) != DUPLICATE)
    return (
        judged.join(gone, _KEY, "left")
        .withColumn(VERDICT, F.when(is_gone, REPLACED).otherwise(F.col(VERDICT)))
        .drop("_chain", "_goes_on", "_gone")
    )


def _claims(usage: DataFrame) -> DataFrame:
    """system, usage_id, replaces, `winner` of the rows that name another one: a row an id, a valid one if there is any.

    `winner` is another row that has corrected the same record before.
    """
    is_valid = F.col(VERDICT) == VALID
    named = usage.where(
        F.col("replaces").isNotNull()
        & F.col("usage_id").isNotNull()
        & (F.col(VERDICT) != DUPLICATE)
        & ~F.array_contains(RULES, "duplicate_key")
    )
    order = [(~is_valid).cast("int"), *_arrival()]
    one_each = named.withColumn("_number", F.row_number().over(Window.partitionBy(*_KEY).orderBy(*order)))
    of_record = Window.partitionBy("system", "replaces").orderBy(*order)
    first = F.first("usage_id").over(of_record)
    winner = F.when(first != F.col("usage_id"), first).alias("winner")
    return one_each.where(F.col("_number") == 1).select(*_KEY, "replaces", winner)


def _arrival() -> list[Column]:
    return [F.col("arrived_at").asc_nulls_last(), F.col("source").asc(), F.col("usage_id").asc()]


def _chains(claims: DataFrame) -> DataFrame:
    """Claims with `_chain`: what each names, and what that names, up to MOST_CORRECTIONS; and whether it `_goes_on`."""
    link = F.struct("replaces", "winner")
    chains = claims.select(*_KEY, F.array(link).alias("_chain"))
    for _ in range(_DOUBLINGS):
        # Both sides of the next join read it. Kept without its plan, of which each join would have twice as much.
        chains = _doubled(chains.localCheckpoint())
    last = chains.withColumn("_last", F.element_at("_chain", -1)["replaces"])
    further = claims.select("system", F.col("usage_id").alias("_last"), F.lit(True).alias("_goes_on"))
    joined = last.join(further, ["system", "_last"], "left")
    return joined.select(*_KEY, "_chain", F.coalesce("_goes_on", F.lit(False)).alias("_goes_on"))


def _doubled(chains: DataFrame) -> DataFrame:
    """Each chain with that of its last record behind it, when that one names another too."""
    further = chains.select("system", F.col("usage_id").alias("_last"), F.col("_chain").alias("_further"))
    joined = chains.withColumn("_last", F.element_at("_chain", -1)["replaces"]).join(
        further, ["system", "_last"], "left"
    )
    return joined.select(*_KEY, F.concat("_chain", F.coalesce("_further", F.slice("_chain", 1, 0))).alias("_chain"))
