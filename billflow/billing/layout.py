"""How rows of one account meet: tables are laid out by account, and so a join of two of them needs no shuffle."""

from pyspark.sql import DataFrame


def looked_up(rows: DataFrame, buckets: int | None) -> DataFrame:
    """`rows`, the smaller side of a join by account, of tables that are laid out in `buckets` (None: they are not).

    They are kept in memory by their key, a bucket at a time, where Spark would sort both sides or, taking a compressed
    file for its rows, bring all of them to every executor. A bucket is made small enough for that (`bucket_count`).
    """
    return rows.hint("shuffle_hash") if buckets else rows
