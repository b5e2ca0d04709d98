"""The base's prices, which billflow has from its catalogue, as the rows that its rivals bill with."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from billflow.bench.base import PERIOD_END
from billflow.catalog import FlatCharge, GraduatedCharge, load_catalog

_PLANS = pa.schema(
    [
        ("plan", pa.string()),
        ("fee_name", pa.string()),
        ("fee", pa.decimal128(10, 2)),
        ("energy_name", pa.string()),
        ("unit", pa.string()),
        ("tax_code", pa.string()),
        ("tax_category", pa.string()),
        ("tax_rate", pa.decimal128(6, 4)),
    ]
)
_TIERS = pa.schema(
    [
        ("plan", pa.string()),
        ("tier_no", pa.int32()),
        ("above", pa.decimal128(12, 3)),
        ("up_to", pa.decimal128(12, 3)),
        ("unit_price", pa.decimal128(10, 4)),
    ]
)


def tariff(folder: Path) -> dict[str, pa.Table]:
    """Table name → rows: plans (a fee; what energy is called, and taxed with) and tiers (numbered from 1)."""
    catalog = load_catalog(folder / "catalog")
    plans, tiers = [], []
    for code in catalog.plans:
        (plan,) = catalog.plan_versions(code)
        (fee,) = [charge for charge in plan.charges.values() if isinstance(charge, FlatCharge)]
        (energy,) = [charge for charge in plan.charges.values() if isinstance(charge, GraduatedCharge)]
        tax = catalog.tax_on(fee.tax, date.fromisoformat(PERIOD_END))
        unit = catalog.metrics[energy.metric].unit
        plans.append([code, fee.name, fee.amount, energy.name, unit, fee.tax, tax.category, tax.rate])
        above = [Decimal(0), *(tier.up_to for tier in energy.tiers)]
        tiers += [[code, at, above[at - 1], tier.up_to, tier.unit_price] for at, tier in enumerate(energy.tiers, 1)]
    return {"plans": _table(plans, _PLANS), "tiers": _table(tiers, _TIERS)}


def _table(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)], schema=schema)
