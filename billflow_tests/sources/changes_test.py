"""Feeds of changes: which row of a key stands, whatever the order of delivery, and what is gone."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.catalog import Cycle
from billflow.source_settings import FileMapping
from billflow.sources.canonical_tables import judge_customers, judge_subscriptions
from billflow.sources.changes import as_changes, has_changes, settle_changes, standing, with_changes
from billflow.sources.mapping import FAILED, map_rows
from billflow.sources.merging.decisions import judge_crosswalk
from billflow.sources.money_tables import judge_bills
from billflow_tests.sources.canonical_tables_test import settings
from billflow_tests.sources.rows import PLACE, REQUIRED, ZONE, accounts_of, canonical, delivered, verdicts

Change = dict[str, Any]
Case = tuple[str, Change, str, list[str]]


def change(key: str | None, order: int | None, *, deleted: bool | None = None, **more: Any) -> Change:
    return {"account_id": key, "name": "A", "_order": order, "_deleted": deleted, "_is_change": True, **more}


CUSTOMERS: tuple[Case, ...] = (
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
    (
        "mapping fails and no key and gone",
        change(None, 1, deleted=True, _failed=["name"]),
        "quarantined",
        ["mapping_failed", "missing_key"],
    ),
)


def subscription(name: str | None, order: int, start: int | None, *, row: str | None = None, **more: Any) -> Change:
    """One that starts in a month of 2026; `row` is what its source calls it (`changes.key`)."""
    begins = None if start is None else date(2026, start, 1)
    served = {"subscription_id": name, "plan": "p", "start_date": begins, "quantity": Decimal(1)}
    return change("a1", order, **served, _key=row, **more)


def own(name: str | None, row: str | None, order: int, start: int | None, **more: Any) -> Change:
    return subscription(name, order, start, row=row, _has_key=True, **more)


SUBSCRIPTIONS: tuple[Case, ...] = (
    ("first plan", subscription("a", 1, 1, end_date=date(2026, 2, 1)), "valid", []),
    ("a further row", subscription("a", 2, 2), "valid", []),
    ("stays, for its start is not told", subscription("b", 1, 1), "valid", []),
    ("gone by its id alone", subscription("b", 2, None, deleted=True), "quarantined", ["missing_key"]),
    ("no start", subscription("c", 1, None), "quarantined", ["missing_key", "invalid_start_date"]),
    ("was there", own("d", "1", 1, 1), "superseded", []),
    ("gone by the row's name alone", own(None, "1", 2, None, deleted=True), "deleted", []),
    ("started wrongly", own("e", "2", 1, 1), "superseded", []),
    ("start corrected", own("e", "2", 2, 3, end_date=date(2026, 5, 1)), "valid", []),
    ("a further row with a name of its own", own("e", "3", 1, 5), "valid", []),
    ("does not say which row it is", own("f", None, 1, 1), "quarantined", ["missing_key"]),
    ("does not say which row is gone", own("e", None, 9, 5, deleted=True), "quarantined", ["missing_key"]),
    ("another source's row of that name", own("g", "1", 1, 1, source="z"), "valid", []),
    ("a row of a feed without names", subscription("2", 9, 1, row="2"), "valid", []),
)


def pair(other: str, order: int, *, system: str = "clerks", **more: Any) -> Change:
    """A decision about the accounts a1, of the system a, and `other`."""
    named = {"account_system": "a", "other_system": "b", "other_account_id": other, "system": system}
    return change("a1", order, **{**named, **more})


CROSSWALK: tuple[Case, ...] = (
    ("decided", pair("b1", 1), "superseded", []),
    (
        "decided otherwise",
        pair("b1", 2, decision="different", decided_at=datetime(2026, 5, 2, tzinfo=UTC)),
        "valid",
        [],
    ),
    ("decided to be taken back", pair("b2", 1, decision="same"), "superseded", []),
    ("taken back", pair("b2", 2, deleted=True), "deleted", []),
    ("its own system left out", pair("b3", 1, system="a", account_system=None), "superseded", []),
    ("its own system named", pair("b3", 2, system="a", decision="different"), "valid", []),
    ("a feed of its own says the same", pair("b3", 9, decision="different"), "duplicate", []),
    ("stays", pair("b4", 1), "valid", []),
    ("gone, of nobody", pair("b4", 2, other_system=None, deleted=True), "quarantined", ["missing_key"]),
)


def line(bill: str | None, number: int | None, order: int, row: str, **more: Any) -> Change:
    amount = Decimal(1)
    said = {"issue_date": date(2026, 5, 1), "description": "d", "quantity": amount, "unit_price": amount}
    told = {"bill_id": bill, "line_no": number, "amount": amount, "currency": "EUR", **said, **more}
    return change("a1", order, _key=row, _has_key=True, **told)


BILLS: tuple[Case, ...] = (
    ("line 1", line("x", 1, 1, "r1"), "superseded", []),
    ("is line 3", line("x", 3, 2, "r1"), "valid", []),
    ("line 2", line("x", 2, 1, "r2"), "superseded", []),
    ("is gone", line(None, None, 2, "r2", deleted=True), "deleted", []),
)
TABLES = {"customers": CUSTOMERS, "subscriptions": SUBSCRIPTIONS, "crosswalk": CROSSWALK, "bills": BILLS}
OPTIONS = {"_order": pa.int64(), "_deleted": pa.bool_(), "_key": pa.string(), "_has_key": pa.bool_()}


def changes(spark: SparkSession, table: str, rows: Sequence[Change]) -> DataFrame:
    """Mapped rows of three mappings: without changes, and with those that have a `key` and that have none."""
    options = (*OPTIONS, "_is_change")
    plain = canonical(spark, table, [{name: row[name] for name in row if name not in options} for row in rows])
    given = {name: pa.array([row.get(name) for row in rows], kind) for name, kind in OPTIONS.items()}
    given |= {"_row": pa.array(range(len(rows))), "_is_change": [row.get("_is_change", False) for row in rows]}
    whole = plain.join(F.broadcast(spark.createDataFrame(pa.table(given))), "_row")
    feed, named = whole.where("_is_change"), F.coalesce("_has_key", F.lit(False))
    parts = [as_changes(feed.where(named), table), as_changes(feed.where(~named).drop("_key"), table)]
    return plain_rows(whole, plain).unionByName(parts[0], True).unionByName(parts[1], True)


def plain_rows(whole: DataFrame, plain: DataFrame) -> DataFrame:
    return whole.where("not _is_change").select(plain.columns)


def judges(spark: SparkSession, folder: Path) -> dict[str, Callable[[DataFrame], DataFrame]]:
    systems = {"a1": "a", "b1": "b", "b2": "b", "b3": "b", "b4": "b"}
    known = [(system, account, ZONE, "c01") for account, system in systems.items()]
    accounts = accounts_of(spark, ("default", "a1", ZONE, "c01"), *known)
    return {
        "customers": lambda rows: judge_customers(rows, settings(folder, {"c01": Cycle(day=1)})),
        "subscriptions": lambda rows: judge_subscriptions(rows, accounts, ["p"]),
        "crosswalk": lambda rows: judge_crosswalk(rows, accounts),
        "bills": lambda rows: judge_bills(rows, accounts),
    }


def judged(spark: SparkSession, table: str, rows: Sequence[Change], folder: Path) -> dict[int, tuple[str, list[str]]]:
    settled = settle_changes(changes(spark, table, rows))
    return verdicts(with_changes(judges(spark, folder)[table](standing(settled)), settled))


@pytest.mark.parametrize("table", TABLES)
def test_verdicts(spark: SparkSession, tmp_path: Path, table: str) -> None:
    cases = TABLES[table]
    found = judged(spark, table, [row for _, row, *_ in cases], tmp_path)
    assert {name: found[at] for at, (name, *_) in enumerate(cases)} == {
        name: (verdict, rules) for name, _, verdict, rules in cases
    }


def test_any_changes(spark: SparkSession, tmp_path: Path) -> None:
    """As a program tells it that takes one change after the other; rows of one key and order are alike."""
    random = Random(1)
    log = {(str(random.randrange(30)), order): random.random() < 0.3 for order in range(90)}
    delivered_rows = random.choices(list(log), k=150)
    came = {key: max(order for one, order in delivered_rows if one == key) for key, _ in delivered_rows}
    rows = [change(key, order, deleted=log[key, order]) for key, order in delivered_rows]
    found = judged(spark, "customers", rows, tmp_path)
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
    assert has_changes(as_changes(plain, "customers"))


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
        {
            "path": "p",
            "columns": REQUIRED["usage"],
            "changes": {"order": order, "deleted": "cast(x as string) = '9'", "key": "concat('r', id)"},
        }
    )
    rows = map_rows(delivered(spark, texts, given), mapping, "usage", timezone=ZONE, where=PLACE).collect()
    assert [row["_order"] for row in rows] == [None if place is None else Decimal(place) for place in places]
    assert [row[FAILED] for row in rows] == [["changes.order"] if text == "soon" else [] for text in texts]
    assert [row["_key"] for row in rows] == [f"r{at}" for at in range(len(texts))]
    assert all(row["_deleted"] == (text == "9") for row, text in zip(rows, texts, strict=True))
