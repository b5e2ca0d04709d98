"""What Spark does for a bill run: no Python, no Cartesian product, and usage stays where ingestion laid it out."""

import re
from datetime import date
from decimal import Decimal

import pytest

from billflow.billing import bills, holds, rating, usage
from billflow.lake import schemas, tables
from billflow_tests.billing.random_worlds import random_world
from billflow_tests.billing.worlds import World, catalog, frame

BUCKETS = 4


def laid_out(spark, folder, world: World) -> dict:
    """The tables of a world as ingestion leaves them: in buckets by account."""
    rows = {
        "accounts": (
            [{"invoiced_account_id": row["account_id"], "name": "n", **row} for row in world.accounts],
            schemas.ACCOUNTS,
        ),
        "subscriptions": (world.subscriptions, schemas.SUBSCRIPTIONS),
        "usage": (world.events, schemas.USAGE),
    }
    found = {}
    for name, (listed, schema) in rows.items():
        place = f"file://{folder}/{name}"
        tables.write_bucketed(tables.by_account(frame(spark, listed, schema), BUCKETS), place, BUCKETS)
        found[name] = tables.read_bucketed(spark, place, schema, BUCKETS)
    return found


def plan_of(frame_) -> str:
    return frame_._jdf.queryExecution().executedPlan().toString()


def pools(world: World) -> set[str | None]:
    return {rate.pool for rate in world.pricebook.rates}


def world_with(pool: str) -> World:
    """The first random world whose pools are just those."""
    worlds = (random_world(seed, accounts=8) for seed in range(100))
    return next(world for world in worlds if pools(world) == {pool, None})


@pytest.fixture(scope="module")
def plans(spark, tmp_path_factory) -> dict[str, str]:
    return planned(spark, tmp_path_factory.mktemp("plans"), world_with("account"))


def planned(spark, folder, world: World) -> dict[str, str]:
    found, pricebook = laid_out(spark, folder, world), world.pricebook
    prices = pricebook.frame(spark)
    tops = found["accounts"].select("system", "account_id", "invoiced_account_id")
    subscriptions = found["subscriptions"].join(tops, ["system", "account_id"])
    owed = rating.owed_charges(subscriptions, pricebook)
    groups = usage.grouped(found["usage"], pricebook)
    rated = tables.conformed(rating.rated(owed, groups, found["usage"], pricebook), schemas.CHARGES)
    place = f"file://{folder}/charges"
    tables.write_bucketed(rated, place, BUCKETS)
    charges = tables.read_bucketed(spark, place, schemas.CHARGES, BUCKETS)
    lines = bills.bill_lines(charges, pricebook, accounts=found["accounts"], subscriptions=subscriptions)
    return {
        "groups": plan_of(groups),
        "charges": plan_of(rated),
        "unrated": plan_of(rating.judged(groups, owed, pricebook)),
        "lines": plan_of(lines),
        "held": plan_of(holds.holds(found["accounts"], subscriptions, prices, pricebook)),
    }


@pytest.mark.parametrize("name", ["groups", "charges", "unrated", "lines", "held"])
def test_no_python_and_no_cartesian_product(plans, name):
    assert not re.search(r"Python|CartesianProduct|BroadcastNestedLoopJoin|ArrowEval", plans[name])


@pytest.mark.parametrize("name", ["groups", "charges", "unrated", "lines"])
def test_nothing_is_shuffled(plans, name):
    shuffles = [line for line in plans[name].splitlines() if "Exchange" in line and "BroadcastExchange" not in line]
    assert shuffles == [], plans[name]


def shuffled_usage(plan: str) -> int:
    """How many shuffles have a scan of usage below them, and no sum in between."""
    lines = plan.splitlines()
    depth = [len(re.match(r"[\s:+*-]*(\(\d+\) )?", line)[0]) for line in lines]
    count = 0
    for at, line in enumerate(lines):
        if "Exchange" in line and "Broadcast" not in line:
            end = next((n for n in range(at + 1, len(lines)) if depth[n] <= depth[at]), len(lines))
            scanned = any("FileScan" in lines[n] and "event_time" in lines[n] for n in range(at + 1, end))
            count += scanned and "Aggregate" not in lines[at + 1]
    return count


@pytest.mark.slow
def test_a_pool_of_a_hierarchy_shuffles_usage_once(spark, tmp_path):
    plan = planned(spark, tmp_path, world_with("hierarchy"))["charges"]
    assert shuffled_usage(plan) == 1, plan


TIERS = {"model": "graduated", "metric": "kwh", "tiers": [{"up_to": 10, "unit_price": "2"}, {"unit_price": "1"}]}
PLAIN = {"home": {"rent": {"model": "flat", "amount": "10", "tax": "std"}, "energy": {**TIERS, "tax": "std"}}}


def plain_world() -> World:
    world = World(catalog(PLAIN, taxes={"std": {"category": "S", "rate": "0.19"}}))
    for account in ("b", "a"):
        world.subscribe(account, "home")
        world.use(account, "12")
    return world


@pytest.fixture(scope="module")
def plain_lines(spark, tmp_path_factory) -> str:
    return planned(spark, tmp_path_factory.mktemp("plain"), plain_world())["lines"]


def test_lines_of_plain_bills_are_sorted_once(plain_lines):
    assert len(re.findall(r"\bSort \[", plain_lines)) == 1, plain_lines


def test_lines_of_plain_bills_are_told_what_they_say_when_they_are_in_order(plain_lines):
    told, _, ordered = plain_lines.partition("Sort [")
    carried = ordered.splitlines()[1]
    assert "label#" in told
    assert "position#" in carried
    assert not re.findall(r"\b(?:label|charge|plan|section|metric|tax_code)#", carried), carried


def test_amounts_of_plain_bills_stay_packed_while_lines_are_ordered(plain_lines):
    ordered = plain_lines[plain_lines.index("Window [") : plain_lines.index("Sort [")]
    assert "_amounts#" in ordered
    assert not re.findall(r"\b(?:net|quantity|unit_price|subscription_quantity)#", ordered), ordered


def test_plain_bills_are_numbered_as_others_are(spark):
    world = plain_world()
    plain = world.lines(spark).select(*NUMBERED).orderBy(*NUMBERED).collect()
    world.adjustments.append({"adjustment_id": "a", "account_id": "a", "date": date(2026, 1, 5), "amount": Decimal(3), "description": "x", "tax": "std"})  # fmt: skip
    others = world.lines(spark).where("charge <> 'adjustment'").select(*NUMBERED).orderBy(*NUMBERED)
    assert plain == others.collect()
    assert [(row.account_id, row.line_no) for row in plain] == [(one, n) for one in "ab" for n in (1, 2, 3)]


NUMBERED = ("account_id", "line_no", "charge", "quantity", "net")
