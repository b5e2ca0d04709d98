"""Decisions, keys and what is probable: who is merged, and what people are asked."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from billflow.lake import schemas
from billflow.merging_settings import Matching, Merging
from billflow.sources.merging.decisions import judge_crosswalk, standing_decisions
from billflow.sources.merging.keys import key_pairs
from billflow.sources.merging.merge import Merge
from billflow_tests.sources.merging.frames import accounts, frame, kept, pairs
from billflow_tests.sources.rows import canonical, verdicts


def nobody(spark):
    return pairs(spark, [], "a", "b")


def at(day: int) -> datetime:
    return datetime(2026, 5, day, tzinfo=UTC)


def said(one: str, other: str, decision: str = "same", day: int | None = None) -> dict[str, object]:
    """A row of CROSSWALK of accounts that are named system + number."""
    decided = at(day) if day else None
    return {"system": one[0], "account_id": one, "other_system": other[0], "other_account_id": other, "decision": decision, "decided_at": decided}  # fmt: skip


@pytest.mark.parametrize(
    ("values", "together"),
    [
        (("AU 11-222", "au11222"), True),
        (("11222", "11223"), False),
        (("0000000", "0000000"), False),
        (("123", "123"), False),
        ((None, None), False),
        (("", ""), False),
        (("Straße 4711", "STRASSE 4711"), True),
        (("ДФ-4711", "дф4711"), True),
        (("DE000000000", "DE000000000"), False),
        (("12345678", "12345678"), False),
        (("n/a unknown", "n/a unknown"), False),
    ],
)
def test_keys_are_equal_but_for_case_and_punctuation(spark, values, together):
    base = accounts(spark, *[{"account_id": str(at), "tax_id": value} for at, value in enumerate(values)])
    assert (len(key_pairs(base, ["tax_id"], nobody(spark)).collect()) == 1) == together


def test_mail_keeps_its_punctuation(spark):
    base = accounts(spark, *[{"account_id": mail, "email": mail} for mail in ("a.b@x.au", "ab@x.au", "A.B@X.AU ")])
    (found,) = key_pairs(base, ["email"], nobody(spark)).collect()
    assert (found["evidence"], found["doubt"]) == ("email a.b@x.au", None)


def test_a_number_that_accounts_of_two_countries_have_proves_nothing(spark):
    base = accounts(
        spark, *[{"account_id": one, "country": one, "registration_number": "HRB 4711"} for one in ("DE", "AT")]
    )
    (found,) = key_pairs(base, ["registration_number"], nobody(spark)).collect()
    assert found["doubt"] == "accounts of several countries have it"


@pytest.mark.parametrize(
    ("rows", "decision"),
    [
        ([said("a1", "b1")], "same"),
        ([said("a1", "b1"), said("b1", "a1", "different", 2)], "different"),
        ([said("a1", "b1", "different", 2), said("b1", "a1", "same", 3)], "same"),
        ([said("a1", "b1", "same", 2), said("a1", "b1", "different", 2)], "different"),
        ([said("a1", "b1"), said("a1", "b1", "different")], "different"),
    ],
)
def test_the_last_decision_stands(spark, rows, decision):
    (found,) = standing_decisions(frame(spark, schemas.CROSSWALK, rows)).collect()
    assert (found["a"], found["b"], found["decision"]) == ("1:a:a1", "1:b:b1", decision)


def test_rows_of_the_crosswalk_are_judged(spark):
    base = accounts(spark, {"account_id": "a1"}, {"system": "b", "account_id": "b1"})
    good = {"system": "a", "account_id": "a1", "other_system": "b", "other_account_id": "b1"}
    rows = canonical(
        spark,
        "crosswalk",
        [
            good,
            {**good, "decision": "perhaps"},
            {**good, "other_account_id": "b9"},
            {**good, "other_system": "a", "other_account_id": "a1"},
            {**good, "other_account_id": None},
            {**good, "system": "clerks", "account_system": "a"},
            {**good, "decision": "different"},
        ],
    )
    assert [verdict for _, verdict in sorted(verdicts(judge_crosswalk(rows, base)).items())] == [
        ("valid", []),
        ("quarantined", ["unknown_decision"]),
        ("quarantined", ["unknown_account"]),
        ("quarantined", ["same_account"]),
        ("quarantined", ["missing_key", "unknown_account"]),
        ("duplicate", []),
        ("valid", []),
    ]


def test_a_row_that_decides_otherwise_is_no_duplicate(spark):
    """Else whether two customers are merged would depend on which row happened to be the first."""
    base = accounts(spark, {"account_id": "a1"}, {"system": "b", "account_id": "b1"})
    pair = {"system": "a", "account_id": "a1", "other_system": "b", "other_account_id": "b1"}
    rows = canonical(spark, "crosswalk", [pair, {**pair, "decision": " Different"}, {**pair, "decision": "same"}])
    valid = judge_crosswalk(rows, base).where("_verdict = 'valid'")
    assert [row["decision"] for row in standing_decisions(valid).collect()] == ["different"]


@pytest.fixture
def merged(spark):
    """Of accounts with tax ids and a crosswalk: clusters as sets of account ids, and the pairs to decide on."""

    def run(taxes: dict[str, str], crosswalk: list[dict[str, object]]) -> tuple[list[list[str]], list[tuple[str, ...]]]:
        base = accounts(spark, *[{"system": one[0], "account_id": one, "name": f"N {one}", "tax_id": tax} for one, tax in taxes.items()])  # fmt: skip
        nothing = frame(spark, schemas.SUBSCRIPTIONS, [])
        decided = frame(spark, schemas.CROSSWALK, crosswalk)
        merge = Merge(Merging(keys=("tax_id",)), base, nothing, decided, None, 1, kept)
        customers, candidates = merge.run()
        together: dict[str, list[str]] = {}
        for row in customers.orderBy("account_id").collect():
            together.setdefault(row["customer_id"], []).append(row["account_id"])
        asked = candidates.orderBy("account_id", "other_account_id").select(
            "account_id", "other_account_id", "name", "other_name", "found_by", "reason"
        )
        return sorted(together.values()), [tuple(row) for row in asked.collect()]

    return run


def test_keys_and_decisions_together(merged):
    taxes = {"a1": "1111-2", "b1": "11112", "a2": "22223", "b2": "22223", "a3": "33334", "b3": "44445"}
    found, asked = merged(taxes, [said("a2", "b2", "different"), said("a3", "b3")])
    assert (found, asked) == ([["a1", "b1"], ["a2"], ["a3", "b3"], ["b2"]], [])


def test_a_value_that_two_different_customers_have_proves_nothing_of_a_third(merged):
    taxes = {f"{system}{number}": f"1111{number + 1}" for number in (1, 2, 3) for system in "abc"}
    apart = [said("a1", "b1", "different"), said("b2", "c2", "different"), said("a3", "c3", "different")]
    found, asked = merged(taxes, apart)
    assert found == [[one] for one in sorted(taxes)]
    assert {one[:2] for one in asked} == {("a1", "c1"), ("a2", "b2"), ("a2", "c2"), ("a3", "b3")}
    assert all("decided to be different" in one[5] for one in asked)


def test_what_would_join_those_who_are_different_is_asked_for(merged):
    taxes = {"a1": "11112", "b1": "11112", "c1": "55555"}
    found, asked = merged(taxes, [said("b1", "c1"), said("a1", "c1", "different")])
    assert found == [["a1"], ["b1", "c1"]]
    assert [one[:5] for one in asked] == [("a1", "b1", "N a1", "N b1", "tax_id")]
    assert "decided to be different" in asked[0][5]


def test_a_value_that_too_many_have_is_asked_for(merged, monkeypatch):
    monkeypatch.setattr("billflow.sources.merging.keys.MOST", 2)
    found, asked = merged({"a1": "11112", "b1": "11112", "c1": "11112"}, [])
    assert found == [["a1"], ["b1"], ["c1"]]
    assert [one[:2] for one in asked] == [("a1", "b1"), ("a1", "c1")]
    assert "3 accounts have it" in asked[0][5]


def test_the_order_of_rows_does_not_matter(merged):
    taxes = {f"{system}{number}": f"{number % 7}0001" for system in "abc" for number in range(1, 15)}
    backwards = dict(reversed(taxes.items()))
    assert merged(taxes, []) == merged(backwards, [])


PERSONS = [
    ("a1", {"name": "Tobias Hartigan", "street": "11 Mill Street"}),
    ("b1", {"name": "HARTIGAN, Tobias", "street": "11 Mill St"}),
    ("a2", {"name": "Castor Lindqvist", "street": "7 Bay Parade"}),
    ("b2", {"name": "Pollux Lindqvist", "street": "7 Bay Parade"}),
    ("a3", {"name": "Ludmilla Brannock", "street": "5 Elm Road"}),
    ("b3", {"name": "Ludmilla Brannock", "street": "5 Elm Road"}),
]


def lives(account: str) -> dict[str, object]:
    """Where and since when: accounts with one number alike."""
    number = int(account[1:])
    return {"city": "Ballarat", "postcode": "3350", "birth_date": date(1950 + 9 * number, 7, 3 + number)}


def test_what_is_probable_is_merged_or_asked_for(spark):
    base = accounts(spark, *[{"system": one[0], "account_id": one, **lives(one), **person} for one, person in PERSONS])
    nothing = frame(spark, schemas.SUBSCRIPTIONS, [])
    decided = frame(spark, schemas.CROSSWALK, [said("a3", "b3", "different")])
    customers, candidates = Merge(Merging(match=Matching()), base, nothing, decided, None, 1, kept).run()
    by_match = {row["account_id"]: row for row in customers.where("merged_by = 'match'").collect()}
    assert by_match.keys() == {"a1", "b1"}
    assert by_match["a1"]["probability"] > Decimal("0.99")
    assert by_match["a1"]["evidence"].startswith("name equal; birth date equal; address equal")
    asked = {(row["account_id"], row["other_account_id"]): row for row in candidates.collect()}
    assert asked.keys() == {("a2", "b2")}
    assert asked["a2", "b2"]["reason"] == "it is not probable enough"
