"""Who is invoiced for whom: chains of parents, their cycle, and those that end nowhere."""

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from billflow.settings import Settings
from billflow.sources.canonical_tables import judge_customers
from billflow.sources.hierarchies import has_parents, with_hierarchies, without_hierarchies
from billflow.sources.verdicts import REASONS, VERDICT
from billflow_tests.sources.canonical_tables_test import settings
from billflow_tests.sources.rows import canonical, verdicts


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings(tmp_path_factory.mktemp("p"))


def customer(key: str, parent: str | None = None, cycle: str | None = "c01", **more: Any) -> dict[str, Any]:
    return {"account_id": key, "name": key, "parent_account_id": parent, "cycle": cycle, **more}


def chain(name: str, levels: int) -> list[dict[str, Any]]:
    """`name0` in c15 at the top, and below it `levels` accounts, each the child of the one before."""
    below = [customer(f"{name}{level}", f"{name}{level - 1}") for level in range(1, levels + 1)]
    return [customer(f"{name}0", cycle="c15"), *below]


ROWS = (
    customer("alone"),
    customer("top", cycle="c15"),
    customer("child", "top"),
    customer("grandchild", "child", cycle="c31"),
    customer("without cycle", "child", cycle=None),
    customer("own zone", "top", timezone="UTC", currency="EUR"),
    customer("orphan", "nobody"),
    customer("orphan's child", "orphan"),
    customer("orphan without cycle", "nobody", cycle=None),
    customer("bad", cycle="c99"),
    customer("child of a bad one", "bad"),
    customer("self", "self"),
    customer("a2", "b2"),
    customer("b2", "a2"),
    customer("a3", "b3"),
    customer("b3", "c3"),
    customer("c3", "a3"),
    customer("below a circle", "a3"),
    customer("twice", "top", source="a"),
    customer("twice", "top", source="b"),
    customer("disputed", "top", source="a"),
    customer("disputed", "nobody", source="b"),
    *chain("eight", 8),
    *chain("nine", 9),
    *[customer(f"ring{at}", f"ring{(at + 1) % 12}") for at in range(12)],
    customer("top", system="other"),
    customer("child", "alone", system="other"),
)

INVOICED = [
    ("alone", "alone", "c01"),
    ("top", "top", "c15"),
    ("child", "top", "c15"),
    ("grandchild", "top", "c15"),
    ("without cycle", "top", "c15"),
    ("own zone", "top", "c15"),
    ("twice", "top", "c15"),
    ("disputed", "top", "c15"),
    ("eight1", "eight0", "c15"),
    ("eight4", "eight0", "c15"),
    ("eight8", "eight0", "c15"),
    ("nine8", "nine0", "c15"),
]

PROBLEMS = [
    ("default", "orphan", "the parent nobody is not among the valid customers of the system"),
    ("default", "orphan's child", "the parent nobody is not among the valid customers of the system"),
    ("default", "child of a bad one", "the parent bad is not among the valid customers of the system"),
    ("other", "child", "the parent alone is not among the valid customers of the system"),
    ("default", "self", "its parents form a circle: self"),
    ("default", "a2", "its parents form a circle: a2 → b2"),
    ("default", "b2", "its parents form a circle: b2 → a2"),
    ("default", "a3", "its parents form a circle: a3 → b3 → c3"),
    ("default", "c3", "its parents form a circle: c3 → a3 → b3"),
    ("default", "below a circle", "its parents form a circle: below a circle → a3 → b3 → c3"),
    (
        "default",
        "nine9",
        f"there are more than 8 levels of parents above it: {' → '.join(f'nine{n}' for n in range(9, 0, -1))}",
    ),
    (
        "default",
        "ring0",
        f"there are more than 8 levels of parents above it: {' → '.join(f'ring{n}' for n in range(9))}",
    ),
]


@pytest.fixture(scope="module")
def judged(spark: SparkSession, known: Settings) -> DataFrame:
    return with_hierarchies(judge_customers(canonical(spark, "customers", ROWS), known).cache()).cache()


@pytest.fixture(scope="module")
def valid(judged: DataFrame) -> dict[tuple[str, str], Any]:
    return {(row.system, row.account_id): row for row in judged.collect() if row[VERDICT] == "valid"}


@pytest.mark.parametrize(("account", "top", "cycle"), INVOICED)
def test_the_top_is_invoiced_in_its_cycle(valid: dict[Any, Any], account: str, top: str, cycle: str) -> None:
    row = valid["default", account]
    assert (row.invoiced_account_id, row.cycle, row.hierarchy_problem) == (top, cycle, None)


@pytest.mark.parametrize(("system", "account", "problem"), PROBLEMS)
def test_an_account_without_a_top_stays_where_it_is_and_says_why(
    valid: dict[Any, Any], system: str, account: str, problem: str
) -> None:
    row = valid[system, account]
    assert (row.invoiced_account_id, row.cycle, row.hierarchy_problem) == (None, "c01", problem)


def test_currency_and_zone_stay_its_own(valid: dict[Any, Any]) -> None:
    assert (valid["default", "own zone"].currency, valid["default", "own zone"].timezone) == ("EUR", "UTC")


def test_each_row_is_there_once_with_its_verdict(judged: DataFrame, valid: dict[Any, Any]) -> None:
    found = verdicts(judged)
    assert sorted(found) == list(range(len(ROWS)))
    bad = {ROWS[at]["account_id"]: (verdict, rules) for at, (verdict, rules) in found.items() if verdict != "valid"}
    assert bad == {
        "bad": ("quarantined", ["unknown_cycle"]),
        "orphan without cycle": ("quarantined", ["unknown_cycle"]),
        "twice": ("duplicate", []),
        "disputed": ("quarantined", ["duplicate_key"]),
    }
    assert len(valid) == len(ROWS) - len(bad)


def test_an_account_that_can_be_held_nowhere_says_why(judged: DataFrame) -> None:
    [row] = judged.where("account_id = 'orphan without cycle'").select(REASONS).collect()
    assert row[0] == ["no cycle is given, and the parent nobody is not among the valid customers of the system"]


@pytest.mark.parametrize(
    ("rows", "has"),
    [([], False), ([customer("1")], False), ([customer("1"), customer("2", "1")], True), ([customer("1", "x")], True)],
)
def test_has_parents(spark: SparkSession, rows: list[dict[str, Any]], has: bool) -> None:
    assert has_parents(canonical(spark, "customers", rows)) is has


def test_without_parents_nothing_is_joined(spark: SparkSession, known: Settings) -> None:
    judged = judge_customers(canonical(spark, "customers", [customer("1"), customer("2", cycle="c15")]), known)
    both = [
        sorted(
            tuple(row)
            for row in rows.select("account_id", "cycle", "invoiced_account_id", "hierarchy_problem").collect()
        )
        for rows in (without_hierarchies(judged), with_hierarchies(judged))
    ]
    assert both[0] == both[1] == [("1", "c01", "1", None), ("2", "c15", "2", None)]
    plan = without_hierarchies(judged)._jdf.queryExecution().executedPlan().toString()
    assert "Join" not in plan
