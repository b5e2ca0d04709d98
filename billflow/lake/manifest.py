"""Manifests: which folders make up each published table. Readers go through the newest; nobody sees half a run."""

from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from billflow.errors import BrokenManifestError, UsageError
from billflow.lake.delivered import Delivered
from billflow.lake.storage import Storage

FOLDER = "_manifests"
BILLS = ("invoices", "invoice_lines", "invoice_taxes", "documents")
"""Tables of bills: those of a correction stand beside its partition's."""
WHOLE_TABLES = (
    "accounts",
    "subscriptions",
    "bills",
    "payments",
    "crosswalk",
    "customer_accounts",
    "merge_candidates",
)
"""Canonical tables that are not of one period: an ingestion makes them as a whole."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TableRun(_Frozen):
    """One immutable folder of Parquet files, `<table>/…/run=<id>`, and the rows that were verified in it."""

    path: str
    rows: int
    buckets: int = 0
    """Into how many buckets by account_id it is laid out; reading with another number loses rows. 0: none."""


class AccountCounts(_Frozen):
    """Accounts of a partition: invoiced + without lines + held = accounts."""

    accounts: int
    invoiced: int
    without_lines: int
    held: int


class NumberRange(_Frozen):
    """The numbers of one series that a confirmation gave, from the first to the last without a gap."""

    first: int
    last: int
    first_number: str
    last_number: str
    pattern: str


class Confirmation(_Frozen):
    """What a confirmed partition was made of, sealed: `head` is the end of a hash chain (`billflow.lake.chain`)."""

    position: int
    """The first confirmation of the lake is 1, and they are chained in this order."""
    previous: str
    """The head of the confirmation before; empty for the first."""
    bill_run: str
    """The run that made the drafts."""
    code_version: str
    """Which billflow confirmed it; the partition says which one billed it."""
    input: str
    """Hash over the state of the sources that was billed, and over the tables made from it."""
    catalog: str
    """Hash of the catalogue's texts, kept under it (`billflow.lake.catalogs`)."""
    template: str
    tables: dict[str, str]
    """Table → hash over the names and contents of its files."""
    columns: dict[str, dict[str, str]]
    """Table → column → type, as they were chained: a later version may have more."""
    numbers: dict[str, NumberRange]
    """Series (`invoice|2026`) → the numbers given."""
    head: str = ""


class Correction(_Frozen):
    """What was done about one confirmed invoice: all of it taken back, and the bill in its place."""

    invoice: str
    """The id of the invoice that was wrong, and its number."""
    number: str
    reversal: str
    """The id of what takes it back, mostly a credit note."""
    replacement: str = ""
    """The id of the new bill; empty when nothing is due any more."""
    reason: str
    system: str
    account: str
    """Who gets the bills."""
    takes_ahead: bool = False
    """Whether one of the bills, the old or the new, has days of the next period on it."""


class PublishedPartition(_Frozen):
    """The state of one cycle and month. `tables` has accounts, subscriptions, usage, invoices, …, documents.

    Or one `correction` of it: `tables` has the reversal and the new bill, and what that was billed from.
    """

    run_id: str
    status: str
    period_start: str
    period_end: str
    counts: AccountCounts
    totals: dict[str, dict[str, str]]
    """Currency → net, tax, total."""
    tables: dict[str, tuple[TableRun, ...]]
    fingerprint: str = ""
    """The state of the sources that was billed, as the ingestion knew it."""
    catalog: str = ""
    """Hash of the catalogue's texts that it was billed with, kept under it (`billflow.lake.catalogs`)."""
    code_version: str = ""
    """Which billflow made its bills."""
    late_months: tuple[str, ...] = ()
    """Confirmed months whose differences are on its bills, because of usage that came late."""
    late_after: int = 0
    """The newest confirmation that its bills know, by position: what later ones bill those differences would repeat."""
    ahead_lines: tuple[str, ...] | None = None
    """Folders of the lines before, with days in advance; None where there are no such days, or in an older version."""
    correction: Correction | None = None
    confirmation: Confirmation | None = None

    @property
    def is_confirmed(self) -> bool:
        """Whether its invoices have legal numbers, and so never change."""
        return self.confirmation is not None


