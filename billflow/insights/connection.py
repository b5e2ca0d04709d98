"""The published tables and the views over them, by name in DuckDB."""

from collections.abc import Iterator, Sequence
from datetime import date

import duckdb

from billflow.dunning import DEFAULT_LEVELS, DunningLevel
from billflow.insights.leakage import leakage
from billflow.insights.open_items import BALANCES, OPEN_ITEMS
from billflow.insights.overdue import ageing, dunning
from billflow.insights.view import View
from billflow.lake import published
from billflow.lake.manifest import Manifest
from billflow.lake.storage import Storage


def connect(
    storage: Storage, manifest: Manifest, levels: Sequence[DunningLevel] = DEFAULT_LEVELS
) -> duckdb.DuckDBPyConnection:
    """A connection with every published table, and `open_items`, `balances`, `ageing`, `dunning` and `leakage`."""
    statements = [sql for view in views(manifest, levels) for sql in view.statements()]
    return published.connect(storage, manifest, statements)


def views(manifest: Manifest, levels: Sequence[DunningLevel] = DEFAULT_LEVELS) -> Iterator[View]:
    """The views over a lake, each after those that it reads."""
    as_of = newest_end(manifest)
    yield from (OPEN_ITEMS, BALANCES, ageing(as_of), dunning(levels, as_of), leakage(manifest.partitions))


def newest_end(manifest: Manifest) -> date | None:
    """The newest end of a published period: the day that is today for the lake, since no clock is read."""
    ends = (date.fromisoformat(partition.period_end) for partition in manifest.partitions.values())
    return max(ends, default=None)
