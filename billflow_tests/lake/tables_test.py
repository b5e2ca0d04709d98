"""Tables in buckets by account: read as written, and joined and summed without a shuffle."""

import re
from collections import Counter
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


def shuffles_of(frame: DataFrame) -> list[str]:
    """The exchanges of a physical plan; a small table sent whole to every task is none."""
    plan = frame._jdf.queryExecution().executedPlan().toString()
    return re.findall(r"(?<!Broadcast)Exchange \w+", plan)


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


@pytest.mark.parametrize("how", ["inner", "left"])
@pytest.mark.parametrize("strategy", ["merge", "broadcast"])
def test_a_join_and_a_sum_by_account_need_no_shuffle(
    usage: DataFrame, accounts: DataFrame, how: str, strategy: str
) -> None:
    key = ["system", "account_id"]
    joined = usage.join(accounts.hint(strategy), key, how)
    assert shuffles_of(joined.groupBy(*key).agg(F.sum("quantity"))) == []
    assert shuffles_of(joined.groupBy(*key, "metric").agg(F.max("quantity"))) == []


def test_a_join_and_a_sum_by_account_are_right(usage: DataFrame, accounts: DataFrame) -> None:
    key = ["system", "account_id"]
    sums = usage.join(accounts.hint("merge"), key, "inner").groupBy(*key).agg(F.sum("quantity").alias("quantity"))
    found = {(row.system, row.account_id): row.quantity for row in sums.collect()}
    expected: Counter[tuple[str, str]] = Counter()
    for number in range(1000):
        expected[f"s{number % 2}", f"a{number // 2 % 50}"] += number
    assert found == expected


def test_a_sum_by_something_else_is_a_shuffle(usage: DataFrame) -> None:
    """So that the tests above can fail."""
    assert shuffles_of(usage.groupBy("metric").agg(F.max("quantity"))) == ["Exchange hashpartitioning"]


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


def test_what_is_given_back_is_what_was_written(spark: SparkSession, folder: Path) -> None:
    schema = StructType([schemas.USAGE["account_id"]])
    rows = spark.range(40).select((F.col("id") % 5).cast("string").alias("account_id"))
    given_back = tables.write_bucketed(tables.by_account(rows, 2), str(folder / "given back"), 2)
    counted = given_back.groupBy("account_id").count()
    assert shuffles_of(counted) == []
    assert {row["account_id"]: row["count"] for row in counted.collect()} == {str(account): 8 for account in range(5)}
    assert tables.read_bucketed(spark, str(folder / "given back"), schema, 2).count() == 40


def test_row_counts(spark: SparkSession) -> None:
    frames = {"many": spark.range(30), "few": spark.range(2), "none": tables.empty(spark, schemas.INVOICE_TAXES)}
    assert tables.row_counts(frames) == {"many": 30, "few": 2, "none": 0}


@pytest.mark.parametrize("name", ["plain", "plain (1), 'a' & é"])
def test_plain_rows_are_read_as_written(spark: SparkSession, folder: Path, name: str) -> None:
    place, schema = str(folder / name), schemas.INVOICE_TAXES
    one = spark.sql("select " + ", ".join(f"cast(12.34 as string) as {column}" for column in schema.names))
    tables.write_plain(tables.conformed(one, schema), place)
    [row] = tables.read_plain(spark, place, schema).collect()
    assert (row.invoice_id, row.tax_rate, row.base) == ("12.34", Decimal("12.34"), Decimal("12.34"))


def test_empty(spark: SparkSession) -> None:
    rows = tables.empty(spark, schemas.INVOICE_TAXES)
    assert (rows.schema, rows.count()) == (schemas.INVOICE_TAXES, 0)


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
