"""A whole small ingestion: the report adds up, the quarantine tells all, and twice is the same."""

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from billflow.catalog import Catalog, load_catalog
from billflow.errors import SettingsError
from billflow.lake import schemas, tables
from billflow.lake.staging import Staging
from billflow.lake.storage import LocalStorage
from billflow.settings import Settings, load_settings
from billflow.sources.delivering import deliver
from billflow.sources.ingestion import Ingestion, bucket_count, fingerprint
from billflow.sources.opening import opened_deliveries

BUCKETS = 2

PROJECT = """
project: acme
currency: AUD
timezone: Australia/Sydney
seller: {name: Acme}
cycles: {c01: {day: 1}, c15: {day: 15}}
sources:
  - name: crm
    kind: files
    format: csv
    tables:
      customers: {path: customers.csv, columns: {account_id: id, name: name, cycle: cycle, timezone: zone}}
      subscriptions:
        path: contracts.csv
        columns: {subscription_id: id, account_id: customer, plan: plan, start_date: since, end_date: until}
  - name: meters
    kind: files
    format: csv
    tables:
      usage:
        - path: readings/*.csv
          where: kind = 'import'
          columns: {usage_id: id, subscription_id: contract, metric: "'kwh'", quantity: used, event_time: read_at}
        - path: events.json
          format: json
          columns:
            usage_id: concat('e', id)
            subscription_id: contract
            metric: metric
            quantity: cast(amount as decimal(38,12)) / 1000
            event_time: at
            arrived_at: seen
            dimensions: tags
"""

CATALOG = """
metrics: {kwh: {aggregate: sum}}
plans: {home: {charges: {c: {model: flat, amount: "1", tax: none}}}}
"""

FILES = {
    "customers.csv": "id,name,cycle,zone\n1,Ann,c01,\n2,Bob,c15,Europe/Berlin\n3,,c01,\n2,Bob,c15,Europe/Berlin\n",
    "contracts.csv": "id,customer,plan,since,until\ns1,1,home,2013-01-01,2013-03-01\ns2,2,home,2013-01-01,\ns3,3,home,2013-01-01,\n",
    "readings/a.csv": (
        "id,contract,used,read_at,kind\n"
        "r1,s1,1.5,2013-01-05 10:00,import\n"
        "r2,s1,2,2013-02-05 10:00,import\n"
        "r3,s1,9,2013-02-05 10:00,export\n"
        "r4,s1,-1,2013-01-05 10:00,import\n"
        "r5,s1,2,2013-03-01 00:00,import\n"
        "r6,s1\n"
        "r1,s1,1.5,2013-01-05 10:00,import\n"
    ),
    "readings/b.csv": (
        "kind,read_at,used,contract,id,note\n"
        "import,2013-01-31 23:30,3,s2,r7,x\n"
        "import,2013-01-05 10:00,4,s3,r8,\n"
        "import,soon,5,s1,r9,\n"
        'import,2013-01-05 10:00,6,s1,,"a, ""b"""\n'
        "import,2013-01-05 11:00,7,s1,r2,\n"
    ),
    "events.json": (
        '{"id": 1, "contract": "s1", "metric": "kwh", "amount": "1500", "at": "2013-01-05T00:00:00Z", "seen": "2013-01-06", "tags": {"tier": 1}}\n'
        '{"id": 2, "contract": "s1", "metric": "gas", "amount": "1", "at": "2013-01-05T00:00:00Z"}\n'
        '{"id": 3, "contract": "s1", "metric": "kwh", "amount": "many", "at": "2013-01-05T00:00:00Z"}\n'
        "{broken\n"
    ),
}

