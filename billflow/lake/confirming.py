"""Draft → confirmed: what may be confirmed, what is looked at before, and the record that seals it. No Spark in here.

The numbers follow those of the manifest that the confirmation started from. Publishing puts it onto that series or,
when another partition was confirmed meanwhile, nowhere (`Publication.onto`); so no number is given twice, and none is
left out by a confirmation that was killed: it had none until its manifest was there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from billflow.errors import UsageError
from billflow.lake.chain import chain_head, chained_columns
from billflow.lake.digests import code_version, table_digests, text_digest
from billflow.lake.manifest import FOLDER, Confirmation, Manifest, PublishedPartition, TableRun
from billflow.lake.numbers import number_problems, number_ranges
from billflow.lake.published import column_types, connect_to, files, rows_of
from billflow.lake.schemas import INVOICES
from billflow.lake.storage import Storage

INPUT = ("accounts", "subscriptions", "usage", "adjustments")
"""Tables that a partition was billed from."""

_CHANGED = ("invoice_number", "status")
"""What a confirmation changes in an invoice, and nothing else."""

_SHOWN = 5


def draft_of(manifest: Manifest, key: str) -> PublishedPartition:
    """The partition as it may be confirmed; UsageError when it is not there, not whole, or confirmed already."""
    manifest.check_open(key)
    draft = manifest.partitions.get(key)
    problem = "it is not published" if draft is None else _lack(draft) or _repeats(manifest, key, draft)
    if draft is None or problem:
        cycle, _, month = key.partition("|")
        raise UsageError(
            f"{key} cannot be confirmed: {problem}",
            where=f"{FOLDER}, version {manifest.version}",
            remedy=f"`billflow run --cycle {cycle} --month {month}`, then confirm",
        )
    return draft


def _lack(draft: PublishedPartition) -> str:
    """Why a published draft is not whole; empty when it is."""
    if "documents" not in draft.tables:
        return "its documents are not published; the run has not finished"
    invoices, documents = (sum(run.rows for run in draft.tables[table]) for table in ("invoices", "documents"))
    if documents < invoices:
        return f"{invoices - documents:,} of its {invoices:,} invoices have no PDF (`billflow status` says why)"
    return "" if draft.catalog else "it does not say which catalogue it was billed with"


def _repeats(manifest: Manifest, key: str, draft: PublishedPartition) -> str:
    """Which late usage of the draft's is on bills that were confirmed since it was run; empty when none is."""
    cycle, _, _ = key.partition("|")
    for other, one in manifest.partitions.items():
        is_newer = one.confirmation is not None and one.confirmation.position > draft.late_after
        both = sorted(set(one.late_months) & set(draft.late_months))
        if is_newer and both and other.partition("|")[0] == cycle:
            return f"{other}, which was confirmed since, has billed late usage of {', '.join(both)}"
    return ""


def earlier_drafts(manifest: Manifest, key: str) -> list[str]:
    """Partitions of the same cycle and earlier months that are drafts still: their numbers will be higher."""
    cycle, _, month = key.partition("|")
    placed = {other: other.partition("|") for other in manifest.partitions}
    return sorted(
        other
        for other, (its_cycle, _, its_month) in placed.items()
        if its_cycle == cycle and its_month < month and not manifest.partitions[other].is_confirmed
    )


@dataclass(frozen=True)
class Confirming:
    """A draft of manifest `base`, and what is to replace its invoices and documents."""

    storage: Storage
    base: Manifest
    key: str
    run_id: str
    staged: Mapping[str, TableRun]
    """invoices and documents, where they are now."""
    placed: Mapping[str, TableRun]
    """The same, where they will be published."""
    patterns: Mapping[str, str]
    """Kind → pattern of its numbers."""
    template: str

    @property
    def draft(self) -> PublishedPartition:
        """What is confirmed."""
        return draft_of(self.base, self.key)

    def problems(self) -> list[str]:
        """What forbids to publish: other rows or amounts than the draft's, a gap, a double, a missing document."""
        with self._connection() as connection:
            ranges = number_ranges(connection, self.base.series, self.patterns)
            return [*self._changed_rows(connection), *number_problems(connection, ranges), *_undocumented(connection)]

    def partition(self) -> PublishedPartition:
        """The confirmed partition with its record, sealed."""
        tables = {**self.draft.tables, **_single(self.placed)}
        now = {**tables, **_single(self.staged)}
        record = self._record(table_digests(self.storage, now))
        changed = {"run_id": self.run_id, "status": "confirmed", "tables": tables, "confirmation": record}
        open_ = self.draft.model_copy(update=changed)
        head = chain_head(self.storage, now, self.key, open_, record)
        return open_.model_copy(update={"confirmation": record.model_copy(update={"head": head})})

    def _record(self, digests: dict[str, str]) -> Confirmation:
        with self._connection() as connection:
            numbers = number_ranges(connection, self.base.series, self.patterns)
        return Confirmation(
            position=1 + self.base.confirmations,
            previous=self.base.chain,
            bill_run=self.draft.run_id,
            code_version=code_version(),
            input=input_digest(self.draft.fingerprint, digests),
            catalog=self.draft.catalog,
            template=self.template,
            tables=digests,
            columns=chained_columns(),
            numbers=numbers,
        )

    def _connection(self) -> duckdb.DuckDBPyConnection:
        return connect_to(self.storage, _single(self.staged))

    def _changed_rows(self, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
        kept = {name: kind for name, kind in column_types(INVOICES).items() if name not in _CHANGED}
        drafts = rows_of(kept, files(self.storage, self.draft.tables["invoices"]))
        staged = f"SELECT {', '.join(kept)} FROM invoices"
        for what, one, other in (("draft is missing", drafts, staged), ("invoice is of no draft", staged, drafts)):
            found = connection.execute(f"SELECT invoice_id FROM ({one} EXCEPT ALL {other}) LIMIT {_SHOWN}")
            yield from (f"{invoice_id}: this {what}, or was changed" for (invoice_id,) in found.fetchall())


def input_digest(fingerprint: str, tables: Mapping[str, str]) -> str:
    """Hash over the state of the sources that was billed, and over the tables made from it."""
    return text_digest(fingerprint, *(f"\n{table} {tables[table]}" for table in INPUT if table in tables))


def _single(tables: Mapping[str, TableRun]) -> dict[str, tuple[TableRun, ...]]:
    return {table: (run,) for table, run in tables.items()}


def _undocumented(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    found = connection.execute(
        f"""SELECT invoice_id, count(sha256) FROM invoices LEFT JOIN documents USING (invoice_id)
        GROUP BY invoice_id HAVING count(sha256) <> 1 LIMIT {_SHOWN}"""
    )
    yield from (f"invoice {invoice_id} has {count} documents" for invoice_id, count in found.fetchall())
