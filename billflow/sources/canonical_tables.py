"""Judges customers, subscriptions and usage by the rules of their canonical tables.

DataFrame → DataFrame; nothing is read or written. Every function takes rows as `billflow.sources.mapping.map_rows`
makes them, with `source`, `system` and `_delivery` added, and gives them back with the VERDICT and reasons of
`billflow.sources.verdicts`.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import available_timezones

from babel.numbers import list_currencies
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from billflow.canonical import CANONICAL_TABLES
from billflow.catalog import Cycle
from billflow.lake import schemas
from billflow.settings import Settings
from billflow.sources.verdicts import (
    VALID,
    VERDICT,
    apply_rules,
    judged_further,
    mapped_rules,
    rule,
    settle_duplicates,
    settle_rare_duplicates,
    unknown,
)

TOO_MUCH = 10**15
"""No meter shows that much; sums of less always fit decimal(38,12)."""


def judge_customers(rows: DataFrame, settings: Settings) -> DataFrame:
    """Customers with what they leave out (currency, language, time zone, cycle) filled in from the project.

    A child may leave out the cycle where the project has several: it is its parents' (`billflow.sources.hierarchies`).
    """
    only_cycle = next(iter(settings.cycles)) if len(settings.cycles) == 1 else None
    defaults = {
        "currency": settings.currency,
        "language": settings.language,
        "timezone": settings.timezone,
        "cycle": only_cycle,
    }
    filled = rows.withColumns({name: F.coalesce(F.col(name), F.lit(value)) for name, value in defaults.items()})
    cycle = unknown("cycle", settings.cycles)
    from_parents = F.col("cycle").isNull() & F.col("parent_account_id").isNotNull()
    judged = apply_rules(
        filled,
        [
            *mapped_rules(),
            rule("missing_key", F.col("account_id").isNull(), "account_id is missing"),
            rule("missing_name", F.col("name").isNull(), "name is missing"),
            unknown("currency", list_currencies()),
            unknown("timezone", time_zones(rows.sparkSession)),
            replace(cycle, broken=cycle.broken & ~from_parents),
        ],
    )
    return settle_duplicates(judged, key=["account_id"], content=CANONICAL_TABLES["customers"].columns)


def time_zones(spark: SparkSession) -> set[str]:
    """Names of time zones that both Python and Spark's Java know."""
    jvm: Any = spark._jvm  # noqa: SLF001  # Java's own list is nowhere else
    known = jvm.java.lang.String.join(" ", jvm.java.time.ZoneId.getAvailableZoneIds())  # one by one they are 600 calls
    return available_timezones() & set(known.split())


def judge_subscriptions(rows: DataFrame, accounts: DataFrame, plans: Collection[str]) -> DataFrame:
    """Subscriptions against the valid accounts (system, account_id) and the names of the catalogue's plans."""
    known = accounts.select("system", "account_id", F.lit(True).alias("_known"))
    filled = rows.join(known, ["account_id", "system"], "left").withColumn(
        "quantity", F.when(_given("quantity"), F.col("quantity")).otherwise(F.lit(1).cast(schemas.QUANTITY))
    )
    judged = apply_rules(
        filled,
        [
            *mapped_rules(),
            rule("missing_key", F.col("subscription_id").isNull(), "subscription_id is missing"),
            rule("invalid_start_date", F.col("start_date").isNull(), "start_date is missing or not a date"),
            rule(
                "unknown_account",
                F.col("_known").isNull(),
                "no valid customer has the account_id ",
                F.col("account_id"),
            ),
            unknown("plan", plans),
            rule("invalid_quantity", F.col("quantity").isNull(), "quantity is not a number"),
            rule("negative_quantity", F.col("quantity") < 0, "quantity is negative: ", F.col("quantity")),
            rule(
                "invalid_dates",
                F.col("end_date") < F.col("start_date"),
                "end_date ",
                F.col("end_date"),
                " is before start_date ",
                F.col("start_date"),
            ),
        ],
    )
    content = ["account_id", "plan", "end_date", "quantity", "discounts"]
    settled = settle_duplicates(judged, key=["subscription_id", "start_date"], content=content)
    return _without_overlaps(settled)


def _given(column: str) -> Column:
    """Whether the mapping gave a value, be it one that failed."""
    return F.col(column).isNotNull() | F.array_contains("_failed", column)


def _without_overlaps(rows: DataFrame) -> DataFrame:
    """Of rows of one subscription that serve the same day, the one that began first stands."""
    far = F.lit("9999-12-31").cast("date")
    is_valid = F.col(VERDICT) == VALID
    # Rows that are in quarantine already are alone, each with its number.
    alone = F.when(~is_valid, F.concat_ws("/", "_delivery", "_row"))
    whole = Window.partitionBy("subscription_id", "system", alone)
    stretches = F.array_sort(
        F.collect_list(F.struct("start_date", F.coalesce("end_date", far).alias("until"))).over(whole)
    )
    nothing = F.struct(F.lit("0001-01-01").cast("date").alias("until"), F.array().cast("array<date>").alias("starts"))
    standing = F.aggregate(stretches, nothing, _next_standing, lambda found: found["starts"])
    clash = ~F.array_contains("_standing", F.col("start_date"))
    overlapping = rule("overlapping", clash, "an earlier row of this subscription serves ", F.col("start_date"))
    return judged_further(rows.withColumn("_standing", standing), [overlapping]).drop("_standing")


