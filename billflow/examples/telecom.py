"""A mobile operator with as many customers as wanted: what `billflow demo` bills."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from billflow.errors import UsageError
from billflow.examples.dice import Dice
from billflow.examples.folder import claim, write_project_files
from billflow.examples.telecom_customers import customer_rows, keyless_customer, subscription_rows
from billflow.examples.telecom_dirt import dirty_usage
from billflow.examples.telecom_files import UsageFiles, rows_file
from billflow.examples.telecom_lines import Lines, Month, draw_lines
from billflow.examples.telecom_usage import draw_usage

CUSTOMERS_A_PART = 10_000  # a part is made, written and forgotten; each kind of usage gets one file a part
FEWEST_FOR_DIRT = 20  # with fewer customers the bad rows would be more than a project bears
DEFAULT_MONTH = date(2026, 6, 1)


@dataclass(frozen=True)
class TelecomExample:
    """A telecom project that was written: where, what to bill, and how many rows its files have.

    `dirty` counts the bad rows by kind; of these `identical_duplicate` alone does not go to quarantine.
    """

    folder: Path
    cycle: str
    month: str
    customers: int
    subscriptions: int
    usage: int
    dirty: Mapping[str, int]


def write_telecom(
    folder: Path,
    *,
    customers: int,
    seed: int = 7,
    month: date | None = None,
    progress: Callable[[int], None] | None = None,
) -> TelecomExample:
    """Write a project of `customers` customers and their usage of one month (any day of it; else 2026-06).

    The same `customers`, `seed` and `month` give the same rows on every machine, and the same bytes where
    pyarrow and zlib are the same. `progress` hears how many customers are done.
    UsageError when `folder` is not empty or `customers` is not positive.
    """
    if customers < 1:
        raise UsageError("no customers to make", where=f"customers={customers}", remedy="ask for at least one")
    billed = Month.of(month or DEFAULT_MONTH)
    claim(folder)
    write_project_files(folder, "telecom", {"customers": f"{customers:,}", "month": billed})
    counts: Counter[str] = Counter()
    with rows_file(folder / "customers.csv") as crm, rows_file(folder / "subscriptions.csv") as contracts:
        for lines in _parts(customers, seed, billed):
            crm.write(customer_rows(lines.customers, Dice(seed, 1, lines.part)))
            contracts.write(subscription_rows(lines))
            counts.update(_write_usage(folder, lines, seed, billed, dirty=customers >= FEWEST_FOR_DIRT))
            if progress:
                progress(lines.customers.stop)
        if customers >= FEWEST_FOR_DIRT:
            crm.write(keyless_customer())
            counts["customer_without_key"] = 1
    usage = counts.pop("usage")
    return TelecomExample(folder, "c01", str(billed), crm.rows, contracts.rows, usage, dict(counts))


def _parts(customers: int, seed: int, month: Month) -> Iterator[Lines]:
    first_line = 0
    for part, first in enumerate(range(0, customers, CUSTOMERS_A_PART)):
        members = range(first, min(first + CUSTOMERS_A_PART, customers))
        lines = draw_lines(members, first_line, month, Dice(seed, 2, part), part)
        first_line += len(lines.number)
        yield lines


def _write_usage(folder: Path, lines: Lines, seed: int, month: Month, *, dirty: bool) -> Counter[str]:
    """Write the part's calls, texts and data; the rows written and the dirty ones by kind."""
    usage = draw_usage(lines, month, Dice(seed, 3, lines.part))
    found: Counter[str] = Counter()
    if dirty:
        usage, found = dirty_usage(usage, lines)
    UsageFiles(folder / "usage", lines.part).write(usage)
    return found + Counter(usage=sum(len(table) for table in usage.values()))
