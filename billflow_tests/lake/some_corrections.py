"""Corrections of the bills of `some_bills`, as `billflow correct` makes them, without Spark."""

from billflow.lake.correcting import Correcting, next_key
from billflow.lake.manifest import Correction, Manifest, PublishedPartition, read_manifest
from billflow.lake.publishing import Publication, finish, publish, run_folder
from billflow.lake.staging import Staging
from billflow.lake.storage import Storage
from billflow_tests.lake.some_bills import PATTERNS, Row, documented, numbered, placed, put, take

_AMOUNTS = ("net", "tax", "total", "base")


def bill(storage: Storage, one: PublishedPartition, invoice_id: str) -> dict[str, list[Row]]:
    """Table → the rows of one invoice."""
    tables = ("invoices", "invoice_lines", "invoice_taxes")
    rows = {table: take(storage, one.tables[table][0].path) for table in tables}
    return {table: [row for row in listed if row["invoice_id"] == invoice_id] for table, listed in rows.items()}


def copied(rows: dict[str, list[Row]], factor: int, **changed: object) -> dict[str, list[Row]]:
    """The same bill with all amounts times `factor`, and other columns."""
    return {
        table: [{**row, **{name: row[name] * factor for name in _AMOUNTS if name in row}, **changed} for row in listed]
        for table, listed in rows.items()
    }


def correcting(
    storage: Storage,
    invoice_id: str = "2026-05-A",
    run_id: str = "fix",
    *,
    factor: int = 5,
    takes_ahead: bool = False,
    catalog: str | None = None,
) -> Correcting:
    """A correction that is staged: the new bill is `factor` times the old one; with 0 there is none."""
    base = read_manifest(storage)
    partition = f"c01|{invoice_id[:7]}"
    original, key = base.holder(partition, invoice_id), next_key(base, partition)
    was, suffix = bill(storage, original, invoice_id), key.partition("#")[2]
    draft = {"status": "draft", "invoice_number": None, "corrects": invoice_id}
    ids = {"reversal": f"{invoice_id}-{suffix}", "replacement": f"{invoice_id}+{suffix}" if factor else ""}
    made = [copied(was, -1, **draft, invoice_id=ids["reversal"], kind="credit_note")]
    if factor:
        made.append(copied(was, factor, **draft, invoice_id=ids["replacement"]))
    rows = {table: [row for one in made for row in one[table]] for table in made[0]}
    rows["invoices"] = numbered(rows["invoices"], base.series)
    rows["documents"] = [documented(row, "final") for row in rows["invoices"]]
    rows |= {"accounts": take(storage, original.tables["accounts"][0].path)[:1], "usage": []}
    staging = Staging.begin(storage, run_id, key)
    runs = {table: put(storage, staging.place(table), table, listed) for table, listed in rows.items()}
    final = {
        table: run.model_copy(update={"path": run_folder(table, run_id, placed(partition))})
        for table, run in runs.items()
    }
    told = {
        "number": was["invoices"][0]["invoice_number"],
        "reason": "wrong",
        "system": "s",
        "account": invoice_id[8:9],
    }
    changed = {
        "run_id": run_id,
        "tables": {table: (run,) for table, run in final.items()},
        "catalog": catalog or original.catalog,
        "late_after": base.confirmations,
        "late_months": (),
        "confirmation": None,
        "correction": Correction(invoice=invoice_id, **ids, **told, takes_ahead=takes_ahead),
    }
    return Correcting(storage, base, key, original.model_copy(update=changed), original, runs, PATTERNS, template="t")


def publish_corrected(storage: Storage, made: Correcting) -> Manifest:
    """The last step of a correction."""
    moves = {run.path: made.made.tables[table][0].path for table, run in made.staged.items()}
    return publish(storage, moves, Publication(made.made.run_id, made.key, made.sealed(), replaces=None))


def correct(storage: Storage, invoice_id: str = "2026-05-A", run_id: str = "fix", **more: object) -> Manifest:
    """A whole correction."""
    made = correcting(storage, invoice_id, run_id, **more)
    assert made.problems() == []
    manifest = publish_corrected(storage, made)
    finish(storage, run_id)
    return manifest
