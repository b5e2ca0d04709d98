"""An invoice as it is published, found by its id or its number."""

from collections.abc import Sequence
from dataclasses import dataclass

from billflow.catalog import BillingPeriod
from billflow.catalog.periods import named_period
from billflow.errors import UsageError
from billflow.insights.amounts import in_minor
from billflow.insights.recomputed import Row
from billflow.lake.manifest import Manifest, PublishedPartition
from billflow.lake.published import connect
from billflow.lake.storage import Storage
from billflow.settings import Settings


@dataclass(frozen=True)
class PublishedInvoice:
    """An invoice as it is published, with the partition that it belongs to."""

    invoice: Row
    lines: Sequence[Row]
    taxes: Sequence[Row]
    partition: PublishedPartition
    """Or the correction that it is in."""
    corrects: str | None = None
    """The number of the invoice that it takes back or replaces."""

    @property
    def is_reversal(self) -> bool:
        """Whether it takes a confirmed invoice back."""
        correction = self.partition.correction
        return correction is not None and correction.reversal == self.invoice["invoice_id"]


def find_invoice(storage: Storage, manifest: Manifest, name: str) -> PublishedInvoice:
    """By id or number; UsageError when there is none."""
    connection = connect(storage, manifest)

    def rows(sql: str, value: str) -> list[Row]:
        found: list[Row] = connection.sql(sql, params=[value]).to_arrow_table().to_pylist()
        return found

    invoices = rows("SELECT * FROM invoices WHERE invoice_id = $1 OR invoice_number = $1", name)
    if not invoices:
        raise UsageError(
            f"there is no invoice {name!r}",
            where="published invoices",
            remedy='`billflow query "select invoice_id, invoice_number, account_id, month from invoices"` lists them',
        )
    invoice = invoices[0]
    lines = rows("SELECT * FROM invoice_lines WHERE invoice_id = $1 ORDER BY line_no", invoice["invoice_id"])
    taxes = rows("SELECT * FROM invoice_taxes WHERE invoice_id = $1", invoice["invoice_id"])
    partition = manifest.holder(f"{invoice['cycle']}|{invoice['month']}", invoice["invoice_id"])
    numbers = rows("SELECT invoice_number FROM invoices WHERE invoice_id = $1", invoice["corrects"] or "")
    currency = invoice["currency"]
    typed = [{**line, "line_type": line["line_type"] or ""} for line in lines]  # NULL in files of early versions
    return PublishedInvoice(
        in_minor(invoice, currency),
        [in_minor(line, currency) for line in typed],
        [in_minor(tax, currency) for tax in taxes],
        partition,
        numbers[0]["invoice_number"] if numbers else None,
    )


def period_of(settings: Settings, invoice: Row) -> BillingPeriod:
    """The period of an invoice; UsageError when the project's cycles are not what they were."""
    period = named_period(settings.cycles, invoice["cycle"], invoice["month"])
    if (period.start, period.end) != (invoice["period_start"], invoice["period_end"]):
        raise UsageError(
            f"the invoice is of {invoice['period_start']} to before {invoice['period_end']}, but cycle "
            f"{invoice['cycle']} has {invoice['month']} begin on {period.start} now",
            where="billflow.yaml: cycles",
            remedy="give the cycle the day back that it had",
        )
    return period
