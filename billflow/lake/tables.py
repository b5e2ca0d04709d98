"""Spark reads and writes of the lake's folders, laid out in buckets by account so that billing needs no shuffle."""

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import count

from pyspark.sql import DataFrame, DataFrameWriter, SparkSession
from pyspark.sql.types import StructType

from billflow.lake.local_rows import local_rows
from billflow.lake.manifest import TableRun
from billflow.lake.schemas import INVOICE_LINES
from billflow.lake.standing import StandingLines
from billflow.lake.storage import Storage

BUCKET_KEY = "account_id"
_numbers = count(1)


def conformed(frame: DataFrame, schema: StructType) -> DataFrame:
    """`frame` with exactly the columns of `schema`, cast to their types (ANSI: what does not fit is an error)."""
    return frame.select(*[frame[field.name].cast(field.dataType).alias(field.name) for field in schema])


def write_bucketed(frame: DataFrame, location: str, buckets: int, *, partition_by: Sequence[str] = ()) -> None:
    """Writes `frame` in `buckets` by account. It should be distributed like that already (else: many small files)."""
    writer = frame.write.mode("overwrite").format("parquet")
    writer = writer.bucketBy(buckets, BUCKET_KEY).sortBy(BUCKET_KEY)
    if partition_by:
        writer = writer.partitionBy(*partition_by)
    _save(frame.sparkSession, writer, location)


def by_account(frame: DataFrame, buckets: int) -> DataFrame:
    """`frame` with each account's rows in the task that writes its bucket: the one shuffle of ingestion."""
    return frame.repartition(buckets, BUCKET_KEY)


def _save(spark: SparkSession, writer: DataFrameWriter, location: str) -> None:
    name = f"written_{next(_numbers)}"
    writer.option("path", location).saveAsTable(name)
    # Only the name goes; an external table's files stay. Bucketing cannot be written without a name.
    spark.sql(f"DROP TABLE {name}")


def write_plain(frame: DataFrame, location: str) -> None:
    """Writes `frame` as it is distributed."""
    frame.write.mode("overwrite").parquet(location)


def read_bucketed(spark: SparkSession, location: str, schema: StructType, buckets: int) -> DataFrame:
    """The table in one folder. `buckets` must be the number it was written with: another loses rows in silence."""
    name = f"read_{next(_numbers)}"
    columns = ", ".join(f"`{field.name}` {field.dataType.simpleString()}" for field in schema)
    spark.sql(
        f"CREATE TABLE {name} ({columns}) USING parquet "
        f"CLUSTERED BY ({BUCKET_KEY}) SORTED BY ({BUCKET_KEY}) INTO {buckets} BUCKETS "
        f"LOCATION '{location.replace(chr(39), chr(92) + chr(39))}'"
    )
    return spark.table(name)


def read_plain(spark: SparkSession, location: str, schema: StructType) -> DataFrame:
    """A table without buckets, such as quarantine."""
    return spark.read.schema(schema).parquet(location)


def read_runs(spark: SparkSession, storage: Storage, runs: Iterable[TableRun], schema: StructType) -> DataFrame:
    """The rows of published folders, in their buckets where they have any; none where there is no folder."""
    frames = [
        read_bucketed(spark, storage.uri(run.path), schema, run.buckets)
        if run.buckets
        else read_plain(spark, storage.uri(run.path), schema)
        for run in runs
    ]
    return reduce(DataFrame.unionByName, frames) if frames else empty(spark, schema)


def read_standing(spark: SparkSession, storage: Storage, standing: StandingLines) -> DataFrame:
    """INVOICE_LINES of the bills that stand."""
    lines = read_runs(spark, storage, standing.runs, INVOICE_LINES)
    return lines.where(~lines["invoice_id"].isin(*standing.left_out)) if standing.left_out else lines


def empty(spark: SparkSession, schema: StructType) -> DataFrame:
    """No rows of a schema."""
    return local_rows(spark, [], schema)
