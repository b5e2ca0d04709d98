"""A confirmed invoice → its reversal and the bill in its place, published at once. No Spark in here.

Both get legal numbers. As with a confirmation the numbers follow those of the manifest that it started from, and it is
published onto that series or nowhere. The partition's own tables and record stay as they were confirmed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from billflow.errors import UsageError
from billflow.lake.manifest import Correction, Manifest, PublishedPartition, TableRun, correction_key
from billflow.lake.numbers import number_problems, number_ranges
from billflow.lake.published import column_types, connect_to, files, literal, rows_of
from billflow.lake.schemas import SCHEMAS
from billflow.lake.sealing import sealed, undocumented
from billflow.lake.storage import Storage

_TAKEN_BACK = {
    "invoices": ((), ("net", "tax", "total")),
    "invoice_lines": (("line_no",), ("quantity", "net", "gross")),
    "invoice_taxes": (("tax_category", "tax_rate"), ("base", "tax")),
}
"""Table → what names a row of an invoice, and the amounts that its reversal has negative."""

_ADDS_UP = """
    SELECT invoice_id FROM invoices
    LEFT JOIN (SELECT invoice_id, sum(net) AS lines FROM invoice_lines GROUP BY 1) USING (invoice_id)
    LEFT JOIN (SELECT invoice_id, sum(base) AS base, sum(tax) AS taxes FROM invoice_taxes GROUP BY 1) USING (invoice_id)
    WHERE (net, net, tax, total) IS DISTINCT FROM (lines, base, taxes, net + tax)"""


def check_correctable(manifest: Manifest, invoice: Mapping[str, Any]) -> None:
    """UsageError for a draft, for what a correction took back with, and for what was corrected already."""
    for key, one in manifest.corrections.items():
        made = one.correction
        if made and made.invoice == invoice["invoice_id"]:
            in_its_place = (
                f"invoice {made.replacement} is in its place" if made.replacement else "nothing is due for it"
            )
            remedy = f"correct that one: billflow correct {made.replacement}" if made.replacement else ""
            raise UsageError(f"it was corrected already ({made.reason}): {in_its_place}", where=key, remedy=remedy)
        if made and made.reversal == invoice["invoice_id"]:
            raise UsageError(
                f"it takes back invoice {made.number}, and is not corrected itself",
                where=key,
                remedy=f"correct the bill in its place: billflow correct {made.replacement}"
                if made.replacement
                else "",
            )
    if invoice["status"] != "confirmed":
        cycle, month = invoice["cycle"], invoice["month"]
        raise UsageError(
            f"invoice {invoice['invoice_id']} is a draft, which has no number to be corrected",
            where=f"{cycle}|{month}",
            remedy=f"mend what is wrong and run the partition again: billflow run --cycle {cycle} --month {month}",
        )


def corrections_of_bill(manifest: Manifest, key: str, system: str, account: str) -> int:
    """How often an account's bill of a partition was corrected so far."""
    made = [one.correction for one in manifest.corrections_of(key).values() if one.correction]
    return sum((one.system, one.account) == (system, account) for one in made)


def next_key(manifest: Manifest, key: str) -> str:
    """The key of a partition's next correction."""
    return correction_key(key, len(manifest.corrections_of(key)) + 1)


@dataclass(frozen=True)
class Correcting:
    """A correction that is staged, to follow the newest confirmation of manifest `base`."""

    storage: Storage
    base: Manifest
    key: str
    made: PublishedPartition
    """As it will be published, without its record."""
    original: PublishedPartition
    """The partition, or the correction, that the corrected invoice is in."""
    staged: Mapping[str, TableRun]
    """Its tables, where they are now."""
    patterns: Mapping[str, str]
    template: str

    @property
    def correction(self) -> Correction:
        """What it corrects."""
        if self.made.correction is None:
            raise ValueError(f"{self.key} corrects nothing")
        return self.made.correction

    def problems(self) -> list[str]:
        """What forbids to publish: a gap, a missing document, sums that differ, a row that is not taken back."""
        with connect_to(self.storage, self._now) as connection:
            ranges = number_ranges(connection, self.base.series, self.patterns)
            wrong = connection.execute(_ADDS_UP).fetchall()
            return [
                *number_problems(connection, ranges),
                *undocumented(connection),
                *(f"invoice {invoice_id} does not add up" for (invoice_id,) in wrong),
                *self._not_taken_back(connection),
            ]

    def sealed(self) -> PublishedPartition:
        """The correction with its record."""
        return sealed(
            self.storage,
            self.base,
            self.key,
            self.made,
            self._now,
            bill_run=self.made.run_id,
            template=self.template,
            patterns=self.patterns,
        )

    @property
    def _now(self) -> dict[str, tuple[TableRun, ...]]:
        return {table: (run,) for table, run in self.staged.items()}

    def _not_taken_back(self, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
        """Rows of the invoice without their negative in the reversal, and the other way round."""
        was, is_ = literal(self.correction.invoice), literal(self.correction.reversal)
        for table, (names, amounts) in _TAKEN_BACK.items():
            known = column_types(SCHEMAS[table]).items()
            types = {name: kind for name, kind in known if name in ("invoice_id", *names, *amounts)}
            rows = rows_of(types, files(self.storage, self.original.tables[table]))
            negated = ", ".join([*names, *(f"-{amount}" for amount in amounts)])
            billed = f"SELECT {negated} FROM ({rows}) WHERE invoice_id = {was}"
            back = f"SELECT {', '.join([*names, *amounts])} FROM {table} WHERE invoice_id = {is_}"
            for one, other in ((billed, back), (back, billed)):
                if connection.execute(f"({one}) EXCEPT ALL ({other})").fetchone():
                    yield f"{table} of invoice {self.correction.invoice} are not what its reversal takes back"
