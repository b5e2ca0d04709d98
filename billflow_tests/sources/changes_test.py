"""Feeds of changes: which row of a key stands, whatever the order of delivery, and what is gone."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.catalog import Cycle
from billflow.source_settings import FileMapping
from billflow.sources.canonical_tables import judge_customers
from billflow.sources.changes import as_changes, has_changes, settle_changes, standing, with_changes
from billflow.sources.mapping import FAILED, map_rows
from billflow_tests.sources.canonical_tables_test import settings
from billflow_tests.sources.rows import PLACE, REQUIRED, ZONE, canonical, delivered, verdicts

Change = dict[str, Any]
KEY = ["account_id"]


def change(key: str | None, order: int | None, *, deleted: bool | None = None, **more: Any) -> Change:
    return {"account_id": key, "name": "A", "_order": order, "_deleted": deleted, "_is_change": True, **more}


CASES: tuple[tuple[str, Change, str, list[str]], ...] = (
    ("the only one", change("a", 1), "valid", []),
    ("as it was", change("b", 1, name="Old"), "superseded", []),
    ("as it is", change("b", 10, name="New"), "valid", []),
    ("delivered later", change("b", 9, name="Between"), "superseded", []),
    ("delivered again, as it was", change("b", 1, name="Old"), "superseded", []),
    ("delivered again", change("b", 10, name="New", source="z"), "duplicate", []),
    ("it was there", change("c", 1), "superseded", []),
    ("it is gone", change("c", 2, deleted=True, name=None), "deleted", []),
    ("it was gone", change("d", 1, deleted=True), "superseded", []),
    ("it has come back", change("d", 2), "valid", []),
    ("gone at the same time", change("e", 1), "superseded", []),
    ("at the same time", change("e", 1, deleted=True), "deleted", []),
    ("never was there", change("f", 1, deleted=True), "deleted", []),
    ("was right", change("g", 1), "superseded", []),
    ("and is wrong", change("g", 2, name=None), "quarantined", ["missing_name"]),
    ("was wrong", change("h", 1, name=None), "superseded", []),
    ("and is right", change("h", 2), "valid", []),
    ("no order", change("i", None), "quarantined", ["missing_order"]),
    ("beside one without order", change("i", 1), "valid", []),
    ("no order of what is gone", change("i", None, deleted=True), "quarantined", ["missing_order"]),
    ("no key", change(None, 1), "quarantined", ["missing_key"]),
    ("no key and gone", change(None, 1, deleted=True), "quarantined", ["missing_key"]),
    ("says one thing", change("k", 1, name="B", source="a"), "valid", []),
    ("and another", change("k", 1, name="C", source="b"), "quarantined", ["duplicate_key"]),
    ("of another system", change("b", 1, system="other"), "valid", []),
    ("malformed", change(None, None, _malformed=True), "quarantined", ["malformed_row", "missing_key"]),
    ("no change", {"account_id": "l", "name": "A"}, "valid", []),
    ("no change, twice", {"account_id": "l", "name": "A", "source": "z"}, "duplicate", []),
)


def changes(spark: SparkSession, rows: Sequence[Change]) -> DataFrame:
    """Mapped rows with the columns that the options of their mapping make."""
    options = ("_order", "_deleted", "_is_change")
    plain = canonical(spark, "customers", [{name: row[name] for name in row if name not in options} for row in rows])
    given = [(at, *(row.get(name) for name in options)) for at, row in enumerate(rows)]
    return plain.join(
        F.broadcast(spark.createDataFrame(given, "_row bigint, _order bigint, _deleted boolean, _is_change boolean")),
        "_row",
    )


def judged(spark: SparkSession, rows: Sequence[Change], folder: Path) -> dict[int, tuple[str, list[str]]]:
    settled = settle_changes(changes(spark, rows), KEY)
    found = judge_customers(standing(settled), settings(folder, {"c01": Cycle(day=1)}))
    return verdicts(with_changes(found, settled))


@pytest.fixture(scope="module")
def found(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[str, list[str]]]:
    return judged(spark, [row for _, row, *_ in CASES], tmp_path_factory.mktemp("p"))


@pytest.mark.parametrize("at", range(len(CASES)), ids=[name for name, *_ in CASES])
def test_verdict(found: dict[int, tuple[str, list[str]]], at: int) -> None:
    _, _, verdict, rules = CASES[at]
    assert found[at] == (verdict, rules)


def test_any_changes(spark: SparkSession, tmp_path: Path) -> None:
    """As a program tells it that takes one change after the other; rows of one key and order are alike."""
    random = Random(1)
    log = {(str(random.randrange(30)), order): random.random() < 0.3 for order in range(90)}
    delivered_rows = random.choices(list(log), k=150)
    came = {key: max(order for one, order in delivered_rows if one == key) for key, _ in delivered_rows}
    rows = [change(key, order, deleted=log[key, order]) for key, order in delivered_rows]
    found = judged(spark, rows, tmp_path)
    seen: set[str] = set()
    for at, (key, order) in enumerate(delivered_rows):
        verdict = "superseded" if order < came[key] else "deleted" if log[key, order] else "stands"
        told = found[at][0]
        assert told == verdict or (verdict == "stands" and told in ("valid", "duplicate"))
        if told == "valid":
            assert key not in seen
            seen.add(key)
    assert seen == {key for key, order in came.items() if not log[key, order]}


def test_rows_without_changes_are_not_looked_at(spark: SparkSession) -> None:
    plain = canonical(spark, "customers", [{"account_id": "a", "name": "A"}])
    assert not has_changes(plain)
    assert has_changes(as_changes(plain))


@pytest.mark.parametrize(
    ("order", "given", "texts", "places"),
    [
        ("x", "x", ["9", "10", "2.5", "-1", ""], ["9", "10", "2.5", "-1", None]),
        ("x", "cast(x as bigint)", ["9", "10"], ["9", "10"]),
        ("x", "x", ["2013-01-01T10:00:00Z", "2013-01-01T10:00:00.000001Z"], ["1357034400000000", "1357034400000001"]),
        ("cast(x as timestamp)", "x", ["2013-01-01T10:00:00Z"], ["1357034400000000"]),
        ("x", "cast(x as date)", ["1970-01-02"], ["50400000000"]),  # the day before at 14:00, UTC
        ("x", "x", ["soon", "7"], [None, "7"]),
    ],
)
def test_order_is_a_number_or_a_time(
    spark: SparkSession, order: str, given: str, texts: list[str], places: list[str | None]
) -> None:
    mapping = FileMapping.model_validate(
        {"path": "p", "columns": REQUIRED["usage"], "changes": {"order": order, "deleted": "cast(x as string) = '9'"}}
    )
    rows = map_rows(delivered(spark, texts, given), mapping, "usage", timezone=ZONE, where=PLACE).collect()
    assert [row["_order"] for row in rows] == [None if place is None else Decimal(place) for place in places]
    assert [row[FAILED] for row in rows] == [["changes.order"] if text == "soon" else [] for text in texts]
    assert all(row["_deleted"] == (text == "9") for row, text in zip(rows, texts, strict=True))
