"""YAML of a project: exact numbers, YAML 1.2, the environment, and one clear error for each mistake."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billflow.errors import SettingsError
from billflow.shown_values import without_passwords
from billflow.strict_yaml import (
    ExactDecimal,
    FloatText,
    Strict,
    dotted,
    exact_decimal,
    read_yaml,
    together,
    validated,
    with_environment,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.yaml"


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("", {}),
        ("# only a comment\n", {}),
        ("country: NO", {"country": "NO"}),
        ("a: off\nb: yes\nc: on", {"a": "off", "b": "yes", "c": "on"}),
        ("a: true\nb: null", {"a": True, "b": None}),
        ("time: 22:30", {"time": "22:30"}),
        ("price: 0.10", {"price": "0.10"}),
        ("price: 1e3", {"price": "1e3"}),
        ("month: 2012-01", {"month": "2012-01"}),
        ("\ufeffa: 1", {"a": 1}),
        ("name: Zoë's Café", {"name": "Zoë's Café"}),
    ],
)
def test_read_yaml(file: Path, text: str, content: dict[str, Any]) -> None:
    file.write_text(text, encoding="utf-8")
    assert read_yaml(file) == content


def test_read_yaml_keeps_the_text_of_a_float(file: Path) -> None:
    file.write_text("price: 0.10")
    assert isinstance(read_yaml(file)["price"], FloatText)


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("a: 1\na: 2", "line 2, column 1", 'duplicate key "a"'),
        ("a:\n  b: 1\n  b: 2", "line 3, column 3", 'duplicate key "b"'),
        ("a: [1, 2", "line 1, column 9", "not valid YAML"),
        ("a: b: c", "line 1, column 5", "not valid YAML"),
        ("a:\n\t- b", "line 2, column 1", "not valid YAML"),
        ("a: !secret x", "line 1, column 4", "not valid YAML"),
        ("a: 1\n---\nb: 2", "line 2", "not valid YAML"),
        ("a: *nowhere", "line 1, column 4", "not valid YAML"),
        ("- a\n- b", "", "a mapping is expected, not ['a', 'b']"),
        ("just text", "", "a mapping is expected, not 'just text'"),
        ("valid_from: 2011-02-30", "", "2011-02-30"),
    ],
)
def test_read_yaml_names_the_place_of_a_mistake(file: Path, text: str, place: str, what: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_yaml(file)
    assert caught.value.where.startswith(str(file))
    assert place in caught.value.where
    assert what in caught.value.what
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_read_yaml_refuses_what_is_not_utf8(file: Path) -> None:
    file.write_bytes("name: Zoë".encode("latin-1"))
    with pytest.raises(SettingsError, match="not valid YAML"):
        read_yaml(file)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("0.31", "0.31"),
        ("-6491.34", "-6491.34"),
        ("+1", "1"),
        (10, "10"),
        (Decimal("0.1"), "0.1"),
        ("0.123456789012", "0.123456789012"),
        ("99999999999999.999999999999", "99999999999999.999999999999"),
    ],
)
def test_exact_decimal(value: Any, number: str) -> None:
    assert str(exact_decimal(value)) == number


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (0.1, 'write it as text: "0.1"'),
        (FloatText("0.10"), 'write it as text: "0.10"'),
        (True, "not a decimal number"),
        (None, "not a decimal number"),
        ("", "not a decimal number"),
        ("1,5", "not a decimal number"),
        ("1e3", "not a decimal number"),
        (".5", "not a decimal number"),
        ("NaN", "not a decimal number"),
        (" 1", "not a decimal number"),
        ("AUD 5", "not a decimal number"),
        ("0.1234567890123", "more than 12 digits after the point"),
        ("100000000000000", "more than 14 digits before the point"),
    ],
)
def test_exact_decimal_refuses(value: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        exact_decimal(value)


@given(st.decimals(min_value=-(10**14) + 1, max_value=10**14 - 1, places=12))
def test_exact_decimal_loses_no_digit(number: Decimal) -> None:
    assert exact_decimal(format(number, "f")) == number


@pytest.mark.parametrize(
    ("value", "replaced"),
    [
        ("${env:NAME}", "Ann"),
        ("https://${env:NAME}:${env:PASSWORD}@db/x", "https://Ann:s3;cret@db/x"),
        ({"a": ["${env:NAME}", 1, None]}, {"a": ["Ann", 1, None]}),
        ("$NAME ${NAME} ${env:} env:NAME", "$NAME ${NAME} ${env:} env:NAME"),
        ("${env:EMPTY}", ""),
        ("${env:NESTED}", "${env:NAME}"),
    ],
)
def test_with_environment(value: Any, replaced: Any) -> None:
    environment = {"NAME": "Ann", "PASSWORD": "s3;cret", "EMPTY": "", "NESTED": "${env:NAME}"}
    assert with_environment(value, where="f.yaml: ", environment=environment) == replaced


def test_with_environment_names_the_place_of_a_variable_that_is_not_set() -> None:
    content = {"sources": [{"name": "crm"}, {"url": "postgresql://${env:PGUSER}@db"}]}
    with pytest.raises(SettingsError) as caught:
        with_environment(content, where="f.yaml: ", environment={})
    assert caught.value.where == "f.yaml: sources[1].url"
    assert "PGUSER is not set" in caught.value.what
    assert "export PGUSER" in caught.value.remedy


class _Inner(Strict):
    price: ExactDecimal
    word: str = "x"


class _Outer(Strict):
    parts: tuple[_Inner, ...]


@pytest.mark.parametrize(
    ("part", "where", "what"),
    [
        ({"price": FloatText("0.1")}, "f.yaml: parts[0].price", "rounding dust"),
        ({}, "f.yaml: parts[0].price", "the key 'price' is missing"),
        ({"price": 1, "pirce": 2}, "f.yaml: parts[0].pirce", "unknown key 'pirce' (value 2)"),
        ({"price": 1, "word": ["x"]}, "f.yaml: parts[0].word", "['x']"),
    ],
)
def test_validated_names_path_and_value(part: Any, where: str, what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        validated(_Outer, {"parts": [part]}, file="f.yaml")
    assert (caught.value.where, caught.value.remedy != "") == (where, True)
    assert what in caught.value.what


def test_validated_tells_all_mistakes_in_one_error() -> None:
    with pytest.raises(SettingsError) as caught:
        validated(_Outer, {"parts": [{}, {"price": "x"}], "more": 1}, file="f.yaml")
    assert [place for place in ("parts[0].price", "parts[1].price", "f.yaml: more") if place in str(caught.value)] == [
        "parts[0].price",
        "parts[1].price",
        "f.yaml: more",
    ]


def test_models_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        _Inner(price=Decimal(1)).word = "y"


def test_together_of_one_is_that_one() -> None:
    only = SettingsError("what", where="where", remedy="remedy")
    assert together([only]) is only


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ((), ""),
        (("sources", 0, "tables", "usage"), "sources[0].tables.usage"),
        (("plans", "home", 1, "charges"), "plans.home[1].charges"),
    ],
)
def test_dotted(location: tuple[int | str, ...], text: str) -> None:
    assert dotted(location) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:cret@db/crm?sslmode=on", "postgresql://u:…@db/crm?sslmode=on"),
        ("mysql://db/crm?user=u&Password=cret&x=1", "mysql://db/crm?user=u&Password=…&x=1"),
        ("jdbc:snowflake://a/?passcode=cret&db=crm", "jdbc:snowflake://a/?passcode=…&db=crm"),
        ("jdbc:snowflake://a/?db=crm&private_key_base64=cret", "jdbc:snowflake://a/?db=crm&private_key_base64=…"),
        (
            "jdbc:trino://db/crm?accessToken=cret&extraCredentials=n:cret",
            "jdbc:trino://db/crm?accessToken=…&extraCredentials=…",
        ),
        ("jdbc:es://host/?api_key=cret", "jdbc:es://host/?api_key=…"),
        ("jdbc:bigquery://host;OAuthPvtKey=cret;x=cret", "jdbc:bigquery://host;OAuthPvtKey=…"),
        ("jdbc:db2://db/crm:user=u; sslPassphrase = cret", "jdbc:db2://db/crm:user=u; sslPassphrase =…"),
        ("jdbc:cdata:app:ApiKey=cret;x=y", "jdbc:cdata:app:ApiKey=…"),
        ("jdbc:x://host;apikey=cret", "jdbc:x://host;apikey=…"),
        ("jdbc:x://host;SecretAccessKey=cret", "jdbc:x://host;SecretAccessKey=…"),
        ("jdbc:sqlserver://db;encrypt=true;databaseName=crm", "jdbc:sqlserver://db;encrypt=true;databaseName=crm"),
    ],
)
def test_without_passwords(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
