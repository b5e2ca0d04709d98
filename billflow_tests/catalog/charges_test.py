"""How a charge is written (PRICING §6)."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from billflow.catalog import Charge, FlatCharge, GraduatedCharge, PerUnitCharge

CHARGE: TypeAdapter[Any] = TypeAdapter(Charge)


def charge(**keys: Any) -> Any:
    return CHARGE.validate_python({"tax": "none", **keys})


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({"model": "flat", "amount": "29.90"}, FlatCharge),
        ({"model": "per_unit", "metric": "kwh", "unit_price": "0.19"}, PerUnitCharge),
        ({"model": "graduated", "metric": "kwh", "tiers": [{"unit_price": "0.35"}]}, GraduatedCharge),
    ],
)
def test_the_model_decides(keys: dict[str, Any], kind: type) -> None:
    assert isinstance(charge(**keys), kind)


def test_flat_is_by_the_month_in_arrears_and_daily_unless_said() -> None:
    flat = charge(model="flat", amount="1")
    assert (flat.per, flat.when, flat.proration) == ("month", "arrears", "daily")


@pytest.mark.parametrize(
    ("written", "where"),
    [
        ({}, {}),
        ({"tou": "peak"}, {"tou": ("peak",)}),
        ({"kind": ["national", "mobile"]}, {"kind": ("national", "mobile")}),
        ({"zone": 5, "tou": "peak"}, {"zone": ("5",), "tou": ("peak",)}),
        ({"zone": [1, "2"]}, {"zone": ("1", "2")}),
        ({"roaming": True}, {"roaming": ("true",)}),
        ({"roaming": [False, "x"]}, {"roaming": ("false", "x")}),
    ],
)
def test_where_takes_a_value_or_a_list(written: Any, where: Any) -> None:
    """A YAML true meets the dimension that JSON, csv and Spark write as `true`."""
    assert charge(model="per_unit", metric="kwh", unit_price="1", where=written).where == where


@pytest.mark.parametrize(
    "tiers",
    [
        [(None, "0.35", None)],
        [("200", "0.31", "2"), (None, "0.35", None)],
        [("0.1", "10", None), ("1", "5", None), (None, "2", None)],
        [("5", None, "100"), ("10", None, "50"), (None, "0", None)],
    ],
)
def test_tiers_in_order(tiers: Any) -> None:
    written = [
        {key: value for key, value in zip(("up_to", "unit_price", "flat_fee"), tier, strict=True) if value}
        for tier in tiers
    ]
    read = charge(model="graduated", metric="kwh", tiers=written).tiers
    assert [tier.up_to for tier in read] == [None if bound is None else Decimal(bound) for bound, *_ in tiers]


@pytest.mark.parametrize(
    "bounds", [("10", "5", None), ("10", "10", None), (None, "5", None), ("5", "10"), ("-1", None)]
)
def test_tiers_that_leave_a_gap_or_overlap(bounds: tuple[str | None, ...]) -> None:
    tiers = [{"up_to": bound, "unit_price": "1"} if bound else {"unit_price": "1"} for bound in bounds]
    with pytest.raises(ValidationError, match=r"tiers out of order|only the last tier|the last tier ends"):
        charge(model="graduated", metric="kwh", tiers=tiers)
