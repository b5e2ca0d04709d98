"""Tables in buckets by account: read as written, and joined and summed without a shuffle."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from billflow.lake import schemas, tables

BUCKETS = 4
CHARGED = StructType([field for field in schemas.USAGE if field.name in ("system", "account_id", "quantity", "metric")])
HOLDERS = StructType([field for field in schemas.ACCOUNTS if field.name in ("system", "account_id", "timezone")])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a lake's é")


@pytest.fixture(scope="module")
def usage(spark: SparkSession, folder: Path) -> DataFrame:
    """1,000 rows of 50 accounts in each of two systems."""
    rows = spark.range(1000).select(
        F.concat(F.lit("s"), F.col("id") % 2).alias("system"),
        F.concat(F.lit("a"), F.floor(F.col("id") / 2) % 50).alias("account_id"),
        F.lit("kwh").alias("metric"),
        F.col("id").alias("quantity"),
    )
    return written(rows, CHARGED, folder / "usage")


@pytest.fixture(scope="module")
def accounts(spark: SparkSession, folder: Path) -> DataFrame:
    rows = spark.range(100).select(
        F.concat(F.lit("s"), F.col("id") % 2).alias("system"),
        F.concat(F.lit("a"), F.floor(F.col("id") / 2)).alias("account_id"),
        F.lit("Australia/Sydney").alias("timezone"),
    )
    return written(rows, HOLDERS, folder / "accounts")


def written(rows: DataFrame, schema: StructType, place: Path) -> DataFrame:
    laid_out = tables.by_account(tables.conformed(rows, schema), BUCKETS)
    tables.write_bucketed(laid_out, str(place), BUCKETS)
    return tables.read_bucketed(rows.sparkSession, str(place), schema, BUCKETS)


def plan_of(frame: DataFrame) -> str:
    return frame._jdf.queryExecution().executedPlan().toString()


def test_bucketed_rows_are_read_as_written(usage: DataFrame) -> None:
    assert usage.schema == CHARGED
    found = usage.groupBy("system").agg(F.count(F.lit(1)), F.sum("quantity"), F.countDistinct("account_id"))
    assert sorted(tuple(row) for row in found.collect()) == [
        ("s0", 500, Decimal(249500), 50),
        ("s1", 500, Decimal(250000), 50),
    ]


def test_an_account_is_in_one_bucket(usage: DataFrame, folder: Path) -> None:
    assert usage.count() == 1000
    seen: dict[str, set[str]] = {}
    for file in (folder / "usage").glob("*.parquet"):
        bucket = file.name.split("_")[-1]
        for account in pq.read_table(file, columns=["account_id"])["account_id"].unique().to_pylist():
            seen.setdefault(account, set()).add(bucket)
    assert len(seen) == 50
    assert {len(buckets) for buckets in seen.values()} == {1}


def test_a_join_and_a_sum_by_account_need_no_shuffle(usage: DataFrame, accounts: DataFrame) -> None:
    key = ["system", "account_id"]
    summed = usage.join(accounts, key, "inner").groupBy(*key).agg(F.sum("quantity").alias("quantity"))
    assert "Exchange" not in plan_of(summed.hint("merge"))
    assert "Exchange" not in plan_of(usage.hint("merge").join(accounts, key, "left").groupBy(*key).count())
    assert summed.count() == 100
    assert summed.agg(F.sum("quantity")).first()[0] == Decimal(499500)


def test_further_keys_within_an_account_need_no_shuffle(usage: DataFrame) -> None:
    assert "Exchange" not in plan_of(usage.groupBy("system", "account_id", "metric").agg(F.max("quantity")))


def test_a_sum_by_something_else_does(usage: DataFrame) -> None:
    """So that the tests above can fail."""
    assert "Exchange" in plan_of(usage.groupBy("metric").agg(F.max("quantity")))


def test_partitioned_and_bucketed(spark: SparkSession, folder: Path) -> None:
    rows = spark.range(40).select(
        F.concat(F.lit("a"), F.col("id") % 5).alias("account_id"),
        F.when(F.col("id") < 10, "2013-01").otherwise("2013-02").alias("month"),
    )
    tables.write_bucketed(tables.by_account(rows, 2), str(folder / "months"), 2, partition_by=["month"])
    schema = StructType([schemas.USAGE["account_id"]])
    counts = {
        month: tables.read_bucketed(spark, str(folder / "months" / f"month={month}"), schema, 2).count()
        for month in ("2013-01", "2013-02")
    }
    assert counts == {"2013-01": 10, "2013-02": 30}


def test_written_again_is_replaced(spark: SparkSession, folder: Path) -> None:
    schema = StructType([schemas.USAGE["account_id"]])
    for count in (30, 3):
        rows = spark.range(count).select(F.col("id").cast("string").alias("account_id"))
        read = written(rows, schema, folder / "again")
    assert read.count() == 3


def test_no_names_are_left_behind(spark: SparkSession, usage: DataFrame) -> None:
    assert usage.columns
    assert [table.name for table in spark.catalog.listTables() if table.name.startswith("written_")] == []


def test_plain_rows_are_read_as_written(spark: SparkSession, folder: Path) -> None:
    place, schema = str(folder / "plain [1]"), schemas.INVOICE_TAXES
    rows = tables.empty(spark, schema)
    assert (rows.schema, rows.count()) == (schema, 0)
    one = rows.union(spark.sql("select 'i', 'S', 0.1, 12.34, 1.23, 'c01', '2013-01', 'default', 'a', 'AUD'"))
    tables.write_plain(tables.conformed(one, schema), place)
    [row] = tables.read_plain(spark, place, schema).collect()
    assert (row.invoice_id, row.tax_rate, row.base) == ("i", Decimal("0.1"), Decimal("12.34"))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'12.34567'", Decimal("12.3457")),
        ("12", Decimal(12)),
        ("-0.00005", Decimal("-0.0001")),
    ],
)
def test_conformed_casts(spark: SparkSession, expression: str, value: Decimal) -> None:
    schema = StructType([schemas.INVOICES["net"]])
    [row] = tables.conformed(spark.sql(f"select 1 as more, {expression} as net"), schema).collect()
    assert row.asDict() == {"net": value}


@pytest.mark.parametrize(("column", "expression"), [("net", "'abc'"), ("net", "1e40"), ("issue_date", "'soon'")])
def test_conformed_refuses_what_does_not_fit(spark: SparkSession, column: str, expression: str) -> None:
    schema = StructType([schemas.INVOICES[column]])
    with pytest.raises(PySparkException):
        tables.conformed(spark.sql(f"select {expression} as {column}"), schema).collect()


def test_conformed_keeps_days(spark: SparkSession) -> None:
    schema = StructType([schemas.INVOICES["issue_date"]])
    [row] = tables.conformed(spark.sql("select '2013-02-01' as issue_date"), schema).collect()
    assert row.issue_date == date(2013, 2, 1)
