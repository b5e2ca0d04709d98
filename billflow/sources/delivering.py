"""What is read of deliveries is written to staged raw tables; raw rows are those of all segments that count."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from billflow.lake import tables
from billflow.lake.delivered import Delivered, Segment
from billflow.lake.publishing import run_folder
from billflow.lake.staging import Staging
from billflow.sources.deliveries import Delivery
from billflow.sources.opening import OpenDelivery
from billflow.sources.parts import note_fetched_again
from billflow.sources.raw import FILE, together

_NOTE = "delivered"


@dataclass(frozen=True)
class Read:
    """What an ingestion has read of a delivery."""

    table: Delivered
    rows: int
    """Those that it has read; the other ones of the table are kept from before."""
    why_whole: str
    """Why it has read all rows, in words; empty when it has read those that are new."""

    @property
    def kept(self) -> int:
        """Rows that stand and were read before."""
        return self.table.rows - self.rows


def segment_folder(delivery: str, run_id: str) -> str:
    """Where the segment of a run is published; until then it is staged as `raw/<delivery>`."""
    return run_folder(f"raw/delivery={delivery}", run_id)


def deliver(opened: Mapping[Delivery, OpenDelivery], staging: Staging) -> dict[str, Read]:
    """Copies what each source delivers to staged raw tables; delivery → what was read. Errors as `readable` makes.

    What has another number of rows with what is new than the source has is read whole: rows of it are gone.
    """
    for delivery, found in opened.items():
        _write(delivery, found, staging)
    done = {one.name: _Written(one.name, found, staging) for one, found in opened.items()}
    counted = _counted(done)
    for delivery, found in opened.items():
        rows, expected = counted[f"stand {delivery.name}"], found.rows.total
        if not found.why_whole and expected not in (None, rows):
            with found.whole(f"the source has {expected} rows, and {rows} were known") as again:
                _write(delivery, again, staging)
            done[delivery.name] = _Written(delivery.name, again, staging)
            counted |= _counted({delivery.name: done[delivery.name]})
    note_fetched_again()
    read = {name: one.read(counted[f"read {name}"], counted[f"stand {name}"]) for name, one in done.items()}
    staging.note(_NOTE, {
        name: {"table": one.table.model_dump(), "columns": done[name].schema.jsonValue()} for name, one in read.items()
    })  # fmt: skip
    return read


def delivered(staging: Staging) -> dict[str, Delivered]:
    """The raw tables of a run that has read its sources."""
    return {name: Delivered.model_validate(one["table"]) for name, one in staging.noted(_NOTE).items()}


class RawTables:
    """Raw rows of what a run has read, and of what it has kept of those before."""

    def __init__(self, spark: SparkSession, staging: Staging) -> None:
        self._spark, self._staging = spark, staging

    def rows(self, delivery: str) -> DataFrame:
        """The rows that count, with the columns of `sources.raw`."""
        noted = self._staging.noted(_NOTE)[delivery]
        table, schema = Delivered.model_validate(noted["table"]), StructType.fromJson(noted["columns"])
        segments = [_rows(self._spark, self._staging, delivery, one, schema) for one in table.segments]
        return together(segments, table.key)


class _Written:
    """A delivery of which a segment is staged."""

    def __init__(self, name: str, found: OpenDelivery, staging: Staging) -> None:
        self.name, self.found, self.staging = name, found, staging
        self.schema, self.spark = found.frame.schema, found.frame.sparkSession
        self.kept = found.rows.segments

    def frames(self) -> Iterator[tuple[str, DataFrame]]:
        """What is to be counted."""
        new = _rows(self.spark, self.staging, self.name, self._segment(0), self.schema)
        yield f"read {self.name}", new
        if self.kept:
            kept = [_rows(self.spark, self.staging, self.name, one, self.schema) for one in self.kept]
            yield f"stand {self.name}", together([*kept, new], self.found.key)

    def _segment(self, rows: int) -> Segment:
        return Segment(
            path=segment_folder(self.name, self.staging.run_id), rows=rows, files=dict(self.found.rows.files)
        )

    def read(self, rows: int, stand: int) -> Read:
        """As the manifest has it: a segment without rows is none, unless it is the only one."""
        segments = (*self.kept, self._segment(rows)) if rows or not self.kept else self.kept
        table = Delivered(
            segments=segments,
            rows=stand,
            key=self.found.key,
            highest=self.found.rows.highest,
            basis=self.found.basis,
        )
        return Read(table, rows, self.found.why_whole)


def _write(delivery: Delivery, found: OpenDelivery, staging: Staging) -> None:
    with delivery.readable():
        tables.write_plain(_in_columns(found.rows.rows, found.frame.schema), staging.uri(f"raw/{delivery.name}"))


def _in_columns(rows: DataFrame, schema: StructType) -> DataFrame:
    """The rows with the columns that the segments before have."""
    given = set(rows.columns)
    nothing = F.lit(None)
    return rows.select(
        *[rows[f"`{one.name}`"] if one.name in given else nothing.cast(one.dataType).alias(one.name) for one in schema]
    )


def _counted(done: Mapping[str, _Written]) -> dict[str, int]:
    counted = tables.row_counts(dict(frame for one in done.values() for frame in one.frames()))
    return {**{f"stand {name}": counted[f"read {name}"] for name in done}, **counted}


def _rows(spark: SparkSession, staging: Staging, delivery: str, segment: Segment, schema: StructType) -> DataFrame:
    """The rows of one segment, wherever it is."""
    is_own = segment.path == segment_folder(delivery, staging.run_id)
    place = staging.uri(f"raw/{delivery}") if is_own else staging.storage.uri(segment.path)
    rows = tables.read_plain(spark, place, schema)
    return rows.where(~F.col(FILE).isin(*segment.left_out)) if segment.left_out else rows
