"""Legal numbers: one gapless series per kind and year of the issue date, the same whatever the partitions (PRICING §5).

Invoices are numbered in the order of `ORDER`: kind, issue date, system, account, invoice_id, texts by their bytes. All
of it is in the rows, so that a repeated confirmation gives every invoice the same number.

It is a prefix sum: rows are sorted into ranges, each task knows a row's position in its range, the few sizes of the
ranges are added up, and each row gets its range's first number plus its position. No task sees all invoices, and no
invoice waits for another one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.lake.local_rows import local_rows
from billflow.lake.schemas import COUNT, INVOICES, TEXT, WHOLE, columns
from billflow.number_pattern import NumberPattern, Sequence, Year
from billflow.settings import Numbering

ORDER = ("kind", "issue_date", "system", "account_id", "invoice_id")

_POSITION_BITS = 33
"""`monotonically_increasing_id` is the task's number, then so many bits of the row's position in it."""


@dataclass(frozen=True)
class Stretch:
    """Invoices of one series that follow each other in one range, the first of them at `position`."""

    range: int
    kind: str
    year: int
    position: int
    invoices: int

    @property
    def series(self) -> str:
        """`invoice|2026`."""
        return f"{self.kind}|{self.year}"


def in_order(invoices: DataFrame, ranges: int) -> DataFrame:
    """`invoices` sorted into so many ranges, with `_range` and `_position` in it.

    Spark finds the ranges by sampling, which may fall out differently each time it is asked: write the result, and
    number what was written.
    """
    placed = invoices.repartitionByRange(ranges, *ORDER).sortWithinPartitions(*ORDER)
    row = placed.withColumn("_row", F.monotonically_increasing_id())
    position = F.col("_row").bitwiseAND(F.lit((1 << _POSITION_BITS) - 1))
    in_range = F.shiftright("_row", _POSITION_BITS).cast("int")
    return row.withColumns({"_range": in_range, "_position": position}).drop("_row")


def stretches(ordered: DataFrame) -> list[Stretch]:
    """The stretches of what `in_order` made, in order: a few for each range come to the driver, never rows."""
    by = [F.col("_range"), F.col("kind"), F.year("issue_date").alias("year")]
    found = ordered.groupBy(*by).agg(F.min("_position").alias("position"), F.count(F.lit(1)).alias("invoices"))
    return [Stretch(*row) for row in found.orderBy("_range", "position").collect()]


def first_numbers(found: Iterable[Stretch], last: Mapping[str, int]) -> dict[Stretch, int]:
    """Each stretch's first number, when `last` has the highest number that a series has used."""
    used, firsts = dict(last), {}
    for stretch in found:
        firsts[stretch] = used.get(stretch.series, 0) + 1
        used[stretch.series] = firsts[stretch] + stretch.invoices - 1
    return firsts


def numbered(ordered: DataFrame, last: Mapping[str, int], numbering: Numbering) -> DataFrame:
    """INVOICES with `invoice_number` and status `confirmed`, from what `in_order` made.

    `last`: series (`invoice|2026`) → highest number used so far.
    """
    firsts = first_numbers(stretches(ordered), last)
    rows = [(one.range, one.kind, one.year, first - one.position) for one, first in firsts.items()]
    spark = ordered.sparkSession
    offsets = local_rows(spark, rows, columns(_range=WHOLE, kind=TEXT, _year=WHOLE, _offset=COUNT))
    placed = ordered.withColumn("_year", F.year("issue_date"))
    joined = placed.join(F.broadcast(offsets), ["_range", "kind", "_year"], "inner")
    sequence = (F.col("_position") + F.col("_offset")).cast(COUNT)
    numbers = {"invoice_number": _number_of_kind(numbering, sequence), "status": F.lit("confirmed")}
    return joined.withColumns(numbers).select(*INVOICES.names)


def _number_of_kind(numbering: Numbering, sequence: Column) -> Column:
    """NULL for a kind without a pattern."""
    number = F.lit(None).cast("string")
    for kind, pattern in numbering.patterns.items():
        number = F.when(F.col("kind") == kind, _number(NumberPattern.of(pattern), sequence)).otherwise(number)
    return number


def _number(pattern: NumberPattern, sequence: Column) -> Column:
    texts = []
    for part in pattern.parts:
        if isinstance(part, Year):
            texts.append(F.format_string("%04d", "_year"))
        elif isinstance(part, Sequence):
            texts.append(F.format_string(f"%0{part.digits}d", sequence))
        else:
            texts.append(F.lit(part))
    return F.concat(*texts)
