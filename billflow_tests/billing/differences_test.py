"""Late usage as differences: which charges show, what comes back, what follows (PRICING §5)."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import reduce
from random import Random
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from billflow.billing.differences import (
    CHARGE,
    POSITION,
    accounts_with_other_adjustments,
    billed_so_far,
    changed_accounts,
    differences,
    families,
    served,
)
from billflow.billing.differences import unsettled as unsettled_charges
from billflow.lake import schemas, tables
from billflow_tests.billing.random_worlds import random_world
from billflow_tests.billing.worlds import World, catalog, frame

MONTH = "2026-01"
VOLUME = {"model": "volume", "tiers": [{"up_to": "15", "unit_price": "10"}, {"unit_price": "5"}]}
GRADUATED = {"model": "graduated", "tiers": [{"up_to": "10", "unit_price": "3"}, {"unit_price": "2"}]}


def kwh(**charge: Any) -> dict[str, Any]:
    return {"metric": "kwh", "tax": "std", **charge}


PER_UNIT = {"model": "per_unit", "unit_price": "2"}
RENT = {"model": "flat", "amount": "30", "per": "month", "tax": "low", "section": "Rent"}
PLANS = {
    "volume": {"e": kwh(**VOLUME, section="Energy")},
    "included": {"e": kwh(**PER_UNIT, included="100")},
    "two": {"e": kwh(**PER_UNIT), "rent": RENT, "c": {"metric": "calls", "tax": "std", **PER_UNIT}},
    "graduated": {"e": kwh(**GRADUATED)},
    "minimum": {"e": kwh(**PER_UNIT, minimum="50")},
    "maximum": {"e": kwh(**PER_UNIT, maximum="30")},
}
DISCOUNTS = {"tenth": {"percent": "10"}, "bill": {"percent": "50", "applies_to": "invoice"}}


@dataclass
class Case:
    """What a plan's usage was when the month was confirmed, then, and later still; each as quantities of kwh."""

    plan: str
    before: list[str]
    then: list[str]
    lines: list[tuple[str, str, str, str]]
    """(charge, line_type, quantity, net) of the first differences."""
    later: list[str] | None = None
    """The usage of a later month still; as `then` when left out."""
    later_lines: list[tuple[str, str, str, str]] = field(default_factory=list)
    discounts: tuple[str, ...] = ()
    segment: str | None = None
    metric: str = "kwh"


CASES = {
    "15 @10 billed, then 16 @5: −70": Case(
        "volume", ["15"], ["15", "1"], [("e", "reversal", "-15", "-150"), ("e", "volume", "16", "80")]
    ),
    "within the allowance nothing changes": Case("included", ["15"], ["15", "1"], []),
    "the same usage is no difference": Case("volume", ["15"], ["15"], []),
    "an event that went": Case("two", ["7", "3"], ["7"], [("e", "reversal", "-10", "-20"), ("e", "units", "7", "14")]),
    "a charge that was not billed": Case("included", [], ["102"], [("e", "units", "2", "4")]),
    "a charge that is gone": Case("included", ["101"], [], [("e", "reversal", "-1", "-2")]),
    "only the charge that changed": Case(
        "two", ["7"], ["7", "1"], [("e", "reversal", "-7", "-14"), ("e", "units", "8", "16")]
    ),
    "usage of another charge": Case("two", [], ["1", "1"], [("c", "units", "2", "4")], metric="calls"),
    "every tier of a charge that changed": Case(
        "graduated",
        ["12"],
        ["13"],
        [
            ("e", "reversal", "-10", "-30"),
            ("e", "reversal", "-2", "-4"),
            ("e", "units", "10", "30"),
            ("e", "units", "3", "6"),
        ],
    ),
    "a discount with its charge": Case(
        "volume",
        ["2"],
        ["3"],
        [
            ("e", "reversal", "-2", "-20"),
            ("e", "reversal", "-1", "2"),
            ("e", "volume", "3", "30"),
            ("e", "percent_off", "1", "-3"),
        ],
        discounts=("tenth",),
    ),
    "a minimum shrinks": Case(
        "minimum",
        ["10"],
        ["10", "5"],
        [
            ("e", "reversal", "-10", "-20"),
            ("e", "reversal", "-1", "-30"),
            ("e", "units", "15", "30"),
            ("e", "minimum", "1", "20"),
        ],
    ),
    "a maximum is kept": Case(
        "maximum",
        ["14"],
        ["16"],
        [("e", "reversal", "-14", "-28"), ("e", "units", "16", "32"), ("e", "maximum", "1", "-2")],
    ),
    "a discount on the bill": Case(
        "volume",
        ["2"],
        ["3"],
        [
            ("e", "reversal", "-2", "-20"),
            ("e", "volume", "3", "30"),
            ("invoice_discount", "reversal", "-1", "10"),
            ("invoice_discount", "invoice_discount", "1", "-15"),
        ],
        discounts=("bill",),
    ),
    "the minimum of a bill": Case(
        "volume",
        ["2"],
        ["3"],
        [
            ("e", "reversal", "-2", "-20"),
            ("e", "volume", "3", "30"),
            ("invoice_minimum", "reversal", "-1", "-80"),
            ("invoice_minimum", "invoice_minimum", "1", "70"),
        ],
        segment="public",
    ),
    "what a difference billed counts as billed": Case(
        "volume",
        ["15"],
        ["15", "1"],
        [("e", "reversal", "-15", "-150"), ("e", "volume", "16", "80")],
        later=["15", "1", "4"],
        later_lines=[("e", "reversal", "-16", "-80"), ("e", "volume", "20", "100")],
    ),
    "back to what it was": Case(
        "volume",
        ["15"],
        ["15", "1"],
        [("e", "reversal", "-15", "-150"), ("e", "volume", "16", "80")],
        later=["15"],
        later_lines=[("e", "reversal", "-16", "-80"), ("e", "volume", "15", "150")],
    ),
    "gone, and back again": Case(
        "included",
        ["101"],
        [],
        [("e", "reversal", "-1", "-2")],
        later=["103"],
        later_lines=[("e", "units", "3", "6")],
    ),
    "the other charge, later": Case(
        "two",
        ["7"],
        ["8"],
        [("e", "reversal", "-7", "-14"), ("e", "units", "8", "16")],
        later=["8", "1"],
        later_lines=[("e", "reversal", "-8", "-16"), ("e", "units", "9", "18")],
    ),
}


