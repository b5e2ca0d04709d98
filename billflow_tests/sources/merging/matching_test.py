"""Who is probably one customer: what is merged, what a clerk is asked, what is kept apart."""

import sys
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from billflow.errors import MachineError
from billflow.sources.merging.matching import UNSURE, probable_pairs, strict_pairs

MERGE, ASK = 0.99, 0.5
COLUMNS = "name string, street string, city string, postcode string, country string, email string, tax_id string, birth_date date, registration_number string, phone string"
NAMES = [column.split()[0] for column in COLUMNS.split(", ")]


def at(street: str, city: str, postcode: str) -> dict[str, Any]:
    return {"street": street, "city": city, "postcode": postcode}


# Each case has a house and days of its own: see `own`.
MILL, ELM, BAY = (
    at("{n} Mill Street", "Ballarat", "3350"),
    at("7/{n} Elm Rd", "Hobart", "7000"),
    at("{n} Bay Parade", "Perth", "6000"),
)
BORN, OTHER_BIRTH = {"birth_date": date(1951, 7, 23)}, {"birth_date": date(1983, 11, 4)}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "the same person twice": ({"name": "Tobias Hartigan", **MILL, **BORN}, {"name": "Tobias Hartigan", **MILL, **BORN}, "merge"),
    "surname first, other spelling of the street": ({"name": "Ludmilla Brannock", **ELM, **BORN}, {"name": "BRANNOCK, Ludmilla", **at("Unit 7, {n} Elm Road", "HOBART", "7000"), **BORN}, "merge"),
    "typing errors in name and street": ({"name": "Cornelius Fetherington", **BAY, **BORN}, {"name": "Cornelus Fetheringtn", **at("{n} Bya Pde", "Perth", "6000"), **BORN}, "merge"),
    "no birth date, all else equal": ({"name": "Oswald Pemberley", **MILL}, {"name": "Oswald Pemberley", **MILL, **BORN}, "merge"),
    "accents and titles": ({"name": "Frau Jürgène Müßig", **ELM, **BORN}, {"name": "Jurgene Mussig", **ELM, **BORN}, "merge"),
    "moved": ({"name": "Philippa Quarterman", **MILL, **BORN}, {"name": "Philippa Quarterman", **BAY, **BORN}, "ask"),
    "moved, same e-mail": ({"name": "Desmond Yarrowby", **MILL, **BORN, "email": "dy@post.example"}, {"name": "Desmond Yarrowby", **BAY, **BORN, "email": "DY@post.example"}, "merge"),
    "married, same number": ({"name": "Isadora Plum", **MILL, **BORN, "registration_number": "7710334"}, {"name": "Isadora Vandermeer", **BAY, **BORN, "registration_number": "7710334"}, "merge"),
    "father and son": ({"name": "Augustus Trevanion", **ELM, **BORN}, {"name": "Rupert Trevanion", **ELM, **OTHER_BIRTH}, "apart"),
    "father and son of one name": ({"name": "Bertram Ollerenshaw", **ELM, **BORN, "phone": "0355512345"}, {"name": "Bertram Ollerenshaw", **ELM, **OTHER_BIRTH, "phone": "0355512345"}, "ask"),
    "twins": ({"name": "Castor Lindqvist", **BAY, **BORN}, {"name": "Pollux Lindqvist", **BAY, **BORN}, "ask"),
    "twins who share all that a household shares": ({"name": "Romulus Abernathy", **MILL, **BORN, "phone": "0355598765", "email": "home@aber.example"}, {"name": "Remus Abernathy", **MILL, **BORN, "phone": "0355598765", "email": "home@aber.example"}, "ask"),
    "a couple": ({"name": "Hector Drummond-Hay", **BAY}, {"name": "Sybil Drummond-Hay", **BAY}, "apart"),
    "a surname alone": ({"name": "Featherby", **BAY, **BORN}, {"name": "Quentin Featherby", **BAY, **BORN}, "ask"),
    "a common name, nothing else": ({"name": "John Smith"}, {"name": "John Smith"}, "apart"),
    "a common name, other address and birth date": ({"name": "Mary Jones", **MILL, **BORN}, {"name": "Mary Jones", **BAY, **OTHER_BIRTH}, "apart"),
    "a company, its form spelled otherwise": ({"name": "Zephyr Cooling Pty. Ltd.", **MILL}, {"name": "ZEPHYR COOLING LIMITED", **MILL}, "merge"),
    "a company, its form left out": ({"name": "Obsidian Glass Ltd", **ELM}, {"name": "Obsidian Glass", **ELM}, "ask"),
    "a company, its form left out, same tax id": ({"name": "Marigold Bakery Ltd", **BAY, "tax_id": "51 824 753 556"}, {"name": "Marigold Bakery", **BAY, "tax_id": "51824753556"}, "merge"),
    "two companies of a group": ({"name": "Krähe Logistik GmbH", **BAY, "phone": "0855577777", "email": "info@kraehe.example"}, {"name": "Krähe Logistik AG", **BAY, "phone": "0855577777", "email": "info@kraehe.example"}, "ask"),
    "a person and his company": ({"name": "Leopold Grimshaw", **MILL}, {"name": "Leopold Grimshaw Ltd", **MILL}, "ask"),
    "placeholders": ({"name": "UNKNOWN", "phone": "0000000000", "postcode": "0000", "tax_id": "123456789"}, {"name": "UNKNOWN", "phone": "0000000000", "postcode": "0000", "tax_id": "123456789"}, "apart"),
    "no name": ({**ELM, "phone": "0355511111", "email": "ab@cd.example"}, {"name": "Ottoline Strang", **ELM, "phone": "0355511111", "email": "ab@cd.example"}, "ask"),
}  # fmt: skip


