"""The catalogue as two tables for one period, small enough to broadcast: what is charged, and what that may print."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import MapType, StructField, StructType

from billflow.billing.money import minor_digits
from billflow.billing.parts import PLAN_MINIMUM, Part, bound_parts, parts_of
from billflow.catalog import (
    BillingPeriod,
    Catalog,
    Charge,
    FlatCharge,
    MatrixCharge,
    PercentageCharge,
    PlanVersion,
    UsageCharge,
)
from billflow.catalog.price_models import cells
from billflow.catalog.taxes import FIRST_DAY, LAST_DAY
from billflow.lake.schemas import DAY, FLAG, MONEY, QUANTITY, RATE, TEXT, TEXTS, WHOLE
from billflow.settings import Settings

ARREARS, AHEAD, BEGUN, BACK = "arrears", "ahead", "begun", "back"
"""When a charge falls due: for the period itself; in advance for the next one; for the period's days, when a charge
that is billed in advance has begun within it; for days billed in advance that come back."""

EVERY_CELL = -1
"""The `cell` of what a matrix charge prints besides the lines of its prices."""


@dataclass(frozen=True)
class Rate:
    """A charge in force on `[window_start, window_end)`, with what rating needs of it."""

    charge_id: int
    """In printing order. Bounds of a plan version are rows of their own, after its charges."""
    plan: str
    price_from: date
    """The first day of the plan's version."""
    currency: str
    digits: int
    is_gross: bool
    """Whether prices include tax."""
    charge: str
    section: str
    unit: str | None
    metric: str | None
    aggregate: str | None
    window_start: date
    window_end: date
    first_epoch: int
    last_epoch: int
    where: dict[str, list[str]]
    due: str
    begins: date
    """The first day on which the plan has the charge."""
    period_days: int
    """Days of the whole period that the window is part of: what a month's price is cut by."""
    prorated: bool
    per: str | None
    increments: int | None
    """Which of `Pricebook.increments`."""
    multiply: Decimal
    divide: Decimal
    """Unit conversion: × multiply ÷ divide."""
    rounding: str
    included: Decimal | None
    pool: str | None
    is_matrix: bool
    default_cell: int | None
    in_order: bool
    """Whether its events must be looked at one by one, in order of time."""
    rate: Decimal | None
    fixed_fee: Decimal | None
    free_events: int
    event_minimum: Decimal | None
    event_maximum: Decimal | None
    minimum: Decimal | None
    maximum: Decimal | None
    is_capped: bool
    """Whether some version of the charge has a maximum: then all of them use it up."""
    of_plan: bool
    """Whether the bounds are those of a plan."""
    tax_codes: list[str]
    """The taxes of a plan's charges; the first one's first."""
    discounts: dict[str, tuple[Decimal | None, Decimal | None, date, date, int | None]]
    """Code → percent, amount, first and last day, number of periods."""


def _types(**columns: object) -> StructType:
    return StructType([StructField(name, kind) for name, kind in columns.items()])  # type: ignore[arg-type]


_DISCOUNT = _types(percent=RATE, amount=MONEY, valid_from=DAY, valid_to=DAY, periods=WHOLE)

RATES = _types(
    charge_id=WHOLE,
    plan=TEXT,
    price_from=DAY,
    currency=TEXT,
    digits=WHOLE,
    is_gross=FLAG,
    charge=TEXT,
    section=TEXT,
    unit=TEXT,
    metric=TEXT,
    aggregate=TEXT,
    window_start=DAY,
    window_end=DAY,
    first_epoch=WHOLE,
    last_epoch=WHOLE,
    where=MapType(TEXT, TEXTS),
    due=TEXT,
    begins=DAY,
    period_days=WHOLE,
    prorated=FLAG,
    per=TEXT,
    increments=WHOLE,
    multiply=QUANTITY,
    divide=QUANTITY,
    rounding=TEXT,
    included=QUANTITY,
    pool=TEXT,
    is_matrix=FLAG,
    default_cell=WHOLE,
    in_order=FLAG,
    rate=QUANTITY,
    fixed_fee=QUANTITY,
    free_events=WHOLE,
    event_minimum=QUANTITY,
    event_maximum=QUANTITY,
    minimum=QUANTITY,
    maximum=QUANTITY,
    is_capped=FLAG,
    of_plan=FLAG,
    tax_codes=TEXTS,
    discounts=MapType(TEXT, _DISCOUNT),
)
"""`Rate` as a table."""

