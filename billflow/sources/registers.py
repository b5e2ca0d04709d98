"""Usage from what meters show (`register` of a mapping): each reading counts as far as the meter has gone on since.

Readings of one meter are those of a system, subscription, metric, dimensions and `meter`, in order of event_time. The
first one that stands is the base and makes no usage. One that shows less than the last true reading went over the end
of the register, where that comes to less than half of it; else it is quarantined, and later readings subtract the last
one that stands. An estimate counts as read until the next true reading shows less: then it counts as far as that one,
so that both together come to what the meter has shown. What stands does not depend on the order of delivery.

Readings are judged as all usage before: those that are replaced or in quarantine are not subtracted, and one outside
its subscription is no base. A correction that turns out not to fit is quarantined, and what it replaces stays replaced.
"""

from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F
from pyspark.sql.types import DecimalType

from billflow.lake.schemas import QUANTITY
from billflow.sources.canonical_tables import TOO_MUCH
from billflow.sources.verdicts import VALID, VERDICT, judged_further, rule

BASE_READING = "base_reading"
"""Verdict beside those of `verdicts`: the first reading of a meter, from which the next ones are counted."""

SHOWN, LEVEL = "_shown", "_level"
"""Columns of readings, NULL for other usage: what the meter showed, as delivered; and what it would show if it had
never begun again, of readings that stand."""

_LEVEL = DecimalType(36, 12)
"""A reading and all that the register has gone over before: room for sums that lose no digit."""

_DEVICE = ["subscription_id", "system", "metric", "_apart", "_meter"]


def _by_time(*more: str) -> WindowSpec:
    """Readings of a meter in their order: an estimate of the moment of a true reading comes before it."""
    return Window.partitionBy(*_DEVICE, *more).orderBy("event_time", ~F.col("_estimate"), "usage_id")


def _before(*more: str) -> WindowSpec:
    return _by_time(*more).rowsBetween(Window.unboundedPreceding, -1)


def _until_now() -> WindowSpec:
    return _by_time().rowsBetween(Window.unboundedPreceding, Window.currentRow)


def _after() -> WindowSpec:
    """Read the other way round: a window up to the end would be computed anew for each row."""
    backwards = Window.partitionBy(*_DEVICE).orderBy(F.desc("event_time"), "_estimate", F.desc("usage_id"))
    return backwards.rowsBetween(Window.unboundedPreceding, -1)


def as_readings(rows: DataFrame) -> DataFrame:
    """Mapped rows of a mapping with `register`, with SHOWN."""
    return rows.withColumn(SHOWN, F.col("quantity"))


def has_readings(usage: DataFrame) -> bool:
    """Whether a mapping with `register` gave any of the rows."""
    return SHOWN in usage.columns


def of_registers(usage: DataFrame) -> DataFrame:
    """Judged usage in which readings have become usage: `quantity` is the difference. Adds LEVEL."""
    kept = usage.persist(StorageLevel.DISK_ONLY)
    is_reading = (F.col(VERDICT) == VALID) & F.col(SHOWN).isNotNull()
    others = kept.where(~is_reading).withColumn(LEVEL, F.lit(None).cast(_LEVEL))
    readings = _settled_at_each_moment(_readings(kept.where(is_reading)))
    stands = F.col(VERDICT) == VALID
    unfit = readings.where(~stands).withColumn(LEVEL, F.lit(None).cast(_LEVEL))
    used = _used(_with_levels(_with_true_ones(readings.where(stands))))
    return reduce(DataFrame.unionByName, [part.select(*others.columns) for part in (others, unfit, used)])


def gone_on(usage: DataFrame) -> DataFrame:
    """One row: readings that stand, what their meters have gone on by from the first to the last, and the usage."""
    meters = (
        usage.where(F.col(LEVEL).isNotNull())
        .groupBy("subscription_id", "system", "metric", _apart().alias("_apart"), "_meter")
        .agg(
            F.count(F.lit(1)).alias("rows"),
            (F.max(LEVEL) - F.min(LEVEL)).alias("gone_on"),
            F.sum(F.when(F.col(VERDICT) == VALID, F.col("quantity"))).alias("used"),
        )
    )
    return meters.agg(*[F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("rows", "gone_on", "used")])


def _apart() -> Column:
    """Dimensions as something that rows can be grouped by."""
    return F.coalesce(F.array_sort(F.map_entries("dimensions")), F.array())


