"""Meters' readings: what each counts, which do not fit, and what becomes of estimates, exchanges and rollovers."""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import reduce
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.sources.registers import BASE_READING, as_readings, gone_on, has_readings, of_registers
from billflow.sources.verdicts import REASONS, RULES, VERDICT
from billflow_tests.sources.canonical_tables_test import event, judged_usage, utc
from billflow_tests.sources.rows import canonical

OVER = 1_000
"""Where a register of three digits begins again."""

Reading = dict[str, Any]

CASES = {
    "each counts from the one before": "5 100.5 → base, 6 110 → 9.5, 7 110 → 0, 8 110.000000000001 → 0.000000000001",
    "the order of delivery does not matter": "7 110 → 0, 5 100 → base, 6 110 → 10",
    "delivered twice": "5 100 → base, 6 110 id=x → 10, 6 110 id=x → duplicate, 7 115 → 5",
    "one that is lower is skipped": "5 100 → base, 6 90 → back, 7 99 → back, 8 120 → 20",
    "a meter was exchanged": "5 100 → base, 6 110 → 10, 6 3 meter=b → base, 7 8 meter=b → 5, 7 112 → 2",
    "two directions": "5 1 way=in → base, 5 9 way=out → base, 6 3 way=in → 2, 6 9 way=out → 0",
    "it begins again at 0": "5 990 R → base, 6 5 R → 15, 7 990 R → 985, 8 989 R → back, 9 0 R → 10",
    "a misread before it begins again": "5 990 R → base, 6 980 R → back, 7 5 R → 15, 8 985 → 980",
    "too far to have begun again": "5 600 R → base, 6 100 R → back, 7 99 R → 499, 8 600 R → 501",
    "it does not begin again": "5 990 → base, 6 5 → back, 7 991 → 1",
    "no meter shows that": "5 1000 R → beyond, 6 999 R → base, 7 0 R → 1",
    "an estimate below what the meter shows then": "5 100 → base, 6 150 E → 50, 7 170 → 20",
    "an estimate above it": "5 100 → base, 6 150 E → 20, 7 120 → 0, 8 130 → 10",
    "two of them": "5 100 → base, 6 150 E → 20, 7 160 E → 0, 8 120 → 0",
    "one of two": "5 100 → base, 6 110 E → 10, 7 160 E → 10, 8 120 → 0",
    "until the next true one it counts as read": "5 100 → base, 6 150 E → 50",
    "an estimate below the last true one": "5 100 → base, 6 90 E → back, 7 110 → 10",
    "an estimate below the one before": "5 100 → base, 6 150 E → 50, 7 140 E → back, 8 160 → 10",
    "a true one that goes back settles nothing": "5 100 → base, 6 150 E → 50, 7 90 → back, 8 160 → 10",
    "of the same moment": "5 100 → base, 6 120 → 0, 6 150 E → 20",
    "an estimate is the base": "5 100 E → base, 6 120 E → 0, 7 90 → 0, 8 95 → 5",
    "estimated beyond the end": "5 990 R → base, 6 20 ER → 5, 7 995 R → 0, 8 5 R → 10",
    "the end after an estimate": "5 990 R → base, 6 995 ER → 5, 7 5 R → 10",
    "an estimate as the base before the end": "5 990 ER → base, 6 995 ER → 5, 7 5 R → 10, 8 7 ER → 2",
    "two at one moment": "5 100 → base, 6 110 id=t1 → 10, 6 111 id=t2 → conflict, 7 112 → 2",
    "two that are alike": "5 100 → base, 6 110 → 10, 6 110 → 0",
    "no meter": "5 100 meter= → missing",
    "bad ones are skipped": "5 100 → base, 6 -1 → negative, 7 x → invalid, 8 120 → 20",
    "no usage outside the subscription": "1 90 → outside, 5 100 → base, 6 110 → 10",
}
RULE = {
    "back": "register_went_back",
    "conflict": "conflicting_reading",
    "beyond": "beyond_rollover",
    "missing": "missing_meter",
    "negative": "negative_quantity",
    "invalid": "invalid_quantity",
    "outside": "outside_subscription",
}


