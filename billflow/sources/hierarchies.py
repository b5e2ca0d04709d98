"""Who is invoiced for an account: the top of its chain of parents, within one system.

The chains are followed by doubling: each account's next 1, 2, 4, 8 parents. So three joins of the accounts that have a
parent reach eight levels, however many accounts there are and whatever circles are among them.
"""

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.sources.verdicts import VALID, VERDICT, judged_further, rule

_DOUBLINGS = 3
MOST_LEVELS = 2**_DOUBLINGS
"""Parents above an account, at most."""

_ACCOUNT = ["account_id", "system"]


def has_parents(customers: DataFrame) -> bool:
    """Whether any row names a parent; stops reading at the first."""
    return not customers.where(F.col("parent_account_id").isNotNull()).isEmpty()


def without_hierarchies(customers: DataFrame) -> DataFrame:
    """Judged customers of whom none has a parent: each is invoiced itself."""
    problem = F.lit(None).cast("string")
    return customers.withColumns({"invoiced_account_id": F.col("account_id"), "hierarchy_problem": problem})


def with_hierarchies(customers: DataFrame) -> DataFrame:
    """Judged customers with invoiced_account_id, hierarchy_problem and the cycle of the account that is invoiced.

    An account whose top is not found stays valid and keeps its own cycle: billing holds it there, with the problem as
    its reason. When it has no cycle of its own it cannot be held anywhere and is quarantined.
    """
    found = customers.join(_tops(customers.where(F.col(VERDICT) == VALID)), _ACCOUNT, "left")
    resolved = F.col("hierarchy_problem").isNull()
    # Whoever has no parent is not among the tops found: it is its own.
    invoiced = F.when(resolved, F.coalesce("_top", "account_id"))
    cycle = F.when(resolved, F.coalesce("_top_cycle", "cycle")).otherwise(F.col("cycle"))
    whole = found.withColumns({"invoiced_account_id": invoiced, "cycle": cycle}).drop("_top", "_top_cycle")
    nowhere = rule("unknown_cycle", F.col("cycle").isNull(), "no cycle is given, and ", F.col("hierarchy_problem"))
    return judged_further(whole, [nowhere])


def _tops(accounts: DataFrame) -> DataFrame:
    """system, account_id, _top, _top_cycle, hierarchy_problem of the accounts that have a parent; no others."""
    last = F.element_at("_chain", -1)
    reached = _chains(accounts).withColumn("_top", last)
    known = accounts.select(
        "system",
        F.col("account_id").alias("_top"),
        F.col("cycle").alias("_top_cycle"),
        F.col("parent_account_id").alias("_next"),
        F.lit(True).alias("_known"),
    )
    return reached.join(known, ["system", "_top"], "left").select(
        *_ACCOUNT, "_top", "_top_cycle", _problem().alias("hierarchy_problem")
    )


def _problem() -> Column:
    chain = F.concat(F.array("account_id"), F.col("_chain"))
    circular = F.size(F.array_distinct(chain)) < F.size(chain)
    shown = F.array_join(F.array_distinct(chain), " → ")
    return (
        F.when(circular, F.concat(F.lit("its parents form a circle: "), shown))
        .when(
            F.col("_known").isNull(),
            F.concat(F.lit("the parent "), F.col("_top"), F.lit(" is not among the valid customers of the system")),
        )
        .when(
            F.col("_next").isNotNull(),
            F.concat(F.lit(f"there are more than {MOST_LEVELS} levels of parents above it: "), shown),
        )
    )


def _chains(accounts: DataFrame) -> DataFrame:
    """system, account_id, _chain: up to MOST_LEVELS parents of each account that has one, the nearest first."""
    children = accounts.where(F.col("parent_account_id").isNotNull())
    chains = children.select(*_ACCOUNT, F.array("parent_account_id").alias("_chain"))
    for _ in range(_DOUBLINGS):
        # Both sides of the next join read it; without this, three doublings would compute the first eight times.
        chains = _doubled(chains.persist(StorageLevel.DISK_ONLY))
    return chains


def _doubled(chains: DataFrame) -> DataFrame:
    """Each chain with that of its last account put behind it, when that one has a parent too."""
    further = chains.select("system", F.col("account_id").alias("_last"), F.col("_chain").alias("_further"))
    joined = chains.withColumn("_last", F.element_at("_chain", -1)).join(further, ["system", "_last"], "left")
    nothing = F.array().cast("array<string>")
    return joined.select(*_ACCOUNT, F.concat("_chain", F.coalesce("_further", nothing)).alias("_chain"))
