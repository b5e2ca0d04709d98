"""Which of many conditions hold for a row, told as a list of texts."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from billflow.lake.schemas import TEXTS


def any_of(conditions: Sequence[Column]) -> Column:
    """Whether one of `conditions` holds."""
    return reduce(lambda left, right: left | right, conditions, F.lit(False))


def listed(texts: Sequence[tuple[Column, Column]]) -> Column:
    """The texts whose conditions hold, of (condition, text).

    For most rows none does: no list is made of them then, which Spark would do in interpreted code.
    """
    some = F.array_compact(F.array(*[F.when(condition, text) for condition, text in texts]))
    return F.when(any_of([condition for condition, _ in texts]), some).otherwise(F.array().cast(TEXTS))
