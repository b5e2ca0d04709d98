"""Clusters of accounts, against a program in plain Python; nobody is joined with whom they were decided to be different."""

from itertools import pairwise
from random import Random

import pytest

from billflow.lake.schemas import WHOLE
from billflow.sources.merging.clusters import DECIDED, KEYED, MATCHED, clusters, components
from billflow_tests.sources.merging.frames import kept, pairs


def joined(links: set[tuple[str, str]]) -> dict[str, str]:
    """Node → the smallest node that it is linked with, in any number of steps."""
    found = {node: node for link in links for node in link}
    for _ in found:
        for a, b in links:
            found[a] = found[b] = min(found[a], found[b])
    return found


def chain(length: int, random: Random) -> set[tuple[str, str]]:
    nodes = [f"n{number:03}" for number in range(length)]
    random.shuffle(nodes)
    return {(min(a, b), max(a, b)) for a, b in pairwise(nodes)}


def sparse(random: Random) -> set[tuple[str, str]]:
    nodes = [f"m{number:03}" for number in range(30)]
    found = {tuple(sorted(random.sample(nodes, 2))) for _ in range(22)}
    return {(a, b) for a, b in found}


def test_components(spark):
    links = chain(20, Random(1)) | sparse(Random(1))
    found = components(pairs(spark, sorted(links), "a", "b"), kept)
    assert {row["node"]: row["cluster"] for row in found.collect()} == joined(links)


def test_nobody_is_joined_by_no_pairs(spark):
    assert components(pairs(spark, [], "a", "b"), kept).collect() == []


CASES = {
    "all agree": ([("a", "b", DECIDED), ("b", "c", KEYED), ("c", "d", MATCHED)], [], ["abcd"]),
    "decided against the pair itself": ([("a", "b", KEYED), ("b", "c", KEYED)], [("a", "b")], ["bc"]),
    "by way of others: what is only probable goes first": (
        [("a", "b", DECIDED), ("b", "c", KEYED), ("c", "d", MATCHED), ("x", "y", MATCHED)],
        [("a", "d")],
        ["abc", "xy"],
    ),
    "then keys": (
        [("a", "b", DECIDED), ("b", "c", KEYED), ("c", "d", KEYED), ("x", "y", MATCHED), ("x", "z", KEYED)],
        [("a", "d")],
        ["ab", "xyz"],
    ),
    "decisions against each other join nobody": ([("a", "b", DECIDED), ("b", "c", DECIDED)], [("a", "c")], []),
}


@pytest.fixture(scope="module")
def all_cases(spark):
    """The cases side by side, each with nodes of its own: case → (the nodes that are together, the pairs that were used)."""
    ranked = [
        (f"{at}{a}", f"{at}{b}", rank) for at, (pairs_, _, _) in enumerate(CASES.values()) for a, b, rank in pairs_
    ]
    apart = [(f"{at}{a}", f"{at}{b}") for at, (_, pairs_, _) in enumerate(CASES.values()) for a, b in pairs_]
    found, used = clusters(pairs(spark, ranked, "a", "b", "rank", rank=WHOLE), pairs(spark, apart, "a", "b"), kept)
    together: dict[str, dict[str, str]] = {case: {} for case in CASES}
    for row in sorted(found.collect()):
        of_case = together[list(CASES)[int(row["node"][0])]]
        of_case[row["cluster"]] = of_case.get(row["cluster"], "") + row["node"][1:]
    return together, {(row["a"], row["b"]) for row in used.collect()}.intersection(apart)


@pytest.mark.parametrize("case", CASES)
def test_apart(all_cases, case):
    together, used = all_cases
    assert sorted(together[case].values()) == CASES[case][2]
    assert used == set()


@pytest.mark.parametrize(
    ("within_systems", "expected"), [(True, ["a1 a2 b1 c1", "d1 e1"]), (False, ["a1 b1", "d1 e1"])]
)
def test_what_is_probable_joins_no_two_accounts_of_one_system(spark, within_systems, expected):
    def node(one: str) -> str:
        return f"1:{one[0]}:{one}"

    ranked = [("a1", "b1", KEYED), ("b1", "c1", MATCHED), ("a2", "c1", MATCHED), ("d1", "e1", MATCHED)]
    rows = [(node(a), node(b), rank) for a, b, rank in ranked]
    found, _ = clusters(
        pairs(spark, rows, "a", "b", "rank", rank=WHOLE),
        pairs(spark, [], "a", "b"),
        kept,
        within_systems=within_systems,
    )
    together: dict[str, list[str]] = {}
    for row in sorted(found.collect()):
        together.setdefault(row["cluster"], []).append(row["node"].rpartition(":")[2])
    assert sorted(" ".join(one) for one in together.values()) == expected
