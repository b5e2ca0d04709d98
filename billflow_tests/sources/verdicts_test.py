"""Rules and verdicts, apart from any table."""

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.sources.verdicts import (
    REASONS,
    RULES,
    VERDICT,
    apply_rules,
    keeps_all_rules,
    mapped_rules,
    quarantined,
    rule,
    settle_duplicates,
)
from billflow_tests.sources.rows import canonical


def customers(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return canonical(spark, "customers", rows)


def test_a_rule_that_cannot_be_decided_is_kept(spark: SparkSession) -> None:
    rows = apply_rules(customers(spark, {"name": "A"}), [rule("never", F.col("city") == "x", "because")])
    [row] = rows.select(RULES, REASONS, keeps_all_rules()).collect()
    assert tuple(row) == ([], [], True)


def test_rules_add_up_in_order(spark: SparkSession) -> None:
    first = apply_rules(customers(spark, {"name": "A"}), [rule("one", F.lit(True), "first ", F.col("name"))])
    second = apply_rules(first, [rule("two", F.lit(True), "second ", F.col("city")), rule("no", F.lit(False), "x")])
    [row] = second.select(RULES, REASONS).collect()
    assert tuple(row) == (["one", "two"], ["first A", "second nothing"])


@pytest.mark.parametrize(
    ("row", "codes"),
    [
        ({}, []),
        ({"_failed": ["name", "city"]}, ["mapping_failed"]),
        ({"_malformed": True}, ["malformed_row"]),
        ({"_malformed": True, "_failed": ["name"]}, ["malformed_row"]),
    ],
)
def test_mapped_rules(spark: SparkSession, row: dict[str, Any], codes: list[str]) -> None:
    [found] = apply_rules(customers(spark, row), mapped_rules()).select(RULES).collect()
    assert found[0] == codes


@pytest.mark.parametrize(
    ("contents", "verdicts"),
    [
        (["a"], ["valid"]),
        (["a", "a", "a"], ["duplicate", "duplicate", "valid"]),
        (["a", "b"], ["quarantined", "valid"]),
        (["a", "b", "a", "b"], ["duplicate", "quarantined", "quarantined", "valid"]),
        ([None, None], ["duplicate", "valid"]),
        ([None, "a"], ["quarantined", "valid"]),
    ],
)
def test_settle_duplicates(spark: SparkSession, contents: list[Any], verdicts: list[str]) -> None:
    rows = customers(spark, *[{"account_id": "1", "city": content} for content in contents])
    judged = settle_duplicates(apply_rules(rows, []), key=["account_id"], content=["city"])
    assert sorted(row[0] for row in judged.select(VERDICT).collect()) == verdicts


def test_content_tells_columns_apart(spark: SparkSession) -> None:
    rows = customers(spark, {"account_id": "1", "city": "x"}, {"account_id": "1", "street": "x"})
    judged = settle_duplicates(apply_rules(rows, []), key=["account_id"], content=["city", "street"])
    assert sorted(row[0] for row in judged.select(VERDICT).collect()) == ["quarantined", "valid"]


def test_quarantined(spark: SparkSession) -> None:
    rows = apply_rules(
        customers(spark, {"account_id": "1", "source": "crm", "_file": "c.csv"}, {"account_id": "2"}, {}),
        [
            rule("bad", ~F.coalesce(F.col("account_id") == "2", F.lit(False)), "because"),
            rule("worse", F.lit(False), "x"),
        ],
    )
    judged = settle_duplicates(rows, key=["account_id"], content=["name"])
    found = sorted(quarantined(judged, "customers", ["account_id"]).collect(), key=lambda row: row["_row"])
    assert [row.asDict() for row in found] == [
        {
            "source": "crm",
            "table": "customers",
            "key": "1",
            "rules": ["bad"],
            "reason": "because",
            "cycle": None,
            "month": None,
            "file": "c.csv",
            "_delivery": "d",
            "_row": 0,
        },
        {
            "source": "s",
            "table": "customers",
            "key": None,
            "rules": ["bad"],
            "reason": "because",
            "cycle": None,
            "month": None,
            "file": "f",
            "_delivery": "d",
            "_row": 2,
        },
    ]
