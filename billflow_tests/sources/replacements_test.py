"""Usage that corrects other usage: chains, circles, several corrections of one record, and what becomes of each row."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from pyspark.sql import SparkSession

from billflow.sources.replacements import MOST_CORRECTIONS, replaces_any, with_replacements
from billflow_tests.sources.canonical_tables_test import event, judged_usage, utc
from billflow_tests.sources.rows import canonical, verdicts

BAD = {"quantity": Decimal(-1)}
CASES = (
    ("plain", event("p"), "valid", []),
    ("corrected", event("a1"), "replaced", []),
    ("correction", event("a2", replaces="a1"), "valid", []),
    ("corrected twice 1", event("b1"), "replaced", []),
    ("corrected twice 2", event("b2", replaces="b1"), "replaced", []),
    ("corrected twice 3", event("b3", replaces="b2"), "valid", []),
    ("what it corrects is not there", event("c2", replaces="c1"), "valid", []),
    ("corrected before it came", event("d1", arrived_at=utc("2013-02-09")), "replaced", []),
    ("came before what it corrects", event("d2", arrived_at=utc("2013-02-01"), replaces="d1"), "valid", []),
    ("mended", event("e1", **BAD), "replaced", ["negative_quantity"]),
    ("mends", event("e2", replaces="e1"), "valid", []),
    ("stands, for its correction is wrong", event("f1"), "valid", []),
    ("wrong correction", event("f2", replaces="f1", **BAD), "quarantined", ["negative_quantity"]),
    ("first of a chain with a wrong link", event("g1"), "replaced", []),
    ("wrong link", event("g2", replaces="g1", **BAD), "replaced", ["negative_quantity"]),
    ("end of it", event("g3", replaces="g2"), "valid", []),
    ("corrects itself", event("h", replaces="h"), "quarantined", ["circular_replacement"]),
    ("circle 1", event("i1", replaces="i2"), "quarantined", ["circular_replacement"]),
    ("circle 2", event("i2", replaces="i1"), "quarantined", ["circular_replacement"]),
    ("corrects a circle", event("i3", replaces="i2"), "quarantined", ["circular_replacement"]),
    ("corrected by two", event("j1"), "replaced", []),
    ("the later one", event("j2", arrived_at=utc("2013-02-02"), replaces="j1"), "quarantined", ["already_replaced"]),
    ("the first one", event("j3", arrived_at=utc("2013-02-01"), replaces="j1"), "valid", []),
    ("corrects the later one", event("j4", replaces="j2"), "quarantined", ["already_replaced"]),
    ("a wrong one comes first 1", event("k1"), "replaced", []),
    ("a wrong one comes first 2", event("k0", replaces="k1", **BAD), "quarantined", ["negative_quantity"]),
    ("a wrong one comes first 3", event("k2", replaces="k1"), "valid", []),
    ("delivered twice 1", event("l1"), "replaced", []),
    ("delivered twice 2", event("l1"), "duplicate", []),
    ("correction delivered twice 1", event("l2", replaces="l1"), "valid", []),
    ("correction delivered twice 2", event("l2", replaces="l1"), "duplicate", []),
    ("of another system", event("m1", system="other", subscription_id="s2"), "valid", []),
    ("corrects that of its own", event("m2", replaces="m1"), "valid", []),
    ("of another subscription", event("n1", subscription_id="x"), "replaced", ["unknown_subscription"]),
    ("on the right one", event("n2", replaces="n1"), "valid", []),
    ("the same id says two things 1", event("o1", source="a"), "replaced", []),
    ("the same id says two things 2", event("o1", source="b", quantity=Decimal(2)), "replaced", ["duplicate_key"]),
    ("and a third", event("o2", replaces="o1"), "valid", []),
)


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> dict[int, tuple[str, list[str]]]:
    return verdicts(with_replacements(judged_usage(spark, canonical(spark, "usage", [row for _, row, *_ in CASES]))))


@pytest.mark.parametrize("at", range(len(CASES)), ids=[name for name, *_ in CASES])
def test_verdict(found: dict[int, tuple[str, list[str]]], at: int) -> None:
    _, _, verdict, rules = CASES[at]
    assert found[at] == (verdict, rules)


def test_what_is_wrong_is_told(spark: SparkSession) -> None:
    rows = [event("i1", replaces="i2"), event("i2", replaces="i1")]
    rows += [event(f"j{number}", replaces="j") for number in (1, 2)]
    judged = with_replacements(judged_usage(spark, canonical(spark, "usage", rows)))
    told = {row["usage_id"]: "; ".join(row["_reasons"]) for row in judged.collect()}
    assert told["i1"] == "what it replaces leads back to itself: i1 → i2"
    assert (told["j1"], told["j2"]) == ("", "j is replaced by j1 already")


@pytest.mark.parametrize("corrections", [MOST_CORRECTIONS, MOST_CORRECTIONS + 1])
def test_a_record_is_corrected_so_many_times(spark: SparkSession, corrections: int) -> None:
    rows = [event("r000"), *(event(f"r{at:03d}", replaces=f"r{at - 1:03d}") for at in range(1, corrections + 1))]
    judged = verdicts(with_replacements(judged_usage(spark, canonical(spark, "usage", rows))))
    if corrections <= MOST_CORRECTIONS:
        assert [verdict for verdict, _ in judged.values()].count("valid") == 1
        assert judged[corrections] == ("valid", [])
    else:
        assert judged[corrections] == ("quarantined", ["too_many_replacements"])
        assert judged[corrections - 1] == ("valid", [])


def expected(claims: dict[str, str], ids: list[str]) -> dict[str, str]:
    """Each id's verdict, one after the other in plain Python; earlier ids arrive earlier."""
    winners: dict[str, str] = {}
    for name in sorted(claims):
        winners.setdefault(claims[name], name)
    refused, gone = set(), set()
    for name in claims:
        chain, at = [name], name
        while at in claims and (at := claims[at]) not in chain:
            chain.append(at)
        circular = at in claims
        lost = any(winners[claims[one]] != one for one in chain if one in claims)
        if circular or lost:
            refused.add(name)
        else:
            gone |= set(chain[1:])
    return {name: "quarantined" if name in refused else "replaced" if name in gone else "valid" for name in ids}


@pytest.mark.parametrize("seed", range(2))
def test_any_corrections(spark: SparkSession, seed: int) -> None:
    random = Random(seed)
    ids = [f"u{number:03d}" for number in range(120)]
    claims = {name: random.choice(ids) for name in random.sample(ids, 40 + 50 * seed)}
    rows: list[dict[str, Any]] = [event(name, replaces=claims.get(name)) for name in ids]
    judged = with_replacements(judged_usage(spark, canonical(spark, "usage", rows)))
    assert {row["usage_id"]: row["_verdict"] for row in judged.collect()} == expected(claims, ids)


def test_usage_without_corrections_is_not_read_again(spark: SparkSession) -> None:
    assert not replaces_any(canonical(spark, "usage", [event("a")]))
    assert replaces_any(canonical(spark, "usage", [event("a"), event("b", replaces="a")]))
