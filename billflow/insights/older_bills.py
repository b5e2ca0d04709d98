"""A published run held against the bills that an older system made for the same accounts and period.

Which older bill belongs to the period: of each account the one that was issued nearest to our issue date (on a tie the
earlier one, then the smaller bill_id), among those issued nearer to this period's end than to the end of the period
before or after. These windows meet without a gap: every older bill is of one period. Others in the window are counted
as left over.

Amounts are compared without tax, as table `bills` has them; where our prices include tax, with it. Differences are ours
minus theirs, in the currency of the bill, and their sum over all causes is our sum minus theirs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from billflow.billing.money import minor_digits
from billflow.catalog import BillingPeriod
from billflow.insights.line_pairs import pair_lines
from billflow.insights.listing import Listing
from billflow.insights.older_bills_sql import CAUSES, DIFFERENCES, MATCHES, OUR_LINES, THEIR_BILLS, THEIR_LINES
from billflow.insights.table_file import write_file


def window_of(period: BillingPeriod) -> tuple[date, date]:
    """The days [from, to) on which an older bill of the period was issued: those nearest to the period's end."""
    following = period.following
    return period.start + (period.end - period.start) / 2, following.start + (following.end - following.start) / 2


@dataclass(frozen=True)
class Matches:
    """How much agrees. Accounts and lines are those of either side."""

    accounts: int
    agreeing_accounts: int
    lines: int
    agreeing_lines: int
    left_over_bills: int
    """Older bills of the period beside the one that was compared."""

    @property
    def rate(self) -> Decimal:
        """Accounts whose total agrees, of all; 1 where there are none."""
        return _share(self.agreeing_accounts, self.accounts)

    @property
    def line_rate(self) -> Decimal:
        """Lines that agree, of all."""
        return _share(self.agreeing_lines, self.lines)


def _share(part: int, whole: int) -> Decimal:
    return Decimal(part) / whole if whole else Decimal(1)


class OlderBillComparison:
    """Compares when it is made; the differences stay in the connection, which may keep them on disk."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, cycle: str, period: BillingPeriod) -> None:
        """`connection` has the views of `billflow.lake.published.connect`."""
        self._connection = connection
        first, last = window_of(period)
        placed = {"cycle": cycle, "month": period.month}
        connection.execute(OUR_LINES, placed)
        connection.execute(THEIR_BILLS, {**placed, "first": first, "last": last, "issued": period.issue_date})
        connection.execute(THEIR_LINES)
        _put_minor_units(connection)
        pair_lines(connection)
        connection.execute(DIFFERENCES, placed)

    def matches(self) -> Matches:
        """How many accounts and lines agree."""
        row = self._connection.execute(MATCHES).fetchone()
        return Matches(*row)  # type: ignore[misc]  # a query without FROM has one row

    def causes(self) -> Listing:
        """cause, currency, differences, accounts, difference and, of other taxes, the tax that they make."""
        return self._listed(CAUSES)

    def differences(self, limit: int) -> Listing:
        """The largest differences with their cause."""
        return self._listed(f"SELECT * FROM differences {_BY_SIZE} LIMIT {int(limit)}")

    def write(self, target: Path) -> int:
        """Writes all differences to a CSV or Parquet file; how many they are."""
        return write_file(self._connection, f"SELECT * FROM differences {_BY_SIZE}", target)

    def _listed(self, sql: str) -> Listing:
        result = self._connection.execute(sql)
        return Listing(tuple(column[0] for column in result.description or []), tuple(result.fetchall()))


_BY_SIZE = (
    "ORDER BY abs(difference) DESC NULLS LAST, system, account_id, cause, our_line NULLS LAST, their_line NULLS LAST"
)


def _put_minor_units(connection: duckdb.DuckDBPyConnection) -> None:
    """Table `minor_units`: currency → digits and one unit, of the currencies that bills are in."""
    found = connection.execute("SELECT currency FROM our_lines UNION SELECT currency FROM their_lines").fetchall()
    connection.execute("CREATE TEMP TABLE minor_units (currency VARCHAR, digits INTEGER, unit DECIMAL(38,12))")
    rows = list(_units(currency for (currency,) in found if currency))
    if rows:
        connection.executemany("INSERT INTO minor_units VALUES (?, ?, ?)", rows)


def _units(currencies: Iterable[str]) -> Iterable[tuple[str, int, Decimal]]:
    for currency in currencies:
        digits = minor_digits(currency)
        yield currency, digits, Decimal(1).scaleb(-digits)
