"""Mapping expressions: exact values, times in the project's zone, and failures that are told row by row."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.errors import SettingsError
from billflow.source_mappings import FileMapping
from billflow.sources.files import FileDelivery
from billflow.sources.mapping import FAILED, MALFORMED, map_rows, mapping_mode
from billflow.sources.raw import CORRUPT
from billflow_tests.sources.rows import PLACE, REQUIRED, ZONE, delivered, mapped

BAD = "not a value"


def table_of(column: str) -> str:
    return {"name": "customers", "end_date": "subscriptions", "start_date": "subscriptions"}.get(
        column, "subscriptions" if column == "discounts" else "usage"
    )


def mapped_column(spark: SparkSession, texts: Any, column: str, expression: str, given: str = "x") -> DataFrame:
    raw = delivered(spark, list(texts), given)
    return mapped(raw, table_of(column), **{column: expression})


def values_of(rows: DataFrame, column: str) -> list[Any]:
    """Values in the order of the rows; times as UTC texts."""
    value = F.col(column).cast("string") if rows.schema[column].dataType.typeName() == "timestamp" else F.col(column)
    return [row[0] for row in rows.orderBy("_row").select(value).collect()]


def failed_in(rows: DataFrame, texts: Any, column: str) -> set[Any]:
    """The texts on which the mapping of `column` failed."""
    flags = [row[0] for row in rows.orderBy("_row").select(F.array_contains(FAILED, column)).collect()]
    return {text for text, failed in zip(texts, flags, strict=True) if failed}


QUANTITIES = [
    ("x", {"1": "1", " 5 ": "5", "1e3": "1000", "-0.5": "-0.5", "0.123456789012": "0.123456789012"}),
    ("x", {"abc": None, "1,5": None, "5 kWh": None, "NaN": None, "": None, None: None}),
    ("x", {"99999999999999999999999999": "99999999999999999999999999", "999999999999999999999999999": None}),
    ("cast(x as decimal(38,12)) / 1000", {"1": "0.001", "12345": "12.345"}),
    ("cast(x as int) + 1", {"1": "2", None: None}),
    ("1", {"abc": "1"}),
    ("length(x)", {"abc": "3"}),
    ("coalesce(try_cast(x as decimal(38,12)), 0)", {"1.5": "1.5", "abc": "0", None: "0"}),
]


@pytest.mark.parametrize(("expression", "cases"), QUANTITIES)
def test_quantities_are_exact(spark: SparkSession, expression: str, cases: dict[Any, Any]) -> None:
    found = values_of(mapped_column(spark, cases, "quantity", expression), "quantity")
    assert found == [None if value is None else Decimal(value) for value in cases.values()]


TIMES = {
    "2013-01-01 10:00:00": "2012-12-31 23:00:00",
    "2013-07-01 10:00:00": "2013-07-01 00:00:00",
    "2013-01-01T10:00": "2012-12-31 23:00:00",
    "2013-01-01": "2012-12-31 13:00:00",
    "2013-1-1 5:3": "2012-12-31 18:03:00",
    "2013-01-01 10:00:00.123456": "2012-12-31 23:00:00.123456",
    " 2013-01-01 10:00:00 ": "2012-12-31 23:00:00",
    "2013-01-01T10:00:00Z": "2013-01-01 10:00:00",
    "2013-01-01T10:00:00+10:00": "2013-01-01 00:00:00",
    "2013-01-01 10:00:00-05": "2013-01-01 15:00:00",
    "2013-10-06 02:00:00": "2013-10-05 16:00:00",  # does not exist: moves forward by the gap, to 03:00
    "2013-10-06 02:30:00": "2013-10-05 16:30:00",
    "2013-10-06 03:00:00": "2013-10-05 16:00:00",
    "2013-04-07 02:30:00": "2013-04-06 15:30:00",  # exists twice: the first
    "2013-04-07 02:30:00+10:00": "2013-04-06 16:30:00",
    "2013-04-07 03:00:00": "2013-04-06 17:00:00",
    "2012-02-29": "2012-02-28 13:00:00",
    "2013-02-29": None,
    "2013-01-01 25:00:00": None,
    "2013-01-01 10:61:00": None,
    "01/02/2013": None,
    "20130101": None,
    "10:00": None,
    "2013": None,
    "1356998400": None,
    "soon": None,
    "now": None,
    "": None,
}


def test_wall_clock_times_are_of_the_projects_zone(spark: SparkSession) -> None:
    found = values_of(mapped_column(spark, TIMES, "event_time", "x"), "event_time")
    assert dict(zip(TIMES, found, strict=True)) == TIMES


@pytest.mark.parametrize(
    ("given", "text", "utc"),
    [
        ("cast(x as timestamp)", "2013-01-01 10:00:00Z", "2013-01-01 10:00:00"),
        ("cast(x as timestamp_ntz)", "2013-01-01 10:00:00", "2012-12-31 23:00:00"),
        ("cast(x as timestamp_ntz)", "2013-10-06 02:30:00", "2013-10-05 16:30:00"),
        ("cast(x as timestamp_ntz)", "2013-04-07 02:30:00", "2013-04-06 15:30:00"),
        ("cast(x as date)", "2013-07-01", "2013-06-30 14:00:00"),
        ("cast(x as bigint)", "1356998400", "2013-01-01 00:00:00"),
    ],
)
def test_times_that_are_typed_already(spark: SparkSession, given: str, text: str, utc: str) -> None:
    assert values_of(mapped_column(spark, [text], "event_time", "x", given), "event_time") == [utc]


@pytest.mark.parametrize(
    ("expression", "text", "utc"),
    [
        ("to_timestamp(x, 'dd/MM/yyyy HH:mm')", "01/02/2013 10:00", "2013-01-31 23:00:00"),
        ("date_trunc('day', cast(x as timestamp))", "2013-01-01T20:00:00Z", "2013-01-01 13:00:00"),
        ("timestamp_millis(cast(x as bigint))", "1356998400000", "2013-01-01 00:00:00"),
        ("cast(x as timestamp) + interval 1 day", "2013-10-05 10:00:00", "2013-10-05 23:00:00"),
    ],
)
def test_expressions_over_times(spark: SparkSession, expression: str, text: str, utc: str) -> None:
    assert values_of(mapped_column(spark, [text], "event_time", expression), "event_time") == [utc]


def test_a_day_is_nothing_but_a_day(spark: SparkSession) -> None:
    texts = [
        "2013-01-01",
        " 2013-1-1 ",
        "2013-01-01 00:00:00",
        "2013-01-01 oops",
        "2013-01-01T",
        "2013-02-30",
        "1.1.2013",
    ]
    rows = mapped_column(spark, texts, "start_date", "x")
    assert values_of(rows, "start_date") == [date(2013, 1, 1)] * 3 + [None] * 4
    assert failed_in(rows, texts, "start_date") == set(texts[3:])


def test_a_day_of_a_time_is_the_local_one(spark: SparkSession) -> None:
    rows = mapped_column(spark, ["2013-01-01T20:30:00Z"], "start_date", "x", "cast(x as timestamp)")
    assert [str(day) for day in values_of(rows, "start_date")] == ["2013-01-02"]


DIMENSIONS = [
    ("x", "x", '{"kind": "voice", "zone": 5}', {"kind": "voice", "zone": "5"}),
    ("x", "x", '{"roaming": true, "nothing": null}', {"roaming": "true"}),
    ("x", "x", '{"nested": {"a": [1]}}', {"nested": '{"a":[1]}'}),
    ("x", "x", '{"imsi": 12345678901234567890123}', {"imsi": "12345678901234567890123"}),
    ("x", "x", "{}", {}),
    ("x", "x", None, None),
    ("x", "map('kind', x, 'nothing', null)", "voice", {"kind": "voice"}),
    ("x", "named_struct('kind', x, 'zone', 5)", "voice", {"kind": "voice", "zone": "5"}),
    ("x", "to_json(map('kind', x))", "voice", {"kind": "voice"}),
    ("from_json(x, 'kind string, on boolean')", "x", '{"kind": "a", "on": true}', {"kind": "a", "on": "true"}),
    ("from_json(x, 'kind string, on boolean')", "x", '{"kind": "a"}', {"kind": "a"}),
    ("from_json(x, 'map<string,int>')", "x", '{"zone": 5}', {"zone": "5"}),
]


@pytest.mark.parametrize(("given", "expression", "text", "dimensions"), DIMENSIONS)
def test_dimensions(spark: SparkSession, given: str, expression: str, text: Any, dimensions: Any) -> None:
    [found] = values_of(mapped_column(spark, [text], "dimensions", expression, given), "dimensions")
    assert (found and {name: value.replace(" ", "") for name, value in found.items()}) == dimensions


@pytest.mark.parametrize(
    ("given", "text", "codes"),
    [
        ("x", "loyalty", ["loyalty"]),
        ("x", "loyalty, staff", ["loyalty", "staff"]),
        ("x", "a;b|c d", ["a", "b", "c", "d"]),
        ("x", "", []),
        ("x", None, None),
        ("from_json(x, 'array<string>')", '["loyalty", null, ""]', ["loyalty"]),
        ("from_json(x, 'array<int>')", "[5]", ["5"]),
    ],
)
def test_discounts(spark: SparkSession, given: str, text: Any, codes: Any) -> None:
    [found] = values_of(mapped_column(spark, [text], "discounts", "x", given), "discounts")
    assert found == codes


@pytest.mark.parametrize(
    ("given", "text", "name"),
    [("x", "  Ann ", "Ann"), ("x", "", None), ("x", "  ", None), ("cast(x as int)", "17", "17"), ("x", "Zoë", "Zoë")],
)
def test_texts_are_trimmed(spark: SparkSession, given: str, text: str, name: Any) -> None:
    assert values_of(mapped_column(spark, [text], "name", "x", given), "name") == [name]


def test_optional_columns_that_are_not_mapped_are_null(spark: SparkSession) -> None:
    [row] = mapped(delivered(spark, ["1"]), "usage").collect()
    assert (row.arrived_at, row.dimensions, row[FAILED], row[MALFORMED]) == (None, None, [], False)


@pytest.mark.parametrize("column", ["full name", "full-name", "name.first", "2013", "where"])
def test_a_bare_column_may_have_any_name(spark: SparkSession, column: str) -> None:
    raw = delivered(spark, ["Ann"]).withColumnRenamed("x", column)
    assert values_of(mapped(raw, "customers", name=column), "name") == ["Ann"]


FAILURES = [
    ("quantity", "cast(x as decimal(38,12))", ["1", BAD, None], {BAD}),
    ("quantity", "round(cast(x as decimal(38,12)), 2)", ["1", BAD], {BAD}),
    ("quantity", "cast(x as decimal(38,12)) * 2", ["1", BAD], {BAD}),
    ("quantity", "cast(nullif(x, '') as decimal(38,12))", ["", BAD], {BAD}),
    ("quantity", "try_cast(x as decimal(38,12))", ["1", BAD], set()),
    ("quantity", "coalesce(cast(x as decimal(38,12)), 0)", ["1", BAD, None], {BAD}),
    ("quantity", "coalesce(try_cast(x as decimal(38,12)), 0)", ["1", BAD], set()),
    ("quantity", f"case when x = '{BAD}' then 7 else cast(x as decimal(38,12)) end", ["1", BAD, "z"], {"z"}),
    ("quantity", "case when cast(x as int) > 5 then 1 else 0 end", ["1", BAD], {BAD}),
    ("quantity", f"if(x = '{BAD}', 0, cast(x as int))", ["1", BAD, "z"], {"z"}),
    ("quantity", "cast(x as int) % 0", ["1"], {"1"}),
    ("quantity", "datediff(x, '2013-01-01')", ["2013-01-02", BAD], {BAD}),
    ("event_time", "cast(x as timestamp)", ["2013-01-01", BAD], {BAD}),
    ("event_time", "to_timestamp(x, 'dd/MM/yyyy')", ["01/02/2013", "32/01/2013", None], {"32/01/2013"}),
    ("event_time", "try_to_timestamp(x, 'dd/MM/yyyy')", ["01/02/2013", "32/01/2013"], set()),
    ("event_time", "cast(x as timestamp) + interval 1 hour", ["2013-01-01", BAD], {BAD}),
    ("arrived_at", "cast(x as timestamp)", ["2013-01-01", BAD, None], {BAD}),
    ("arrived_at", "if(x = '', null, cast(x as timestamp))", ["2013-01-01", BAD, "", None], {BAD}),
    ("arrived_at", "coalesce(null, cast(x as timestamp))", ["2013-01-01", BAD], {BAD}),
    ("end_date", "cast(x as date)", ["2013-01-01", BAD, None], {BAD}),
    ("end_date", "to_date(x, 'dd/MM/yyyy')", ["01/02/2013", "32/01/2013", None], {"32/01/2013"}),
    ("end_date", "date_add(x, 1)", ["2013-01-01", BAD], {BAD}),
    ("end_date", "make_date(2013, cast(x as int), 1)", ["1", "13"], {"13"}),
    ("end_date", "case when x is not null then cast(x as date) end", ["2013-01-01", BAD, None], {BAD}),
    ("start_date", "to_date(x)", ["2013-01-01", BAD], {BAD}),
    ("name", "cast(cast(x as int) as string)", ["1", BAD], {BAD}),
    ("dimensions", "from_json(x, 'map<string,string>')", ['{"a":"b"}', BAD, None], {BAD}),
]


@pytest.mark.parametrize(("column", "expression", "texts", "failing"), FAILURES)
def test_a_mapping_that_fails_is_told_by_row(
    spark: SparkSession, column: str, expression: str, texts: list[Any], failing: set[str]
) -> None:
    assert failed_in(mapped_column(spark, texts, column, expression), texts, column) == failing


OPTIONAL_BARE = [
    ("arrived_at", {"2013-01-01": False, BAD: True, "2013-02-30": True, None: False}),
    ("end_date", {"2013-01-01": False, BAD: True, "31/12/2013": True, None: False}),
    ("dimensions", {'{"a": "b"}': False, "{": True, BAD: True, None: False}),
]


@pytest.mark.parametrize(("column", "cases"), OPTIONAL_BARE)
def test_an_optional_value_that_is_not_of_its_type_has_failed(
    spark: SparkSession, column: str, cases: dict[Any, bool]
) -> None:
    """NULL means that there is none: an end date that does not parse must not become a service without end."""
    rows = mapped_column(spark, cases, column, "x")
    assert failed_in(rows, cases, column) == {text for text, failed in cases.items() if failed}


OVERFLOWS = [
    ("int", "x + 1", "2147483647", 2147483648),
    ("int", "x * 1000", "5000000", 5_000_000_000),
    ("int", "-x", "-2147483648", 2147483648),
    ("int", "abs(x)", "-2147483648", 2147483648),
    ("bigint", "cast(x as int)", "1099511627776", 1099511627776),
    ("bigint", "cast(x as smallint)", "65537", 65537),
    ("decimal(20,0)", "cast(x as bigint)", "18446744073709551617", 18446744073709551617),
    ("decimal(38,12)", "x * x", "99999999999999999999999999", 99999999999999999999999999**2),
]


@pytest.mark.parametrize(("kind", "expression", "text", "exact"), OVERFLOWS)
def test_a_number_that_does_not_fit_never_becomes_another(
    spark: SparkSession, kind: str, expression: str, text: str, exact: int
) -> None:
    rows = mapped_column(spark, [text], "quantity", expression, f"cast(x as {kind})")
    [value], failed = values_of(rows, "quantity"), failed_in(rows, [text], "quantity")
    assert (value is None and failed == {text}) or value == exact


RAISING = [
    ("quantity", "to_number(x, '999')", "12"),
    ("event_time", f"timestamp_millis(if(x = '{BAD}', 9223372036854775807, 0))", "1"),
    ("name", "cast(to_binary(x, 'hex') as string)", "41"),
    ("name", "url_decode(concat('%', x))", "41"),
    ("name", "cast(parse_json(x) as string)", "1"),
]


@pytest.mark.parametrize(("column", "expression", "good"), RAISING)
def test_a_function_that_raises_fails_on_its_row_only(
    spark: SparkSession, column: str, expression: str, good: str
) -> None:
    """Or it is refused before anything runs, with a remedy."""
    try:
        rows = mapped_column(spark, [good, BAD], column, expression)
    except SettingsError:
        return
    assert failed_in(rows, [good, BAD], column) == {BAD}


REFUSED = [
    ("quantity", "x +", "x", "'x +' is not a Spark SQL expression"),
    ("quantity", "", "x", "is not a Spark SQL expression"),
    ("quantity", "x, id", "x", "is not a Spark SQL expression"),
    ("quantity", "x; drop table t", "x", "is not a Spark SQL expression"),
    ("quantity", "nope", "x", "'nope' cannot be computed"),
    ("quantity", "nosuch(x)", "x", "'nosuch(x)' cannot be computed"),
    ("quantity", "sum(x)", "cast(x as int)", "sum(x)"),
    ("quantity", "count(*)", "x", "count(*)"),
    ("quantity", "explode(array(1, 2))", "x", "explode(array(1, 2))"),
    ("quantity", "*", "x", "'*'"),
    ("quantity", "x", "array(1)", "x"),
    ("quantity", "x", "cast(x as binary)", "x"),
    ("event_time", "x", "array(1)", "x"),
    ("start_date", "x", "cast(20130101 as int)", "x"),
    ("discounts", "x", "1", "x"),
    ("dimensions", "x", "1", "x"),
    ("quantity", "x * 2", "cast(1 as double)", "binary floating point"),
    ("quantity", "x / 3", "x", "binary floating point"),
    ("quantity", "cast(x as double)", "x", "binary floating point"),
    ("quantity", "cast(x * 3 as decimal(38,12))", "cast(1 as double)", "binary floating point"),
    ("quantity", "coalesce(x, 0)", "cast(1 as double)", "binary floating point"),
    ("quantity", "x + 1", "cast(1 as float)", "binary floating point"),
    ("name", "nope", "x", "'nope' cannot be computed"),
]


@pytest.mark.parametrize(("column", "expression", "given", "what"), REFUSED)
def test_an_expression_that_cannot_be_computed_names_its_place(
    spark: SparkSession, column: str, expression: str, given: str, what: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        mapped_column(spark, ["1"], column, expression, given)
    assert caught.value.where == f"{PLACE}.columns.{column}"
    assert what in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("given", "expression", "value"),
    [
        ("cast(0.1 as double)", "x", "0.1"),
        ("cast(0.1 as double)", "cast(x as decimal(38,12)) * 3", "0.3"),
        ("cast(1e30 as double)", "x", None),
        ("double('NaN')", "x", None),
    ],
)
def test_doubles_as_they_come(spark: SparkSession, given: str, expression: str, value: Any) -> None:
    """What a source delivers as a double is taken at its shortest decimal; nothing is computed with it."""
    [found] = values_of(mapped_column(spark, ["1"], "quantity", expression, given), "quantity")
    assert found == (None if value is None else Decimal(value))


class TestWhere:
    def test_rows_that_do_not_meet_it_are_not_of_this_table(self, spark: SparkSession) -> None:
        raw = delivered(spark, ["1", "2", None])
        assert [row.usage_id for row in mapped(raw, "usage", where="x > 1").collect()] == ["1"]

    def test_a_row_that_does_not_parse_stays(self, spark: SparkSession) -> None:
        raw = delivered(spark, ["1", None]).withColumn(CORRUPT, F.when(F.col("x").isNull(), "1;2;3"))
        rows = mapped(raw, "usage", where="x > 1").collect()
        assert [(row.usage_id, row[MALFORMED]) for row in rows] == [("1", True)]

    @pytest.mark.parametrize("condition", ["x >", "nope = 1", "sum(x) > 1", "x", "1"])
    def test_what_is_no_condition(self, spark: SparkSession, condition: str) -> None:
        with pytest.raises(SettingsError) as caught:
            mapped(delivered(spark, ["1"]), "usage", where=condition).count()
        assert caught.value.where == f"{PLACE}.where"

    def test_a_row_on_which_it_fails_is_not_lost(self, spark: SparkSession) -> None:
        rows = mapped(delivered(spark, ["1", BAD]), "usage", where="cast(x as int) > 0").collect()
        assert [row.usage_id for row in rows] == ["0", "1"]


class TestSession:
    SETTINGS = ("spark.sql.ansi.enabled", "spark.sql.session.timeZone")

    def settings(self, spark: SparkSession) -> list[str | None]:
        return [spark.conf.get(name) for name in self.SETTINGS]

    def test_settings_are_as_before(self, spark: SparkSession) -> None:
        before = self.settings(spark)
        mapped(delivered(spark, ["1"]), "usage", quantity="x")
        assert self.settings(spark) == before == ["true", "UTC"]

    def test_settings_are_as_before_after_a_mistake(self, spark: SparkSession) -> None:
        with pytest.raises(SettingsError):
            mapped(delivered(spark, ["1"]), "usage", quantity="nope")
        assert self.settings(spark) == ["true", "UTC"]

    def test_settings_while_mapping(self, spark: SparkSession) -> None:
        with mapping_mode(spark, "Asia/Tokyo"):
            assert self.settings(spark) == ["false", "Asia/Tokyo"]

    def test_what_was_mapped_stays_so_when_it_is_read_later(self, spark: SparkSession) -> None:
        rows = mapped(delivered(spark, ["2013-01-01 09:00", BAD]), "usage", zone="Asia/Tokyo", event_time="x")
        later = rows.withColumn("again", F.col("event_time")).where("usage_id is not null")
        assert values_of(later, "again") == ["2013-01-01 00:00:00", None]


def test_json_text_of_dimensions_is_kept_in_full(spark: SparkSession) -> None:
    text = json.dumps({f"d{number}": "x" * number for number in range(30)})
    [found] = values_of(mapped_column(spark, [text], "dimensions", "x"), "dimensions")
    assert found == json.loads(text)


class TestUnfold:
    """A list's elements as rows, of whatever source."""

    def test_of_json_lines(self, spark: SparkSession, tmp_path: Path) -> None:
        lines = ('{"m": "M1", "read": [{"no": 1, "kwh": 0.5}, {"no": 2, "kwh": 2}]}', '{"m": "M2", "read": []}', '{"m"')
        (tmp_path / "a.json").write_text("\n".join(lines), encoding="utf-8")
        columns = {"usage_id": "read.no", "subscription_id": "m", "metric": "'kwh'", "quantity": "read.kwh"}
        mapping = FileMapping(path="p", unfold="read", columns={**columns, "event_time": "'2024-01-01'"})
        with FileDelivery("s", str(tmp_path / "a.json"), "json", "y").opened(spark) as (raw, *_):
            rows = map_rows(raw, mapping, "usage", timezone="UTC", where="y").orderBy("_row", "usage_id").collect()
        found = [(row["usage_id"], row["quantity"], row[MALFORMED]) for row in rows]
        assert found == [("1", Decimal("0.5"), False), ("2", Decimal(2), False), (None, None, True)]

    def test_of_a_column_that_is_no_list(self, spark: SparkSession) -> None:
        mapping = FileMapping(path="p", unfold="x", columns={"usage_id": "x"})
        with pytest.raises(SettingsError, match="'x' is not a column with lists: it is string"):
            map_rows(delivered(spark, ["1"]), mapping, "usage", timezone="UTC", where="y")


