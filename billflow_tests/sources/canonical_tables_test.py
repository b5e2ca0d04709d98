"""Rules of the canonical tables: each code with the row that breaks it, duplicates, overlaps, and the row's place."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.catalog import Cycle
from billflow.settings import Settings
from billflow.sources.canonical_tables import cycle_month, judge_customers, judge_subscriptions, judge_usage
from billflow.sources.verdicts import REASONS, RULES, VERDICT
from billflow_tests.sources.rows import ZONE, accounts_of, canonical, delivered, mapped, verdicts

CYCLES = {"c01": Cycle(day=1), "c15": Cycle(day=15), "c31": Cycle(day=31)}


def settings(folder: Path, cycles: dict[str, Cycle] = CYCLES) -> Settings:
    mapping = {"path": "p", "format": "csv"}
    tables = {
        "customers": {**mapping, "columns": {"account_id": "a", "name": "n"}},
        "subscriptions": {
            **mapping,
            "columns": {"subscription_id": "s", "account_id": "a", "plan": "p", "start_date": "d"},
        },
    }
    return Settings.model_validate(
        {
            "folder": folder,
            "project": "p",
            "currency": "AUD",
            "timezone": ZONE,
            "seller": {"name": "S"},
            "cycles": cycles,
            "sources": [{"name": "s", "kind": "files", "tables": tables}],
        }
    )


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def utc(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


class TestCustomers:
    CASES = (
        ("whole", {"account_id": "whole", "name": "Ann"}, "valid", []),
        ("no key", {"name": "Ann"}, "quarantined", ["missing_key"]),
        ("no key twice", {"name": "Ann"}, "quarantined", ["missing_key"]),
        ("no name", {"account_id": "nn"}, "quarantined", ["missing_name"]),
        ("currency", {"account_id": "cu", "name": "A", "currency": "AUDD"}, "quarantined", ["unknown_currency"]),
        ("currency in small letters", {"account_id": "cs", "name": "A", "currency": "aud"}, "quarantined", None),
        ("zone", {"account_id": "tz", "name": "A", "timezone": "Mars"}, "quarantined", ["unknown_timezone"]),
        ("cycle", {"account_id": "cy", "name": "A", "cycle": "c99"}, "quarantined", ["unknown_cycle"]),
        (
            "child without cycle",
            {"account_id": "ch", "name": "A", "cycle": None, "parent_account_id": "p"},
            "valid",
            [],
        ),
        (
            "child in no cycle that there is",
            {"account_id": "cc", "name": "A", "cycle": "c99", "parent_account_id": "p"},
            "quarantined",
            ["unknown_cycle"],
        ),
        ("own values", {"account_id": "own", "name": "A", "currency": "EUR", "timezone": "UTC"}, "valid", []),
        ("failed", {"account_id": "f", "name": "A", "_failed": ["email"]}, "quarantined", ["mapping_failed"]),
        ("malformed", {"_malformed": True}, "quarantined", None),
        ("several", {"timezone": "Mars", "name": "A"}, "quarantined", ["missing_key", "unknown_timezone"]),
        ("identical 1", {"account_id": "i", "name": "A"}, "valid", []),
        ("conflict 1", {"account_id": "c", "name": "A", "source": "b"}, "quarantined", ["duplicate_key"]),
        ("conflict 2", {"account_id": "c", "name": "B", "source": "a"}, "valid", []),
        ("of another system", {"account_id": "c", "name": "C", "system": "other"}, "valid", []),
    )

    @pytest.fixture(scope="class")
    @staticmethod
    def judged(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
        rows = [{"cycle": "c01", **row} for _, row, *_ in TestCustomers.CASES]
        return judge_customers(canonical(spark, "customers", rows), settings(tmp_path_factory.mktemp("p"))).cache()

    @pytest.mark.parametrize("at", range(len(CASES)), ids=[name for name, *_ in CASES])
    def test_verdict(self, judged: DataFrame, at: int) -> None:
        _, _, verdict, rules = self.CASES[at]
        found, codes = verdicts(judged)[at]
        assert found == verdict
        assert codes == rules or rules is None

    def test_reasons_name_the_value(self, judged: DataFrame) -> None:
        [row] = judged.where("account_id = 'tz'").select(REASONS).collect()
        assert row[0] == ["the timezone is not known: Mars"]

    def test_what_is_left_out_is_the_projects(self, spark: SparkSession, tmp_path: Path) -> None:
        rows = canonical(spark, "customers", [{"account_id": "1", "name": "A"}])
        [row] = judge_customers(rows, settings(tmp_path, {"only": Cycle(day=1)})).collect()
        assert (row.currency, row.language, row.timezone, row.cycle) == ("AUD", "en", ZONE, "only")
        assert row[VERDICT] == "valid"

    def test_with_several_cycles_each_customer_names_one(self, spark: SparkSession, tmp_path: Path) -> None:
        rows = canonical(spark, "customers", [{"account_id": "1", "name": "A"}])
        assert verdicts(judge_customers(rows, settings(tmp_path))) == {0: ("quarantined", ["unknown_cycle"])}

    def test_zones_that_this_java_does_not_know(self, spark: SparkSession, tmp_path: Path) -> None:
        """Python's and Java's databases differ; a zone of only one of them must not end a run in an exception."""
        zones = ["America/Coyhaique", "Factory", "EST", "US/Pacific-New", "localtime"]
        rows = [{"account_id": zone, "name": "A", "timezone": zone, "cycle": "c01"} for zone in zones]
        judged = judge_customers(canonical(spark, "customers", rows), settings(tmp_path))
        noon = F.to_timestamp(F.lit("2013-01-01 12:00:00"))
        local = judged.where(F.col(VERDICT) == "valid").select(F.from_utc_timestamp(noon, F.col("timezone")))
        assert all(row[0] is not None for row in local.collect())


def subscription(key: str, start: str | None, end: str | None = None, **more: Any) -> dict[str, Any]:
    row = {"subscription_id": key, "account_id": "17", "plan": "home", "start_date": day(start), "end_date": day(end)}
    return {**row, **more}


class TestSubscriptions:
    CASES = (
        ("whole", subscription("w", "2013-01-01"), "valid", []),
        ("no key", subscription(None, "2013-01-01"), "quarantined", ["missing_key"]),
        ("no start", subscription("ns", None), "quarantined", ["invalid_start_date"]),
        ("account", subscription("ua", "2013-01-01", account_id="x"), "quarantined", ["unknown_account"]),
        ("no account", subscription("na", "2013-01-01", account_id=None), "quarantined", ["unknown_account"]),
        (
            "account of another system",
            subscription("os", "2013-01-01", account_id="18"),
            "quarantined",
            ["unknown_account"],
        ),
        ("plan", subscription("up", "2013-01-01", plan="x"), "quarantined", ["unknown_plan"]),
        ("quantity", subscription("q", "2013-01-01", quantity=Decimal(-1)), "quarantined", ["negative_quantity"]),
        ("no quantity is 1", subscription("q1", "2013-01-01"), "valid", []),
        (
            "failed quantity",
            subscription("fq", "2013-01-01", _failed=["quantity"]),
            "quarantined",
            ["mapping_failed", "invalid_quantity"],
        ),
        ("ends before it starts", subscription("e", "2013-02-01", "2013-01-31"), "quarantined", ["invalid_dates"]),
        ("never served", subscription("z", "2013-02-01", "2013-02-01"), "valid", []),
        ("change of plan 1", subscription("c", "2013-01-01", "2013-02-01"), "valid", []),
        ("change of plan 2", subscription("c", "2013-02-01", plan="other"), "valid", []),
        ("overlap 1", subscription("o", "2013-01-01", "2013-02-01"), "valid", []),
        ("overlap 2", subscription("o", "2013-01-31"), "quarantined", ["overlapping"]),
        ("after an open end", subscription("oo", "2013-01-01"), "valid", []),
        ("after an open end 2", subscription("oo", "2014-01-01"), "quarantined", ["overlapping"]),
        ("chain 1", subscription("ch", "2013-01-01", "2013-02-01"), "valid", []),
        ("chain 2, overlaps 1", subscription("ch", "2013-01-15", "2013-12-01"), "quarantined", ["overlapping"]),
        ("chain 3, overlaps 2 only", subscription("ch", "2013-03-01", "2013-04-01"), "valid", []),
        ("a bad row hides nobody 1", subscription("b", "2013-01-01", plan="x"), "quarantined", ["unknown_plan"]),
        ("a bad row hides nobody 2", subscription("b", "2013-02-01"), "valid", []),
        ("same id, other system", subscription("w", "2013-01-15", system="other"), "valid", []),
        ("conflict 1", subscription("d", "2013-01-01", source="b"), "quarantined", ["duplicate_key"]),
        ("conflict 2", subscription("d", "2013-01-01", plan="other", source="a"), "valid", []),
    )

    @pytest.fixture(scope="class")
    @staticmethod
    def judged(spark: SparkSession) -> DataFrame:
        known = accounts_of(
            spark, ("default", "17", ZONE, "c01"), ("other", "17", ZONE, "c01"), ("other", "18", ZONE, "c01")
        )
        rows = canonical(spark, "subscriptions", [row for _, row, *_ in TestSubscriptions.CASES])
        return judge_subscriptions(rows, known, ["home", "other"]).cache()

    @pytest.mark.parametrize("at", range(len(CASES)), ids=[name for name, *_ in CASES])
    def test_verdict(self, judged: DataFrame, at: int) -> None:
        assert verdicts(judged)[at] == self.CASES[at][2:]

    def test_quantity_is_1_unless_said(self, judged: DataFrame) -> None:
        [row] = judged.where("subscription_id = 'q1'").select("quantity").collect()
        assert row[0] == Decimal(1)

    def test_identical_rows_count_once(self, spark: SparkSession) -> None:
        rows = canonical(spark, "subscriptions", [subscription("i", "2013-01-01", discounts=["a"])] * 3)
        judged = judge_subscriptions(rows, accounts_of(spark, ("default", "17", ZONE, "c01")), ["home"])
        assert sorted(verdict for verdict, _ in verdicts(judged).values()) == ["duplicate", "duplicate", "valid"]


def event(key: str | None, time: str | None = "2013-01-05 00:00", **more: Any) -> dict[str, Any]:
    row = {
        "usage_id": key,
        "subscription_id": "s",
        "metric": "kwh",
        "quantity": Decimal(1),
        "event_time": utc(time),
    }
    return {**row, **more}


DIMENSIONS = [("kind", "a"), ("zone", "b")]

# Subscription `s` serves Sydney's days from 2013-01-02 until before 2013-01-30 (UTC+11), then another row from 2013-02-02 without end.
USAGE_CASES = (
    ("whole", event("w"), "valid", []),
    ("no key", event(None), "quarantined", ["missing_key"]),
    ("no quantity", event("nq", quantity=None), "quarantined", ["invalid_quantity"]),
    ("negative", event("ne", quantity=Decimal("-0.000000000001")), "quarantined", ["negative_quantity"]),
    ("zero", event("ze", quantity=Decimal(0)), "valid", []),
    ("too much", event("tm", quantity=Decimal(10) ** 15), "quarantined", ["excessive_quantity"]),
    ("much", event("mu", quantity=Decimal(10) ** 15 - 1), "valid", []),
    ("no time", event("nt", None), "quarantined", ["invalid_time"]),
    ("metric", event("me", metric="kWh"), "quarantined", ["unknown_metric"]),
    ("no metric", event("nm", metric=None), "quarantined", ["unknown_metric"]),
    ("subscription", event("su", subscription_id="x"), "quarantined", ["unknown_subscription"]),
    ("no subscription", event("ns", subscription_id=None), "quarantined", ["unknown_subscription"]),
    ("first instant", event("b1", "2013-01-01 13:00"), "valid", []),
    ("before it", event("b2", "2013-01-01 12:59:59.999999"), "quarantined", ["outside_subscription"]),
    ("last instant", event("b3", "2013-01-29 12:59:59.999999"), "valid", []),
    ("after it", event("b4", "2013-01-29 13:00"), "quarantined", ["outside_subscription"]),
    ("in a gap", event("b5", "2013-01-31 12:00"), "quarantined", ["outside_subscription"]),
    ("in the next row", event("b6", "2013-02-01 13:00"), "valid", []),
    ("failed", event("fa", _failed=["quantity"], quantity=None), "quarantined", ["mapping_failed", "invalid_quantity"]),
    ("malformed", {"_malformed": True}, "quarantined", None),
    ("several", event(None, metric="x"), "quarantined", ["missing_key", "unknown_metric"]),
    ("system 2", event("w", system="other", subscription_id="s2"), "valid", []),
    ("id of another system", event("x2", subscription_id="s2"), "quarantined", ["unknown_subscription"]),
    ("first by arrived_at 1", event("a", arrived_at=utc("2013-02-02"), source="a"), "quarantined", ["duplicate_key"]),
    ("first by arrived_at 2", event("a", arrived_at=utc("2013-02-01"), source="b", quantity=Decimal(2)), "valid", []),
    ("first by arrived_at 3", event("a", source="0", quantity=Decimal(3)), "quarantined", ["duplicate_key"]),
    ("first by source 1", event("so", source="b"), "quarantined", ["duplicate_key"]),
    ("first by source 2", event("so", source="a", quantity=Decimal(2)), "valid", []),
    ("bad ones are no duplicates 1", event("bd", quantity=None), "quarantined", ["invalid_quantity"]),
    ("bad ones are no duplicates 2", event("bd", source="z"), "valid", []),
    ("dimensions 1", event("di", dimensions=DIMENSIONS, source="a"), "valid", []),
    ("dimensions in other order", event("di", dimensions=DIMENSIONS[::-1], source="b"), "duplicate", []),
    ("other dimensions", event("di", dimensions=DIMENSIONS[:1], source="c"), "quarantined", ["duplicate_key"]),
    ("arrived again", event("aa", arrived_at=utc("2013-02-01")), "valid", []),
    ("arrived again 2", event("aa", arrived_at=utc("2013-02-02")), "duplicate", []),
    ("as it was and changed 1", event("ch", source="a"), "valid", []),
    ("as it was and changed 2", event("ch", source="b", quantity=Decimal(2)), "quarantined", ["duplicate_key"]),
    ("as it was and changed 3", event("ch", source="c"), "duplicate", []),
    ("a microsecond apart 1", event("mi", "2013-01-05 00:00:00.000001", source="a"), "valid", []),
    ("a microsecond apart 2", event("mi", "2013-01-05 00:00:00.000002", source="b"), "quarantined", ["duplicate_key"]),
)


def judged_usage(spark: SparkSession, rows: DataFrame) -> DataFrame:
    accounts = accounts_of(
        spark, ("default", "17", ZONE, "c01"), ("other", "17", "UTC", "c15"), ("default", "18", ZONE, "c31")
    )
    stretches = [
        ("default", "s", "17", day("2013-01-02"), day("2013-01-30")),
        ("default", "s", "17", day("2013-02-02"), None),
        ("other", "s2", "17", day("2013-01-01"), None),
        ("default", "s31", "18", day("2013-01-01"), None),
    ]
    kinds = "system string, subscription_id string, account_id string, start_date date, end_date date"
    subscriptions = spark.createDataFrame(stretches, kinds)
    return judge_usage(rows, subscriptions, accounts, ["kwh"], CYCLES, ZONE, 2)


class TestUsage:
    @pytest.fixture(scope="class", params=[10_000, 0], ids=["few share a key", "many do"])
    @staticmethod
    def judged(spark: SparkSession, request: pytest.FixtureRequest) -> DataFrame:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("billflow.sources.verdicts._FEW_REPEATED", request.param)
            return judged_usage(spark, canonical(spark, "usage", [row for _, row, *_ in USAGE_CASES])).cache()

    @pytest.mark.parametrize("at", range(len(USAGE_CASES)), ids=[name for name, *_ in USAGE_CASES])
    def test_verdict(self, judged: DataFrame, at: int) -> None:
        _, _, verdict, rules = USAGE_CASES[at]
        found, codes = verdicts(judged)[at]
        assert found == verdict
        assert codes == rules or rules is None

    @pytest.mark.parametrize(
        ("name", "column", "value"),
        [
            ("whole", "account_id", "17"),
            ("whole", "subscription_start", date(2013, 1, 2)),
            ("whole", "local_time", datetime.fromisoformat("2013-01-05 11:00")),
            ("in the next row", "subscription_start", date(2013, 2, 2)),
            ("system 2", "local_time", datetime.fromisoformat("2013-01-05 00:00")),
            ("in a gap", "subscription_start", None),
            ("subscription", "account_id", None),
        ],
    )
    def test_who_was_served(self, judged: DataFrame, name: str, column: str, value: Any) -> None:
        assert _cell(judged, name, column) == value

    @pytest.mark.parametrize(
        ("name", "place"),
        [
            ("whole", ("c01", "2013-01")),
            ("in the next row", ("c01", "2013-02")),
            ("system 2", ("c15", "2012-12")),
            ("negative", ("c01", "2013-01")),
            ("no key", ("c01", "2013-01")),
            ("in a gap", ("c01", "2013-01")),
            ("subscription", (None, None)),
            ("no time", (None, None)),
            ("malformed", (None, None)),
            ("id of another system", (None, None)),
        ],
    )
    def test_where_it_is_placed(self, judged: DataFrame, name: str, place: Any) -> None:
        assert (_cell(judged, name, "_cycle"), _cell(judged, name, "_month")) == place

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("negative", "quantity is negative: -0.000000000001"),
            ("metric", "the metric is not known: kWh"),
            ("subscription", "no valid subscription has the id x"),
            ("in a gap", "no row of the subscription serves 2013-01-31 23:00:00"),
            ("first by source 1", "another row with other content has the key so"),
            ("failed", "the mapping fails on this row for quantity"),
        ],
    )
    def test_reasons(self, judged: DataFrame, name: str, reason: str) -> None:
        assert _cell(judged, name, REASONS)[0] == reason


def _cell(judged: DataFrame, name: str, column: str) -> Any:
    at = [case for case, *_ in USAGE_CASES].index(name)
    return judged.where(F.col("_row") == at).select(column).collect()[0][0]


def outcome(judged: DataFrame) -> list[str]:
    """What was decided, without saying which of several identical rows was kept."""
    columns = ["system", "usage_id", "quantity", "event_time", "source", "arrived_at", VERDICT, RULES, "_month"]
    return sorted(str(tuple(row)) for row in judged.select(*columns).collect())


@pytest.fixture(scope="module")
def in_order(spark: SparkSession) -> list[str]:
    """The outcome of all cases twice, one after the other in one task."""
    rows = [row for _, row, *_ in USAGE_CASES] * 2
    return outcome(judged_usage(spark, canonical(spark, "usage", rows).coalesce(1)))


@pytest.mark.parametrize(("seed", "partitions"), [(1, 1), (2, 3), (3, 7)])
def test_usage_does_not_depend_on_the_order_of_rows(
    spark: SparkSession, in_order: list[str], seed: int, partitions: int
) -> None:
    rows = [row for _, row, *_ in USAGE_CASES] * 2
    mixed = random.Random(seed).sample(rows, len(rows))
    assert outcome(judged_usage(spark, canonical(spark, "usage", mixed).repartition(partitions))) == in_order


@pytest.mark.parametrize("cycle", ["c01", "c15", "c31", "c29", "c30"])
def test_cycle_month_is_the_one_whose_period_holds_the_day(spark: SparkSession, cycle: str) -> None:
    cycles = {**CYCLES, "c29": Cycle(day=29), "c30": Cycle(day=30)}
    days = [date(2011, 12, 1) + timedelta(days=number) for number in range(500)]
    rows = spark.sql("select explode(sequence(date'2011-12-01', date'2013-04-13')) as day")
    found = rows.select("day", cycle_month(F.col("day"), F.lit(cycle), cycles)).collect()
    assert [row[0] for row in found] == days
    wrong = [(local, month) for local, month in found if not _holds(cycles[cycle], month, local)]
    assert wrong == []


def _holds(cycle: Cycle, month: str, local: date) -> bool:
    period = cycle.period(month)
    return period.start <= local < period.end


@pytest.mark.parametrize(("day", "cycle"), [("null", "'c01'"), ("'2013-01-05'", "null"), ("null", "null")])
def test_cycle_month_of_no_day_or_no_cycle(spark: SparkSession, day: str, cycle: str) -> None:
    rows = spark.sql(f"select cast({day} as date) as day, cast({cycle} as string) as cycle")
    assert [row[0] for row in rows.select(cycle_month(F.col("day"), F.col("cycle"), CYCLES)).collect()] == [None]


@pytest.mark.parametrize(
    ("column", "cases"),
    [
        ("end_date", {"2013-02-01": "valid", None: "valid", "soon": "quarantined", "31/12/2013": "quarantined"}),
        ("quantity", {"2": "valid", None: "valid", "abc": "quarantined", "1,5": "quarantined"}),
    ],
)
def test_an_optional_value_that_is_none_of_its_type_is_not_left_out(
    spark: SparkSession, column: str, cases: dict[Any, str]
) -> None:
    """An end that does not parse must not become a service without end, nor `1,5` pieces one."""
    rows = mapped(delivered(spark, list(cases)), "subscriptions", account_id="'17'", **{column: "x"})
    extras = {"source": "s", "system": "default", "_delivery": "d"}
    whole = rows.withColumns({name: F.lit(value) for name, value in extras.items()})
    judged = judge_subscriptions(whole, accounts_of(spark, ("default", "17", ZONE, "c01")), ["p"])
    found = [verdict for _, (verdict, _) in sorted(verdicts(judged).items())]
    assert dict(zip(cases, found, strict=True)) == cases
