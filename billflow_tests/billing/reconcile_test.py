"""Do the books balance: what is doubtful in one look, and what is then told of it."""

from decimal import Decimal
from typing import Any

import pytest

from billflow.billing import reconcile
from billflow.lake import schemas, tables
from billflow_tests.sources.merging.frames import frame

ACCOUNT = {"system": "own", "account_id": "17", "invoice_id": "i-17", "currency": "EUR"}
PAIR = {"tax_category": "S", "tax_rate": Decimal("0.19")}


def line(number: int, amount: str, **more: Any) -> dict[str, Any]:
    usual = {
        "line_no": number,
        "quantity": Decimal(1),
        "unit_price": Decimal(amount),
        "net": Decimal(amount),
        "usage_count": 2,
    }
    return {**ACCOUNT, **PAIR, "service_account_id": "17", **usual, **more}


def tax(base: str, amount: str, **more: Any) -> dict[str, Any]:
    return {**ACCOUNT, **PAIR, "base": Decimal(base), "tax": Decimal(amount), **more}


def bill(net: str, amount: str, total: str, **more: Any) -> dict[str, Any]:
    return {**ACCOUNT, "net": Decimal(net), "tax": Decimal(amount), "total": Decimal(total), **more}


LINES = [line(0, "10.00"), line(1, "5.01", quantity=Decimal(3), unit_price=Decimal("1.67"))]
TAXES, BILLS = [tax("15.01", "2.85")], [bill("15.01", "2.85", "17.86")]
OTHER = {"account_id": "18", "invoice_id": "i-18", "service_account_id": "18"}
GROSS = {"gross": Decimal("11.90")}


@pytest.mark.parametrize(
    ("lines", "taxes", "bills", "told"),
    [
        pytest.param(LINES, TAXES, BILLS, [], id="it balances"),
        pytest.param([line(0, "0.00")], [tax("0.00", "0.00")], [bill("0.00", "0.00", "0.00")], [], id="nothing owed"),
        pytest.param([line(0, "10.00", **GROSS)], [tax("10.00", "1.90")], [bill("10.00", "1.90", "11.90")], [], id="gross"),
        pytest.param(LINES[:1], TAXES, BILLS, ["i-17", "i-17/S/0.190000000000"], id="a line is lost"),
        pytest.param(LINES, [], BILLS, ["i-17", "i-17/S/0.190000000000"], id="a group is lost"),
        pytest.param([], [], [], [], id="no bills"),
        pytest.param(LINES, [*TAXES, tax("0.00", "0.00", tax_rate=Decimal("0.07"))], BILLS, ["i-17/S/0.070000000000"], id="a group of no line"),
        pytest.param(LINES, [*TAXES, *TAXES], BILLS, ["i-17"], id="a group twice"),
        pytest.param(LINES, TAXES, [], ["i-17"], id="an invoice is lost"),
        pytest.param(LINES, TAXES, [bill("15.01", "2.85", "17.87")], ["i-17"], id="a total that is no sum"),
        pytest.param(LINES, TAXES, [bill("15.00", "2.85", "17.85")], ["i-17"], id="another net"),
        pytest.param(
            LINES, [tax("15.01", "2.86")], [bill("15.01", "2.86", "17.87")], ["i-17/S/0.190000000000"], id="a cent of tax"
        ),
        pytest.param(
            [line(0, "10.00", **GROSS)], [tax("10.00", "1.92")], [bill("10.00", "1.92", "11.92")],
            ["i-17/S/0.190000000000"], id="more tax than is inside",
        ),
        pytest.param(
            [*LINES, line(0, "1.00", **OTHER)], [*TAXES, tax("1.00", "0.19", **OTHER)], BILLS, ["i-18"], id="one more bill"
        ),
        pytest.param(
            [line(0, "10.00", currency="XXX")], [tax("10.00", "1.90")], [bill("10.00", "1.90", "11.90")],
            ["i-17/S/0.190000000000"], id="a currency that nobody prices in",
        ),
    ],
)  # fmt: skip
def test_invoices(spark, lines, taxes, bills, told):
    lines, taxes = frame(spark, schemas.INVOICE_LINES, lines), frame(spark, schemas.INVOICE_TAXES, taxes)
    bills = frame(spark, schemas.INVOICES, bills)
    wrong = reconcile.wrong_taxes(taxes, lines, ["EUR"]).unionByName(reconcile.unbalanced_invoices(bills, lines, taxes))
    assert sorted(row.key for row in wrong.collect()) == sorted(told)
    [tally] = reconcile.tally(bills, lines, taxes, ["EUR"]).collect()
    assert bool(tally.doubtful or tally.groups != taxes.count()) == bool(told)