class TestOptions:
    """What a mapping says beside its columns is tried on each row as they are."""

    @staticmethod
    def mapped(raw: DataFrame, **options: str) -> DataFrame:
        mapping = FileMapping.model_validate({"path": "p", "columns": REQUIRED["usage"], "register": options})
        return map_rows(raw, mapping, "usage", timezone=ZONE, where=PLACE)

    def test_they_give_columns_of_their_own(self, spark: SparkSession) -> None:
        raw = delivered(spark, ["7", "x", None])
        rows = self.mapped(raw, meter="x", rollover="cast(x as int) * 10", estimated="x = 'x'").collect()
        assert [(row["_meter"], row["_rollover"], row["_estimated"]) for row in rows] == [
            ("7", Decimal(70), False),
            ("x", None, True),
            (None, None, None),
        ]
        assert [row[FAILED] for row in rows] == [[], ["register.rollover"], []]

    def test_a_number_is_an_expression(self, spark: SparkSession) -> None:
        [row] = self.mapped(delivered(spark, ["7"]), meter="id", rollover="100000").collect()
        assert row["_rollover"] == Decimal(100_000)

    @pytest.mark.parametrize(
        ("options", "place", "told"),
        [
            ({"meter": "y"}, "register.meter", "'y' cannot be computed"),
            ({"meter": "x", "estimated": "x"}, "register.estimated", "'x' gives string, which cannot become estimated"),
            ({"meter": "x", "rollover": "array(1)"}, "register.rollover", "cannot become rollover"),
        ],
    )
    def test_mistakes(self, spark: SparkSession, options: dict[str, str], place: str, told: str) -> None:
        with pytest.raises(SettingsError) as caught:
            self.mapped(delivered(spark, ["7"]), **options)
        assert caught.value.where == f"{PLACE}.{place}"
        assert told in str(caught.value)
