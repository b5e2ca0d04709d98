"""Reads `catalog/*.yaml`, merges the files and checks every reference between their parts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from babel.numbers import list_currencies

from billflow.catalog.charges import NO_TAX, AnyUsageCharge, FlatCharge, Where
from billflow.catalog.models import Catalog, Metric
from billflow.catalog.price_models import Charge, MatrixCharge, PercentageCharge
from billflow.errors import SettingsError
from billflow.strict_yaml import parse_yaml, read_text, together, validated, with_environment

_SECTIONS = tuple(Catalog.model_fields)


def load_catalog(folder: Path) -> Catalog:
    """The catalogue in `folder` (all its `*.yaml` and `*.yml`, merged); SettingsError names every mistake."""
    return parse_catalog(catalog_texts(folder), where=str(folder))


def catalog_texts(folder: Path) -> dict[str, str]:
    """File name → text of every YAML file in `folder`, in order of the names; SettingsError when there is none."""
    files = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if not files:
        raise SettingsError(
            "there is no catalogue",
            where=str(folder),
            remedy="write catalog/*.yaml with metrics, taxes and plans",
        )
    return {file.name: read_text(file) for file in files}


def parse_catalog(texts: Mapping[str, str], *, where: str) -> Catalog:
    """The catalogue that the files' texts make together; `where` is the folder that mistakes name.

    With texts that were kept, a period can be rated again under the prices of its time.
    """
    origin: dict[tuple[str, str], str] = {}
    parsed = {f"{where}/{name}": parse_yaml(texts[name], where=f"{where}/{name}") for name in sorted(texts)}
    parts = {file: with_environment(content, where=f"{file}: ") for file, content in parsed.items()}
    for file, content in parts.items():
        validated(Catalog, content, file=file)
        _note_origins(content, file, origin)
    merged = {section: _merged(section, parts.values()) for section in _SECTIONS}
    catalog = Catalog.model_validate(merged)
    mistakes = list(_mistakes(catalog, origin))
    if mistakes:
        raise together(mistakes)
    return catalog


def _note_origins(content: dict[str, Any], file: str, origin: dict[tuple[str, str], str]) -> None:
    for section in _SECTIONS:
        for name in content.get(section) or {}:
            earlier = origin.setdefault((section, str(name)), file)
            if earlier != file:
                raise SettingsError(
                    f"{name!r} is also in {earlier}",
                    where=f"{file}: {section}.{name}",
                    remedy="keep one of the two",
                )


def _merged(section: str, contents: Any) -> dict[str, Any]:
    return {name: value for content in contents for name, value in (content.get(section) or {}).items()}


def _mistakes(catalog: Catalog, origin: dict[tuple[str, str], str]) -> Iterator[SettingsError]:
    """References that lead nowhere, versions that overlap, currencies that do not exist."""
    for plan in catalog.plans:
        where = f"{origin['plans', plan]}: plans.{plan}"
        for earlier, later in catalog.overlapping_versions(plan):
            yield SettingsError(
                f"two versions overlap: {earlier.valid_from} to {earlier.valid_to}, and from {later.valid_from}",
                where=where,
                remedy="end the earlier one (valid_to) on or before the day on which the later one begins",
            )
        for version in catalog.plan_versions(plan):
            if version.currency and version.currency not in list_currencies():
                yield unknown_currency(version.currency, where=f"{where}.currency")
            for code, charge in version.charges.items():
                yield from _charge_mistakes(catalog, charge, f"{where}.charges.{code}")
    for name, discount in catalog.discounts.items():
        known = {code for plan in catalog.plans for version in catalog.plan_versions(plan) for code in version.charges}
        for code in () if discount.is_of_invoice else discount.applies_to or ():
            if code not in known:
                where = f"{origin['discounts', name]}: discounts.{name}.applies_to"
                yield _unknown("charge", code, known, where)


def unknown_currency(currency: str, *, where: str) -> SettingsError:
    """The mistake that a currency code is not one of ISO 4217."""
    return SettingsError(
        f"{currency!r} is not a currency of ISO 4217",
        where=where,
        remedy="write its code of three letters, such as EUR",
    )


def _charge_mistakes(catalog: Catalog, charge: Charge, where: str) -> Iterator[SettingsError]:
    if charge.tax != NO_TAX and charge.tax not in catalog.taxes:
        yield _unknown("tax", charge.tax, {*catalog.taxes, NO_TAX}, f"{where}.tax")
    if isinstance(charge, FlatCharge):
        return
    metric = catalog.metrics.get(charge.metric)
    if metric is None:
        yield _unknown("metric", charge.metric, catalog.metrics, f"{where}.metric")
    else:
        yield from _unfit(charge, metric, where)
    named = [(f"{where}.where", charge.where)]
    if isinstance(charge, MatrixCharge):
        named += [(f"{where}.prices[{at}].when", price.when) for at, price in enumerate(charge.prices)]
    for place, dimensions in named:
        yield from _unknown_names(catalog, dimensions, place)


def _unknown_names(catalog: Catalog, dimensions: Where, where: str) -> Iterator[SettingsError]:
    """Names that a calendar does not give."""
    for dimension, allowed in dimensions.items():
        for value in allowed if dimension in catalog.calendars else ():
            if value not in catalog.calendars[dimension]:
                known = catalog.calendars[dimension]
                yield _unknown(f"name in calendar {dimension!r}", value, known, f"{where}.{dimension}")


_ADDED_UP = ("sum", "count")


def _unfit(charge: AnyUsageCharge, metric: Metric, where: str) -> Iterator[SettingsError]:
    """Options that ask of a metric what its aggregate cannot give."""
    bounded = isinstance(charge, PercentageCharge) and charge.is_bounded
    in_order = charge.pool or (isinstance(charge, MatrixCharge) and charge.included is not None)
    if charge.increments and metric.aggregate != "sum":
        yield _unfit_for("increments round each event's quantity", metric, f"{where}.increments", "aggregate: sum")
    if bounded and metric.aggregate != "sum":
        yield _unfit_for("bounds of events price each event's quantity", metric, where, "aggregate: sum")
    if bounded and charge.convert and charge.convert.round != "none":
        yield SettingsError(
            "bounds price each event on its own, while `round` is of their sum",
            where=f"{where}.convert.round",
            remedy="leave round out, or the bounds of events",
        )
    if in_order and metric.aggregate not in _ADDED_UP:
        yield _unfit_for("units that several share are used up event by event", metric, where, "sum or count")


def _unfit_for(what: str, metric: Metric, where: str, wanted: str) -> SettingsError:
    return SettingsError(
        f"{what}, but the metric's aggregate is {metric.aggregate!r}",
        where=where,
        remedy=f"use a metric with {wanted}, or leave this out",
    )


def _unknown(kind: str, value: str, known: Any, where: str) -> SettingsError:
    listed = ", ".join(sorted(known)) or "nothing yet"
    return SettingsError(
        f"unknown {kind} {value!r}",
        where=where,
        remedy=f"define it in the catalogue, or write one of: {listed}",
    )
