"""The crosswalk: what people, and other systems' own tables, say of pairs of accounts.

Two accounts are named by a text each, the *node*, wherever they are compared; the smaller node of a pair comes first.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.canonical import CANONICAL_TABLES
from billflow.sources.listing import any_of
from billflow.sources.verdicts import apply_rules, mapped_rules, rule, settle_duplicates, unknown_if_given

SAME, DIFFERENT = "same", "different"


def node(system: Column | str, account: Column | str) -> Column:
    """An account as one text. The length of the system's name keeps (a, bc) and (ab, c) apart."""
    name = F.col(system) if isinstance(system, str) else system
    return F.concat_ws(":", F.length(name).cast("string"), name, account)


def judge_crosswalk(rows: DataFrame, accounts: DataFrame) -> DataFrame:
    """Rows of the crosswalk against the valid accounts; a decision that is left out is `same`."""
    key = CANONICAL_TABLES["crosswalk"].key
    ids = ("account_id", "other_system", "other_account_id")
    filled = rows.withColumns(
        {
            "system": F.coalesce("account_system", "system"),
            "account_system": F.coalesce("account_system", "system"),
            "decision": F.coalesce(F.lower(F.trim("decision")), F.lit(SAME)),
        }
    )
    known = accounts.select("system", "account_id", F.lit(True).alias("_known"))
    other = accounts.select(
        F.col("system").alias("other_system"),
        F.col("account_id").alias("other_account_id"),
        F.lit(True).alias("_other"),
    )
    joined = filled.join(known, ["system", "account_id"], "left").join(other, list(ids[1:]), "left")
    itself = (F.col("system") == F.col("other_system")) & (F.col("account_id") == F.col("other_account_id"))
    judged = apply_rules(
        joined,
        [
            *mapped_rules(),
            rule("missing_key", any_of([F.col(name).isNull() for name in ids]), f"{', '.join(ids)}: one is missing"),
            unknown_if_given("decision", [SAME, DIFFERENT]),
            rule("same_account", itself, "both accounts are one: ", F.col("account_id")),
            rule(
                "unknown_account",
                F.col("_known").isNull() | F.col("_other").isNull(),
                "no valid customer of its system has the account_id ",
                F.when(F.col("_known").isNull(), F.col("account_id")).otherwise(F.col("other_account_id")),
            ),
        ],
    )
    # Rows that decide otherwise are no duplicates: which of them stands is settled by when they were decided.
    return settle_duplicates(judged, key=key, content=["decision"])


def standing_decisions(crosswalk: DataFrame) -> DataFrame:
    """One row a pair of accounts, a and b (nodes), with its decision: the last one, `different` where two are equal."""
    one, other = node("system", "account_id"), node("other_system", "other_account_id")
    pairs = crosswalk.select(
        F.least(one, other).alias("a"), F.greatest(one, other).alias("b"), "decision", "decided_at", "note"
    )
    newest = Window.partitionBy("a", "b").orderBy(
        F.col("decided_at").desc_nulls_last(), F.col("decision").asc(), F.col("note").asc_nulls_last()
    )
    return pairs.withColumn("_at", F.row_number().over(newest)).where(F.col("_at") == 1).drop("_at", "decided_at")
