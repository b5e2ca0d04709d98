"""Draft → confirmed: what may be confirmed, what is looked at before, and the record that seals it. No Spark in here.

The numbers follow those of the manifest that the confirmation started from. Publishing puts it onto that series or,
when another partition was confirmed meanwhile, nowhere (`Publication.onto`); so no number is given twice, and none is
left out by a confirmation that was killed: it had none until its manifest was there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from billflow.errors import UsageError
from billflow.lake.manifest import FOLDER, Manifest, PublishedPartition, TableRun, partition_of
from billflow.lake.numbers import number_problems, number_ranges
from billflow.lake.published import column_types, connect_to, files, rows_of
from billflow.lake.schemas import INVOICES
from billflow.lake.sealing import sealed, undocumented
from billflow.lake.storage import Storage

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
    _check_before(manifest, key, draft)
    return draft


def _check_before(manifest: Manifest, key: str, draft: PublishedPartition) -> None:
    """UsageError while the period before, whose days in advance the draft goes on from, may still change."""
    for other, before in _before(manifest, key, draft).items():
        if draft.ahead_lines and not before.is_confirmed:
            cycle, _, month = other.partition("|")
            raise UsageError(
                f"{key} cannot be confirmed: {other}, whose days in advance its bills go on from, is a draft",
                where=f"{FOLDER}, version {manifest.version}",
                remedy=f"`billflow confirm --cycle {cycle} --month {month}` first",
            )


def _before(manifest: Manifest, key: str, draft: PublishedPartition) -> dict[str, PublishedPartition]:
    """The partition of the same cycle that ends where the draft begins, by its key; none when it is not published."""
    cycle, _, _ = key.partition("|")
    return {
        other: one
        for other, one in manifest.partitions.items()
        if other.partition("|")[0] == cycle and one.period_end == draft.period_start
    }


def _lack(draft: PublishedPartition) -> str:
    """Why a published draft is not whole; empty when it is."""
    if "documents" not in draft.tables:
        return "its documents are not published; the run has not finished"
    invoices, documents = (sum(run.rows for run in draft.tables[table]) for table in ("invoices", "documents"))
    if documents < invoices:
        return f"{invoices - documents:,} of its {invoices:,} invoices have no PDF (`billflow status` says why)"
    return "" if draft.catalog else "it does not say which catalogue it was billed with"


def _repeats(manifest: Manifest, key: str, draft: PublishedPartition) -> str:
    """What the draft bills that is on bills, or off them, that were confirmed since it was run; empty when nothing."""
    cycle, _, _ = key.partition("|")
    for other, one in manifest.partitions.items():
        is_newer = one.confirmation is not None and one.confirmation.position > draft.late_after
        both = sorted(set(one.late_months) & set(draft.late_months))
        if is_newer and both and other.partition("|")[0] == cycle:
            return f"{other}, which was confirmed since, has billed late usage of {', '.join(both)}"
    for other, before in _before(manifest, key, draft).items():
        if draft.ahead_lines is not None and draft.ahead_lines != tuple(
            run.path for run in before.tables["invoice_lines"]
        ):
            return f"{other}, whose days in advance it goes on from, was billed since"
    return _outdated(manifest, cycle, draft)


def _outdated(manifest: Manifest, cycle: str, draft: PublishedPartition) -> str:
    """Which correction made since the draft was run has changed what it goes on from; empty when none has."""
    for other, one in manifest.corrections.items():
        its_cycle, _, month = partition_of(other).partition("|")
        is_newer = one.confirmation is not None and one.confirmation.position > draft.late_after
        if not is_newer or one.correction is None or its_cycle != cycle:
            continue
        if month in draft.late_months:
            return f"an invoice of {month}, of which it has late usage, was corrected since ({one.correction.reason})"
        if one.correction.takes_ahead and one.period_end == draft.period_start:
            return f"an invoice of {month} with days in advance was corrected since ({one.correction.reason})"
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
            return [*self._changed_rows(connection), *number_problems(connection, ranges), *undocumented(connection)]

    def partition(self) -> PublishedPartition:
        """The confirmed partition with its record, sealed."""
        tables = {**self.draft.tables, **_single(self.placed)}
        changed = {"run_id": self.run_id, "status": "confirmed", "tables": tables}
        return sealed(
            self.storage,
            self.base,
            self.key,
            self.draft.model_copy(update=changed),
            {**tables, **_single(self.staged)},
            bill_run=self.draft.run_id,
            template=self.template,
            patterns=self.patterns,
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


def _single(tables: Mapping[str, TableRun]) -> dict[str, tuple[TableRun, ...]]:
    return {table: (run,) for table, run in tables.items()}