def lines_of(spark, stage: str) -> DataFrame:
    """INVOICE_LINES of all cases, an account each, with the usage of a stage."""
    known = {"discounts": DISCOUNTS, "invoice": {"minimum": {"public": "100", "default": "0.01"}}}
    world = World(catalog(PLANS, **known))
    for name, case in CASES.items():
        world.subscribe(name, case.plan, discounts=list(case.discounts))
        world.accounts[-1]["segment"] = case.segment
        later = case.then if case.later is None else case.later
        for quantity in {"before": case.before, "then": case.then, "later": later}[stage]:
            world.use(name, quantity, case.metric)
    return rated(spark, world)


def rated(spark, world: World) -> DataFrame:
    none = {name: F.lit(None).cast("string") for name in ("invoice_id", "cycle", "month")}
    return tables.conformed(world.lines(spark).withColumns(none), schemas.INVOICE_LINES)


@pytest.fixture(scope="module")
def found(spark) -> dict[tuple[str, str], list[Any]]:
    """(stage, case) → rows of difference; "again" is the later month once more."""
    before, then, later = (lines_of(spark, stage).cache() for stage in ("before", "then", "later"))
    nothing = tables.empty(spark, schemas.INVOICE_LINES).withColumn(POSITION, F.lit(0))
    first = differences(billed_so_far(before, nothing), then, MONTH)
    billed = first.withColumn(POSITION, F.lit(1)).cache()
    second = differences(billed_so_far(before, billed), later, MONTH)
    both = billed.unionByName(second.withColumn(POSITION, F.lit(2)))
    third = differences(billed_so_far(before, both), later, MONTH)
    stages = {"then": first, "later": second, "again": third}
    tagged = [made.withColumn("stage", F.lit(stage)) for stage, made in stages.items()]
    rows: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in reduce(DataFrame.unionByName, tagged).orderBy("stage", "account_id", "line_no").collect():
        rows[row["stage"], row["account_id"]].append(row)
    return rows


def shown(rows: list[Any]) -> list[tuple[str, str, Decimal, Decimal]]:
    return [(row["charge"], row["line_type"], row["quantity"], row["net"]) for row in rows]


def expected(lines: list[tuple[str, str, str, str]]) -> list[tuple[str, str, Decimal, Decimal]]:
    return [(charge, kind, Decimal(quantity), Decimal(net)) for charge, kind, quantity, net in lines]


@pytest.mark.parametrize("case", CASES)
def test_differences(found, case):
    assert shown(found["then", case]) == expected(CASES[case].lines)
    assert [row["line_no"] for row in found["then", case]] == list(range(1, len(CASES[case].lines) + 1))