def _readings(rows: DataFrame) -> DataFrame:
    """Readings with `_estimate`, `_over` (the rollover or NULL), `_reads` (SHOWN with room), `_apart` (dimensions)."""
    given = {"_estimated": F.lit(False), "_rollover": F.lit(None).cast(QUANTITY)}
    options = {name: F.col(name) if name in rows.columns else nothing for name, nothing in given.items()}
    over = options["_rollover"]
    judged = judged_further(
        rows,
        [
            rule("missing_meter", F.col("_meter").isNull(), "it does not say which meter was read"),
            rule(
                "beyond_rollover",
                (F.col(SHOWN) >= over) | (over >= TOO_MUCH),
                _plain(F.col(SHOWN)),
                " cannot be read where the register begins again at ",
                _plain(over),
            ),
        ],
    )
    return judged.withColumns(
        {
            "_estimate": F.coalesce(options["_estimated"], F.lit(False)),
            "_over": over.cast(_LEVEL),
            "_reads": F.col(SHOWN).cast(_LEVEL),
            "_apart": _apart(),
        }
    )


def _settled_at_each_moment(readings: DataFrame) -> DataFrame:
    """Of readings of one meter at one moment that differ the first by usage_id stands; estimates are apart."""
    moment = Window.partitionBy(*_DEVICE, "event_time", "_estimate").orderBy("usage_id")
    stands = F.when(F.col(VERDICT) == VALID, F.struct(SHOWN, "usage_id"))
    found = readings.withColumn("_first", F.first(stands, ignorenulls=True).over(moment))
    conflicting = rule(
        "conflicting_reading",
        F.col("_first")[SHOWN] != F.col(SHOWN),
        "at the same moment its meter shows ",
        _plain(F.col("_first")[SHOWN]),
        " by ",
        F.col("_first.usage_id"),
        " and ",
        _plain(F.col(SHOWN)),
        " by this one",
    )
    return judged_further(found, [conflicting]).drop("_first")


def _plain(number: Column) -> Column:
    """As people write it, without the zeros behind the point."""
    return F.regexp_replace(number.cast("string"), r"\.?0+$", "")


def _went_over(reads: Column, before: Column, over: Column) -> Column:
    """Whether a reading below the one before has plausibly begun again at 0."""
    return F.coalesce((reads < before) & (over - before + reads < before - reads), F.lit(False))


# --- True readings: which of them stand -----------------------------------------------------------------------------


def _with_true_ones(readings: DataFrame) -> DataFrame:
    """With `_true`, whether a reading is a true one that stands, and `_last` {reads, at}, the last such one before."""
    is_true = ~F.col("_estimate")
    if "_rollover" not in readings.columns:
        # What stands only ever grows: one that does not is below the highest one before.
        highest = F.max(F.when(is_true, F.col("_reads"))).over(_before())
        fits = F.coalesce(F.col("_reads") >= highest, F.lit(True))
        found = readings.withColumn("_true", is_true & fits)
    else:
        found = _with_rollovers(readings)
    last = F.last(F.when(F.col("_true"), F.struct(F.col("_reads"), F.col("event_time"))), ignorenulls=True)
    return found.withColumn("_last", last.over(_before()))


def _with_rollovers(readings: DataFrame) -> DataFrame:
    """`_true` where a register may begin again. A loop over each reading would not scale, one over stretches does.

    A stretch is of readings none of which is below the one before. What stood before it decides about all of it.
    """
    reads = F.when(~F.col("_estimate"), F.col("_reads"))
    lower = F.coalesce(reads < F.last(reads, ignorenulls=True).over(_before()), F.lit(False))
    numbered = readings.withColumn("_stretch", F.sum(lower.cast("int")).over(_until_now()))
    stretches = (
        numbered.where(~F.col("_estimate"))
        .groupBy(*_DEVICE, "_stretch")
        .agg(
            F.min("_reads").alias("low"),
            F.max("_reads").alias("high"),
            F.min_by("_over", F.struct("event_time", "usage_id")).alias("over"),
        )
    )
    ordered = F.array_sort(F.collect_list(F.struct("_stretch", "low", "high", "over")))
    none = F.struct(F.lit(None).cast(_LEVEL).alias("last"), F.array().cast(_STOOD).alias("found"))
    folded = F.aggregate(ordered, none, _next_stretch, lambda state: state["found"])
    stood = stretches.groupBy(*_DEVICE).agg(F.explode(folded).alias("_stood"))
    each = stood.select(*_DEVICE, "_stood._stretch", "_stood.least")
    # A stretch of estimates only, before any true reading, has nothing to be compared with.
    joined = numbered.join(each, [*_DEVICE, "_stretch"], "left")
    fits = F.coalesce(F.col("_reads") >= F.col("least"), F.lit(True))
    return joined.withColumn("_true", ~F.col("_estimate") & fits).drop("_stretch", "least")