def readings_of(case: str) -> list[tuple[Reading, str]]:
    """The readings of a case and what is expected of each; those of two cases have two meters."""
    found = []
    for at, text in enumerate(CASES[case].split(", ")):
        told, expected = text.split(" → ")
        day, shown, *marks = told.split()
        kind = next((mark for mark in marks if re.fullmatch("E?R?", mark)), "")
        more = dict(mark.split("=") for mark in marks if "=" in mark)
        name = f"{case}/{more['id']}" if "id" in more else f"{case}/{at:02d}"
        row = event(
            name,
            event_time=utc(f"2013-01-{int(day):02d}T10:00:00"),
            quantity=None if shown == "x" else Decimal(shown),
            dimensions=[("way", more["way"])] if "way" in more else None,
        )
        meter = f"{case}/{more['meter']}" if more.get("meter") else None if "meter" in more else case
        found.append((reading(row, meter, kind), expected))
    return found


def reading(row: dict[str, Any], meter: str | None, kind: str) -> Reading:
    return {**row, "_meter": meter, "_estimated": "E" in kind, "_rollover": Decimal(OVER) if "R" in kind else None}


def mapped(spark: SparkSession, rows: Sequence[Reading]) -> DataFrame:
    """Readings with the columns that the options of their mapping make."""
    options = ("_meter", "_estimated", "_rollover")
    plain = canonical(spark, "usage", [{name: row[name] for name in row if name not in options} for row in rows])
    given = [(at, *(row[name] for name in options)) for at, row in enumerate(rows)]
    kinds = "_row bigint, _meter string, _estimated boolean, _rollover decimal(38,12)"
    return as_readings(plain.join(F.broadcast(spark.createDataFrame(given, kinds)), "_row"))


def outcome(row: Any) -> str:
    if row[VERDICT] == "quarantined":
        return str(row[RULES][0])
    return f"{row.quantity.normalize():f}" if row[VERDICT] == "valid" else str(row[VERDICT])


@pytest.fixture(scope="module")
def all_cases(spark: SparkSession) -> DataFrame:
    rows = [row for case in CASES for row, _ in readings_of(case)]
    return of_registers(judged_usage(spark, mapped(spark, rows))).cache()


@pytest.fixture(scope="module")
def found(all_cases: DataFrame) -> dict[int, str]:
    rows = all_cases.collect()
    outcomes = {row["_row"]: outcome(row) for row in rows}
    assert len(outcomes) == len(rows), "a row was multiplied"
    return outcomes


@pytest.mark.parametrize("case", CASES)
def test_outcome(found: dict[int, str], case: str) -> None:
    places = [other for other in CASES for _ in readings_of(other)]
    outcomes = [found[at] for at, other in enumerate(places) if other == case]
    assert outcomes == [RULE.get(told, told).replace("base", "base_reading") for _, told in readings_of(case)]


def test_registers_that_never_begin_again(spark: SparkSession) -> None:
    """Without `rollover` in any mapping: the same, found in another way."""
    plain = [one for case, text in CASES.items() if "R" not in text for one in readings_of(case)]
    judged = of_registers(judged_usage(spark, mapped(spark, [row for row, _ in plain]).drop("_rollover")))
    found = {row["_row"]: outcome(row) for row in judged.collect()}
    wanted = [RULE.get(told, told).replace("base", "base_reading") for _, told in plain]
    assert [found[at] for at in range(len(plain))] == wanted


def test_what_is_wrong_is_told(all_cases: DataFrame) -> None:
    bad = all_cases.where(all_cases[VERDICT] == "quarantined").collect()
    told = {row.usage_id: row[REASONS][-1] for row in bad}
    assert told["one that is lower is skipped/02"] == (
        "the meter shows 99 at 2013-01-07 10:00:00, less than 100 at 2013-01-05 10:00:00"
    )
    assert told["an estimate below the one before/02"].endswith("less than 150 at 2013-01-06 10:00:00")
    assert told["two at one moment/t2"] == (
        "at the same moment its meter shows 110 by two at one moment/t1 and 111 by this one"
    )
    assert told["no meter shows that/00"] == "1000 cannot be read where the register begins again at 1000"


