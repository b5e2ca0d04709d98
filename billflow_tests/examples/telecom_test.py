import gzip
import hashlib
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from billflow.catalog import load_catalog
from billflow.errors import UsageError
from billflow.examples import TelecomExample, write_telecom
from billflow.settings import load_settings
from billflow_tests.acceptance import telecom_oracle
from billflow_tests.acceptance.telecom_rows import subscriptions_of

DIRTY = {
    "missing_key",
    "identical_duplicate",
    "conflicting_duplicate",
    "unknown_subscription",
    "unknown_metric",
    "negative_quantity",
    "non_numeric_quantity",
    "unreadable_time",
    "outside_subscription",
    "customer_without_key",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> TelecomExample:
    return write_telecom(tmp_path_factory.mktemp("telecom"), customers=200)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class TestWriteTelecom:
    def test_same_seed_same_bytes(self, tmp_path):
        for name in ("one", "two"):
            write_telecom(tmp_path / name, customers=50)
        assert digests(tmp_path / "one") == digests(tmp_path / "two")

    def test_another_seed_gives_other_customers(self, tmp_path):
        for seed in (1, 2):
            write_telecom(tmp_path / str(seed), customers=5, seed=seed)
        ones = (tmp_path / "1" / "customers.csv").read_text(encoding="utf-8")
        assert ones != (tmp_path / "2" / "customers.csv").read_text(encoding="utf-8")

    def test_rows_stay_as_they_were(self, tmp_path):
        """Figures that would change with the generator, on any machine."""
        example = write_telecom(tmp_path / "fixed", customers=20)
        first = (tmp_path / "fixed" / "customers.csv").read_text(encoding="utf-8").splitlines()[1]
        assert (example.customers, example.subscriptions, example.usage) == (21, 29, 1171)
        assert first.startswith('"A000001","Olena Mayr","Mozartstraße 82","Bregenz","6900"')

    def test_project_loads(self, small):
        settings = load_settings(small.folder)
        catalog = load_catalog(small.folder / "catalog")
        assert settings.first_month == small.month == "2026-06"
        assert {metric.aggregate for metric in catalog.metrics.values()} == {"sum", "count", "max"}
        models = {
            charge.model
            for plan in catalog.plans
            for version in catalog.plan_versions(plan)
            for charge in version.charges.values()
        }
        assert models == {"flat", "per_unit", "graduated"}

    def test_every_plan_is_used(self, small):
        used = {subscription.plan for subscription in subscriptions_of(small.folder)}
        assert used == set(load_catalog(small.folder / "catalog").plans)

    def test_usage_is_in_three_formats(self, small):
        suffixes = Counter("".join(path.suffixes) for path in (small.folder / "usage").iterdir())
        assert suffixes == {".parquet": 1, ".csv.gz": 1, ".json.gz": 1}

    def test_parts_have_files_of_their_own(self, tmp_path, monkeypatch):
        monkeypatch.setattr("billflow.examples.telecom.CUSTOMERS_A_PART", 30)
        done = []
        example = write_telecom(tmp_path / "parts", customers=70, progress=done.append)
        assert done == [30, 60, 70]
        assert len(list((example.folder / "usage").iterdir())) == 9
        expected = telecom_oracle.expected(example.folder, example.month)
        assert expected.quarantined == without_identical(example.dirty)

    def test_folder_that_is_not_empty_is_refused(self, tmp_path):
        (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
        with pytest.raises(UsageError, match="not empty"):
            write_telecom(tmp_path, customers=1)
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    def test_no_customers_are_refused(self, tmp_path):
        with pytest.raises(UsageError, match="no customers"):
            write_telecom(tmp_path / "none", customers=0)
        assert not (tmp_path / "none").exists()


def without_identical(dirty) -> dict[str, int]:
    """What goes to quarantine: of identical rows one is simply kept."""
    return {kind: rows for kind, rows in dirty.items() if kind != "identical_duplicate"}


class TestDirtyRows:
    @pytest.mark.parametrize("customers", [20, 200, 1000])
    def test_each_kind_is_there_and_few(self, tmp_path, customers):
        example = write_telecom(tmp_path / "dirty", customers=customers)
        usage = Counter(example.dirty) - Counter(customer_without_key=1)
        assert example.dirty.keys() == DIRTY
        assert min(example.dirty.values()) >= 1
        assert usage.total() < 0.01 * example.usage
        assert example.dirty["customer_without_key"] < 0.05 * example.customers

    def test_so_few_customers_have_none(self, tmp_path):
        assert write_telecom(tmp_path / "clean", customers=19).dirty == {}

    def test_oracle_finds_the_same(self, small):
        """So each bad row has one fault, and the oracle's pricing shows that every good one has one price."""
        expected = telecom_oracle.expected(small.folder, small.month)
        assert expected.quarantined == without_identical(small.dirty)
        assert expected.kinds["identical_duplicate"] == small.dirty["identical_duplicate"]
        rows = expected.billed.total() + expected.kinds.total() - expected.kinds["customer_without_key"]
        assert rows == small.usage

    def test_conflicting_rows_became_known_before_and_after(self, tmp_path):
        """Whoever takes the first in the file, or the last, bills another amount."""
        folder = write_telecom(tmp_path / "conflicts", customers=300).folder
        with gzip.open(folder / "usage" / "data-0001.json.gz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        originals = {row["id"]: row for row in reversed(rows)}
        conflicts = [row for row in rows if row["amount"] != originals[row["id"]]["amount"]]
        assert {row["seen"] > originals[row["id"]]["seen"] for row in conflicts} == {True, False}


class TestMonths:
    @pytest.mark.parametrize("month", ["2026-03", "2026-10", "2028-02"])
    def test_any_month_works(self, tmp_path, month):
        """Clock changes and a leap day among them."""
        example = write_telecom(tmp_path / "month", customers=40, month=date.fromisoformat(f"{month}-17"))
        expected = telecom_oracle.expected(example.folder, month)
        assert example.month == month
        assert expected.quarantined == without_identical(example.dirty)
        assert len(expected.invoices) >= 38

    def test_lines_begin_end_and_change_within_the_month(self, small):
        subscriptions = subscriptions_of(small.folder)
        first, after = date(2026, 6, 1), date(2026, 7, 1)
        began = [row for row in subscriptions if first < row.start < after]
        ended = [row for row in subscriptions if row.end and first < row.end < after]
        changed = {(row.subscription_id, row.start) for row in began} & {
            (row.subscription_id, row.end) for row in ended
        }
        assert len(changed) >= 5
        assert len(began) - len(changed) >= 5
        assert len(ended) - len(changed) >= 5

    def test_some_customers_have_several_subscriptions(self, small):
        owned = Counter(
            account for account, _ in {(row.account_id, row.subscription_id) for row in subscriptions_of(small.folder)}
        )
        assert {1, 2, 3} <= set(owned.values())