def _next_standing(found: Column, stretch: Column) -> Column:
    """Folds stretches in order of their start: one stands when those that stand before it have ended."""
    stands = stretch["start_date"] >= found["until"]
    until = F.when(stands, stretch["until"]).otherwise(found["until"])
    starts = F.when(stands, F.array_append(found["starts"], stretch["start_date"])).otherwise(found["starts"])
    return F.struct(until.alias("until"), starts.alias("starts"))


def judge_usage(
    rows: DataFrame,
    subscriptions: DataFrame,
    accounts: DataFrame,
    metrics: Collection[str],
    cycles: Mapping[str, Cycle],
    timezone: str,
    parts: int,
) -> DataFrame:
    """Usage against the valid subscriptions; adds account_id, subscription_start, local_time, _cycle and _month.

    A row that breaks a rule is placed in a cycle and month where its subscription and time are known. `timezone` is
    that of most accounts, `parts` as of `settle_rare_duplicates`: usage is computed for it, and kept on disk.
    """
    judged = apply_rules(
        rows,
        [
            *mapped_rules(),
            rule("missing_key", F.col("usage_id").isNull(), "usage_id is missing"),
            rule("invalid_quantity", F.col("quantity").isNull(), "quantity is missing or not a number"),
            rule("excessive_quantity", F.col("quantity") >= TOO_MUCH, "quantity is ", F.col("quantity")),
            rule("negative_quantity", F.col("quantity") < 0, "quantity is negative: ", F.col("quantity")),
            rule("invalid_time", F.col("event_time").isNull(), "event_time is missing or not a time"),
            unknown("metric", metrics),
        ],
    )
    served = judged.join(_stretches(subscriptions, accounts), ["subscription_id", "system"], "left")
    placed = _placed(served, cycles, timezone)
    known, covered = F.col("_stretches").isNotNull(), F.col("subscription_start").isNotNull()
    rules = [
        rule("unknown_subscription", ~known, "no valid subscription has the id ", F.col("subscription_id")),
        rule(
            "outside_subscription",
            known & F.col("event_time").isNotNull() & ~covered,
            "no row of the subscription serves ",
            F.col("local_time"),
        ),
    ]
    times = F.unix_micros("event_time").alias("_micros")
    dimensions = F.array_sort(F.map_entries("dimensions")).alias("_dimensions")
    of_readings = [name for name in ("_meter", "_estimated") if name in rows.columns]
    content = ["subscription_id", "metric", "quantity", times, dimensions, "replaces", *of_readings]
    order = [F.col("arrived_at").asc_nulls_last()]
    whole = apply_rules(placed, rules).drop("_stretches")
    return settle_rare_duplicates(whole, parts, key=["usage_id"], content=content, order=order)


def _stretches(subscriptions: DataFrame, accounts: DataFrame) -> DataFrame:
    """One row per subscription id with all its rows, so that joining usage never multiplies it."""
    zoned = subscriptions.join(
        accounts.select("system", "account_id", "timezone", "cycle"), ["account_id", "system"], "inner"
    )
    stretch = F.struct("start_date", "end_date", "account_id", "timezone", "cycle")
    return zoned.groupBy("subscription_id", "system").agg(F.array_sort(F.collect_list(stretch)).alias("_stretches"))


def _placed(rows: DataFrame, cycles: Mapping[str, Cycle], timezone: str) -> DataFrame:
    def local(stretch: Column) -> Column:
        elsewhere = F.from_utc_timestamp(F.col("event_time"), stretch["timezone"])
        return F.when(stretch["timezone"] == timezone, F.col("_here")).otherwise(elsewhere)

    def serves(stretch: Column) -> Column:
        day = F.to_date(local(stretch))
        return (day >= stretch["start_date"]) & (stretch["end_date"].isNull() | (day < stretch["end_date"]))

    # Most subscriptions have one row; Spark looks through a list in interpreted code.
    first, alone = F.get("_stretches", F.lit(0)), F.size("_stretches") == 1
    covering = F.when(alone, F.when(serves(first), first)).otherwise(F.get(F.filter("_stretches", serves), F.lit(0)))
    # Spark looks up a zone that it finds in a row anew for each event, by regular expressions.
    here = rows.withColumn("_here", F.from_utc_timestamp(F.col("event_time"), timezone))
    found = here.withColumn("_covering", covering).withColumn("_nearest", F.coalesce("_covering", first))
    local_time = local(F.col("_nearest"))
    cycle = F.when(F.col("event_time").isNotNull(), F.col("_nearest.cycle"))
    return found.withColumns(
        {
            "account_id": F.col("_covering.account_id"),
            "subscription_start": F.col("_covering.start_date"),
            "local_time": local_time.cast("timestamp_ntz"),
            "_cycle": cycle,
            "_month": cycle_month(F.to_date(local_time), cycle, cycles),
        }
    ).drop("_covering", "_nearest", "_here")


def cycle_month(day: Column, cycle: Column, cycles: Mapping[str, Cycle]) -> Column:
    """The month ("2013-01") whose period in `cycle` holds a local day (PRICING §4); NULL without one of them."""
    begins = F.create_map(*[part for name, one in cycles.items() for part in (F.lit(name), F.lit(one.day))])[cycle]
    first = F.least(begins, F.dayofmonth(F.last_day(day)))
    begun = F.when(F.dayofmonth(day) >= first, day).otherwise(F.add_months(day, -1))
    # Without a cycle there is no first day either, which `least` would overlook.
    return F.when(cycle.isNotNull(), F.date_format(begun, "yyyy-MM"))