def accounts(spark: SparkSession, given: Sequence[tuple[str, str, dict[str, Any]]]) -> DataFrame:
    rows = [(system, account, *(values.get(name) for name in NAMES)) for system, account, values in given]
    return spark.createDataFrame(rows, f"system string, account_id string, {COLUMNS}")


def own(values: dict[str, Any], number: int) -> dict[str, Any]:
    """A customer of case `number`, with the case's own house and birth date."""
    house = {"street": values["street"].format(n=10 + number)} if "street" in values else {}
    born = {"birth_date": values["birth_date"] + timedelta(41 * number)} if "birth_date" in values else {}
    return {**values, **house, **born}


@pytest.fixture(scope="module")
def all_cases(spark: SparkSession) -> DataFrame:
    """Of each case a customer of `gas` and one of `power`, whose ids are the case's name."""
    numbered = list(enumerate(CASES.items()))
    sides = enumerate(["gas", "power"])
    return accounts(
        spark, [(system, case, own(pair[side], number)) for side, system in sides for number, (case, pair) in numbered]
    )


@pytest.fixture(scope="module")
def matched(all_cases: DataFrame) -> DataFrame:
    return probable_pairs(all_cases, ask=0.0).localCheckpoint()


@pytest.fixture(scope="module")
def of_cases(matched: DataFrame) -> dict[str, Row]:
    rows = {(row.account_id, row.other_account_id): row for row in matched.collect()}
    return {case: rows[case, case] for case in CASES if (case, case) in rows}


def band(row: Row | None) -> str:
    if row is None or row.probability < ASK:
        return "apart"
    return "merge" if row.probability >= MERGE else "ask"


@pytest.mark.parametrize(("case", "expected"), [(case, pair[2]) for case, pair in CASES.items()], ids=list(CASES))
def test_probable_pairs(of_cases: dict[str, Row], case: str, expected: str) -> None:
    row = of_cases.get(case)
    assert band(row) == expected, row


def test_nobody_is_mistaken_for_someone_of_another_case(matched: DataFrame) -> None:
    assert [
        row for row in matched.where(f"probability >= {ASK}").collect() if row.account_id != row.other_account_id
    ] == []


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("the same person twice", "name equal; birth date equal; address equal"),
        ("typing errors in name and street", "name similar; birth date equal; street similar"),
        ("moved, same e-mail", "name equal; birth date equal; address differs; e-mail equal"),
        (
            "married, same number",
            "name shares a word, others differ; birth date equal; address differs; registration number equal",
        ),
        ("a person and his company", "name equal but for a legal form; address equal"),
        ("no name", "address equal; e-mail equal; phone equal"),
    ],
)
def test_agreement(of_cases: dict[str, Row], case: str, expected: str) -> None:
    assert of_cases[case].agreement == expected


