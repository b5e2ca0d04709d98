"""Ids of customers: they stay as accounts come and go, are merged and parted again."""

from typing import Any

import pytest

from billflow.lake import schemas
from billflow.sources.merging.clusters import KEYED
from billflow.sources.merging.customers import customer_accounts
from billflow.sources.merging.decisions import node
from billflow_tests.sources.merging.frames import accounts, frame, pairs

PAIR = {"rank": schemas.WHOLE, "probability": schemas.CUSTOMER_ACCOUNTS["probability"].dataType}


@pytest.fixture
def world(spark):
    """`world("a1 a2", "b1")` → account → customer, of these clusters; each call goes on from the one before."""
    state: dict[str, Any] = {"before": None, "version": 0}

    def made(*clusters: str, subscribed: str = "") -> dict[str, dict[str, Any]]:
        state["version"] += 1
        ids = [one for cluster in clusters for one in cluster.split()]
        base = accounts(spark, *[{"system": one[0], "account_id": one} for one in ids])
        nodes = {
            row["account_id"]: row["node"]
            for row in base.select("account_id", node("system", "account_id").alias("node")).collect()
        }
        members = [[nodes[one] for one in cluster.split()] for cluster in clusters]
        found = [(one, min(cluster)) for cluster in members if len(cluster) > 1 for one in cluster]
        links = [
            (min(cluster), one, KEYED, "tax_id", None, "tax_id 1")
            for cluster in members
            for one in cluster
            if one != min(cluster)
        ]
        rows = customer_accounts(
            base,
            frame(spark, schemas.SUBSCRIPTIONS, [{"system": one[0], "account_id": one} for one in subscribed.split()]),
            pairs(spark, found, "node", "cluster"),
            pairs(spark, links, "a", "b", "rank", "found_by", "probability", "evidence", **PAIR),
            before=state["before"],
            version=state["version"],
        ).collect()  # fmt: skip
        state["before"] = frame(spark, schemas.CUSTOMER_ACCOUNTS, [row.asDict() for row in rows])
        return {row["account_id"]: row.asDict() for row in rows}

    return made


def ids(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {account: row["customer_id"] for account, row in rows.items()}


def test_each_account_is_of_one_customer(world):
    found = world("a1 b1", "a2", subscribed="b1")
    assert found["a1"]["customer_id"] == found["b1"]["customer_id"] != found["a2"]["customer_id"]
    assert {one: row["merged_by"] for one, row in found.items()} == {"a1": "tax_id", "b1": "tax_id", "a2": "alone"}
    assert {one: row["leads"] for one, row in found.items()} == {"a1": False, "b1": True, "a2": True}, (
        "who is billed leads"
    )


def test_what_is_merged_and_parted_again_gets_back_its_id(world):
    alone = ids(world("a1", "b1", "c1"))
    assert len(set(alone.values())) == 3
    merged = ids(world("a1 b1", "c1"))
    assert set(merged.values()) == {alone["a1"], alone["c1"]} or set(merged.values()) == {alone["b1"], alone["c1"]}
    assert ids(world("a1", "b1", "c1")) == alone


def test_an_account_that_sorts_before_the_first_one_does_not_change_the_id(world):
    before = ids(world("b5 c1"))
    later = ids(world("a1 b5 c1"))
    assert set(later.values()) == {before["b5"]}


def test_the_older_customer_stays_when_two_are_merged(world):
    old = ids(world("b1"))["b1"]
    assert ids(world("b1", "a1"))["a1"] != old
    assert set(ids(world("b1 a1")).values()) == {old}


def test_the_id_stays_with_the_next_account_when_the_first_one_is_gone(world):
    """It may only be in quarantine today."""
    before = ids(world("a1 b1 c1", "d1"))
    without = ids(world("b1", "c1", "d1"))
    assert without["b1"] == before["a1"]
    assert len(set(without.values())) == 3
    assert ids(world("a1 b1 c1", "d1")) == before