_STOOD = f"array<struct<_stretch: bigint, least: {_LEVEL.simpleString()}>>"


def _next_stretch(state: Column, stretch: Column) -> Column:
    """Folds stretches in order of time: `least` is what a reading of one must show at least, NULL if all stand."""
    last, low = state["last"], stretch["low"]
    all_stand = last.isNull() | (low >= last) | _went_over(low, last, stretch["over"])
    least = F.when(~all_stand, last)
    found = F.struct(stretch["_stretch"].alias("_stretch"), least.alias("least"))
    now = F.when(all_stand, stretch["high"]).otherwise(F.greatest(last, stretch["high"]))
    return F.struct(now.alias("last"), F.array_append(state["found"], found).alias("found"))


# --- All readings: how far each has gone on -------------------------------------------------------------------------


def _with_levels(readings: DataFrame) -> DataFrame:
    """With `_level`, what the meter would show at a reading if it never began again; NULL where that does not fit.

    A true reading is compared with the true one before, or without one with the first estimate, which gives way to it.
    """
    first = F.first(F.struct("_reads", "event_time")).over(_until_now())
    is_first = F.row_number().over(_by_time()) == 1
    compared = readings.withColumn("_last", F.when(~is_first, F.coalesce("_last", first)))
    over = _went_over(F.col("_reads"), F.col("_last._reads"), F.col("_over"))
    gone_over = F.sum(F.when(F.col("_true") & over, F.col("_over")).otherwise(0).cast(_LEVEL)).over(_until_now())
    own = F.when(~F.col("_true") & over, F.col("_over")).otherwise(0)
    level = (F.col("_reads") + gone_over.cast(_LEVEL) + own.cast(_LEVEL)).cast(_LEVEL)
    fits = F.col("_true") | (F.col("_estimate") & (is_first | over | (F.col("_reads") >= F.col("_last._reads"))))
    measured = compared.withColumn(LEVEL, F.when(fits, level))
    return _with_settled_estimates(measured)


def _with_settled_estimates(readings: DataFrame) -> DataFrame:
    """Estimates between two true readings must not fall, and count at most as far as the second of those shows."""
    numbered = readings.withColumn("_between", F.count(F.when(F.col("_true"), F.lit(1))).over(_until_now()))
    highest = F.max(F.struct(LEVEL, "event_time", "_reads")).over(_before("_between"))
    compared = numbered.withColumn("_highest", highest)
    falls = F.col("_estimate") & (F.col(LEVEL) < F.col("_highest")[LEVEL])
    next_true = F.last(F.when(F.col("_true"), F.col(LEVEL)), ignorenulls=True).over(_after())
    settled = F.when(F.col("_estimate"), F.least(F.col(LEVEL), next_true)).otherwise(F.col(LEVEL))
    return compared.withColumns(
        {
            LEVEL: F.when(~F.coalesce(falls, F.lit(False)) & F.col(LEVEL).isNotNull(), settled),
            "_last": F.when(falls, F.struct(F.col("_highest._reads"), F.col("_highest.event_time"))).otherwise(
                F.col("_last")
            ),
        }
    )


def _used(readings: DataFrame) -> DataFrame:
    """Each reading's verdict, and how far it has gone on since the one before that stands."""
    before = F.last(LEVEL, ignorenulls=True).over(_before())
    went_back = rule(
        "register_went_back",
        F.col(LEVEL).isNull(),
        "the meter shows ",
        _plain(F.col(SHOWN)),
        " at ",
        F.col("event_time"),
        ", less than ",
        _plain(F.col("_last._reads")),
        " at ",
        F.col("_last.event_time"),
    )
    counted = judged_further(readings.withColumn("_before", before), [went_back])
    stands = F.col(VERDICT) == VALID
    is_base = stands & F.col("_before").isNull()
    used = F.when(stands & ~is_base, F.col(LEVEL) - F.col("_before")).otherwise(0)
    return counted.withColumns(
        {
            "quantity": F.when(stands, used.cast(QUANTITY)).otherwise(F.col("quantity")),
            VERDICT: F.when(is_base, BASE_READING).otherwise(F.col(VERDICT)),
        }
    )