def test_the_same_accounts_give_the_same_in_any_partitions_and_leave_nothing_behind(
    spark: SparkSession, all_cases: DataFrame, matched: DataFrame
) -> None:
    def left() -> tuple[set[str], bool]:
        # Not `listTables`, which stops at a table of another test whose folder is gone.
        tables = spark.sql("SHOW TABLES").collect()
        return {row.tableName for row in tables}, spark._jsparkSession.sharedState().cacheManager().isEmpty()

    before = left()
    again = probable_pairs(all_cases.repartition(5, "name"), ask=0.0)
    assert sorted(again.collect()) == sorted(matched.collect())
    assert left() == before


def test_columns_that_are_not_there_are_as_ones_that_are_null(spark: SparkSession) -> None:
    rows = [("gas", "1", "Tobias Hartigan", "th@post.example"), ("power", "2", "Tobias Hartigan", "th@post.example")]
    pairs = probable_pairs(
        spark.createDataFrame(rows, "system string, account_id string, name string, email string"), ask=ASK
    )
    assert [row[:4] + row[5:] for row in pairs.collect()] == [("gas", "1", "power", "2", "name equal; e-mail equal")]


def test_one_system_only(spark: SparkSession) -> None:
    same = {"name": "Tobias Hartigan", **MILL, **BORN}
    pairs = probable_pairs(accounts(spark, [("gas", "2", same), ("gas", "1", same)]), ask=ASK, within_systems=True)
    assert [tuple(row)[:4] for row in pairs.collect()] == [("gas", "1", "gas", "2")]


def test_an_empty_base(spark: SparkSession) -> None:
    pairs = probable_pairs(accounts(spark, []), ask=ASK)
    assert [(field.name, field.dataType.simpleString()) for field in pairs.schema] == [
        ("system", "string"), ("account_id", "string"), ("other_system", "string"), ("other_account_id", "string"), ("probability", "double"), ("agreement", "string"),
    ]  # fmt: skip
    assert pairs.isEmpty()


def test_without_splink(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "splink.backends.spark", None)
    with pytest.raises(MachineError, match=r"pip install 'billflow\[merging\]'"):
        probable_pairs(accounts(spark, []), ask=ASK)


STRICT = {
    "one pair": ([("a", "1", "b", "1", 0.995)], ["a1 b1"]),
    "not sure enough": ([("a", "1", "b", "1", 0.98)], []),
    "the best of two": ([("a", "1", "b", "1", 0.995), ("a", "1", "b", "2", 0.999)], ["a1 b2"]),
    "the best from the other side": ([("a", "1", "b", "1", 0.995), ("a", "2", "b", "1", 0.999)], ["a2 b1"]),
    "best of one side only": ([("a", "1", "b", "1", 0.995), ("a", "1", "b", "2", 0.999), ("a", "2", "b", "2", 0.9995)], ["a2 b2"]),
    "a tie": ([("a", "1", "b", "1", 0.999), ("a", "1", "b", "2", 0.999)], []),
    "a tie on the other side": ([("a", "1", "b", "1", 0.999), ("a", "2", "b", "1", 0.999)], []),
    "a tie behind the best": ([("a", "1", "b", "1", 0.995), ("a", "1", "b", "2", 0.995), ("a", "1", "b", "3", 0.999)], ["a1 b3"]),
    "each pair of systems by itself": ([("a", "1", "b", "1", 0.999), ("a", "1", "c", "1", 0.995), ("b", "1", "c", "1", 0.992)], ["a1 b1", "a1 c1", "b1 c1"]),
    "ids that two systems share": ([("a", "1", "b", "1", 0.999), ("b", "1", "c", "1", 0.995)], ["a1 b1", "b1 c1"]),
    "three accounts in one system": ([("a", "1", "a", "2", 0.999), ("a", "1", "a", "3", 0.999), ("a", "2", "a", "3", 0.98)], ["a1 a2", "a1 a3"]),
}  # fmt: skip


@pytest.mark.parametrize("case", STRICT)
def test_strict_pairs(spark: SparkSession, case: str) -> None:
    given, expected = STRICT[case]
    rows = [(*pair, "name equal") for pair in given]
    pairs = spark.createDataFrame(
        rows,
        "system string, account_id string, other_system string, other_account_id string, probability double, agreement string",
    )
    strict = strict_pairs(pairs, merge=MERGE)
    assert strict.columns == pairs.columns
    assert sorted(f"{row[0]}{row[1]} {row[2]}{row[3]}" for row in strict.collect()) == expected


def test_what_speaks_against_a_pair_keeps_it_from_being_merged(of_cases: dict[str, Row]) -> None:
    assert of_cases["twins who share all that a household shares"].probability == UNSURE