CHARGES = [{"system": "own", "account_id": "17", "usage_count": count} for count in (0, 4)]


@pytest.mark.parametrize(
    ("lines", "charges", "told"),
    [
        pytest.param(LINES, CHARGES, [], id="each event on a line"),
        pytest.param([], [], [], id="nobody"),
        pytest.param([], CHARGES[:1], [], id="a charge of nothing needs no line"),
        pytest.param(LINES, CHARGES[:1], ["own/17"], id="events that no charge counted"),
        pytest.param(LINES[:1], CHARGES, ["own/17"], id="events on no line"),
        pytest.param([], CHARGES, ["own/17"], id="no line at all"),
        pytest.param([line(0, "10.00", usage_count=4, unit_price=Decimal("10.004"))], CHARGES, [], id="within half a cent"),
        pytest.param([line(0, "10.00", usage_count=4, unit_price=Decimal("10.006"))], CHARGES, ["i-17/0"], id="beyond it"),
        pytest.param(
            [line(0, "123456789012345678.90", usage_count=4, quantity=Decimal("2000.5"), unit_price=Decimal("61712966264606.687778"))],
            CHARGES, [], id="a great amount",
        ),
        pytest.param(
            [line(0, "123456789012345678.90", usage_count=4, quantity=Decimal("2000.5"), unit_price=Decimal(61712966))],
            CHARGES, ["i-17/0"], id="a great amount of little",
        ),
        pytest.param([line(0, "10.00", usage_count=4, net=None)], CHARGES, ["i-17/0"], id="no net"),
        pytest.param([line(0, "10.00", usage_count=4, currency="XXX")], CHARGES, ["i-17/0"], id="another currency"),
        pytest.param([*LINES, line(2, "3.00", difference_of="2026-05")], CHARGES, [], id="another month's events"),
        pytest.param(
            [line(0, "10.00", usage_count=4, account_id="1")], CHARGES, [], id="on the bill of who pays for the account"
        ),
    ],
)  # fmt: skip
def test_accounts(spark, lines, charges, told):
    lines, charges = frame(spark, schemas.INVOICE_LINES, lines), frame(spark, schemas.CHARGES, charges)
    own = lines.where(lines["difference_of"].isNull())
    wrong = reconcile.inconsistent_lines(lines, ["EUR"]).unionByName(reconcile.fully_priced(charges, own))
    assert [row.key for row in wrong.collect()] == told
    doubtful = reconcile.doubtful_accounts(lines, charges, ["EUR"], hierarchies=True)
    assert accounts_of(doubtful) == (["17"] if told else [])


def accounts_of(rows) -> list[str]:
    return sorted(row.account_id for row in rows.collect() if row.system == "own")


def test_a_line_on_another_bill_where_nobody_pays_for_others(spark):
    stray = [line(0, "10.00", usage_count=4, account_id="1"), line(0, "3.00", difference_of="2026-05", account_id="2")]
    others = {"account_id": "18", "service_account_id": "18", "usage_count": 4}
    found = frame(spark, schemas.INVOICE_LINES, [*stray, line(0, "10.00", **others)])
    charges = frame(spark, schemas.CHARGES, [*CHARGES, {**CHARGES[1], "account_id": "18"}])
    doubtful = reconcile.doubtful_accounts(found, charges, ["EUR"], hierarchies=False)
    assert accounts_of(doubtful) == ["1", "17"]


@pytest.mark.parametrize("hierarchies", [True, False])
def test_only_where_somebody_pays_for_others_lines_are_shuffled(spark, tmp_path, hierarchies):
    lines, charges = (
        tables.read_bucketed(spark, f"file://{tmp_path}/{schema[0].name}", schema, 4)
        for schema in (schemas.INVOICE_LINES, schemas.CHARGES)
    )
    doubtful = reconcile.doubtful_accounts(lines, charges, ["EUR"], hierarchies=hierarchies)
    plan = doubtful._jdf.queryExecution().executedPlan().toString()
    assert ("Exchange hashpartitioning" in plan) == hierarchies


def test_nothing_is_shuffled_for_the_balance_of_invoices(spark, tmp_path):
    read = {
        name: tables.read_bucketed(spark, f"file://{tmp_path}/{name}", schemas.SCHEMAS[name], 4)
        for name in ("invoices", "invoice_lines", "invoice_taxes")
    }
    plan = reconcile.tally(*read.values(), ["EUR"])._jdf.queryExecution().executedPlan().toString()
    assert "ShuffledHashJoin" in plan
    assert "Exchange hashpartitioning" not in plan
