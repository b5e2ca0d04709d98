"""How verbs print tables that they computed: for people, as CSV, or as JSON whose decimals keep all their digits."""

import csv
import sys
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from rich.markup import escape
from rich.table import Table

from billflow.cli.output import open_output, plain
from billflow.exact_json import exact_json
from billflow.insights.listing import Listing


def print_table(title: str, listing: Listing, *, without: Collection[str] = ()) -> None:
    """A table with a title; columns in which nothing stands are left out, and those of `without`."""
    filled = [at for at in range(len(listing.columns)) if any(row[at] is not None for row in listing.rows)]
    kept = [at for at in filled if listing.columns[at] not in without]
    table = Table(title=title, title_justify="left")
    for at in kept:
        is_number = any(isinstance(row[at], Decimal | int) for row in listing.rows)
        table.add_column(listing.columns[at].replace("_", " "), justify="right" if is_number else "left")
    for row in listing.rows:
        table.add_row(*[escape(shown(row[at])) for at in kept])
    open_output().print(table)


def print_csv(listing: Listing) -> None:
    """RFC 4180 with a header."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(listing.columns)
    for row in listing.rows:
        writer.writerow([_plain(value) for value in row])


def print_json(answer: Mapping[str, Any]) -> None:
    """One object; a Listing becomes an array of objects."""
    sys.stdout.write(exact_json(_with_records(answer)) + "\n")


def _with_records(value: Any) -> Any:
    if isinstance(value, Listing):
        return list(value.records())
    return {name: _with_records(one) for name, one in value.items()} if isinstance(value, Mapping) else value


def shown(value: Any) -> str:
    """A value for people: thousands apart, no zeros behind the last digit but those of cents."""
    if isinstance(value, Decimal):
        whole, _, rest = f"{value:,f}".partition(".")
        return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else _plain(value)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return plain(value) if isinstance(value, Decimal) else str(value)
