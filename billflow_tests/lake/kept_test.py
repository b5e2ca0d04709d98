"""Frames that are read more than once."""

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.lake import kept as kept_module
from billflow.lake.kept import drop_all_kept, kept


def by_chance(spark: SparkSession) -> DataFrame:
    return spark.range(100).select("id", F.uuid().alias("drawn"))


def persistent(spark: SparkSession) -> int:
    return len(spark.sparkContext._jsc.getPersistentRDDs())


@pytest.mark.parametrize("local", [True, False])
def test_rows_are_computed_once(spark: SparkSession, monkeypatch: pytest.MonkeyPatch, local: bool) -> None:
    monkeypatch.setattr(kept_module, "is_local", lambda _: local)
    rows = kept(by_chance(spark))
    assert sorted(rows.collect()) == sorted(rows.collect())


def test_on_a_cluster_rows_can_be_computed_again(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Spark's cache has lost with an executor; of a checkpoint nobody knows how it was made."""
    monkeypatch.setattr(kept_module, "is_local", lambda _: False)
    rows = kept(spark.range(3).selectExpr("id + 1 AS next"))
    assert rows.is_cached
    drop_all_kept(spark)
    assert [row.next for row in rows.collect()] == [1, 2, 3]


@pytest.mark.parametrize("local", [True, False])
def test_their_disk_is_freed(spark: SparkSession, monkeypatch: pytest.MonkeyPatch, local: bool) -> None:
    monkeypatch.setattr(kept_module, "is_local", lambda _: local)
    before = persistent(spark)
    rows = kept(by_chance(spark))
    rows.count()
    assert persistent(spark) > before
    drop_all_kept(spark)
    assert persistent(spark) == 0
