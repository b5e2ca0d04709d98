"""The ten questions as one side answers them, and whether two sides say the same."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from billflow.bench.resources import Spent
from billflow.bench.rivals.script import statements
from billflow.errors import CheckFailedError

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Answered:
    """Question → seconds of each run, and the rows; what all runs took, and the bytes of tables and indexes.

    `opened` is what it took until the side could be asked.
    """

    opened: Spent
    spent: Spent
    seconds: Mapping[str, Sequence[float]]
    rows: Mapping[str, Sequence[Row]]
    stored_bytes: int

    def median(self, question: str) -> float:
        """Seconds."""
        return statistics.median(self.seconds[question])


def answers(ask: Callable[[str], Sequence[Row]], runs: int) -> tuple[dict[str, list[float]], dict[str, list[Row]]]:
    """Asks each question `runs` times: question → seconds of each, and the rows."""
    seconds: dict[str, list[float]] = {}
    rows: dict[str, list[Row]] = {}
    for question, sql in statements("queries"):
        for _ in range(runs):
            began = time.perf_counter()
            found = ask(sql)
            seconds.setdefault(question, []).append(time.perf_counter() - began)
            rows[question] = [tuple(map(_plain, row)) for row in found]
    return seconds, rows


def _plain(value: Any) -> str:
    """A value as both sides' drivers give it: numbers without zeros at their ends."""
    if isinstance(value, Decimal | int | float):
        text = f"{Decimal(str(value)):f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return value.isoformat() if isinstance(value, date) else str(value)


def check_answers(billflow: Answered, other: Answered, where: str) -> None:
    """CheckFailedError when an answer has other rows, in whatever order; it names the question and a row."""
    for question, mine in billflow.rows.items():
        theirs = other.rows[question]
        more, fewer = Counter(mine) - Counter(theirs), Counter(theirs) - Counter(mine)
        if more or fewer:
            row = next(iter(more or fewer))
            raise CheckFailedError(
                f"{question}: {more.total()} rows only billflow has, {fewer.total()} only PostgreSQL, such as {row}",
                where=where,
                remedy="nothing was measured: one of them has other tables than the other",
            )
