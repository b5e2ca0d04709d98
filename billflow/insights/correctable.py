"""What a correction is made from: the confirmed invoice, its accounts as they are now, and differences elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from billflow.catalog import BillingPeriod
from billflow.errors import UsageError
from billflow.insights.family import TABLES, Families, Family, bills_before, ingested_tables, newest_ingestion
from billflow.insights.published_invoice import PublishedInvoice, find_invoice, period_of
from billflow.insights.recomputed import Row
from billflow.lake.correcting import check_correctable, corrections_of_bill
from billflow.lake.manifest import Ingest, Manifest
from billflow.lake.published import connect_to
from billflow.lake.standing import standing_lines
from billflow.lake.storage import Storage
from billflow.settings import Settings


@dataclass(frozen=True)
class Correctable:
    """A confirmed invoice that may be corrected."""

    published: PublishedInvoice
    period: BillingPeriod
    ingest: Ingest
    """What the accounts were read from."""
    then: Family
    """The accounts of the invoice as it was billed from them."""
    family: Family
    """The same accounts now."""
    elsewhere: Sequence[Row]
    """Lines of other confirmed bills of the account that are differences of the invoice's month."""
    corrections: int
    """How often the bill was corrected before."""

    @property
    def key(self) -> str:
        """The partition that it is of."""
        return f"{self.published.invoice['cycle']}|{self.period.month}"

    @property
    def has_differences(self) -> bool:
        """Whether differences of other months are on the invoice, or those of its month on others."""
        own = (None, self.period.month)
        return bool(self.elsewhere) or any(line["difference_of"] not in own for line in self.published.lines)


def correctable(storage: Storage, manifest: Manifest, settings: Settings, name: str) -> Correctable:
    """The invoice of an id or number; UsageError when it cannot be corrected, or no more as it was billed."""
    published = find_invoice(storage, manifest, name)
    invoice = published.invoice
    check_correctable(manifest, invoice)
    period = period_of(settings, invoice)
    key, system, account = f"{invoice['cycle']}|{period.month}", invoice["system"], invoice["account_id"]
    ingest = newest_ingestion(manifest)
    as_billed = Families(storage, {table: published.partition.tables.get(table, ()) for table in TABLES})
    then = as_billed.read(system, account)
    now = Families(storage, ingested_tables(ingest, key), bills_before(manifest, invoice["cycle"], period))
    _check_invoiced(now, invoice)
    family = now.read(system, account)
    _check_members(storage, manifest, key, then, family)
    return Correctable(
        published,
        period,
        ingest,
        then,
        family,
        elsewhere=_differences_elsewhere(storage, manifest, invoice),
        corrections=corrections_of_bill(manifest, key, system, account),
    )


def _check_invoiced(families: Families, invoice: Row) -> None:
    """UsageError when the account is gone, or its bill of the month would be another one now."""
    account = invoice["account_id"]
    _, invoiced, cycle = families.find(account, invoice["system"])
    if (invoiced, cycle) != (account, invoice["cycle"]):
        where = f"the bill of account {account!r} goes to {invoiced!r}" if invoiced != account else f"it is in {cycle}"
        raise UsageError(
            f"the invoice cannot be rated again: {where} now",
            where=f"account {account}",
            remedy="correct it once the account has its own bill in its cycle again; or credit it by an adjustment",
        )


def _check_members(storage: Storage, manifest: Manifest, key: str, then: Family, now: Family) -> None:
    """UsageError when accounts have left the bill, or have come from other bills of that month."""
    left = sorted(set(then.members) - set(now.members))
    come = sorted(set(now.members) - set(then.members))
    made = [manifest.partitions[key], *manifest.corrections_of(key).values()]
    known = Families(storage, {"accounts": [run for one in made for run in one.tables["accounts"]]})
    moved = [*left, *known.known(now.system, come)]
    if moved:
        raise UsageError(
            f"the invoice cannot be rated again: account {moved[0]!r} was {'on' if left else 'not on'} it, and is "
            f"{'not any more' if left else 'now'}: its usage would be billed {'by nobody' if left else 'twice'}",
            where=f"account {now.invoiced}",
            remedy="correct it with the accounts as they were; or credit it by an adjustment",
        )


def _differences_elsewhere(storage: Storage, manifest: Manifest, invoice: Row) -> list[Row]:
    cycle, month = invoice["cycle"], invoice["month"]
    standing = [
        standing_lines(manifest, key)
        for key, one in manifest.partitions.items()
        if one.is_confirmed and month in one.late_months and key.partition("|")[0] == cycle
    ]
    with connect_to(storage, {"invoice_lines": [run for one in standing for run in one.runs]}) as connection:
        found = connection.sql(
            "SELECT * FROM invoice_lines WHERE system = $1 AND account_id = $2 AND difference_of = $3 "
            "AND NOT list_contains($4, invoice_id) ORDER BY month, line_no",
            params=[
                invoice["system"],
                invoice["account_id"],
                month,
                ["", *(name for one in standing for name in one.left_out)],  # an empty list would have no type
            ],
        )
        rows: list[Row] = found.to_arrow_table().to_pylist()
    return rows
