"""Bad rows for the telecom example: what a bill run meets in life, a few of each kind."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billflow.examples.telecom_customers import joined, numbered
from billflow.examples.telecom_lines import ENDED, EVERY, Lines
from billflow.examples.telecom_usage import Moments, moment_text

ROWS_FOR_EACH = 5_000  # one bad row of each kind for so many rows of usage
DIRTY_NUMBERS = 90_000_000  # lines that nobody has begin here

Spoil = Callable[[Any], Any]


def dirty_usage(usage: dict[str, Any], lines: Lines) -> tuple[dict[str, Any], Counter[str]]:
    """The tables with bad rows at their ends, and how many there are of each kind.

    A bad row has one fault only. The row that it is made from stays as it is and is billed, except where a
    conflicting duplicate is the one that became known first.
    """
    wanted = max(1, sum(len(table) for table in usage.values()) // ROWS_FOR_EACH)
    kinds = _kinds(lines)
    found: Counter[str] = Counter()
    spoiled = {}
    for name, table in usage.items():
        bad = {kind: spoil(rows) for kind, (spoil, rows) in _models(table, kinds[name], wanted).items()}
        found.update({kind: len(rows) for kind, rows in bad.items() if len(rows)})
        spoiled[name] = pa.concat_tables([table, *(rows.cast(table.schema) for rows in bad.values())])
    return spoiled, found


def _kinds(lines: Lines) -> dict[str, dict[str, Spoil]]:
    """What is wrong in which table: each kind sits where it is at home."""
    return {
        "voice": {
            "missing_key": lambda rows: _with(rows, call_id=pa.nulls(len(rows), pa.string())),
            "identical_duplicate": lambda rows: rows,
            "unknown_subscription": lambda rows: _fresh(_with(rows, line=_nobodys(rows)), "U"),
            "negative_quantity": lambda rows: _fresh(_with(rows, minutes=pc.negate(rows["minutes"])), "M"),
            "outside_subscription": lambda rows: _after_the_end(rows, lines),
        },
        "text": {
            "unreadable_time": lambda rows: _fresh(_with(rows, sent_at=_same("2026-13-45 25:61:00", rows)), "B"),
            "non_numeric_quantity": lambda rows: _fresh(_with(rows, parts=_same("n/a", rows)), "Q"),
        },
        "data": {
            "unknown_metric": lambda rows: _fresh(_with(rows, service=_same("tv_min", rows)), "K"),
            "conflicting_duplicate": _conflicting,
        },
    }


def _models(table: Any, kinds: dict[str, Spoil], wanted: int) -> dict[str, tuple[Spoil, Any]]:
    """For each kind the rows to make bad ones from: spread over the table, and no row for two kinds."""
    each = min(wanted, len(table) // len(kinds))
    step = len(table) // (each * len(kinds)) if each else 1
    return {
        kind: (spoil, table.take((np.arange(each) * len(kinds) + at) * step))
        for at, (kind, spoil) in enumerate(kinds.items())
    }


def _conflicting(rows: Any) -> Any:
    """The same id with another amount; every other one became known before the original, and so it stands."""
    earlier = pa.array(np.arange(len(rows)) % 2 == 1)
    later = pc.replace_substring(rows["seen"], "T04:00:00", "T09:30:00")
    seen = pc.if_else(earlier, rows["at"], later)
    return _with(rows, amount=joined("1", rows["amount"], between=""), seen=seen)


def _after_the_end(rows: Any, lines: Lines) -> Any:
    """Calls of lines on the day after they ended; not more than there are such lines."""
    gone = np.flatnonzero(lines.number % EVERY == ENDED)[: len(rows)]
    noon: Moments = (lines.end[gone] + 1).astype("datetime64[s]") + np.timedelta64(12 * 3600, "s")
    late = _with(rows.slice(0, len(gone)), line=numbered("L", lines.number[gone], 8), started_at=moment_text(noon))
    return _fresh(late, "O")


def _nobodys(rows: Any) -> Any:
    return numbered("L", DIRTY_NUMBERS + np.arange(len(rows)), 8)


def _fresh(rows: Any, mark: str) -> Any:
    """With ids of their own, so that they are no duplicates as well."""
    key = rows.column_names[0]
    return _with(rows, **{key: joined(rows[key], mark, between="-")})


def _same(text: str, rows: Any) -> Any:
    return pa.array([text] * len(rows), pa.string())


def _with(rows: Any, **columns: Any) -> Any:
    for name, values in columns.items():
        rows = rows.set_column(rows.column_names.index(name), name, values)
    return rows