BAD_ROWS = {
    ("customers", "3"): (["missing_name"], None, None, "customers.csv"),
    ("subscriptions", "s3|2013-01-01"): (["unknown_account"], None, None, "contracts.csv"),
    ("usage", "r4"): (["negative_quantity"], "c01", "2013-01", "a.csv"),
    ("usage", "r5"): (["outside_subscription"], "c01", "2013-03", "a.csv"),
    ("usage", "r6"): (["malformed_row"], None, None, "a.csv"),
    ("usage", "r8"): (["unknown_subscription"], None, None, "b.csv"),
    ("usage", "r9"): (["mapping_failed", "invalid_time"], None, None, "b.csv"),
    ("usage", None): (["missing_key"], "c01", "2013-01", "b.csv"),
    ("usage", "r2"): (["duplicate_key"], None, None, None),  # which of the two stands is decided by their content
    ("usage", "e2"): (["unknown_metric"], "c01", "2013-01", "events.json"),
    ("usage", "e3"): (["mapping_failed"], "c01", "2013-01", "events.json"),
}


class Ingested:
    """A project's folder, and one ingestion of it."""

    def __init__(self, spark: SparkSession, folder: Path, run_id: str) -> None:
        self.spark, self.run_id = spark, run_id
        self.settings, self.catalog = project_in(folder)
        self.staging = Staging.begin(LocalStorage(self.settings.lake_root), run_id)
        with opened_deliveries(spark, self.settings) as opened:
            self.delivered = deliver(opened, self.staging)
        self.report = Ingestion(spark, self.settings, self.catalog, self.staging, BUCKETS).run()

    def table(self, name: str) -> DataFrame:
        return self.spark.read.parquet(self.staging.uri(name))

    def quarantine(self) -> list[Any]:
        return tables.read_plain(self.spark, self.staging.uri("quarantine"), schemas.QUARANTINE).collect()

    def content(self) -> dict[str, list[str]]:
        """All rows of all tables but for the run's id."""
        names = ("accounts", "subscriptions", "usage", "quarantine")
        frames = {name: self.table(name).drop("run_id") for name in names}
        return {name: sorted(str(row.asDict()) for row in frame.collect()) for name, frame in frames.items()}


def written(folder: Path, **changed: str) -> Path:
    """The small project in a folder, with some of its files written otherwise."""
    files = {"billflow.yaml": PROJECT, "catalog/all.yaml": CATALOG, **FILES, **changed}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def project_in(folder: Path) -> tuple[Settings, Catalog]:
    return load_settings(folder, {}), load_catalog(folder / "catalog")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("acme"))


@pytest.fixture(scope="module")
def first(spark: SparkSession, folder: Path) -> Ingested:
    return Ingested(spark, folder, "r1")


def amounts(counted: dict[str, str]) -> tuple[int, Decimal]:
    return int(counted["rows"]), Decimal(counted["quantity"])


class TestReport:
    @pytest.mark.parametrize(
        ("table", "counts"),
        [
            ("customers", {"in": 4, "valid": 2, "quarantined": 1, "duplicate": 1}),
            ("subscriptions", {"in": 3, "valid": 2, "quarantined": 1}),
            ("usage", {"in": 15, "valid": 4, "quarantined": 10, "duplicate": 1}),
        ],
    )
    def test_rows(self, first: Ingested, table: str, counts: dict[str, int]) -> None:
        found = {key: int(one["rows"]) for key, one in first.report[table].items() if "|" not in key}
        assert found == counts

    @pytest.mark.parametrize("table", ["customers", "subscriptions", "usage"])
    def test_what_came_in_is_valid_duplicate_or_in_quarantine(self, first: Ingested, table: str) -> None:
        report = first.report[table]
        parts = [amounts(report[verdict]) for verdict in ("valid", "duplicate", "quarantined") if verdict in report]
        assert amounts(report["in"]) == (sum(rows for rows, _ in parts), sum(quantity for _, quantity in parts))

    @pytest.mark.parametrize("verdict", ["valid", "duplicate", "quarantined"])
    def test_usage_adds_up_over_months(self, first: Ingested, verdict: str) -> None:
        report = first.report["usage"]
        parts = [amounts(one) for key, one in report.items() if key.startswith(f"{verdict}|")]
        assert amounts(report[verdict]) == (sum(rows for rows, _ in parts), sum(quantity for _, quantity in parts))

    def test_usage_by_month(self, first: Ingested) -> None:
        places = {key: int(one["rows"]) for key, one in first.report["usage"].items() if key.startswith("valid|")}
        assert sum(places.values()) == 4
        assert places["valid|c15|2013-01"] == 1  # 2013-01-31 23:30 in Sydney is 13:30 in Berlin

    def test_quarantine_is_counted_by_place(self, first: Ingested) -> None:
        counted = {key: int(one["rows"]) for key, one in first.report["quarantine"].items()}
        rows = Counter(f"{row.table}|{row.cycle or ''}|{row.month or ''}" for row in first.quarantine())
        assert counted == dict(rows)

    def test_deliveries_are_counted(self, first: Ingested) -> None:
        assert sorted(one.rows for one in first.delivered.values()) == [3, 4, 4, 12]


