"""Which customers of several billing systems are probably one, and which of them surely enough to merge.

A false merge shows one customer another one's bill, so what is likely and what is safe are two questions. Relatives
share a surname, an address, a telephone, twins their birth date too: each of these would multiply the odds, though all
of them only say *one household*. Where names or birth dates disagree, a pair is therefore never surer than `UNSURE`,
whatever else agrees, unless a number from a register says that it is the same person.

Measured on Febrl's data set 4 (5,000 persons in both of two systems; one in seven has another given name or surname in
one of them), merged from 0.99 and asked from 0.5: all that are merged are right. With a number of a register 98 % of
the true pairs are merged and 2 % asked; without, 75 % and 21 %. `merging_bench` measures it.
"""

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.sources.merging.comparisons import BIRTH, COMPARISONS, NAME, REGISTRATION, Comparison
from billflow.sources.merging.match_candidates import candidates
from billflow.sources.merging.match_frequencies import frequencies
from billflow.sources.merging.match_scoring import scored, splink_on
from billflow.sources.merging.normalised import normalised

UNSURE = 0.95
"""The most probable that a pair is in which something speaks against one customer. Merge above it, and such pairs are
asked about at most."""

SMALLEST_BASE = 100_000
"""A random pair is one customer with a probability of one in so many, or in the accounts' number rounded up to a power
of ten when that is more: there are the more strangers who look alike, the bigger the base. Rounded, so that one more
customer does not change every probability; and not more than 1 in 100,000 in small bases, so that two dozen accounts
need the same evidence as a town."""

OWN_ACCOUNTS = 5
"""Accounts in one system that may be one customer's, where such are looked for."""


def probable_pairs(accounts: DataFrame, *, ask: float, within_systems: bool = False) -> DataFrame:
    """Pairs of accounts that are one customer with a probability of at least `ask` (0 to 1).

    `accounts` has system, account_id and what is known of name, street, city, postcode, country, email, tax_id,
    birth_date (date), registration_number and phone; a column that is not there is as one that is NULL. Gives system,
    account_id, other_system, other_account_id (the smaller (system, account_id) first), probability (double) and
    agreement, such as `name equal; birth date equal; street similar; e-mail differs`. Pairs are of two different
    systems, or of any two accounts `within_systems`. The same accounts give the same probabilities in whatever order
    and partitions they come. All is computed at once, and `accounts` read once.
    MachineError without Splink.
    """
    splink_on(accounts.sparkSession)
    records = normalised(accounts).localCheckpoint()
    shares = frequencies(records, own=OWN_ACCOUNTS if within_systems else 2).localCheckpoint()
    pairs = candidates(records, within_systems=within_systems)
    judged = scored(records, pairs, shares, prior=_prior(records.count()))
    judged = judged.select(
        F.col("system_l").alias("system"),
        F.col("account_id_l").alias("account_id"),
        F.col("system_r").alias("other_system"),
        F.col("account_id_r").alias("other_account_id"),
        _probability().alias("probability"),
        F.concat_ws("; ", *map(_agreement, COMPARISONS)).alias("agreement"),
    )
    # Spark would ask of each of these expressions what a filter above says of it: planning took minutes.
    return judged.localCheckpoint().where(F.col("probability") >= ask)


def _prior(accounts: int) -> float:
    """1 in the number of accounts, rounded up to a power of ten."""
    return 1 / max(SMALLEST_BASE, 10.0 ** len(str(max(accounts - 1, 0))))


def _probability() -> Column:
    scored_so = F.col("match_probability")
    return F.when(_doubtful(), F.least(scored_so, F.lit(UNSURE))).otherwise(scored_so)


def _doubtful() -> Column:
    """Something speaks against one customer, and no register for it."""
    name, number = (F.col(f"gamma_{compared.attribute}") for compared in (NAME, REGISTRATION))
    same_birth = F.col(f"gamma_{BIRTH.attribute}") == BIRTH.level("birth date equal")
    other_birth = F.col(f"gamma_{BIRTH.attribute}") == BIRTH.level("birth date differs")
    # A name that is not given, or is a surname alone, may be anyone's of the household.
    other_name = name.isin(-1, *map(NAME.level, ("legal forms differ", "name in part", "a word alone", "name differs")))
    registered = (number == REGISTRATION.level("registration number equal")) & (
        same_birth | ~name.isin(-1, NAME.level("name differs"))
    )
    return (other_name | other_birth) & ~registered


def _agreement(comparison: Comparison) -> Column:
    """What a clerk reads of an attribute; NULL where one of the two does not have it."""
    level = F.col(f"gamma_{comparison.attribute}")
    told = [F.when(level == comparison.level(one.name), one.says) for one in comparison.levels]
    return reduce(F.coalesce, told)


def strict_pairs(pairs: DataFrame, *, merge: float) -> DataFrame:
    """Of `probable_pairs`, those that may be merged without asking: at least `merge` (0 to 1), and mutual best.

    An account is merged with at most one of another system: with the one that is most probable from both sides. Where
    two are equally probable neither is merged. Pairs within one system are duplicates, of which a customer may have
    any number: all that are probable enough stay.
    """
    sure = pairs.where(F.col("probability") >= merge)
    sides = [["system", "account_id", "other_system"], ["other_system", "other_account_id", "system"]]
    best = reduce(Column.__and__, map(_is_best, sides))
    judged = sure.withColumn("_kept", best | (F.col("system") == F.col("other_system")))
    return judged.where("_kept").drop("_kept")


def _is_best(side: list[str]) -> Column:
    """Whether no other pair of this account and the other system is as probable."""
    rivals = Window.partitionBy(*side).orderBy(F.col("probability").desc())
    equals = Window.partitionBy(*side, "probability")
    return (F.rank().over(rivals) == 1) & (F.count(F.lit(1)).over(equals) == 1)
