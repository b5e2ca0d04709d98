"""All of merging: decisions, keys and matching make pairs, pairs make customers, and what is unsure is asked for."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.lake import schemas
from billflow.merging_settings import Matching, Merging
from billflow.sources.merging.clusters import DECIDED, KEYED, MATCHED, Written, clusters
from billflow.sources.merging.customers import customer_accounts
from billflow.sources.merging.decisions import DIFFERENT, SAME, node, standing_decisions
from billflow.sources.merging.keys import key_pairs

CROSSWALK = "crosswalk"
MATCH = "match"
_PAIR = ("a", "b", "rank", "found_by", "probability", "evidence")
_PROBABILITY = schemas.CUSTOMER_ACCOUNTS["probability"].dataType


@dataclass(frozen=True)
class Merge:
    """What accounts are merged by."""

    settings: Merging
    accounts: DataFrame
    subscriptions: DataFrame
    crosswalk: DataFrame
    before: DataFrame | None
    """CUSTOMER_ACCOUNTS of the ingestion before."""
    version: int
    written: Written

    def run(self) -> tuple[DataFrame, DataFrame]:
        """CUSTOMER_ACCOUNTS and MERGE_CANDIDATES."""
        decisions = self.written(standing_decisions(self.crosswalk))
        proposed = self.written(self._proposed(decisions))
        sure = proposed.where(F.col("doubt").isNull()).select(*_PAIR)
        apart = _apart(decisions)
        found, kept = clusters(sure, apart, self.written, within_systems=self._within_systems)
        customers = customer_accounts(
            self.accounts, self.subscriptions, found, kept, before=self.before, version=self.version
        )
        return customers, self._candidates(proposed, found, apart)

    @property
    def _within_systems(self) -> bool:
        return self.settings.match is not None and self.settings.match.within_systems

    def _proposed(self, decisions: DataFrame) -> DataFrame:
        """_PAIR and `doubt`: why a pair must be asked for, NULL where it is sure."""
        kinds = [_decided(decisions)]
        if self.settings.keys:
            kinds.append(_of_rank(key_pairs(self.accounts, self.settings.keys, _apart(decisions)), KEYED))
        if self.settings.match:
            kinds.append(self._matched(self.settings.match))
        return reduce(DataFrame.unionByName, kinds)

    def _matched(self, match: Matching) -> DataFrame:
        # Splink, an optional package, is looked for by who matches.
        from billflow.sources.merging.matching import probable_pairs, strict_pairs  # noqa: PLC0415

        ask, merge = float(match.ask), float(match.merge)
        probable = self.written(probable_pairs(self.accounts, ask=ask, within_systems=match.within_systems))
        sure = strict_pairs(probable, merge=merge).select(*_IDS, F.lit(True).alias("_sure"))
        doubt = F.when(F.col("probability") < merge, "it is not probable enough").otherwise(
            "another account of that system is as probable, or more"
        )
        pairs = probable.join(sure, list(_IDS), "left").withColumn("doubt", F.when(F.col("_sure").isNull(), doubt))
        named = pairs.select(*_nodes(), F.col("probability"), F.col("agreement").alias("evidence"), F.col("doubt"))
        return _of_rank(named.withColumn("found_by", F.lit(MATCH)), MATCHED)

    def _candidates(self, proposed: DataFrame, found: DataFrame, apart: DataFrame) -> DataFrame:
        """MERGE_CANDIDATES: proposed pairs that are not of one customer now, and were not decided on."""
        of_a, of_b = (found.select(F.col("node").alias(end), F.col("cluster").alias(f"_{end}")) for end in ("a", "b"))
        torn = F.lit("by way of others it would join accounts that were decided to be different, or two of one system")
        open_pairs = (
            proposed.join(of_a, "a", "left")
            .join(of_b, "b", "left")
            .where(~F.coalesce(F.col("_a") == F.col("_b"), F.lit(False)))
            .join(apart, ["a", "b"], "left_anti")
            .withColumn("reason", F.coalesce("doubt", torn))
        )
        return _with_names(open_pairs, self.accounts)


_IDS = ("system", "account_id", "other_system", "other_account_id")


def _nodes() -> tuple[Column, Column]:
    one, other = node("system", "account_id"), node("other_system", "other_account_id")
    return F.least(one, other).alias("a"), F.greatest(one, other).alias("b")


def _apart(decisions: DataFrame) -> DataFrame:
    return decisions.where(F.col("decision") == DIFFERENT).select("a", "b")


def _decided(decisions: DataFrame) -> DataFrame:
    same = decisions.where(F.col("decision") == SAME)
    pairs = same.select("a", "b", F.lit(CROSSWALK).alias("found_by"), F.col("note").alias("evidence"))
    return _of_rank(pairs, DECIDED).withColumn("doubt", F.lit(None).cast("string"))


def _of_rank(pairs: DataFrame, rank: int) -> DataFrame:
    probability = F.col("probability") if "probability" in pairs.columns else F.lit(None)
    return pairs.withColumns({"rank": F.lit(rank), "probability": probability.cast(_PROBABILITY)})


def _with_names(pairs: DataFrame, accounts: DataFrame) -> DataFrame:
    named = accounts.select(node("system", "account_id").alias("_node"), "system", "account_id", "name")
    one = named.withColumnRenamed("_node", "a")
    other = named.select(
        F.col("_node").alias("b"),
        F.col("system").alias("other_system"),
        F.col("account_id").alias("other_account_id"),
        F.col("name").alias("other_name"),
    )
    return pairs.join(one, "a", "inner").join(other, "b", "inner")