def test_usage_is_what_meters_have_gone_on_by(all_cases: DataFrame) -> None:
    row = gone_on(all_cases).first()
    assert row is not None
    assert row["gone_on"] == row["used"]
    assert row["rows"] == all_cases.where(all_cases[VERDICT].isin("valid", BASE_READING)).count()


def test_usage_without_readings_is_not_looked_at(spark: SparkSession) -> None:
    plain = canonical(spark, "usage", [event("a")])
    assert not has_readings(plain)
    assert has_readings(as_readings(plain))


# --- Any readings, against a program that reads them one after the other ---------------------------------------------


def expected(rows: Sequence[Reading]) -> dict[str, str]:
    """Each reading's outcome by usage_id, of one meter."""
    order = sorted(rows, key=lambda row: (row["event_time"], not row["_estimated"], row["usage_id"]))
    found: dict[str, str] = {}
    levels: list[tuple[str, Decimal]] = []
    waiting: list[tuple[str, Decimal]] = []  # estimates since the last true reading
    last: tuple[Decimal, Decimal] | None = None  # what it showed, and how far it had gone
    is_settled = False
    moments: dict[Any, Decimal] = {}
    for row in order:
        name, shown, over, estimated = row["usage_id"], row["quantity"], row["_rollover"], row["_estimated"]
        if over is not None and shown >= over:
            found[name] = "beyond_rollover"
            continue
        if moments.setdefault((row["event_time"], estimated), shown) != shown:
            found[name] = "conflicting_reading"
            continue
        level = shown if last is None else further(shown, over, *last)
        if estimated:
            least = max([one for _, one in waiting] + ([last[1]] if last and is_settled else []), default=None)
            if level is None or (least is not None and level < least):
                found[name] = "register_went_back"
                continue
            waiting.append((name, level))
            last = last or (shown, level)
            continue
        if level is None and is_settled:
            found[name] = "register_went_back"
            continue
        level = shown if level is None else level
        levels += [(one, min(guess, level)) for one, guess in waiting] + [(name, level)]
        waiting, last, is_settled = [], (shown, level), True
    levels += waiting
    for at, (name, level) in enumerate(levels):
        found[name] = f"{(level - levels[at - 1][1]).normalize():f}" if at else "base_reading"
    return found


def further(shown: Decimal, over: Decimal | None, before: Decimal, level: Decimal) -> Decimal | None:
    """How far a meter has gone when it shows so much after `before`; None where that is no way on."""
    if shown >= before:
        return level + shown - before
    on = None if over is None else over - before + shown
    return level + on if on is not None and over is not None and 2 * on < over else None


SHOWN = st.integers(0, 40).map(lambda number: Decimal(number * 26)) | st.integers(0, 1050).map(Decimal)
READINGS = st.lists(st.tuples(st.integers(3, 12), SHOWN, st.sampled_from(["", "", "", "E"])), max_size=9)


@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(meters=st.lists(st.tuples(st.booleans(), READINGS), min_size=40, max_size=60), seed=st.integers(0, 9))
def test_any_readings(spark: SparkSession, meters: list[tuple[bool, list[Any]]], seed: int) -> None:
    worlds = [
        [
            reading(
                event(f"{meter}/{at}", event_time=utc(f"2013-01-{day:02d}T10:00:00"), quantity=shown),
                str(meter),
                kind + "R" * goes_over,
            )
            for at, (day, shown, kind) in enumerate(rows)
        ]
        for meter, (goes_over, rows) in enumerate(meters)
    ]
    rows = [row for world in worlds for row in world]
    Random(seed).shuffle(rows)
    nothing = F.array().cast("array<string>")
    judged = mapped(spark, rows).withColumns({VERDICT: F.lit("valid"), RULES: nothing, REASONS: nothing})
    plainly: dict[str, str] = reduce(lambda left, right: left | right, map(expected, worlds), {})
    assert {row.usage_id: outcome(row) for row in of_registers(judged).collect()} == plainly
