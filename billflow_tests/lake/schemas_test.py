"""The published tables' columns and types, as the contract names them (§4)."""

import pytest
from pyspark.sql.types import DateType, DecimalType, DoubleType, FloatType, TimestampType

from billflow.canonical import CANONICAL_TABLES
from billflow.lake.schemas import SCHEMAS

CONTRACT = {
    "invoices": "invoice_id invoice_number kind status corrects account_id system cycle month period_start period_end "
    "issue_date due_date currency net tax total",
    "invoice_lines": "invoice_id line_no account_id subscription_id plan charge section description metric "
    "period_start period_end quantity unit unit_price net tax_code tax_category tax_rate usage_count cycle month",
    "invoice_taxes": "invoice_id tax_category tax_rate base tax cycle month",
    "documents": "invoice_id pages bytes sha256 template cycle month",
    "quarantine": "source table key rules reason row cycle month run_id",
}


@pytest.mark.parametrize("table", CONTRACT)
def test_the_columns_of_the_contract_come_first(table: str) -> None:
    expected = CONTRACT[table].split()
    assert SCHEMAS[table].names[: len(expected)] == expected


@pytest.mark.parametrize(
    ("table", "canonical"),
    [("accounts", "customers"), *[(table, table) for table in CANONICAL_TABLES if table != "customers"]],
)
def test_canonical_tables_are_published_with_system_and_source(table: str, canonical: str) -> None:
    # What names the system of a row that is not its source's is the row's system.
    columns = {*CANONICAL_TABLES[canonical].columns, "system", "source"} - {"account_system"}
    assert columns <= set(SCHEMAS[table].names)


MONEY = {"net", "tax", "total", "base"}
TWELVE_DIGITS = {"quantity", "unit_price", "amount", "tax_amount"}
DAYS = {"period_start", "period_end", "issue_date", "due_date", "start_date", "end_date", "date", "birth_date"}
TAX_CODES = {("adjustments", "tax"), ("late_adjustments", "tax"), ("bills", "tax")}
TIMES = {"event_time", "arrived_at", "decided_at"}


@pytest.mark.parametrize(
    ("names", "kind"),
    [(MONEY, DecimalType(38, 4)), (TWELVE_DIGITS, DecimalType(38, 12)), (DAYS, DateType()), (TIMES, TimestampType())],
)
def test_types(names: set[str], kind: object) -> None:
    found = [
        (field.name, field.dataType)
        for table, schema in SCHEMAS.items()
        for field in schema
        if field.name in names and (table, field.name) not in TAX_CODES
    ]
    assert {name for name, _ in found} == names
    assert {type_ for _, type_ in found} == {kind}


def test_no_binary_floats() -> None:
    kinds = {type(field.dataType) for schema in SCHEMAS.values() for field in schema}
    assert kinds.isdisjoint({DoubleType, FloatType})
