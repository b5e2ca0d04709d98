"""Columns against those of the last ingestion: which changes stop a run, and what is told of them."""

from contextlib import AbstractContextManager
from contextlib import nullcontext as does_not_raise
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.errors import SettingsError
from billflow.source_settings import FileMapping
from billflow.sources.drift import KnownColumns, check_columns, columns_of, expressions_of, new_columns
from billflow.sources.raw import CORRUPT, FILE, ROW
from billflow_tests.sources.rows import PLACE, REQUIRED

MAPPING = FileMapping.model_validate(
    {
        "path": "p",
        "where": "kind = 'import'",
        "columns": {**REQUIRED["usage"], "usage_id": "ID", "quantity": "cast(kwh as decimal(38,12)) * tags.factor"},
        "register": {"meter": "`meter no`"},
    }
)
BEFORE = (
    "id string, kind string, kwh decimal(10,2), tags struct<factor: int, note: string>, `meter no` string, memo string"
)

CASES = {
    "nothing has changed": ("", "", None),
    "a new column": (", memo", ", more string, memo", None),
    "a new field": ("note: string", "note: string, x: int", None),
    "other digits": ("kwh decimal(10,2)", "kwh bigint", None),
    "a column that no mapping uses is lost": (", memo string", "", None),
    "or is of another type": ("memo string", "memo int", None),
    "capitals": ("kwh decimal(10,2)", "KWH decimal(10,2)", None),
    "one is lost": ("kwh decimal(10,2), ", "", ("columns.quantity", "'kwh' is gone", "decimal(10,2) → nothing")),
    "a field": ("factor: int, ", "", ("columns.quantity", "'tags.factor' is gone", "int → nothing")),
    "of a condition": ("kind string, ", "", ("where", "'kind' is gone", "string → nothing")),
    "of an option": ("`meter no` string, ", "", ("register.meter", "'meter no' is gone", "string → nothing")),
    "a number is text": (
        "kwh decimal(10,2)",
        "kwh string",
        ("columns.quantity", "'kwh' has another type", "decimal(10,2) → string"),
    ),
    "a text is a number": ("id string", "id bigint", ("columns.usage_id", "'id' has another type", "string → bigint")),
}


def of_types(spark: SparkSession, types: str, values: str | None = None) -> DataFrame:
    """A raw table with these columns; `values` are of the first row."""
    rows = spark.range(1).select(F.from_json(F.lit(values or "{}"), types).alias("all")).select("all.*")
    return rows.withColumns({ROW: F.lit(0), FILE: F.lit("f"), CORRUPT: F.lit(None).cast("string")})


def known(spark: SparkSession, types: str, mapping: FileMapping = MAPPING) -> KnownColumns:
    return KnownColumns(columns_of(of_types(spark, types)), tuple(expressions_of(mapping).values()))


@pytest.mark.parametrize(("old", "new", "told"), CASES.values(), ids=CASES)
def test_what_stops_a_run(spark: SparkSession, old: str, new: str, told: tuple[str, str, str] | None) -> None:
    assert old in BEFORE
    before, now = known(spark, BEFORE), of_types(spark, BEFORE.replace(old, new, 1))
    if told is None:
        check_columns(before, now, MAPPING, PLACE, has_types=True)
        return
    with pytest.raises(SettingsError) as caught:
        check_columns(before, now, MAPPING, PLACE, has_types=True)
    place, what, change = told
    assert caught.value.where == f"{PLACE}.{place}"
    assert caught.value.what == f"the column {what} since the last ingestion: {change}"


def test_a_new_expression_takes_what_comes(spark: SparkSession) -> None:
    columns = {**MAPPING.columns, "quantity": "cast(replace(kwh, ',', '.') as decimal(38,12))"}
    written_anew = MAPPING.model_copy(update={"columns": columns})
    now = of_types(spark, BEFORE.replace("kwh decimal(10,2)", "kwh string"))
    check_columns(known(spark, BEFORE), now, written_anew, PLACE, has_types=True)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ('{"kwh": "12.5"}', does_not_raise()),
        ('{"kwh": "12,5"}', pytest.raises(SettingsError, match="another type")),
        ("{}", does_not_raise()),
    ],
)
def test_where_types_are_those_of_values_one_number_will_do(
    spark: SparkSession, values: str, told: AbstractContextManager[Any]
) -> None:
    now = of_types(spark, BEFORE.replace("kwh decimal(10,2)", "kwh string"), values)
    with told:
        check_columns(known(spark, BEFORE), now, MAPPING, PLACE, has_types=False)


def test_where_types_are_those_of_values_numbers_may_come_back(spark: SparkSession) -> None:
    """The last ingestion had one bad text among them."""
    before = known(spark, BEFORE.replace("kwh decimal(10,2)", "kwh string"))
    check_columns(before, of_types(spark, BEFORE), MAPPING, PLACE, has_types=False)


def test_elements_of_lists(spark: SparkSession) -> None:
    mapping = MAPPING.model_copy(
        update={"unfold": "doc.readings", "columns": {**MAPPING.columns, "quantity": "readings.kwh"}}
    )
    before = known(spark, "doc struct<readings: array<struct<no: string, kwh: decimal(5,2)>>>", mapping)
    assert before.columns == {"doc.readings.kwh": "decimal(5,2)", "doc.readings.no": "string"}
    now = of_types(spark, "doc struct<readings: array<struct<no: string>>>")
    with pytest.raises(SettingsError, match=r"'doc\.readings\.kwh' is gone"):
        check_columns(before, now, mapping, PLACE, has_types=True)


def test_new_columns(spark: SparkSession) -> None:
    now = of_types(spark, f"{BEFORE}, more array<int>")
    assert new_columns(known(spark, BEFORE), now) == ["more (array<int>)"]
    assert new_columns(KnownColumns({}, ()), now) == []
