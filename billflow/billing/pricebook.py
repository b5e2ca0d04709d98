"""The catalogue as two tables for one period, small enough to broadcast: what is charged, and what that may print."""

from collections.abc import Collection, Iterator
from dataclasses import astuple
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from billflow.billing.beside import beside
from billflow.billing.money import minor_digits
from billflow.billing.parts import PLAN_MINIMUM, Part, bound_parts, parts_of
from billflow.billing.rates import AHEAD, ARREARS, BACK, BEGUN, NO_TERMS, PARTS, RATES, Rate
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
from billflow.lake.local_rows import local_rows
from billflow.settings import Settings


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
        return local_rows(spark, [astuple(rate) for rate in self.rates], RATES)

    def with_rates(self, rows: DataFrame, names: Collection[str], by: str = "charge_id") -> DataFrame:
        """`rows` with those columns of RATES, by charge_id; by plan, a row for each of its charges."""
        schema = StructType([RATES[by], *[RATES[name] for name in names]])
        return beside(rows, [tuple(getattr(rate, name) for name in schema.names) for rate in self.rates], schema, [by])

    def with_parts(self, rows: DataFrame) -> DataFrame:
        """A row for each line that a row's charge may print, with the columns of PARTS, by charge_id and cell."""
        known = [(number, *astuple(part)) for number, part in self.parts]
        return beside(rows, known, PARTS, ["charge_id", "cell"])

    @property
    def divides(self) -> bool:
        """Whether what a charge prices may be anything but the quantity as it was measured."""
        plain = (Decimal(1), Decimal(1), "none", None, False)
        return any((one.multiply, one.divide, one.rounding, one.included, one.in_order) != plain for one in self.rates)

    @property
    def goes_on(self) -> bool:
        """Whether the bills before may have days of the period, billed in advance."""
        return any(rate.due == BACK for rate in self.rates)

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
        discounts = self._discounts(code)
        label = charge.name or code.replace("_", " ").replace("-", " ").capitalize()
        terms = self._terms_of_usage(number, charge) if not isinstance(charge, FlatCharge) else {"per": charge.per}
        measured_in = terms.pop("unit", None)
        unit = charge.unit or measured_in
        self.parts += [(number, part) for part in parts_of(charge, label, unit, discounts=discounts.values())]
        usage = not isinstance(charge, FlatCharge)
        return Rate(
            **self._of_version(number, plan, version, start, end),
            **NO_TERMS | terms,
            charge=code,
            section=charge.section or version.name or plan,
            unit=unit,
            first_epoch=self.epochs.index(start) if usage else 0,
            last_epoch=len([day for day in self.epochs if day < end]) - 1,
            due=due,
            begins=self.catalog.charge_begins(plan, code),
            period_days=period.days,
            prorated=charge.proration == "daily",
            minimum=charge.minimum,
            maximum=charge.maximum,
            is_capped=self._is_capped(plan, code),
            of_plan=False,
            first_tax=charge.tax,
            discounts=discounts,
        )

    def _of_version(self, number: int, plan: str, version: PlanVersion, start: date, end: date) -> dict[str, Any]:
        """What a charge has of its plan's version."""
        currency = version.currency or self.settings.currency
        return {
            "charge_id": number,
            "plan": plan,
            "price_from": version.valid_from,
            "currency": currency,
            "digits": minor_digits(currency),
            "is_gross": version.prices_include_tax,
            "window_start": start,
            "window_end": end,
        }

    def _terms_of_usage(self, number: int, charge: UsageCharge) -> dict[str, Any]:
        """From events to a quantity, and what each event costs where it has a price of its own."""
        metric = self.catalog.metrics[charge.metric]
        factor = 1 / Fraction(charge.convert.divide_by) if charge.convert else Fraction(1)
        terms = {
            "unit": metric.unit,
            "metric": charge.metric,
            "aggregate": metric.aggregate,
            "where": {name: list(values) for name, values in charge.where.items()},
            "increments": self._increments(charge),
            "multiply": Decimal(factor.numerator),
            "divide": Decimal(factor.denominator),
            "rounding": charge.convert.round if charge.convert else "none",
            "included": charge.included,
            "pool": charge.pool,
            "in_order": _in_order(charge),
        }
        if isinstance(charge, MatrixCharge):
            self._note_cells(number, charge)
            terms |= {"is_matrix": True, "default_cell": _default_cell(charge)}
        if isinstance(charge, PercentageCharge):
            names = ("rate", "fixed_fee", "free_events", "event_minimum", "event_maximum")
            terms |= {name: getattr(charge, name) for name in names}
        return terms

    def _bounds(self, number: int, plan: str, version: PlanVersion, start: date, end: date) -> Rate:
        """The minimum and maximum of a plan as a charge that counts no usage."""
        taxes = list(dict.fromkeys(charge.tax for charge in version.charges.values()))
        self.parts += [(number, part) for part in bound_parts(version, taxes, version.name or plan)]
        return Rate(
            **self._of_version(number, plan, version, start, end),
            **NO_TERMS,
            charge=PLAN_MINIMUM,
            section=version.name or plan,
            unit=None,
            first_epoch=0,
            last_epoch=0,
            due=ARREARS,
            begins=FIRST_DAY,
            period_days=self.period.days,
            prorated=version.proration == "daily",
            minimum=version.minimum,
            maximum=version.maximum,
            is_capped=True,
            of_plan=True,
            first_tax=taxes[0],
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


def _default_cell(charge: MatrixCharge) -> int | None:
    return len(charge.prices) if charge.default is not None else None


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
