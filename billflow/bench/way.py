"""What one way of billing a base has taken, and what it came to."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from billflow.bench.resources import Spent
from billflow.bench.totals import Totals

BILLFLOW, DUCKDB = "billflow", "DuckDB"
SETS, PROCEDURE, PROCEDURES = (
    "PostgreSQL, sets",
    "PostgreSQL, cursor loops",
    "PostgreSQL, cursor loops, a session a core",
)


@dataclass(frozen=True)
class Billed:
    """One bill run: what it took, what it wrote."""

    spent: Spent
    totals: Totals
    written_bytes: int
    """Of invoices, lines and taxes, indexes among them."""


@dataclass(frozen=True)
class Way:
    """Several bill runs of one base by the same way; `loaded` was paid once before, `started` at each run."""

    name: str
    version: str
    loaded: Spent
    runs: Sequence[Billed]
    started: Spent | None = None
    """Of billflow the start of Spark; of others nothing, since servers run."""

    @property
    def seconds(self) -> float:
        """The median of the runs."""
        return statistics.median(run.spent.seconds for run in self.runs)

    @property
    def cpu_seconds(self) -> float | None:
        """The median of the runs, as far as it is known."""
        return _median([run.spent.cpu_seconds for run in self.runs])

    @property
    def peak_mebibytes(self) -> float | None:
        """The median of the runs' peaks, as far as they are known.

        Of several runs the first is left out: the process of billflow's has ingested before.
        """
        return _median([run.spent.peak_mebibytes for run in self.runs[1:] or self.runs])

    @property
    def totals(self) -> Totals:
        """All runs came to the same."""
        return self.runs[0].totals


def _median(found: Sequence[float | None]) -> float | None:
    known = [one for one in found if one is not None]
    return statistics.median(known) if known else None
