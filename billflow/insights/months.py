"""A cycle and month whose bills are published: what most questions are about."""

from dataclasses import dataclass, field

from billflow.catalog import BillingPeriod
from billflow.errors import UsageError
from billflow.lake.manifest import Manifest, PublishedPartition
from billflow.lake.standing import StandingLines, standing_lines
from billflow.settings import Settings


@dataclass(frozen=True)
class PublishedMonth:
    """A cycle and month whose bills are published."""

    cycle: str
    period: BillingPeriod
    partition: PublishedPartition
    before: StandingLines = field(default_factory=StandingLines)
    """The bills of the month before, as its bills know them: they may have taken days of this month in advance."""

    @property
    def key(self) -> str:
        """`c01|2013-01`."""
        return f"{self.cycle}|{self.period.month}"


def published_month(settings: Settings, manifest: Manifest, cycle: str, month: str) -> PublishedMonth:
    """The month as it is published; UsageError when it is not."""
    partition = manifest.partitions.get(f"{cycle}|{month}")
    if partition is None or cycle not in settings.cycles:
        raise UsageError(
            f"{cycle}|{month} is not published",
            where="--cycle, --month",
            remedy=f"`billflow run --cycle {cycle} --month {month}` bills it; see also `billflow status`",
        )
    period = settings.cycles[cycle].period(month)
    before = standing_lines(manifest, f"{cycle}|{period.previous.month}", partition.late_after)
    return PublishedMonth(cycle, period, partition, before)