PARTS = _types(
    charge_id=WHOLE,
    cell=WHOLE,
    position=WHOLE,
    kind=TEXT,
    above=QUANTITY,
    up_to=QUANTITY,
    price=QUANTITY,
    label=TEXT,
    carries=FLAG,
    tax_code=TEXT,
)
"""`billflow.billing.parts.Part` as a table."""


class Pricebook:
    """What the catalogue charges in a period."""

    def __init__(self, catalog: Catalog, settings: Settings, period: BillingPeriod) -> None:
        self.catalog, self.settings, self.period = catalog, settings, period
        self.epochs = _epochs(catalog, period)
        """First days of the stretches of the period in which no price begins or ends."""
        self.increments: list[tuple[Decimal, Decimal]] = []
        """(first, then) that some charge rounds each event's quantity by."""
        self.parts: list[tuple[int, Part]] = []
        self.cells: dict[tuple[str, ...], list[tuple[int, tuple[str, ...], int]]] = {}
        """Dimensions that prices of a matrix name → (charge_id, values, cell)."""
        self.rates = list(self._rates())
        self.digits = sorted({minor_digits(currency) for currency in self.currencies})
        self.price_digits = max((_scale(part.price) for _, part in self.parts), default=0)
        """Digits after the point of the finest price: what exact products need."""

    @property
    def currencies(self) -> set[str]:
        """All currencies that plans are priced in, and the project's."""
        return {self.settings.currency, *(rate.currency for rate in self.rates)}

    def frame(self, spark: SparkSession) -> DataFrame:
        """RATES, a row per charge."""
        return spark.createDataFrame([astuple(rate) for rate in self.rates], RATES)

    def parts_frame(self, spark: SparkSession) -> DataFrame:
        """PARTS, a row per line that a charge may print."""
        return spark.createDataFrame([(number, *astuple(part)) for number, part in self.parts], PARTS)

    def dimensions(self) -> list[str]:
        """Dimensions and calendars that some charge asks for, in order."""
        asked = {dimension for rate in self.rates for dimension in rate.where}
        return sorted(asked.union(*self.cells))

    def values(self, dimension: str) -> list[str]:
        """The values of a dimension that some charge asks for, in order."""
        asked = {value for rate in self.rates for value in rate.where.get(dimension, ())}
        for names, priced in self.cells.items():
            if dimension in names:
                asked |= {values[names.index(dimension)] for _, values, _ in priced}
        return sorted(asked)

    def counted_dimensions(self) -> dict[str, str]:
        """Metric → the dimension whose distinct values it counts."""
        return {name: metric.of for name, metric in self.catalog.metrics.items() if metric.of is not None}

    def has(self, aggregate: str) -> bool:
        """Whether some charge asks for that aggregate."""
        return any(rate.aggregate == aggregate for rate in self.rates)

    def gaps(self) -> list[tuple[str, date, date]]:
        """(plan, from, to) of the period's days on which a plan has no version in force."""
        return [(plan, *gap) for plan in self.catalog.plans for gap in self._gaps(plan)]

    def _gaps(self, plan: str) -> Iterator[tuple[date, date]]:
        day = self.period.start
        for version in self.catalog.plan_versions(plan):
            start, end = _clipped(self.period, version.valid_from, version.valid_to)
            if start < end:
                if day < start:
                    yield day, start
                day = max(day, end)
        if day < self.period.end:
            yield day, self.period.end

    def _rates(self) -> Iterator[Rate]:
        number = 0
        for plan in self.catalog.plans:
            for version in self.catalog.plan_versions(plan):
                for code, charge, due, period in self._dues(plan, version):
                    start, end = _clipped(period, version.valid_from, version.valid_to)
                    start, end = max(start, charge.valid_from or start), min(end, charge.valid_to or end)
                    if start < end:
                        yield self._rate(number, plan, version, code, charge, due, period, start, end)
                        number += 1
                start, end = _clipped(self.period, version.valid_from, version.valid_to)
                if start < end and self._is_bounded(plan):
                    yield self._bounds(number, plan, version, start, end)
                    number += 1

    def _is_bounded(self, plan: str) -> bool:
        """Whether some version of the plan has bounds: then all of them use up its maximum."""
        versions = self.catalog.plan_versions(plan)
        return any((version.minimum, version.maximum) != (None, None) for version in versions)

    def _is_capped(self, plan: str, code: str) -> bool:
        charges = [version.charges.get(code) for version in self.catalog.plan_versions(plan)]
        return any(charge is not None and charge.maximum is not None for charge in charges)

    def _dues(self, plan: str, version: PlanVersion) -> Iterator[tuple[str, Charge, str, BillingPeriod]]:
        """(code, charge, when it is due, the period that it is for)."""
        for code, charge in version.charges.items():
            if not isinstance(charge, FlatCharge) or charge.when == "arrears":
                yield code, charge, ARREARS, self.period
                continue
            yield code, charge, BEGUN, self.period
            if self.catalog.charge_begins(plan, code) < self.period.end:
                yield code, charge, AHEAD, self.period.following
                yield code, charge, BACK, self.period

    def _rate(
        self,
        number: int,
        plan: str,
        version: PlanVersion,
        code: str,
        charge: Charge,
        due: str,
        period: BillingPeriod,
        start: date,
        end: date,
    ) -> Rate:
        usage = None if isinstance(charge, FlatCharge) else charge
        metric = self.catalog.metrics[usage.metric] if usage else None
        label = charge.name or code.replace("_", " ").replace("-", " ").capitalize()
        unit = charge.unit or (metric.unit if metric else None)
        discounts = self._discounts(code)
        self.parts += [(number, part) for part in parts_of(charge, label, unit, discounts=discounts.values())]
        if isinstance(charge, MatrixCharge):
            self._note_cells(number, charge)
        percentage = charge if isinstance(charge, PercentageCharge) else None
        factor = 1 / Fraction(usage.convert.divide_by) if usage and usage.convert else Fraction(1)
        return Rate(
            charge_id=number,
            plan=plan,
            price_from=version.valid_from,
            currency=(currency := version.currency or self.settings.currency),
            digits=minor_digits(currency),
            is_gross=version.prices_include_tax,
            charge=code,
            section=charge.section or version.name or plan,
            unit=unit,
            metric=usage.metric if usage else None,
            aggregate=metric.aggregate if metric else None,
            window_start=start,
            window_end=end,
            first_epoch=self.epochs.index(start) if usage else 0,
            last_epoch=len([day for day in self.epochs if day < end]) - 1,
            where={name: list(values) for name, values in usage.where.items()} if usage else {},
            due=due,
            begins=self.catalog.charge_begins(plan, code),
            period_days=period.days,
            prorated=charge.proration == "daily",
            per=charge.per if isinstance(charge, FlatCharge) else None,
            increments=self._increments(usage) if usage else None,
            multiply=Decimal(factor.numerator),
            divide=Decimal(factor.denominator),
            rounding=usage.convert.round if usage and usage.convert else "none",
            included=usage.included if usage else None,
            pool=usage.pool if usage else None,
            is_matrix=isinstance(charge, MatrixCharge),
            default_cell=_default_cell(charge),
            in_order=usage is not None and _in_order(usage),
            rate=percentage.rate if percentage else None,
            fixed_fee=percentage.fixed_fee if percentage else None,
            free_events=percentage.free_events if percentage else 0,
            event_minimum=percentage.event_minimum if percentage else None,
            event_maximum=percentage.event_maximum if percentage else None,
            minimum=charge.minimum,
            maximum=charge.maximum,
            is_capped=self._is_capped(plan, code),
            of_plan=False,
            tax_codes=[charge.tax],
            discounts=discounts,
        )

    def _bounds(self, number: int, plan: str, version: PlanVersion, start: date, end: date) -> Rate:
        """The minimum and maximum of a plan as a charge that counts no usage."""
        taxes = list(dict.fromkeys(charge.tax for charge in version.charges.values()))
        self.parts += [(number, part) for part in bound_parts(version, taxes, version.name or plan)]
        currency = version.currency or self.settings.currency
        return Rate(
            charge_id=number,
            plan=plan,
            price_from=version.valid_from,
            currency=currency,
            digits=minor_digits(currency),
            is_gross=version.prices_include_tax,
            charge=PLAN_MINIMUM,
            section=version.name or plan,
            unit=None,
            metric=None,
            aggregate=None,
            window_start=start,
            window_end=end,
            first_epoch=0,
            last_epoch=0,
            where={},
            due=ARREARS,
            begins=FIRST_DAY,
            period_days=self.period.days,
            prorated=version.proration == "daily",
            per=None,
            increments=None,
            multiply=Decimal(1),
            divide=Decimal(1),
            rounding="none",
            included=None,
            pool=None,
            is_matrix=False,
            default_cell=None,
            in_order=False,
            rate=None,
            fixed_fee=None,
            free_events=0,
            event_minimum=None,
            event_maximum=None,
            minimum=version.minimum,
            maximum=version.maximum,
            is_capped=True,
            of_plan=True,
            tax_codes=taxes,
            discounts={},
        )

    def _increments(self, charge: UsageCharge) -> int | None:
        if charge.increments is None:
            return None
        steps = (charge.increments.first, charge.increments.then)
        if steps not in self.increments:
            self.increments.append(steps)
        return self.increments.index(steps)

    def _note_cells(self, number: int, charge: MatrixCharge) -> None:
        for at, price in enumerate(charge.prices):
            for names, values in cells(price):
                self.cells.setdefault(names, []).append((number, values, at))

    def _discounts(self, charge: str) -> dict[str, tuple[Decimal | None, Decimal | None, date, date, int | None]]:
        return {
            code: (one.percent, one.amount, one.valid_from, one.valid_to, one.periods)
            for code, one in self.catalog.discounts.items()
            if one.is_of(charge)
        }


def _default_cell(charge: Charge) -> int | None:
    return len(charge.prices) if isinstance(charge, MatrixCharge) and charge.default is not None else None


def _in_order(charge: UsageCharge) -> bool:
    bounded = isinstance(charge, PercentageCharge) and charge.is_bounded
    return bool(bounded or charge.pool or (isinstance(charge, MatrixCharge) and charge.included is not None))


def _scale(price: Decimal | None) -> int:
    return max(0, -int(price.normalize().as_tuple().exponent)) if price is not None else 0


def _clipped(period: BillingPeriod, start: date | None, end: date | None) -> tuple[date, date]:
    return max(start or period.start, period.start), min(end or LAST_DAY, period.end)


def _epochs(catalog: Catalog, period: BillingPeriod) -> list[date]:
    days = {period.start}
    for plan in catalog.plans:
        for version in catalog.plan_versions(plan):
            days |= {version.valid_from, version.valid_to or period.start}
            for charge in version.charges.values():
                days |= {day for day in (charge.valid_from, charge.valid_to) if day}
    return sorted(day for day in days if period.start <= day < period.end)