class TestQuarantine:
    def test_keys(self, first: Ingested) -> None:
        """The row of broken json has no key either."""
        found = Counter((row.table, row.key) for row in first.quarantine())
        assert found == Counter([*BAD_ROWS, ("usage", None)])

    @pytest.mark.parametrize(("table", "key"), [key for key in BAD_ROWS if key != ("usage", None)])
    def test_rules_and_place(self, first: Ingested, table: str, key: str) -> None:
        rules, cycle, month, file = BAD_ROWS[table, key]
        [row] = [row for row in first.quarantine() if (row.table, row.key) == (table, key)]
        assert row.rules[: len(rules)] == rules
        assert row.reason
        assert row.run_id == "r1"
        if file:
            assert (row.cycle, row.month, row.file) == (cycle, month, file)
        assert row.source == ("meters" if table == "usage" else "crm")

    @pytest.mark.parametrize(
        ("key", "original"),
        [
            ("r4", {"id": "r4", "contract": "s1", "used": "-1", "read_at": "2013-01-05 10:00", "kind": "import"}),
            ("r9", {"id": "r9", "contract": "s1", "used": "5", "read_at": "soon", "kind": "import"}),
            (
                "e3",
                {"id": 3, "contract": "s1", "metric": "kwh", "amount": "many", "at": "2013-01-05T00:00:00Z"},
            ),
        ],
    )
    def test_the_original_row(self, first: Ingested, key: str, original: dict[str, Any]) -> None:
        [row] = [row for row in first.quarantine() if row.key == key]
        assert json.loads(row.row) == original

    def test_a_row_that_does_not_parse_shows_its_text(self, first: Ingested) -> None:
        texts = [row.row for row in first.quarantine() if "malformed_row" in row.rules]
        assert len(texts) == 2
        assert all(any(part in text for text in texts) for part in ("r6,s1", "{broken"))

    def test_every_original_row_is_json(self, first: Ingested) -> None:
        for row in first.quarantine():
            json.loads(row.row)


class TestTables:
    def test_usage_is_mapped_exactly(self, first: Ingested) -> None:
        rows = {row.usage_id: row for row in first.table("usage").collect() if row.usage_id in ("r1", "r7", "e1")}
        assert {key: row.quantity for key, row in rows.items()} == {
            "r1": Decimal("1.5"),
            "r7": Decimal(3),
            "e1": Decimal("1.5"),
        }
        assert str(rows["r1"].local_time) == "2013-01-05 10:00:00"
        assert str(rows["r7"].local_time) == "2013-01-31 13:30:00"
        assert rows["e1"].dimensions == {"tier": "1"}
        assert {row.source for row in rows.values()} == {"meters"}

    def test_usage_is_laid_out_by_account_and_month(self, first: Ingested) -> None:
        place = first.staging.uri("usage/cycle=c15/month=2013-01")
        rows = tables.read_bucketed(first.spark, place, schemas.USAGE, BUCKETS)
        assert [(row.account_id, row.usage_id) for row in rows.collect()] == [("2", "r7")]

    def test_accounts_have_the_projects_values(self, first: Ingested) -> None:
        rows = tables.read_bucketed(first.spark, first.staging.uri("accounts"), schemas.ACCOUNTS, BUCKETS).collect()
        assert {(row.account_id, row.timezone, row.currency) for row in rows} == {
            ("1", "Australia/Sydney", "AUD"),
            ("2", "Europe/Berlin", "AUD"),
        }