@pytest.mark.parametrize("case", CASES)
def test_earlier_differences_count_as_billed(found, case):
    assert shown(found["later", case]) == expected(CASES[case].later_lines)


@pytest.mark.parametrize("case", CASES)
def test_what_is_billed_is_not_billed_again(found, case):
    assert found["again", case] == []


def test_a_line_says_which_month_it_corrects(found):
    back, new = found["then", "15 @10 billed, then 16 @5: −70"]
    same = {"section": f"Correction {MONTH} · Energy", "difference_of": MONTH, "period_start": date(2026, 1, 1)}
    same |= {"tax_category": "S", "tax_rate": Decimal("0.19")}
    for row in (back, new):
        assert {name: row[name] for name in same} == same
    assert (back["unit_price"], back["usage_count"]) == (10, 0)
    assert (new["unit_price"], new["usage_count"]) == (5, 2)
    later = found["later", "what a difference billed counts as billed"]
    assert {row["section"] for row in later} == {f"Correction {MONTH} · Energy"}
    assert found["then", "a charge that is gone"][0]["section"] == f"Correction {MONTH} · included"


def sums(rows: list[Any]) -> dict[tuple[Any, ...], list[Decimal]]:
    """Charge, tax → Σ net, gross and quantity, where that is not nothing at all."""
    found: dict[tuple[Any, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for row in rows:
        key = tuple(row[name] for name in (*CHARGE, "tax_code", "tax_category", "tax_rate"))
        parts = [row[name] or Decimal(0) for name in ("net", "gross", "quantity")]
        found[key] = [one + part for one, part in zip(found[key], parts, strict=True)]
    return {key: amounts for key, amounts in found.items() if any(amounts)}


def twice(world: World, early: list[dict[str, Any]], now: list[dict[str, Any]]) -> World:
    """Every account of a world with the usage of then and once more with that of now: both are rated in one job."""
    sides = {"then": early, "now": now}

    def of(side: str, row: dict[str, Any], **more: Any) -> dict[str, Any]:
        top = row.get("invoiced_account_id", row["account_id"])
        return {**row, "account_id": f"{side}-{row['account_id']}", "invoiced_account_id": f"{side}-{top}", **more}

    return replace(
        world,
        accounts=[of(side, row, name=row["account_id"]) for side in sides for row in world.accounts],
        subscriptions=[of(side, row) for side in sides for row in world.subscriptions],
        adjustments=[of(side, row) for side in sides for row in world.adjustments],
        events=[of(side, row) for side, events in sides.items() for row in events],
    )


def side_of(lines: DataFrame, side: str) -> DataFrame:
    accounts = ("account_id", "service_account_id")
    mine = lines.where(F.col("account_id").startswith(f"{side}-"))
    return mine.withColumns({name: F.substring(name, len(side) + 2, 99) for name in accounts})


@pytest.mark.slow
@pytest.mark.parametrize("seed", [21, 22])
def test_what_was_billed_and_its_differences_are_the_month_rated_at_once(spark, seed):
    """Whatever came late, went or was corrected, in random catalogues: tiers, pools, bounds, taxes, whole bills."""
    world, dice = random_world(seed, accounts=24, plans=6), Random(seed)
    early = [event for event in world.events if dice.random() < 0.7]
    now = [{**event, "quantity": event["quantity"] + dice.choice([0, 0, 1])} for event in world.events]
    lines = rated(spark, twice(world, early, now[::-1][2:])).cache()
    sides = {side: side_of(lines, side) for side in ("then", "now")}
    changed = differences(sides["then"], sides["now"], MONTH).collect()
    assert len(changed) > 40
    assert sums([*sides["then"].collect(), *changed]) == sums(sides["now"].collect())


def event(account: str, usage_id: str = "u1", **more: Any) -> dict[str, Any]:
    time = datetime(2026, 1, 5, 12, tzinfo=UTC)
    same = {"subscription_id": "s", "metric": "kwh", "quantity": Decimal(1), "event_time": time, "dimensions": {}}
    return {"account_id": account, "usage_id": usage_id, **same, "local_time": time.replace(tzinfo=None), **more}


CHANGES = {
    "same": ([event("same"), event("same", "u2")], [event("same", "u2"), event("same")]),
    "order of dimensions": (
        [event("order of dimensions", dimensions={"a": "1", "b": "2"})],
        [event("order of dimensions", dimensions={"b": "2", "a": "1"})],
    ),
    "late": ([event("late")], [event("late"), event("late", "u2")]),
    "went": ([event("went")], []),
    "new": ([], [event("new")]),
    "zero came": ([event("zero came")], [event("zero came"), event("zero came", "u2", quantity=Decimal(0))]),
    "another value": (
        [event("another value", dimensions={"a": "1"})],
        [event("another value", dimensions={"a": "2"})],
    ),
    "exchanged": (
        [event("exchanged", "u1", quantity=Decimal(1)), event("exchanged", "u2", quantity=Decimal(2))],
        [event("exchanged", "u1", quantity=Decimal(2)), event("exchanged", "u2", quantity=Decimal(1))],
    ),
    "another minute": (
        [event("another minute")],
        [event("another minute", event_time=datetime(2026, 1, 5, 12, 1, tzinfo=UTC))],
    ),
}


def test_changed_accounts(spark):
    before, now = (
        frame(spark, [one for sides in CHANGES.values() for one in sides[side]], schemas.USAGE) for side in (0, 1)
    )
    found = {row["account_id"] for row in changed_accounts(before, now).collect()}
    assert found == set(CHANGES) - {"same", "order of dimensions"}


def test_accounts_with_other_adjustments(spark):
    one = {"adjustment_id": "1", "date": date(2026, 1, 5), "amount": Decimal(5), "description": "Fee", "tax": None}
    sides = {
        "same": ([one], [one]),
        "came": ([], [one]),
        "went": ([one, {**one, "adjustment_id": "2"}], [one]),
        "another amount": ([one], [{**one, "amount": Decimal(6)}]),
        "another tax": ([one], [{**one, "tax": "std"}]),
    }
    before, now = (
        frame(spark, [{"account_id": name, **row} for name, rows in sides.items() for row in rows[side]], schemas.ADJUSTMENTS)
        for side in (0, 1)
    )  # fmt: skip
    found = {row["account_id"] for row in accounts_with_other_adjustments(before, now).collect()}
    assert found == set(sides) - {"same"}


def test_families_are_whole_and_not_held(spark):
    tops = {"a": "a", "a-child": "a", "a-other": "a", "b": "b", "c": "c", "c-child": "c", "d": "d"}
    accounts = frame(
        spark, [{"account_id": one, "invoiced_account_id": top} for one, top in tops.items()], schemas.ACCOUNTS
    )
    changed = frame(spark, [{"account_id": one} for one in ("a-child", "c-child", "d", "x")], schemas.ACCOUNTS)
    held = frame(spark, [{"account_id": one, "rule": "r"} for one in ("c",)], schemas.HELD)
    found = families(changed.select("system", "account_id"), accounts, held).collect()
    assert {row["account_id"] for row in found} == {"a", "a-child", "a-other", "d"}


def test_events_are_served_by_the_subscriptions_of_the_confirmed_month(spark):
    rows = [(date(2025, 1, 1), date(2026, 1, 5)), (date(2026, 1, 5), date(2026, 1, 9)), (date(2026, 1, 20), None)]
    subscriptions = [
        {"account_id": "a", "subscription_id": "s", "start_date": start, "end_date": end} for start, end in rows
    ]
    days = {"u4": 4, "u5": 5, "u8": 8, "u9": 9, "u25": 25}
    events = [
        event("a", name, local_time=datetime.fromisoformat(f"2026-01-{day:02d} 23:59")) for name, day in days.items()
    ]
    events += [event("b", "of another account"), event("a", "unknown", subscription_id="t")]
    found = served(frame(spark, events, schemas.USAGE), frame(spark, subscriptions, schemas.SUBSCRIPTIONS)).collect()
    assert {row["usage_id"]: row["subscription_start"] for row in found} == {
        "u4": rows[0][0],
        "u5": rows[1][0],
        "u8": rows[1][0],
        "u9": None,
        "u25": rows[2][0],
        "of another account": None,
        "unknown": None,
    }


@pytest.mark.parametrize(("billed", "problem"), [("16", None), ("15", "15.0000 was billed in all"), ("", "nothing")])
def test_what_is_not_settled_is_told(spark, billed, problem):
    charge = {"account_id": "a", "charge": "e", "quantity": Decimal(1)}
    counted = frame(spark, [{**charge, "net": Decimal(billed)}] if billed else [], schemas.INVOICE_LINES)
    due = frame(spark, [{**charge, "net": Decimal(16)}], schemas.INVOICE_LINES)
    found = [row["problem"] for row in unsettled_charges(counted, due).collect()]
    assert [problem in one for one in found] == ([True] if problem else [])