class Ingest(_Frozen):
    """The newest ingestion: canonical tables made from one state of the sources (`fingerprint`)."""

    fingerprint: str
    run_id: str
    raw: dict[str, Delivered]
    accounts: TableRun
    subscriptions: TableRun
    usage: dict[str, TableRun]
    """Partition key → usage."""
    adjustments: dict[str, TableRun] = Field(default_factory=dict)
    """Partition key → adjustments."""
    bills: TableRun | None = None
    """None when no source gives them."""
    payments: TableRun | None = None
    crosswalk: TableRun | None = None
    customer_accounts: TableRun | None = None
    """None where accounts are not merged."""
    merge_candidates: TableRun | None = None
    quarantine: dict[str, TableRun]
    """Partition key → rows; "" for rows that cannot be placed."""
    report: dict[str, dict[str, dict[str, str]]]
    """Table → verdict → rows and quantity (`billflow.sources.ingestion.Ingestion.run`)."""
    mended: dict[str, int] = Field(default_factory=dict)
    """Table → rows that were in quarantine at the ingestion before and are good now."""
    columns: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Delivery → column → type, as the source has them; empty where an earlier version ingested."""
    expressions: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Delivery → the expressions of the mappings that read it."""
    new_columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Delivery → columns that the ingestion before did not know."""

    def whole_tables(self) -> dict[str, TableRun]:
        """The tables that are not of one period, by name; without those that no source gives."""
        found: dict[str, TableRun | None] = {table: getattr(self, table) for table in WHOLE_TABLES}
        return {table: run for table, run in found.items() if run}

    def placed_tables(self) -> dict[str, dict[str, TableRun]]:
        """The tables that are laid out by period, by name: partition key → rows."""
        return {"usage": self.usage, "adjustments": self.adjustments, "quarantine": self.quarantine}

    def table_runs(self) -> Iterator[TableRun]:
        """Every folder that the ingestion made, and of raw rows those that ones before it have read."""
        yield from (TableRun(path=one.path, rows=one.rows) for raw in self.raw.values() for one in raw.segments)
        yield from self.whole_tables().values()
        for runs in self.placed_tables().values():
            yield from runs.values()


class Manifest(_Frozen):
    """Version n of the whole lake."""

    version: int = 0
    run_id: str = ""
    committed: datetime | None = None
    """When it became the newest, by the clock of who published; None in manifests of before this was noted."""
    schemas: dict[str, str] = Field(default_factory=dict)
    """Table → Spark's schema as JSON."""
    ingest: Ingest | None = None
    partitions: dict[str, PublishedPartition] = Field(default_factory=dict)
    corrections: dict[str, PublishedPartition] = Field(default_factory=dict)
    """`c01|2026-05#1`: the first correction of an invoice of c01|2026-05, which itself stays as it was confirmed."""
    series: dict[str, int] = Field(default_factory=dict)
    """Series of legal numbers (`invoice|2026`) → the highest one used; the next confirmation goes on from there."""
    chain: str = ""
    """The head of the newest confirmation; the next one is chained to it."""

    @property
    def confirmations(self) -> int:
        """How many partitions and corrections are confirmed: the position of the newest one."""
        return sum(one.is_confirmed for _, one in self.published())

    def published(self) -> Iterator[tuple[str, PublishedPartition]]:
        """Partitions and corrections with their keys."""
        yield from self.partitions.items()
        yield from self.corrections.items()

    def at(self, key: str) -> PublishedPartition | None:
        """The partition or the correction of a key."""
        return self.corrections.get(key) if is_correction(key) else self.partitions.get(key)

    def corrections_of(self, key: str, known: int | None = None) -> dict[str, PublishedPartition]:
        """A partition's corrections in the order in which they were made, up to the confirmation `known`."""
        found = {
            own: one
            for own, one in self.corrections.items()
            if partition_of(own) == key and (known is None or _position(one) <= known)
        }
        return dict(sorted(found.items(), key=lambda item: _position(item[1])))

    def holder(self, key: str, invoice_id: str) -> PublishedPartition:
        """Of a partition and its corrections the one that an invoice is in."""
        for one in self.corrections_of(key).values():
            if one.correction and invoice_id in (one.correction.reversal, one.correction.replacement):
                return one
        return self.partitions[key]

    def check_open(self, key: str) -> None:
        """UsageError when the partition is confirmed: nothing replaces it."""
        partition = self.partitions.get(key)
        if partition is not None and partition.is_confirmed:
            raise UsageError(
                f"{key} is confirmed: its invoices have legal numbers and never change",
                where=f"{FOLDER}, version {self.version}",
                remedy="`billflow correct INVOICE` makes a credit note and a new invoice; usage that came late goes on "
                "the next bill",
            )

    def table_runs(self) -> Iterator[TableRun]:
        """Every folder that this version names."""
        for _, one in self.published():
            for runs in one.tables.values():
                yield from runs
        if self.ingest:
            yield from self.ingest.table_runs()


def correction_key(key: str, number: int) -> str:
    """`c01|2026-05#1`."""
    return f"{key}#{number}"


def is_correction(key: str) -> bool:
    """Whether a key is of a correction, not of a partition."""
    return "#" in key


def partition_of(key: str) -> str:
    """The partition that a key is of: itself, or the one that it corrects."""
    return key.partition("#")[0]


def _position(one: PublishedPartition) -> int:
    return one.confirmation.position if one.confirmation else 0


def versions(storage: Storage) -> list[int]:
    """The numbers of all manifests, ascending."""
    names = [name.removesuffix(".json") for name in storage.list(FOLDER) if name.endswith(".json")]
    return sorted(int(name) for name in names if name.isdigit())


def read_manifest(storage: Storage, version: int | None = None) -> Manifest:
    """A version of the manifest, the newest by default; 0 is the empty lake. BrokenManifestError for a damaged one."""
    number = version if version is not None else max(versions(storage), default=0)
    if not number:
        return Manifest()
    try:
        return Manifest.model_validate_json(storage.read(path_of(number)))
    except ValidationError as problem:
        raise BrokenManifestError(
            f"a manifest cannot be read: {problem.errors()[0]['msg']}",
            where=storage.uri(path_of(number)),
            remedy="restore it from a backup or a snapshot of the storage; it may hold numbers that were given, so "
            "never remove it; `billflow lake fsck` looks at all of them",
        ) from None


def commit(storage: Storage, manifest: Manifest) -> None:
    """Makes `manifest` the newest version, at once or not at all; FileExistsError when its number is taken."""
    storage.create(path_of(manifest.version), manifest.model_dump_json(indent=1).encode())


def path_of(version: int) -> str:
    """Where a version is."""
    return f"{FOLDER}/{version:08d}.json"
