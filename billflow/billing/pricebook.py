"""The catalogue as a table for one period: one row per plan version and charge in force, small enough to broadcast."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from datetime import date
from decimal import Decimal

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import ArrayType, MapType, StructField, StructType

from billflow.billing.money import minor_digits
from billflow.catalog import BillingPeriod, Catalog, Charge, FlatCharge, GraduatedCharge, PerUnitCharge, PlanVersion
from billflow.catalog import Tier as CatalogTier
from billflow.catalog.taxes import LAST_DAY
from billflow.lake.schemas import DAY, FLAG, QUANTITY, RATE, TEXT, TEXTS, WHOLE
from billflow.settings import Settings

FLAT, UNITS, FEE, DISCOUNT = "flat", "units", "fee", "discount"
"""Kinds of parts."""


@dataclass(frozen=True)
class Part:
    """What a charge may print as one line: a flat amount, the units in a tier `(above, up_to]`, its fee, a discount."""

    position: int
    kind: str
    above: Decimal | None
    up_to: Decimal | None
    price: Decimal | None
    label: str


@dataclass(frozen=True)
class PricedCharge:
    """A charge in force on `[window_start, window_end)` of the period, with all that a line prints."""

    charge_id: int
    plan: str
    currency: str
    digits: int
    charge: str
    section: str
    label: str
    metric: str | None
    aggregate: str | None
    unit: str | None
    window_start: date
    window_end: date
    first_epoch: int
    last_epoch: int
    where: dict[str, list[str]]
    per: str | None
    prorated: bool
    parts: list[Part]
    discounts: dict[str, Decimal]
    """Discount code → percent off."""
    tax_code: str
    tax_category: str
    tax_rate: Decimal


def _types(**columns: object) -> StructType:
    return StructType([StructField(name, kind) for name, kind in columns.items()])  # type: ignore[arg-type]


_PART = _types(position=WHOLE, kind=TEXT, above=QUANTITY, up_to=QUANTITY, price=QUANTITY, label=TEXT)

SCHEMA = _types(
    charge_id=WHOLE,
    plan=TEXT,
    currency=TEXT,
    digits=WHOLE,
    charge=TEXT,
    section=TEXT,
    label=TEXT,
    metric=TEXT,
    aggregate=TEXT,
    unit=TEXT,
    window_start=DAY,
    window_end=DAY,
    first_epoch=WHOLE,
    last_epoch=WHOLE,
    where=MapType(TEXT, TEXTS),
    per=TEXT,
    prorated=FLAG,
    parts=ArrayType(_PART),
    discounts=MapType(TEXT, RATE),
    tax_code=TEXT,
    tax_category=TEXT,
    tax_rate=RATE,
)


class Pricebook:
    """What the catalogue charges in a period."""

    def __init__(self, catalog: Catalog, settings: Settings, period: BillingPeriod) -> None:
        self.catalog, self.settings, self.period = catalog, settings, period
        self.epochs = _epochs(catalog, period)
        """First days of the stretches of the period in which no price begins or ends."""
        self.rows = list(self._charges())
        self.digits = sorted({minor_digits(currency) for currency in self.currencies})

    @property
    def currencies(self) -> set[str]:
        """All currencies that plans are priced in, and the project's."""
        return {self.settings.currency, *(row.currency for row in self.rows)}

    def frame(self, spark: SparkSession) -> DataFrame:
        """SCHEMA, a row per charge."""
        return spark.createDataFrame([astuple(row) for row in self.rows], SCHEMA)

    def dimensions(self) -> list[str]:
        """Dimensions and calendars that some charge asks for, in order."""
        return sorted({dimension for row in self.rows for dimension in row.where})

    def values(self, dimension: str) -> list[str]:
        """The values of a dimension that some charge asks for, in order."""
        return sorted({value for row in self.rows for value in row.where.get(dimension, ())})

    def gaps(self) -> list[tuple[str, date, date]]:
        """(plan, from, to) of the period's days on which a plan has no version in force."""
        return [(plan, *gap) for plan in self.catalog.plans for gap in self._gaps(plan)]

    def _gaps(self, plan: str) -> Iterator[tuple[date, date]]:
        day = self.period.start
        for version in self.catalog.plan_versions(plan):
            start, end = self._clipped(version.valid_from, version.valid_to)
            if start < end:
                if day < start:
                    yield day, start
                day = max(day, end)
        if day < self.period.end:
            yield day, self.period.end

    def _clipped(self, start: date | None, end: date | None) -> tuple[date, date]:
        return max(start or self.period.start, self.period.start), min(end or LAST_DAY, self.period.end)

    def _charges(self) -> Iterator[PricedCharge]:
        number = 0
        for plan in self.catalog.plans:
            for version in self.catalog.plan_versions(plan):
                for code, charge in version.charges.items():
                    start, end = self._clipped(version.valid_from, version.valid_to)
                    start, end = max(start, charge.valid_from or start), min(end, charge.valid_to or end)
                    if start < end:
                        yield self._priced(number, plan, version, code, charge, start, end)
                        number += 1

    def _priced(
        self, number: int, plan: str, version: PlanVersion, code: str, charge: Charge, start: date, end: date
    ) -> PricedCharge:
        currency = version.currency or self.settings.currency
        metric = None if isinstance(charge, FlatCharge) else self.catalog.metrics[charge.metric]
        tax = self.catalog.tax_on(charge.tax, self.period.issue_date)
        label = charge.name or code.replace("_", " ").replace("-", " ").capitalize()
        unit = charge.unit or (metric.unit if metric else None)
        return PricedCharge(
            charge_id=number,
            plan=plan,
            currency=currency,
            digits=minor_digits(currency),
            charge=code,
            section=charge.section or version.name or plan,
            label=label,
            metric=None if isinstance(charge, FlatCharge) else charge.metric,
            aggregate=metric.aggregate if metric else None,
            unit=unit,
            window_start=start,
            window_end=end,
            first_epoch=self.epochs.index(start),
            last_epoch=len([day for day in self.epochs if day < end]) - 1,
            where={} if isinstance(charge, FlatCharge) else {name: list(v) for name, v in charge.where.items()},
            per=charge.per if isinstance(charge, FlatCharge) else None,
            prorated=isinstance(charge, FlatCharge) and charge.proration == "daily",
            parts=_parts(charge, label, unit, discounted=bool(self._discounts(code))),
            discounts=self._discounts(code),
            tax_code=charge.tax,
            tax_category=tax.category,
            tax_rate=tax.rate,
        )

    def _discounts(self, charge: str) -> dict[str, Decimal]:
        return {
            code: discount.percent
            for code, discount in self.catalog.discounts.items()
            if discount.applies_to is None or charge in discount.applies_to
        }


