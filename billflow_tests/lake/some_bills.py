"""A lake of small bills in real Parquet files: drafts, and their confirmation as its steps do it, without Spark."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql.pandas.types import to_arrow_schema

from billflow.billing.numbering import ORDER
from billflow.lake.catalogs import keep_catalog
from billflow.lake.confirming import Confirming
from billflow.lake.manifest import AccountCounts, Manifest, PublishedPartition, TableRun, read_manifest
from billflow.lake.publishing import Publication, finish, publish, run_folder
from billflow.lake.schemas import SCHEMAS
from billflow.lake.staging import Staging
from billflow.lake.storage import Storage
from billflow.number_pattern import NumberPattern
from billflow.settings import Numbering

Row = dict[str, Any]
MAY, JUNE, JULY = "c01|2026-05", "c01|2026-06", "c01|2026-07"
PATTERNS = Numbering().patterns
CATALOG = {"plans.yaml": "plans: {}\n"}
BILLED = ("invoices", "invoice_lines", "invoice_taxes", "documents", "accounts", "usage")


def bills(key: str, accounts: Sequence[str] = ("A", "B", "C"), kind: str = "invoice") -> dict[str, list[Row]]:
    """Table → rows of a partition: an invoice of two lines for each account."""
    cycle, _, month = key.partition("|")
    invoices = [
        {"invoice_id": f"{month}-{account}", "account_id": account, "system": "s", "cycle": cycle, "month": month}
        for account in accounts
    ]
    year, number = map(int, month.split("-"))
    issued = {"kind": kind, "status": "draft", "issue_date": date(year + number // 12, number % 12 + 1, 1)}
    return {
        "invoices": [
            {**row, **issued, "net": total, "tax": Decimal(0), "total": total} for row, total in totalled(invoices)
        ],
        "invoice_lines": [
            {**row, "line_no": no, "net": total / 2, "service_account_id": row["account_id"]}
            for row, total in totalled(invoices)
            for no in (2, 1)
        ],
        "invoice_taxes": [
            {**row, "tax_category": "Z", "tax_rate": Decimal(0), "base": total, "tax": Decimal(0)}
            for row, total in totalled(invoices)
        ],
        "documents": [documented(row, "draft") for row in invoices],
        "accounts": [{"account_id": account, "system": "s"} for account in accounts],
        "usage": [],
    }


def totalled(invoices: Sequence[Row]) -> list[tuple[Row, Decimal]]:
    """Invoices of 1, 2, 3, …"""
    return [(row, Decimal(at)) for at, row in enumerate(invoices, 1)]


def documented(row: Row, content: str) -> Row:
    return {"invoice_id": row["invoice_id"], "sha256": f"{content} of {row['invoice_id']}", "pdf": content.encode()}


def put(storage: Storage, folder: str, table: str, rows: Sequence[Row]) -> TableRun:
    """Writes rows as a table's one file; columns that they leave out are NULL."""
    schema = to_arrow_schema(SCHEMAS[table], timezone="UTC")
    full = [{name: row.get(name) for name in schema.names} for row in rows]
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(full, schema=schema), buffer)
    storage.write(f"{folder}/part-0.parquet", buffer.getvalue().to_pybytes())
    return TableRun(path=folder, rows=len(rows))


def take(storage: Storage, folder: str) -> list[Row]:
    """The rows of a folder that `put` wrote."""
    table = pq.read_table(pa.BufferReader(storage.read(f"{folder}/part-0.parquet")))
    rows: list[Row] = table.to_pylist()
    return rows


def placed(key: str) -> tuple[str, str]:
    cycle, _, month = key.partition("|")
    return cycle, month


def draft(
    storage: Storage,
    key: str,
    rows: Mapping[str, Sequence[Row]] | None = None,
    run_id: str = "",
    late: tuple[str, ...] = (),
    start: str = "2026-05-01",
    ahead_lines: tuple[str, ...] | None = None,
) -> None:
    """A whole bill run of a partition, published; with differences of months that are confirmed (`late`)."""
    run_id, rows = run_id or f"run-{key[-2:]}", rows or bills(key)
    staging = Staging.begin(storage, run_id, key)
    moves = {staging.place(table): run_folder(table, run_id, placed(key)) for table in rows}
    runs = {table: put(storage, staging.place(table), table, listed) for table, listed in rows.items()}
    count = len(rows["invoices"])
    made = PublishedPartition(
        run_id=run_id,
        status="draft",
        period_start=start,
        period_end=(date.fromisoformat(start) + timedelta(days=31)).replace(day=1).isoformat(),
        counts=AccountCounts(accounts=count, invoiced=count, without_lines=0, held=0),
        totals={},
        tables={table: (run.model_copy(update={"path": moves[run.path]}),) for table, run in runs.items()},
        fingerprint="f",
        catalog=keep_catalog(storage, CATALOG),
        late_months=late,
        late_after=staging.base().confirmations,
        ahead_lines=ahead_lines,
    )
    publish(storage, moves, Publication(run_id, key, made, replaces=staging.base().partitions.get(key)))
    finish(storage, run_id)


def staged(storage: Storage, key: str, run_id: str) -> Confirming:
    """A confirmation that has numbered and rendered, and not published yet."""
    staging = Staging.begin(storage, run_id, key)
    base = staging.base()
    drafts = take(storage, base.partitions[key].tables["invoices"][0].path)
    invoices = numbered(drafts, base.series)
    documents = [documented(row, f"final {row['invoice_number']}") for row in invoices]
    made = {"invoices": invoices, "documents": documents}
    runs = {table: put(storage, staging.place(table), table, rows) for table, rows in made.items()}
    final = {
        table: run.model_copy(update={"path": run_folder(table, run_id, placed(key))}) for table, run in runs.items()
    }
    return Confirming(storage, base, key, run_id, runs, final, PATTERNS, template="t")


def numbered(drafts: Sequence[Row], last: Mapping[str, int]) -> list[Row]:
    """What Spark does with a prefix sum, by a loop."""
    used, made = dict(last), []
    for row in sorted(drafts, key=lambda row: tuple(row[name] for name in ORDER)):
        series, year = f"{row['kind']}|{row['issue_date'].year}", row["issue_date"].year
        used[series] = used.get(series, 0) + 1
        number = NumberPattern.of(PATTERNS[row["kind"]]).number(year, used[series])
        made.append({**row, "status": "confirmed", "invoice_number": number})
    return made


def publish_confirmed(
    storage: Storage, confirming: Confirming, partition: PublishedPartition | None = None
) -> Manifest:
    """The last step of a confirmation."""
    made = partition or confirming.partition()
    moves = {run.path: confirming.placed[table].path for table, run in confirming.staged.items()}
    return publish(storage, moves, Publication(confirming.run_id, confirming.key, made, replaces=confirming.draft))


def confirm(storage: Storage, key: str, run_id: str = "") -> Manifest:
    """A whole confirmation."""
    confirming = staged(storage, key, run_id or f"confirm-{key[-2:]}")
    assert confirming.problems() == []
    manifest = publish_confirmed(storage, confirming)
    finish(storage, confirming.run_id)
    return manifest


def numbers(storage: Storage, key: str) -> list[str]:
    """The numbers that a reader finds, in order."""
    partition = read_manifest(storage).partitions[key]
    return sorted(row["invoice_number"] or "" for row in take(storage, partition.tables["invoices"][0].path))
