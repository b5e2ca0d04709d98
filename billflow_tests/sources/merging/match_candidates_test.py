"""Which pairs are compared: what many share makes none."""

from collections.abc import Sequence

import pytest
from pyspark.sql import SparkSession

from billflow.sources.merging.match_candidates import MOST_SHARING, candidates
from billflow.sources.merging.normalised import normalised


def compared(
    spark: SparkSession, accounts: Sequence[tuple[str | None, ...]], *, within_systems: bool = False
) -> list[tuple[str, str]]:
    """Accounts are (system, account_id, name, postcode, email)."""
    given = spark.createDataFrame(
        list(accounts), "system string, account_id string, name string, postcode string, email string"
    )
    pairs = candidates(normalised(given), within_systems=within_systems).collect()
    return sorted((row.join_key_l.replace("\x01", "/"), row.join_key_r.replace("\x01", "/")) for row in pairs)


def test_a_pair_with_several_keys_in_common_is_compared_once(spark: SparkSession) -> None:
    accounts = [("b", "1", "Ada King", "1000", "ada@x.org"), ("a", "2", "King, Ada", "1000", "ada@x.org")]
    assert compared(spark, accounts) == [("a/2", "b/1")]


def test_one_word_that_sounds_alike_in_one_place_is_enough(spark: SparkSession) -> None:
    assert compared(spark, [("a", "1", "Ada Smith", "1000", None), ("b", "1", "Eve Smyth", "1000", None)]) == [
        ("a/1", "b/1")
    ]


@pytest.mark.parametrize(("within_systems", "expected"), [(False, []), (True, [("a/1", "a/2")])])
def test_accounts_of_one_system(spark: SparkSession, within_systems: bool, expected: list[tuple[str, str]]) -> None:
    accounts = [("a", "2", "Ada King", None, None), ("a", "1", "Ada King", None, None)]
    assert compared(spark, accounts, within_systems=within_systems) == expected


def test_what_more_accounts_share_than_a_customer_may_have_makes_no_pair(spark: SparkSession) -> None:
    half = MOST_SHARING // 2
    few = [(system, str(number), None, None, "info@x.org") for system in "ab" for number in range(half)]
    assert len(compared(spark, few)) == half**2
    assert compared(spark, [*few, ("c", "1", None, None, "info@x.org")]) == []


def test_fillers_make_no_pair(spark: SparkSession) -> None:
    assert (
        compared(
            spark, [("a", "1", "UNKNOWN", "0000", "unknown@x.org"), ("b", "1", "Unknown", "0000", "unknown@x.org")]
        )
        == []
    )
