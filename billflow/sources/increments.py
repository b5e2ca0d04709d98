"""What is read of a delivery: all of its rows, or those that have come or changed since the ingestion before.

A database tells the latter by a watermark: rows whose value is not below the highest one that was read, less an
overlap for transactions that end late. Each takes the place of the older row with its key. Rows that are gone tell
nothing; then the source has fewer than are known, and is read whole. Files are told by their size and times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql.types import ArrayType, DataType, DecimalType, LongType, StructType

from billflow.lake.delivered import Delivered, Segment
from billflow.sources.raw import FILE, ROW

MOST_SEGMENTS = 20
"""A read that would make one more is one of all rows: it mends what no watermark has told."""
_DIGITS_OF_LONG = 20
"""Digits that JSON's readers give a whole number beside decimals."""


class Opened(NamedTuple):
    """A delivery that is being read. `rows` are all of it, or those that are new, which come after `segments`."""

    rows: DataFrame
    """As delivered, with the columns of `sources.raw`; they are read while the delivery is open."""
    segments: tuple[Segment, ...] = ()
    """What stays of the ingestions before."""
    highest: str | None = None
    """Of the watermark at the moment that is read."""
    total: int | None = None
    """Rows that the source has at that moment; None where it was not asked."""
    files: Mapping[str, str] = {}
    """Those that `rows` are in: path → bytes, time modified, time changed."""


@dataclass(frozen=True)
class Known:
    """What the lake has of a delivery."""

    delivered: Delivered
    rows: DataFrame
    """Those of its first segment, not read yet: all segments have their columns."""

    @property
    def schema(self) -> StructType:
        """The columns of its raw rows."""
        return self.rows.schema

    @property
    def delivered_columns(self) -> StructType:
        """The columns without those that only the lake has."""
        return StructType([one for one in self.schema if one.name not in (ROW, FILE)])


def why_whole(before: Delivered | None, basis: str, *, has_watermark: bool) -> str:
    """Why all rows are to be read, in words; empty when what is new will do."""
    if before is None or not before.basis:
        return "nothing was read of it before"
    if before.basis != basis:
        return "its mapping, its source or the version of billflow is another one"
    if has_watermark and before.highest is None:
        return "its watermark had no value"
    if len(before.segments) >= MOST_SEGMENTS:
        return f"it is in {len(before.segments)} pieces"
    if sum(one.rows for one in before.segments) > 2 * before.rows:
        return "more rows were replaced than stand"
    return ""


def kept_files(segments: Sequence[Segment], states: Mapping[str, str]) -> tuple[Segment, ...]:
    """Segments without the rows of files that are not in the state any more in which they were read.

    Rows tell only the name of their file: where another one of the segment has the same, all its files are read again.
    """
    return tuple(kept for one in segments if (kept := _kept(one, states)) is not None)


def _kept(segment: Segment, states: Mapping[str, str]) -> Segment | None:
    stay = {file: state for file, state in segment.files.items() if states.get(file) == state}
    names = [PurePath(file).name for file in segment.files]
    lost = [PurePath(file).name for file in segment.files if file not in stay]
    if not lost:
        return segment
    if not stay or any(names.count(name) > 1 for name in lost):
        return None
    return segment.model_copy(update={"files": stay, "left_out": (*segment.left_out, *lost)})


def fits(new: Opened, known: Known) -> bool:
    """Whether new rows surely go into the columns that are known.

    They may lack some, but not when files are left out that may have been the ones to have them.
    """
    before = {one.name: one.dataType.simpleString() for one in known.schema}
    now = {one.name: one.dataType.simpleString() for one in new.rows.schema}
    if new.segments == known.delivered.segments:
        return now.items() <= before.items()
    return bool(new.files) and now == before


def within(new: DataType, known: DataType) -> bool:
    """Whether a known type of JSON can hold values of another one, digit by digit and field by field."""
    if new == known:
        return True
    if isinstance(known, DecimalType):
        whole = known.precision - known.scale
        if isinstance(new, DecimalType):
            return new.scale <= known.scale and new.precision - new.scale <= whole
        return isinstance(new, LongType) and whole >= _DIGITS_OF_LONG
    if isinstance(new, ArrayType) and isinstance(known, ArrayType):
        return within(new.elementType, known.elementType)
    if isinstance(new, StructType) and isinstance(known, StructType):
        types = {one.name: one.dataType for one in known}
        return all(one.name in types and within(one.dataType, types[one.name]) for one in new)
    return False
