"""All that the lake has on one bill: the accounts that share it, what they hold, used and were given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from billflow.catalog import BillingPeriod
from billflow.errors import UsageError
from billflow.lake.manifest import Ingest, Manifest, TableRun
from billflow.lake.published import connect_to
from billflow.lake.standing import StandingLines, standing_lines
from billflow.lake.storage import Storage

TABLES = ("accounts", "subscriptions", "usage", "adjustments")
"""What a bill is made of."""
BEFORE = "invoice_lines"
"""The lines of the bills before: days that they took in advance may come back."""
ELSEWHERE = "invoices"
"""Final bills of other cycles for days of the period, which must not be billed twice."""

_NOTHING = StandingLines()


@dataclass(frozen=True)
class Family:
    """The invoiced account and those whose bill it gets, mostly none.

    `tables` has their rows of TABLES, BEFORE and ELSEWHERE.
    """

    system: str
    invoiced: str
    members: tuple[str, ...]
    """The invoiced account first."""
    tables: Mapping[str, pa.Table]


def newest_ingestion(manifest: Manifest) -> Ingest:
    """The canonical tables as the sources were last read; UsageError when nothing was published yet."""
    if manifest.ingest is None:
        raise UsageError(
            "the lake has no customers and usage yet",
            where="lake",
            remedy="`billflow run --cycle C --month YYYY-MM` reads the sources; bill a month first",
        )
    return manifest.ingest


def ingested_tables(ingest: Ingest, key: str) -> dict[str, list[TableRun]]:
    """TABLES of a partition as an ingestion made them, whether or not the partition was billed."""
    placed = ingest.placed_tables()
    runs = {table: [placed[table][key]] for table in ("usage", "adjustments") if key in placed[table]}
    return {"accounts": [ingest.accounts], "subscriptions": [ingest.subscriptions], **runs}


def bills_before(manifest: Manifest, cycle: str, period: BillingPeriod, known: int | None = None) -> StandingLines:
    """BEFORE of a period, as of the confirmation `known`; empty when the bills before were not made here."""
    return standing_lines(manifest, f"{cycle}|{period.previous.month}", known)


class Families:
    """Finds accounts, and reads what their bill is made of.

    `tables` are the folders of TABLES, `before` is BEFORE, and `elsewhere` are the folders of ELSEWHERE.
    """

    def __init__(
        self,
        storage: Storage,
        tables: Mapping[str, Sequence[TableRun]],
        before: StandingLines = _NOTHING,
        elsewhere: Sequence[TableRun] = (),
    ) -> None:
        self._connection = connect_to(storage, {**tables, BEFORE: before.runs, ELSEWHERE: elsewhere})
        self._left_out = list(before.left_out)

    def find(self, account_id: str, system: str | None) -> tuple[str, str, str]:
        """(system, invoiced account, cycle) of an account; UsageError when there is none, or one in each of several
        systems.
        """
        found = self._rows(
            "SELECT system, coalesce(invoiced_account_id, account_id), cycle FROM accounts "
            "WHERE account_id = $1 AND ($2 IS NULL OR system = $2) ORDER BY system",
            account_id,
            system,
        ).fetchall()
        if not found:
            raise _unknown(account_id, system)
        if len(found) > 1:
            systems = [one[0] for one in found]
            raise UsageError(
                f"account {account_id!r} is in {len(systems)} systems: {', '.join(systems)}",
                where="--account",
                remedy=f"say which one you mean: --system {systems[0]}",
            )
        one: tuple[str, str, str] = found[0]
        return one

    def read(self, system: str, invoiced: str) -> Family:
        """The family whose bill goes to `invoiced`."""
        rows = self._rows(
            "SELECT account_id FROM accounts WHERE system = $1 AND coalesce(invoiced_account_id, account_id) = $2 "
            "ORDER BY account_id <> $2, account_id",
            system,
            invoiced,
        )
        members = tuple(row[0] for row in rows.fetchall())
        found = {table: self.rows_of(table, system, members) for table in (*TABLES, ELSEWHERE)}
        return Family(system, invoiced, members, found | {BEFORE: self._standing(system, members)})

    def known(self, system: str, accounts: Sequence[str]) -> list[str]:
        """Which of some accounts there are."""
        return [account for account in accounts if self.rows_of("accounts", system, (account,)).num_rows]

    def rows_of(self, table: str, system: str, members: tuple[str, ...]) -> pa.Table:
        """The rows of some accounts in one of the tables."""
        return self._of(table, "account_id", system, members)

    def _standing(self, system: str, members: tuple[str, ...]) -> pa.Table:
        lines = self._of(BEFORE, "service_account_id", system, members)
        if not self._left_out:
            return lines
        gone = pa.array(self._left_out, pa.string())
        return lines.filter(pc.invert(pc.is_in(lines.column("invoice_id"), value_set=gone)))

    def _of(self, table: str, account: str, system: str, members: tuple[str, ...]) -> pa.Table:
        # A list of values, unlike a join, lets DuckDB skip the row groups of other accounts.
        listed = ", ".join(f"${at}" for at in range(2, len(members) + 2))
        sql = f"SELECT * FROM {table} WHERE system = $1 AND {account} IN ({listed})"
        return self._connection.sql(sql, params=[system, *members]).to_arrow_table()

    def _rows(self, sql: str, *values: object) -> duckdb.DuckDBPyConnection:
        return self._connection.execute(sql, list(values))


def _unknown(account_id: str, system: str | None) -> UsageError:
    of_system = f" of system {system!r}" if system else ""
    return UsageError(
        f"there is no account {account_id!r}{of_system}",
        where="--account",
        remedy='`billflow query "select system, account_id, name from accounts"` lists them, and '
        '`billflow query "select * from quarantine where \\"table\\" = \'customers\'"` those that were refused',
    )
