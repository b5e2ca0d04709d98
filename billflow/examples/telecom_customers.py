"""The rows of customers.csv and subscriptions.csv of the telecom example."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from billflow.examples.dice import Dice, Integers
from billflow.examples.names import FIRST_NAMES, STREETS, SURNAMES, TOWNS
from billflow.examples.telecom_lines import PLANS, Lines, is_business

CUSTOMER_COLUMNS = ("id", "full_name", "street", "city", "zip", "email", "segment")
EVERY_PAPER = 9  # every ninth customer reads the morning paper: a subscription without usage


def customer_rows(customers: range, dice: Dice) -> Any:
    """A pyarrow table of people and businesses with an address in Austria."""
    number = np.arange(customers.start, customers.stop)
    town = dice.below(len(TOWNS), len(number))
    ids = numbered("A", number, 6)
    columns = (
        ids,
        _names(number, dice),
        joined(_chosen(STREETS, dice, len(number)), (dice.below(120, len(number)) + 1).astype(str)),
        pa.array([name for name, _ in TOWNS]).take(town),
        pa.array([postcode for _, postcode in TOWNS]).take(town),
        joined(pc.utf8_lower(ids), "@example.com", between=""),
        pa.array(np.where(is_business(number), "business", "private")),
    )
    return pa.table(dict(zip(CUSTOMER_COLUMNS, columns, strict=True)))


def keyless_customer() -> Any:
    """One customer whose row came without a key."""
    row = (None, "Unknown Caller", "Nirgendweg 1", "Wien", "1010", None, "private")
    schema = pa.schema([(name, pa.string()) for name in CUSTOMER_COLUMNS])
    return pa.table([pa.array([value], pa.string()) for value in row], schema=schema)


def subscription_rows(lines: Lines) -> Any:
    """One row a line, a further one for each change of tariff, and the newspapers."""
    changed = ~np.isnat(lines.changed)
    first = _rows(lines, lines.plan, lines.start, np.where(changed, lines.changed, lines.end), slice(None))
    second = _rows(lines, lines.next_plan, lines.changed, lines.end, changed)
    return pa.concat_tables([first, second, _papers(lines)])


def numbered(letter: str, number: Integers, digits: int) -> Any:
    """'A', 17, 6 → 'A000018': people count from one."""
    return joined(letter, pc.utf8_lpad(pc.cast(pa.array(number + 1), pa.string()), digits, "0"), between="")


def joined(*parts: Any, between: str = " ") -> Any:
    """Strings, or arrays of them, put together row by row."""
    texts = [pa.array(part) if isinstance(part, np.ndarray) else part for part in parts]
    return pc.binary_join_element_wise(*texts, between)


def day_text(days: npt.NDArray[np.datetime64]) -> Any:
    """ISO dates; null where there is none."""
    return pc.cast(pa.array(days), pa.string())


def _rows(lines: Lines, plan: Integers, start: Any, end: Any, chosen: Any) -> Any:
    return pa.table(
        {
            "line": numbered("L", lines.number[chosen], 8),
            "customer": numbered("A", lines.customer[chosen], 6),
            "tariff": pa.array(PLANS).take(plan[chosen]),
            "from_date": day_text(start[chosen]),
            "to_date": day_text(end[chosen]),
        }
    )


def _papers(lines: Lines) -> Any:
    readers = np.arange(lines.customers.start, lines.customers.stop)
    readers = readers[readers % EVERY_PAPER == 0]
    started = np.datetime64("2021-03-01", "D") + readers % 28
    return pa.table(
        {
            "line": numbered("N", readers, 8),
            "customer": numbered("A", readers, 6),
            "tariff": pa.array(np.full(len(readers), "news")),
            "from_date": day_text(started),
            "to_date": pa.nulls(len(readers), pa.string()),
        }
    )


def _names(number: Integers, dice: Dice) -> Any:
    size = len(number)
    surname, second = _chosen(SURNAMES, dice, size), _chosen(SURNAMES, dice, size)
    firms = pc.choose(
        pa.array(number // 12 % 4),
        joined(surname, " & ", second, " OG", between=""),
        joined("Tischlerei ", surname, ", ", second, " & Co. KG", between=""),
        joined('Café "', surname, '" e.U.', between=""),
        joined("Installationen ", surname, " GmbH", between=""),
    )
    people = joined(_chosen(FIRST_NAMES, dice, size), surname)
    return pc.if_else(pa.array(is_business(number)), firms, people)


def _chosen(texts: Sequence[str], dice: Dice, size: int) -> Any:
    return pa.array(texts).take(dice.below(len(texts), size))
