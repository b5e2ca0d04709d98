"""What is compared of a customer: one spelling, and nothing where a field was only filled."""

from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession

from billflow.sources.merging.normalised import normalised

GIVEN = {
    "company": {"name": "ACME Pty. Ltd.", "street": "Unit 3, 12 St. Kilda Road", "email": " Info@Acme.COM ", "phone": "+61 3 9999 1234"},
    "umlaut": {"name": "Müller-Lüdenscheidt, Jürgen", "street": "Hauptstraße 5", "city": "KÖLN ", "postcode": "D-50667"},
    "titled": {"name": "Dr. John O'Brien", "street": "5, Haupt Str.", "phone": "(03) 9999-1234", "tax_id": "DE 123.456.789"},
    "polish": {"name": "Kowalski Sp. z o.o.", "street": "ul. Długa 5", "city": "Łódź", "country": "pl"},
    "french": {"name": "Électricité S.A.", "country": "France"},
    "limited": {"name": "Smith & Co. Limited", "birth_date": date(1980, 2, 29)},
    "decomposed": {"name": "Rene\u0301 Łukasz"},
    "filled": {"name": "UNKNOWN", "street": "N/A", "city": "-", "postcode": "0000", "email": "unknown@unknown.com", "phone": "0000000000", "tax_id": "123456789", "registration_number": "XXXXXXX", "birth_date": date(1900, 1, 1)},
    "nothing": {"name": "   ", "street": "", "email": "no", "phone": "123", "tax_id": "12"},
}  # fmt: skip

NORMALISED = [
    ("company", {"name_key": "acme", "legal_form": "ltd", "street_key": "12 3 kilda rd st", "house_numbers": ["3", "12"], "street_words": ["kilda"], "email": "info@acme.com", "phone": "99991234"}),
    ("umlaut", {"name_key": "jurgen ludenscheidt muller", "name_joined": "mullerludenscheidtjurgen", "street_joined": "hauptst5", "city": "koln", "place": "D50667"}),
    ("titled", {"name_key": "john obrien", "street_joined": "5hauptst", "phone": "99991234", "tax_id": "DE123456789"}),
    ("polish", {"name_key": "kowalski", "legal_form": "sro", "street_key": "5 dluga ul", "place": "lodz", "country": "PL"}),
    ("french", {"name_key": "electricite", "legal_form": "sa", "country": None}),
    ("limited", {"name_key": "smith", "legal_form": "ltd", "birth": "19800229"}),
    ("decomposed", {"words": ["lukasz", "rene"]}),
    ("filled", dict.fromkeys(["name_key", "street_key", "city", "postcode", "place", "email", "phone", "tax_id", "registration_number", "birth"])),
    ("nothing", dict.fromkeys(["name_key", "words", "street_key", "email", "phone", "tax_id", "legal_form", "birth"])),
]  # fmt: skip


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> dict[str, Any]:
    columns = "name string, street string, city string, postcode string, country string, email string, tax_id string, birth_date date, registration_number string, phone string"
    names = [column.split()[0] for column in columns.split(", ")]
    given = [("s", case, *(values.get(name) for name in names)) for case, values in GIVEN.items()]
    accounts = spark.createDataFrame(given, f"system string, account_id string, {columns}")
    return {row.account_id: row.asDict() for row in normalised(accounts).collect()}


@pytest.mark.parametrize(("case", "expected"), NORMALISED, ids=[case for case, _ in NORMALISED])
def test_normalised(rows: dict[str, Any], case: str, expected: dict[str, Any]) -> None:
    assert {name: rows[case][name] for name in expected} == expected