def _epochs(catalog: Catalog, period: BillingPeriod) -> list[date]:
    days = {period.start}
    for plan in catalog.plans:
        for version in catalog.plan_versions(plan):
            days |= {version.valid_from, version.valid_to or period.start}
            for charge in version.charges.values():
                days |= {day for day in (charge.valid_from, charge.valid_to) if day}
    return sorted(day for day in days if period.start <= day < period.end)


def _parts(charge: Charge, label: str, unit: str | None, *, discounted: bool) -> list[Part]:
    """Numbered in the order in which they are printed: each tier's units before its fee, the discount last."""
    if isinstance(charge, FlatCharge):
        parts = [Part(0, FLAT, None, None, charge.amount, label)]
    else:
        parts = [part for tier in _tiers(charge) for part in _tier_parts(*tier, label, unit)]
    if discounted:
        parts.append(Part(0, DISCOUNT, None, None, None, f"{label}, discount"))
    return [replace(part, position=position) for position, part in enumerate(parts)]


def _tiers(charge: PerUnitCharge | GraduatedCharge) -> Iterator[tuple[Decimal, CatalogTier]]:
    """(where the tier before ends, tier); one open tier where every unit costs the same."""
    given = (CatalogTier(unit_price=charge.unit_price),) if isinstance(charge, PerUnitCharge) else charge.tiers
    yield from zip([Decimal(0), *(tier.up_to or Decimal(0) for tier in given)], given, strict=False)


def _tier_parts(above: Decimal, tier: CatalogTier, label: str, unit: str | None) -> Iterator[Part]:
    alone = above == 0 and tier.up_to is None
    span = "" if alone else f", {_span(above, tier.up_to, unit)}"
    yield Part(0, UNITS, above, tier.up_to, tier.unit_price or Decimal(0), f"{label}{span}")
    if tier.flat_fee:
        yield Part(0, FEE, above, tier.up_to, tier.flat_fee, f"{label}, fee{span}")


def _span(above: Decimal, up_to: Decimal | None, unit: str | None) -> str:
    suffix = f" {unit}" if unit else ""
    if up_to is None:
        return f"above {above:f}{suffix}"
    return f"{above:f} to {up_to:f}{suffix}"
