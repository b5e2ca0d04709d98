"""Quarantine of an ingestion: rows that break a rule, as they were delivered; and which of before are good now."""

from collections.abc import Collection, Iterable
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.canonical import CANONICAL_TABLES
from billflow.lake import schemas, tables
from billflow.lake.healing import action, note
from billflow.lake.manifest import TableRun
from billflow.lake.staging import Staging
from billflow.sources.counting import by_place
from billflow.sources.delivering import RawTables
from billflow.sources.raw import CORRUPT, ROW, delivered_columns
from billflow.sources.verdicts import QUARANTINED, VALID, VERDICT, key_text, quarantined

UNPLACED = "__unplaced__"
"""Folder of rows without cycle and month."""
_KEY = ["source", "table", "key"]
_FOUND = schemas.columns(
    **dict.fromkeys(_KEY, schemas.TEXT),
    rules=schemas.TEXTS,
    **dict.fromkeys(("reason", "cycle", "month", "file", "_delivery"), schemas.TEXT),
    _row=schemas.COUNT,
)
"""What `verdicts.quarantined` gives."""
_SHOWN = 6
"""Periods that are listed."""


class Quarantine:
    """The judged rows of all tables, as they are kept, and those of them that are in quarantine."""

    def __init__(self, spark: SparkSession, staging: Staging, raw: RawTables) -> None:
        self._spark, self._staging, self._raw = spark, staging, raw
        self._judged: dict[str, DataFrame] = {}
        self._bad: list[DataFrame] = []

    def keep(self, table: str, judged: DataFrame, verdicts: Collection[str]) -> None:
        """Rows of a canonical table with their verdicts, of which there are these; some are read again at the end."""
        self._judged[table] = judged
        if QUARANTINED in verdicts:
            self._bad.append(quarantined(judged, table, CANONICAL_TABLES[table].key))

    def _found(self) -> DataFrame:
        return reduce(DataFrame.unionByName, self._bad, tables.empty(self._spark, _FOUND))

    def write(self) -> dict[str, dict[str, str]]:
        """Writes the rows with the original row, a folder per cycle and month; table|cycle|month → rows."""
        found = self._found().persist(StorageLevel.DISK_ONLY)
        counted = found.groupBy("_delivery", "table", "cycle", "month").count().collect()
        rows = self._whole(found, {row["_delivery"] for row in counted})
        place = F.when(F.col("month").isNull(), UNPLACED).otherwise(F.concat("cycle", F.lit("~"), "month"))
        rows.withColumn("place", place).coalesce(1).write.mode("overwrite").partitionBy("place").parquet(
            self._staging.uri("quarantine")
        )
        return by_place(counted)

    def _whole(self, found: DataFrame, deliveries: Collection[str]) -> DataFrame:
        """QUARANTINE of what was found in these deliveries."""
        if not deliveries:
            return tables.empty(self._spark, schemas.QUARANTINE)
        originals = reduce(DataFrame.unionByName, [self._originals(name) for name in sorted(deliveries)])
        whole = found.join(originals, ["_delivery", "_row"], "left")
        return tables.conformed(whole.withColumn("run_id", F.lit(self._staging.run_id)), schemas.QUARANTINE)

    def _originals(self, delivery: str) -> DataFrame:
        raw = self._raw.rows(delivery)
        # A row that did not parse has no columns to show, only its text.
        text = F.when(F.col(CORRUPT).isNotNull(), F.to_json(F.struct(F.col(CORRUPT).alias("text"))))
        row = F.coalesce(text, F.to_json(F.struct(*[f"`{name}`" for name in delivered_columns(raw)])))
        return raw.select(F.lit(delivery).alias("_delivery"), F.col(ROW).alias("_row"), row.alias("row"))

    def mended(self, before: Iterable[TableRun]) -> dict[str, int]:
        """Table → keys that were in the quarantine `before`, are in none now, and have a good row; it is noted too.

        What was wrong with them is mended at the source: their rows are replayed with all others, and nobody needs to
        do more about them than to bill their months again.
        """
        runs = [run for run in before if run.rows]
        if not runs:
            return {}
        known = tables.read_runs(self._spark, self._staging.storage, runs, schemas.QUARANTINE)
        waited = known.where(F.col("key").isNotNull()).select(*_KEY).distinct()
        gone = waited.join(self._found().select(*_KEY), _KEY, "left_anti").persist(StorageLevel.DISK_ONLY)
        left = {row["table"] for row in gone.select("table").distinct().collect()}
        found = {table: self._replayed(table, gone) for table in sorted(left.intersection(self._judged))}
        return {table: rows for table, rows in found.items() if rows}

    def _replayed(self, table: str, gone: DataFrame) -> int:
        """How many of the keys that are gone have a good row; notes them with the periods that they are of."""
        good = self._judged[table].where(F.col(VERDICT) == VALID)
        key = key_text(CANONICAL_TABLES[table].key).alias("key")
        placed = F.concat("_cycle", F.lit("|"), "_month") if "_month" in good.columns else F.lit(None).cast("string")
        keyed = good.select("source", F.lit(table).alias("table"), key, placed.alias("period"))
        sums = F.count(F.lit(1)), F.min("key"), F.sort_array(F.collect_set("period"))
        rows, first, periods = keyed.join(gone, _KEY, "left_semi").agg(*sums).first() or (0, "", ())
        if rows:
            months = f"; bill again where a draft is older: {', '.join(periods[:_SHOWN])}" if periods else ""
            note(action("row mended at its source replayed", table, f"the first key is {first}{months}", times=rows))
        return int(rows)
