"""From clusters of accounts to customers, whose ids stay as accounts come, go, and are merged or parted again."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.sources.merging.decisions import node

ALONE = "alone"


def customer_accounts(
    accounts: DataFrame,
    subscriptions: DataFrame,
    found: DataFrame,
    pairs: DataFrame,
    *,
    before: DataFrame | None,
    version: int,
) -> DataFrame:
    """CUSTOMER_ACCOUNTS of all accounts.

    `found` and `pairs` are what `clusters` gives; `before` are the CUSTOMER_ACCOUNTS of the ingestion before, and
    `version` is the number of this one.
    """
    placed = (
        accounts.select("system", "account_id", "parent_account_id", F.col("cycle").alias("own_cycle"))
        .withColumn("node", node("system", "account_id"))
        .join(found, "node", "left")
        .withColumns({"cluster": F.coalesce("cluster", "node"), "own_id": own_id()})
        .join(_joined_by(pairs), "node", "left")
    )
    return _led(_named(placed, before, version), subscriptions).select(
        "customer_id",
        "system",
        "account_id",
        "leads",
        "cycle",
        F.coalesce("found_by", F.lit(ALONE)).alias("merged_by"),
        "probability",
        "evidence",
        "since",
    )


def own_id() -> Column:
    """The id of a customer that began with this account: 96 bits of SHA-256, as invoices have."""
    parts = [F.concat(F.length(name).cast("string"), F.lit(":"), F.col(name)) for name in ("system", "account_id")]
    return F.substring(F.sha2(F.concat(*parts), 256), 1, 24)


def _joined_by(pairs: DataFrame) -> DataFrame:
    """node → the surest of its pairs: found_by, probability, evidence."""
    ends = [F.col(end).alias("node") for end in ("a", "b")]
    how = F.struct("rank", (-F.coalesce("probability", F.lit(1))).alias("least"), "found_by", "probability", "evidence")
    both = pairs.select(ends[0], how.alias("how")).unionByName(pairs.select(ends[1], how.alias("how")))
    surest = both.groupBy("node").agg(F.min("how").alias("how"))
    return surest.select("node", "how.found_by", "how.probability", "how.evidence")


def _named(placed: DataFrame, before: DataFrame | None, version: int) -> DataFrame:
    """With customer_id and since.

    Of the ids that a cluster's accounts had, those stay whose first account is in it; of several the oldest. So the
    customer that keeps its first account keeps its id, and what is taken apart gets back what it had. Where the first
    account is gone, or in quarantine today, the id stays with the next one that had it.
    """
    had = F.struct(F.lit(None).cast("long").alias("since"), F.lit(None).cast("string").alias("customer_id"))
    known = placed.withColumn("_had", had)
    if before is not None:
        kept = before.select("system", "account_id", F.struct("since", "customer_id").alias("_had"))
        known = placed.join(kept, ["system", "account_id"], "left")
    cluster = Window.partitionBy("cluster")
    begun_here = F.array_contains(F.collect_set("own_id").over(cluster), F.col("_had.customer_id"))
    heir = (
        F.row_number().over(Window.partitionBy(F.coalesce("_had.customer_id", "node")).orderBy("system", "account_id"))
        == 1
    )
    is_here = placed.select(F.col("own_id").alias("_begun"), F.lit(True).alias("_is_here"))
    known = known.withColumn("_begun", F.col("_had.customer_id")).join(is_here, "_begun", "left")
    stays = F.when(
        F.col("_had.customer_id").isNotNull() & (begun_here | (F.col("_is_here").isNull() & heir)), F.col("_had")
    )
    first = F.min(F.struct("system", "account_id", "own_id")).over(cluster)["own_id"]
    new = F.struct(F.lit(version).cast("long").alias("since"), first.alias("customer_id"))
    named = known.withColumn("_stays", stays)
    chosen = F.coalesce(F.min("_stays").over(cluster), new)
    return named.withColumn("_new", chosen).withColumns(
        {"customer_id": F.col("_new.customer_id"), "since": F.col("_new.since")}
    )


def _led(named: DataFrame, subscriptions: DataFrame) -> DataFrame:
    """With `leads` and the leading account's cycle: an account that billflow bills, and by itself, before others."""
    subscribed = subscriptions.select("system", "account_id", F.lit(False).alias("_bare")).distinct()
    known = named.join(subscribed, ["system", "account_id"], "left")
    order = [
        F.coalesce("_bare", F.lit(True)),
        F.col("parent_account_id").isNotNull(),
        F.col("system"),
        F.col("account_id"),
    ]
    of_customer = Window.partitionBy("customer_id").orderBy(*order)
    ranked = known.withColumns(
        {"_rank": F.row_number().over(of_customer), "cycle": F.first("own_cycle").over(of_customer)}
    )
    return ranked.withColumn("leads", F.col("_rank") == 1)
