"""Frames that are read more than once: their rows are kept on the executors' disks."""

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from billflow.lake.cluster import is_local


def kept(frame: DataFrame) -> DataFrame:
    """`frame`, of which the first action that reads it keeps the rows; it is planned only once.

    Spark's cache takes rows apart into columns, which is as much work as to judge rows of usage, and most of what reads
    them wants whole rows. In one process they are kept as they are. On a cluster such rows would be gone with the
    executor that has them, and the step with them, where the cache computes its own again.
    """
    if is_local(frame.sparkSession.sparkContext.master or ""):
        return frame.localCheckpoint(eager=False, storageLevel=StorageLevel.DISK_ONLY)
    return frame.persist(StorageLevel.DISK_ONLY)


def drop_all_kept(spark: SparkSession) -> None:
    """Frees the disk of all that a session has kept, also by Spark's cache."""
    spark.catalog.clearCache()
    for rows in spark.sparkContext._jsc.getPersistentRDDs().values():  # noqa: SLF001  # Python has no name for it
        rows.unpersist()
