"""A bill run is a partition: cycle × month, key `c01|2013-01`."""

from dataclasses import dataclass

import dagster as dg

from billflow.catalog import BillingPeriod
from billflow.catalog.periods import named_period
from billflow.settings import Settings

CYCLE, MONTH = "cycle", "month"


def bill_run_partitions(settings: Settings) -> dg.MultiPartitionsDefinition:
    """Every cycle × every month from the project's first one to the last that has ended."""
    months = dg.MonthlyPartitionsDefinition(start_date=settings.first_month, fmt="%Y-%m", timezone=settings.timezone)
    return dg.MultiPartitionsDefinition({CYCLE: dg.StaticPartitionsDefinition(list(settings.cycles)), MONTH: months})


@dataclass(frozen=True)
class Partition:
    """One cycle and month."""

    cycle: str
    month: str

    @classmethod
    def of(cls, key: str) -> "Partition":
        """From `c01|2013-01`."""
        cycle, _, month = key.partition("|")
        return cls(cycle, month)

    @property
    def key(self) -> str:
        """`c01|2013-01`."""
        return f"{self.cycle}|{self.month}"

    @property
    def placed(self) -> tuple[str, str]:
        """(cycle, month)."""
        return self.cycle, self.month

    def period(self, settings: Settings) -> BillingPeriod:
        """The days that it bills; UsageError when the project has no such cycle or the month is none."""
        return named_period(settings.cycles, self.cycle, self.month)
