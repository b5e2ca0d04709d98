"""Conditions told as a list of texts."""

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from billflow.sources.listing import any_of, listed


@pytest.mark.parametrize(("conditions", "value"), [([], False), ([True, False], True), ([False], False)])
def test_any_of(spark: SparkSession, conditions: list[bool], value: bool) -> None:
    [row] = spark.range(1).select(any_of([F.lit(one) for one in conditions])).collect()
    assert row[0] is value


@pytest.mark.parametrize(
    ("conditions", "texts"),
    [([], []), ([False, None], []), ([True, None, True], ["0", "2"]), ([None, True, False], ["1"])],
)
def test_listed(spark: SparkSession, conditions: list[bool | None], texts: list[str]) -> None:
    told = [(F.lit(one).cast("boolean"), F.lit(str(at))) for at, one in enumerate(conditions)]
    [row] = spark.range(1).select(listed(told)).collect()
    assert row[0] == texts
