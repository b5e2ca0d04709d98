"""A cycle and month whose bills are published: what most questions are about."""

from dataclasses import dataclass, field

from billflow.billing.pricebook import Pricebook
from billflow.catalog import BillingPeriod, parse_catalog
from billflow.catalog.periods import named_period
from billflow.errors import UsageError
from billflow.lake.catalogs import kept_catalog
from billflow.lake.manifest import Manifest, PublishedPartition, TableRun
from billflow.lake.other_cycles import bills_of_other_cycles
from billflow.lake.standing import StandingLines, standing_lines
from billflow.lake.storage import Storage
from billflow.settings import Settings


@dataclass(frozen=True)
class PublishedMonth:
    """A cycle and month whose bills are published."""

    cycle: str
    period: BillingPeriod
    partition: PublishedPartition
    before: StandingLines = field(default_factory=StandingLines)
    """The bills of the month before, as its bills know them: they may have taken days of this month in advance."""
    elsewhere: tuple[TableRun, ...] = ()
    """Final bills of other cycles for days of the month, as its bills know them."""

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
    known = partition.late_after
    before = standing_lines(manifest, f"{cycle}|{period.previous.month}", known)
    elsewhere = bills_of_other_cycles(manifest, cycle, period.start, period.end, known)
    return PublishedMonth(cycle, period, partition, before, elsewhere)


def made_from(manifest: Manifest, key: str, system: str, account: str, known: int | None = None) -> PublishedPartition:
    """What a bill of a confirmed partition stands by: its newest correction, as of the confirmation `known`, or the
    partition.
    """
    corrections = [
        one
        for one in manifest.corrections_of(key, known).values()
        if one.correction and (one.correction.system, one.correction.account) == (system, account)
    ]
    return [manifest.partitions[key], *corrections][-1]


def confirmed_prices(storage: Storage, settings: Settings, key: str, made: PublishedPartition) -> Pricebook:
    """The prices and days that bills of a confirmed partition (`key`), or of a correction of them, were `made` with.

    UsageError when its cycle's periods have begun on another day then.
    """
    cycle, _, month = key.partition("|")
    period = named_period(settings.cycles, cycle, month)
    if period.start.isoformat() != made.period_start:
        raise UsageError(
            f"{key} is confirmed as of {made.period_start}, but by its cycle it begins on {period.start}: usage "
            "that came late cannot be told from usage that was moved",
            where=f"cycles.{cycle}.day",
            remedy="give the cycle its day back, and make a new cycle for the other day",
        )
    return Pricebook(parse_catalog(kept_catalog(storage, made.catalog), where="catalog"), settings, period)