@pytest.mark.slow
def test_twice_is_the_same(spark: SparkSession, folder: Path, first: Ingested) -> None:
    second = Ingested(spark, folder, "r2")
    assert second.report == first.report
    assert second.content() == first.content()


def test_no_usage_at_all(spark: SparkSession, tmp_path: Path) -> None:
    source = PROJECT[: PROJECT.index("  - name: meters")]
    found = Ingested(spark, written(tmp_path, **{"billflow.yaml": source}), "r1")
    assert found.report["usage"]["in"] == {"rows": "0", "quantity": "0"}
    assert found.table("accounts").count() == 2


def test_one_row_of_a_huge_quantity_stops_nothing(spark: SparkSession, tmp_path: Path) -> None:
    huge = "".join(f"x{at},s1,99999999999999999999999999,2013-01-05 10:00,import\n" for at in range(3))
    found = Ingested(spark, written(tmp_path, **{"readings/a.csv": FILES["readings/a.csv"] + huge}), "r1")
    assert {row.key for row in found.quarantine() if row.rules == ["excessive_quantity"]} == {"x0", "x1", "x2"}


class TestMistakes:
    @pytest.mark.parametrize(
        ("old", "new", "place"),
        [
            ("quantity: used", "quantity: usd", "sources.meters.tables.usage[0].columns.quantity"),
            ("quantity: used", "quantity: used +", "sources.meters.tables.usage[0].columns.quantity"),
            ("kind = 'import'", "knd = 'import'", "sources.meters.tables.usage[0].where"),
            ("metric: metric", "metric: nosuch(metric)", "sources.meters.tables.usage[1].columns.metric"),
            ("start_date: since", "start_date: sinc", "sources.crm.tables.subscriptions.columns.start_date"),
        ],
    )
    def test_of_an_expression_are_found_before_anything_is_written(
        self, spark: SparkSession, tmp_path: Path, old: str, new: str, place: str
    ) -> None:
        settings, _ = project_in(written(tmp_path, **{"billflow.yaml": PROJECT.replace(old, new)}))
        with pytest.raises(SettingsError) as caught, opened_deliveries(spark, settings):
            pass
        assert caught.value.where == f"{tmp_path / 'billflow.yaml'}: {place}"
        assert not (tmp_path / "lake").exists()

    def test_none(self, spark: SparkSession, folder: Path) -> None:
        with opened_deliveries(spark, load_settings(folder, {})) as opened:
            assert len(opened) == 4


class TestFingerprint:
    @pytest.mark.parametrize(
        ("change", "differs"),
        [
            (lambda folder: folder.touch(), False),
            (lambda folder: (folder / "readings/c.csv").write_text("id,contract,used,read_at,kind\n"), True),
            (lambda folder: (folder / "customers.csv").write_text(FILES["customers.csv"]), True),
            (lambda folder: _replace(folder / "billflow.yaml", "quantity: used", "quantity: used * 1"), True),
            (lambda folder: _replace(folder / "billflow.yaml", "day: 15", "day: 16"), True),
            (lambda folder: _replace(folder / "billflow.yaml", "Australia/Sydney", "UTC"), True),
            (lambda folder: _replace(folder / "billflow.yaml", "name: Acme", "name: Other"), False),
            (lambda folder: _replace(folder / "catalog/all.yaml", "kwh:", "gas:"), True),
            (lambda folder: _replace(folder / "catalog/all.yaml", "home:", "office:"), True),
            (lambda folder: _replace(folder / "catalog/all.yaml", '"1"', '"2"'), False),
        ],
    )
    def test_changes_with_what_canonical_tables_depend_on(
        self, tmp_path: Path, change: Callable[[Path], Any], differs: bool
    ) -> None:
        before = fingerprint(*project_in(written(tmp_path)))
        change(tmp_path)
        assert (fingerprint(*project_in(tmp_path)) != before) is differs


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("rows", "cores", "buckets"), [(0, 2, 2), (1_000_000, 1, 1), (1_000_001, 1, 2), (30_000_000, 4, 30), (5, 16, 16)]
)
def test_bucket_count(rows: int, cores: int, buckets: int) -> None:
    assert bucket_count(rows, cores) == buckets
