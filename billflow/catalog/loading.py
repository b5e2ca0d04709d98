"""Reads `catalog/*.yaml`, merges the files and checks every reference between their parts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.numbers import list_currencies

from billflow.catalog.charges import NO_TAX, Charge, FlatCharge
from billflow.catalog.models import Catalog
from billflow.errors import SettingsError
from billflow.strict_yaml import read_yaml, together, validated, with_environment

_SECTIONS = tuple(Catalog.model_fields)


def load_catalog(folder: Path) -> Catalog:
    """The catalogue in `folder` (all its `*.yaml` and `*.yml`, merged); SettingsError names every mistake."""
    files = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if not files:
        raise SettingsError(
            "there is no catalogue",
            where=str(folder),
            remedy="write catalog/*.yaml with metrics, taxes and plans",
        )
    origin: dict[tuple[str, str], Path] = {}
    parts = {file: with_environment(read_yaml(file), where=f"{file}: ") for file in files}
    for file, content in parts.items():
        validated(Catalog, content, file=file)
        _note_origins(content, file, origin)
    merged = {section: _merged(section, parts.values()) for section in _SECTIONS}
    catalog = Catalog.model_validate(merged)
    mistakes = list(_mistakes(catalog, origin))
    if mistakes:
        raise together(mistakes)
    return catalog


def _note_origins(content: dict[str, Any], file: Path, origin: dict[tuple[str, str], Path]) -> None:
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


def _mistakes(catalog: Catalog, origin: dict[tuple[str, str], Path]) -> Iterator[SettingsError]:
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
        for code in discount.applies_to or ():
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
    if charge.metric not in catalog.metrics:
        yield _unknown("metric", charge.metric, catalog.metrics, f"{where}.metric")
    for dimension, allowed in charge.where.items():
        for value in allowed if dimension in catalog.calendars else ():
            if value not in catalog.calendars[dimension]:
                known = catalog.calendars[dimension]
                yield _unknown(f"name in calendar {dimension!r}", value, known, f"{where}.where.{dimension}")


def _unknown(kind: str, value: str, known: Any, where: str) -> SettingsError:
    listed = ", ".join(sorted(known)) or "nothing yet"
    return SettingsError(
        f"unknown {kind} {value!r}",
        where=where,
        remedy=f"define it in the catalogue, or write one of: {listed}",
    )
