"""The published tables in DuckDB, by name, through the newest manifest."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from billflow.lake.manifest import Confirmation, Ingest, Manifest, PublishedPartition, TableRun
from billflow.lake.published import connect, files, table_runs
from billflow.lake.schemas import SCHEMAS
from billflow.lake.storage import LocalStorage
from billflow_tests.lake.some_lake import COUNTS

NOTHING = TableRun(path="nothing", rows=0)
CONFIRMATION = Confirmation(
    position=1, previous="", bill_run="r1", code_version="", input="", catalog="", template="", tables={}, columns={},
    numbers={},
)  # fmt: skip


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(str(tmp_path / "a lake [1]"))


def put(storage: LocalStorage, place: str, **columns: pa.Array) -> TableRun:
    """A folder of one file with some columns."""
    Path(storage.file(place)).mkdir(parents=True)
    pq.write_table(pa.table(columns), f"{storage.file(place)}/part-0.parquet")
    storage.write(f"{place}/_SUCCESS", b"")
    return TableRun(path=place, rows=1)


def whole(table: str, **given: Any) -> dict[str, pa.Array]:
    """One row of a table; columns that are not given are NULL."""
    from pyspark.sql.pandas.types import to_arrow_schema

    schema = to_arrow_schema(SCHEMAS[table], timezone="UTC")
    return {name: pa.array([given.get(name)], schema.field(name).type) for name in schema.names}


def manifest(tables: Mapping[str, Mapping[str, TableRun]], ingest: Ingest | None = None) -> Manifest:
    """Partition → table → folder."""
    partitions = {
        key: PublishedPartition(
            run_id="r1",
            status="draft",
            period_start="2013-01-01",
            period_end="2013-02-01",
            counts=COUNTS,
            totals={},
            tables={table: (run,) for table, run in runs.items()},
        )
        for key, runs in tables.items()
    }
    return Manifest(version=1, partitions=partitions, ingest=ingest)


def ingest(accounts: TableRun, **changed: Any) -> Ingest:
    other = TableRun(path="nothing", rows=0)
    given = {"fingerprint": "f", "run_id": "r1", "raw": {}, "usage": {}, "quarantine": {}, "report": {}}
    return Ingest(accounts=accounts, subscriptions=other, **{**given, **changed})


@pytest.mark.parametrize("table", SCHEMAS)
def test_an_empty_lake_has_all_tables(storage: LocalStorage, table: str) -> None:
    found = connect(storage, Manifest()).sql(f"select * from {table}")
    assert found.fetchall() == []
    assert found.columns == [name for name in SCHEMAS[table].names if name not in ("pdf", "payload")]


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [
        ("invoices", "net", "DECIMAL(38,4)"),
        ("invoice_lines", "quantity", "DECIMAL(38,12)"),
        ("invoice_lines", "line_no", "INTEGER"),
        ("invoices", "period_start", "DATE"),
        ("usage", "event_time", "TIMESTAMP"),
        ("usage", "dimensions", "MAP(VARCHAR, VARCHAR)"),
        ("quarantine", "rules", "VARCHAR[]"),
        ("documents", "bytes", "BIGINT"),
    ],
)
@pytest.mark.parametrize("filled", [False, True], ids=["empty", "with a row"])
def test_types(storage: LocalStorage, filled: bool, table: str, column: str, kind: str) -> None:
    run = {table: put(storage, f"{table}/run=r1", **whole(table))} if filled else {}
    found = connect(storage, manifest({"c01|2013-01": run})).sql(f'select "{column}" from {table}')
    assert str(found.types[0]) == kind
    assert len(found.fetchall()) == filled


def test_rows_of_all_partitions(storage: LocalStorage) -> None:
    tables = {
        f"c01|2013-0{month}": {
            "invoices": put(
                storage,
                f"invoices/cycle=c01/month=2013-0{month}/run=r1",
                **whole("invoices", invoice_id=f"i{month}", net=Decimal("0.0001"), issue_date=date(2013, month, 1)),
            )
        }
        for month in (1, 2)
    }
    rows = connect(storage, manifest(tables)).sql("select invoice_id, net, issue_date from invoices order by 1")
    assert rows.fetchall() == [
        ("i1", Decimal("0.0001"), date(2013, 1, 1)),
        ("i2", Decimal("0.0001"), date(2013, 2, 1)),
    ]


def test_times_are_utc_wherever_this_runs(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Australia/Sydney")
    time = datetime(2013, 1, 1, 10, tzinfo=UTC)
    run = put(storage, "usage/run=r1", **whole("usage", event_time=time))
    found = connect(storage, manifest({"c01|2013-01": {"usage": run}})).sql("select event_time from usage").fetchall()
    assert found == [(time.replace(tzinfo=None),)]


def test_the_pdf_is_not_shown(storage: LocalStorage) -> None:
    run = put(storage, "documents/run=r1", **whole("documents", invoice_id="i", pdf=b"%PDF"))
    found = connect(storage, manifest({"c01|2013-01": {"documents": run}})).sql("select * from documents")
    assert not {"pdf", "payload"} & set(found.columns)
    assert found.fetchall()[0][0] == "i"


def test_master_data_is_the_newest_ingestions(storage: LocalStorage) -> None:
    newest = put(storage, "accounts/run=r2", **whole("accounts", account_id="new"))
    older = put(storage, "accounts/run=r1", **whole("accounts", account_id="old"))
    state = manifest({"c01|2013-01": {"accounts": older}}, ingest(newest))
    assert connect(storage, state).sql("select account_id from accounts").fetchall() == [("new",)]


@pytest.mark.parametrize("table", ["bills", "payments"])
def test_bills_and_payments_are_the_newest_ingestions(storage: LocalStorage, table: str) -> None:
    accounts = put(storage, "accounts/run=r2", **whole("accounts"))
    newest = put(storage, f"{table}/run=r2", **whole(table, account_id="new", amount=Decimal("0.5")))
    older = put(storage, f"{table}/run=r1", **whole(table, account_id="old"))
    state = manifest({"c01|2013-01": {table: older}}, ingest(accounts, **{table: newest}))
    found = connect(storage, state).sql(f"select account_id, amount from {table}").fetchall()
    assert found == [("new", Decimal("0.5"))]
    without = manifest({"c01|2013-01": {table: older}}, ingest(accounts))
    assert connect(storage, without).sql(f"select * from {table}").fetchall() == []


def test_adjustments_are_each_partitions(storage: LocalStorage) -> None:
    accounts = put(storage, "accounts/run=r2", **whole("accounts"))
    tables = {
        f"c01|2013-0{month}": {
            "adjustments": put(
                storage,
                f"adjustments/cycle=c01/month=2013-0{month}/run=r1",
                **whole("adjustments", adjustment_id=f"a{month}", date=date(2013, month, 1), amount=Decimal(-month)),
            )
        }
        for month in (1, 2)
    }
    found = connect(storage, manifest(tables, ingest(accounts))).sql("select * from adjustments order by date")
    assert [(row[1], row[3], row[4]) for row in found.fetchall()] == [
        ("a1", date(2013, 1, 1), Decimal(-1)),
        ("a2", date(2013, 2, 1), Decimal(-2)),
    ]


def test_accounts_from_before_there_were_hierarchies(storage: LocalStorage) -> None:
    columns = {name: cells for name, cells in whole("accounts", account_id="1").items() if "invoiced" not in name}
    state = manifest({}, ingest(put(storage, "accounts/run=r1", **columns)))
    found = connect(storage, state).sql("select account_id, invoiced_account_id from accounts").fetchall()
    assert found == [("1", None)]


def test_quarantine_is_each_partitions_and_what_cannot_be_placed(storage: LocalStorage) -> None:
    placed = put(storage, "quarantine/cycle=c01/month=2013-01/run=r1", **whole("quarantine", key="placed"))
    ingested = put(storage, "quarantine/x/run=r2", **whole("quarantine", key="not billed yet"))
    unplaced = put(storage, "quarantine/run=r2", **whole("quarantine", key="unplaced"))
    accounts = put(storage, "accounts/run=r2", **whole("accounts"))
    state = manifest(
        {"c01|2013-01": {"quarantine": placed}}, ingest(accounts, quarantine={"": unplaced, "c01|2013-02": ingested})
    )
    found = connect(storage, state).sql('select "key" from quarantine order by 1').fetchall()
    assert found == [("placed",), ("unplaced",)]


@pytest.mark.parametrize(
    ("delivered", "found"),
    [
        ({"usage": {"c01|2013-01": NOTHING}, "quarantine": True}, ["came later", "late", "unrated"]),
        ({"quarantine": True}, ["came later", "late", "unrated"]),
        ({"usage": {"c01|2013-01": NOTHING}}, ["late", "unrated"]),  # all were mended
        ({"usage": {"c01|2013-02": NOTHING}}, ["as confirmed", "late", "unrated"]),  # nothing is delivered any more
    ],
)
def test_quarantine_of_a_confirmed_month_is_the_newest_ingestions(
    storage: LocalStorage, delivered: Mapping[str, Any], found: list[str]
) -> None:
    place = "quarantine/cycle=c01/month=2013-01/run="
    names = {"r1": "as confirmed", "r2-unrated": "unrated", "r2-late_unrated": "late", "r3": "came later"}
    rows = {name: put(storage, f"{place}{name}", **whole("quarantine", key=key)) for name, key in names.items()}
    later = rows.pop("r3")
    newest = {"c01|2013-01": later} if "quarantine" in delivered else {}
    accounts = put(storage, "accounts/run=r3", **whole("accounts"))
    state = manifest({"c01|2013-01": {}}, ingest(accounts, usage=delivered.get("usage", {}), quarantine=newest))
    sealed = {"confirmation": CONFIRMATION, "tables": {"quarantine": tuple(rows.values())}}
    partitions = {key: one.model_copy(update=sealed) for key, one in state.partitions.items()}
    connection = connect(storage, state.model_copy(update={"partitions": partitions}))
    assert connection.sql('select "key" from quarantine order by 1').fetchall() == [(key,) for key in found]


def test_only_parquet_files_are_data(storage: LocalStorage) -> None:
    run = put(storage, "usage/run=r1", **whole("usage"))
    state = manifest({"c01|2013-01": {"usage": run}})
    assert files(storage, table_runs(state, "usage")) == [storage.file("usage/run=r1/part-0.parquet")]
