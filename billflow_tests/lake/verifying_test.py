"""Whatever changes after a confirmation is found: files, rows, the catalogue, the record, the chain."""

import json
import shutil
from pathlib import Path

import pytest

from billflow.lake import chain
from billflow.lake.catalogs import keep_catalog, kept_catalog
from billflow.lake.chain import chain_head
from billflow.lake.manifest import Manifest, PublishedPartition, TableRun, read_manifest
from billflow.lake.storage import LocalStorage
from billflow.lake.verifying import confirmed, ledger_problems, partition_problems
from billflow_tests.lake.some_bills import CATALOG, JULY, JUNE, MAY, bills, confirm, draft, put, take


@pytest.fixture(scope="module")
def three_months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake with three confirmed months."""
    storage = LocalStorage(str(tmp_path_factory.mktemp("confirmed") / "lake"))
    for key in (MAY, JUNE, JULY):
        draft(storage, key)
    for key in (MAY, JUNE, JULY):
        confirm(storage, key)
    return storage.root


@pytest.fixture
def lake(three_months: Path, tmp_path: Path) -> LocalStorage:
    """Three confirmed months, for one test."""
    return LocalStorage(str(shutil.copytree(three_months, tmp_path / "lake")))


def problems(storage: LocalStorage, key: str = MAY, partition: PublishedPartition | None = None) -> str:
    return "\n".join(partition_problems(storage, key, partition or read_manifest(storage).partitions[key]))


def folder(storage: LocalStorage, table: str) -> str:
    return read_manifest(storage).partitions[MAY].tables[table][0].path


def test_nothing_is_wrong(lake):
    assert [problems(lake, key) for key in (MAY, JUNE, JULY)] == ["", "", ""]
    assert ledger_problems(read_manifest(lake)) == []


@pytest.mark.parametrize("table", ["invoices", "invoice_lines", "invoice_taxes", "documents", "accounts", "usage"])
def test_a_flipped_byte(lake, table):
    file = Path(lake.file(f"{folder(lake, table)}/part-0.parquet"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert f"the files of {table} are not the ones that were confirmed" in problems(lake)
    assert problems(lake, JUNE) == ""


def test_a_file_that_cannot_be_read(lake):
    lake.write(f"{folder(lake, 'invoices')}/part-0.parquet", b"nonsense")
    assert "a table cannot be read" in problems(lake)


def test_files_added_and_removed(lake):
    put(lake, f"{folder(lake, 'documents')}/../other", "documents", [])
    extra = lake.read(f"{folder(lake, 'documents')}/part-0.parquet")
    lake.write(f"{folder(lake, 'documents')}/part-1.parquet", extra)
    assert "the files of documents" in problems(lake)
    lake.delete(folder(lake, "invoice_lines"))
    assert "the files of invoice_lines" in problems(lake)


def test_a_removed_invoice(lake):
    place = folder(lake, "invoices")
    put(lake, place, "invoices", take(lake, place)[1:])
    found = problems(lake)
    assert "the files of invoices" in found
    assert "the hash chain ends in" in found
    assert "series invoice|2026 has 2 invoices for 3 numbers" in found


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        ("invoices", {"total": 7}),
        ("invoice_lines", {"description": "x"}),
        ("invoice_taxes", {"tax": 1}),
        ("documents", {"sha256": "x"}),
    ],
)
def test_the_chain_alone_tells_of_a_changed_row(lake, table, changed):
    """Without looking at files: the rows say it."""
    place, partition = folder(lake, table), read_manifest(lake).partitions[MAY]
    head = chain_head(lake, partition.tables, MAY, partition, partition.confirmation)
    first, *others = take(lake, place)
    put(lake, place, table, [{**first, **changed}, *others])
    assert partition.confirmation is not None
    assert head == partition.confirmation.head
    assert chain_head(lake, partition.tables, MAY, partition, partition.confirmation) != head


def test_the_order_of_rows_and_their_files_do_not_matter_to_the_chain(lake):
    partition = read_manifest(lake).partitions[MAY]
    for table in ("invoices", "invoice_lines", "invoice_taxes", "documents"):
        place = folder(lake, table)
        rows = take(lake, place)[::-1]
        put(lake, place, table, rows[:1])
        put(lake, f"{place}-more", table, rows[1:])
        lake.write(f"{place}/part-1.parquet", lake.read(f"{place}-more/part-0.parquet"))
    assert partition.confirmation is not None
    assert chain_head(lake, partition.tables, MAY, partition, partition.confirmation) == partition.confirmation.head


@pytest.mark.parametrize("block", [1, 2, 3])
def test_blocks(tmp_path, monkeypatch, block):
    """A chain of several blocks is found again, and differs from one of fewer."""
    storage = LocalStorage(str(tmp_path / "lake"))
    draft(storage, MAY, bills(MAY, accounts=("A", "B", "C", "D", "E")))
    whole = confirm(storage, MAY).partitions[MAY]
    monkeypatch.setattr(chain, "BLOCK", block)
    heads = {chain_head(storage, whole.tables, MAY, whole, whole.confirmation) for _ in range(2)}
    assert len(heads) == 1
    assert whole.confirmation is not None
    assert whole.confirmation.head not in heads


def test_bucket_by_bucket(tmp_path):
    """The files that Spark writes for a bucket are chained together; the result is the same as all at once."""
    storage = LocalStorage(str(tmp_path / "lake"))
    draft(storage, MAY)
    partition = confirm(storage, MAY).partitions[MAY]
    tables: dict[str, tuple[TableRun, ...]] = {**partition.tables}
    for table in ("invoices", "invoice_lines", "invoice_taxes"):
        for bucket, account in enumerate("ABC"):
            rows = [row for row in take(storage, partition.tables[table][0].path) if row["account_id"] == account]
            put(storage, f"buckets/{account}", table, rows)
            name = f"part-0000{bucket}-uuid_0000{bucket}.c000.zstd.parquet"
            storage.write(f"bucketed/{table}/{name}", storage.read(f"buckets/{account}/part-0.parquet"))
        tables[table] = (TableRun(path=f"bucketed/{table}", rows=3, buckets=3),)
    assert len(chain._buckets(storage, tables)) == 3
    assert partition.confirmation is not None
    assert chain_head(storage, tables, MAY, partition, partition.confirmation) == partition.confirmation.head


class TestCatalogue:
    def test_is_kept_once(self, lake):
        assert len(lake.list("_catalogs")) == 1
        [name] = lake.list("_catalogs")
        assert kept_catalog(lake, name.removesuffix(".json")) == CATALOG
        assert keep_catalog(lake, CATALOG) == name.removesuffix(".json")

    def test_a_changed_text(self, lake):
        [name] = lake.list("_catalogs")
        lake.write(f"_catalogs/{name}", json.dumps({"plans.yaml": "plans: {cheap: }"}).encode())
        assert "the catalogue has been changed" in problems(lake)

    def test_a_removed_one(self, lake):
        lake.delete(f"_catalogs/{lake.list('_catalogs')[0]}")
        assert "the catalogue of this hash is gone" in problems(lake)


@pytest.mark.parametrize(
    "changed", [{"catalog": "0" * 64}, {"template": "x"}, {"code_version": "9"}, {"input": "x"}, {"bill_run": "x"}]
)
def test_the_record_is_sealed(lake, changed):
    partition = read_manifest(lake).partitions[MAY]
    assert partition.confirmation is not None
    forged = partition.confirmation.model_copy(update=changed)
    assert "the hash chain ends in" in problems(lake, MAY, partition.model_copy(update={"confirmation": forged}))


def test_another_input(lake):
    partition = read_manifest(lake).partitions[MAY]
    assert "the input" in problems(lake, MAY, partition.model_copy(update={"fingerprint": "other"}))


class TestLedger:
    @pytest.mark.parametrize(
        ("removed", "problem"),
        [
            (MAY, "c01|2026-06 is not chained to the confirmation before it"),
            (JUNE, "c01|2026-07 is confirmation 3 of the lake, but the one before it is number 1"),
            (JULY, "the newest confirmation is not the one that the manifest knows"),
        ],
    )
    def test_a_removed_confirmation(self, lake, removed, problem):
        head = read_manifest(lake)
        left = {key: one for key, one in head.partitions.items() if key != removed}
        assert problem in "\n".join(ledger_problems(head.model_copy(update={"partitions": left})))

    def test_series(self, lake):
        head = read_manifest(lake)
        assert (
            "the manifest's series are" in ledger_problems(head.model_copy(update={"series": {"invoice|2026": 8}}))[0]
        )

    def test_order_of_confirmation(self, lake):
        assert list(confirmed(read_manifest(lake))) == [MAY, JUNE, JULY]

    def test_of_an_empty_lake(self):
        assert ledger_problems(Manifest()) == []
