"""Versions of plans and taxes in time."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billflow.catalog import Catalog
from billflow.catalog.models import FIRST_DAY, LAST_DAY


def plan_of(*dates: tuple[str | None, str | None]) -> Catalog:
    charges = {"c": {"model": "flat", "amount": "1", "tax": "none"}}
    versions = [
        {"charges": charges} | {key: day for key, day in (("valid_from", first), ("valid_to", end)) if day is not None}
        for first, end in dates
    ]
    return Catalog.model_validate({"plans": {"home": versions if len(versions) > 1 else versions[0]}})


@pytest.mark.parametrize(
    ("written", "filled"),
    [
        ([(None, None)], [(FIRST_DAY, LAST_DAY)]),
        ([("2011-01-01", "2012-01-01")], [(date(2011, 1, 1), date(2012, 1, 1))]),
        (
            [("2012-01-01", None), ("2011-01-01", None)],
            [(date(2011, 1, 1), date(2012, 1, 1)), (date(2012, 1, 1), LAST_DAY)],
        ),
        (
            [("2011-01-01", "2011-06-01"), ("2012-01-01", None)],
            [(date(2011, 1, 1), date(2011, 6, 1)), (date(2012, 1, 1), LAST_DAY)],
        ),
        (
            [("2013-01-01", "2014-01-01"), (None, None), ("2012-01-01", None)],
            [
                (FIRST_DAY, date(2012, 1, 1)),
                (date(2012, 1, 1), date(2013, 1, 1)),
                (date(2013, 1, 1), date(2014, 1, 1)),
            ],
        ),
    ],
)
def test_plan_versions_are_in_order_with_valid_to_filled_in(written: Any, filled: Any) -> None:
    versions = plan_of(*written).plan_versions("home")
    assert [(version.valid_from, version.valid_to) for version in versions] == filled


@pytest.mark.parametrize(
    ("written", "overlaps"),
    [
        ([("2011-01-01", None), ("2012-01-01", None)], 0),
        ([("2011-01-01", "2012-01-01"), ("2012-01-01", None)], 0),
        ([("2011-01-01", "2012-01-02"), ("2012-01-01", None)], 1),
        ([("2011-01-01", None), ("2011-01-01", None)], 1),
        ([("2011-01-01", "2013-01-01"), ("2011-06-01", "2012-01-01"), ("2012-01-01", None)], 1),
    ],
)
def test_overlapping_versions(written: Any, overlaps: int) -> None:
    assert len(plan_of(*written).overlapping_versions("home")) == overlaps


RISING = {"gst": [{"category": "S", "rate": "0.10", "valid_from": "2012-07-01"}, {"category": "S", "rate": "0.08"}]}


@pytest.mark.parametrize(
    ("taxes", "code", "day", "category", "rate"),
    [
        ({}, "none", date(2012, 1, 1), "O", "0"),
        ({"gst": {"category": "S", "rate": "0.10"}}, "gst", date(1, 1, 1), "S", "0.10"),
        (RISING, "gst", date(2012, 6, 30), "S", "0.08"),
        (RISING, "gst", date(2012, 7, 1), "S", "0.10"),
        (RISING, "gst", date(2100, 1, 1), "S", "0.10"),
    ],
)
def test_tax_on(taxes: Any, code: str, day: date, category: str, rate: str) -> None:
    tax = Catalog.model_validate({"taxes": taxes}).tax_on(code, day)
    assert (tax.category, tax.rate) == (category, Decimal(rate))


def test_tax_on_a_day_before_its_first_version() -> None:
    late = {"gst": {"category": "S", "rate": "0.10", "valid_from": "2012-07-01"}}
    with pytest.raises(LookupError, match="2012-06-30"):
        Catalog.model_validate({"taxes": late}).tax_on("gst", date(2012, 6, 30))
