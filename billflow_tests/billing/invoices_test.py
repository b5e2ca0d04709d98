"""What an account owes in all, which decides whether its document is an invoice: two ways to come to it."""

from decimal import Decimal
from random import Random

import pytest

from billflow.billing.invoices import with_joined_total, with_total
from billflow.lake.schemas import MONEY, RATE, TEXT, columns
from billflow_tests.billing.worlds import frame

LINE = columns(system=TEXT, account_id=TEXT, currency=TEXT, tax_category=TEXT, tax_rate=RATE, net=MONEY, gross=MONEY, reason=TEXT)  # fmt: skip
TAXES = [("S", Decimal("0.19")), ("S", Decimal("0.07")), ("S", Decimal("0.055")), ("E", Decimal(0))]
CURRENCIES = ("EUR", "JPY", "KWD")


def line(account: str, net: str, tax: tuple[str, Decimal], currency: str = "EUR", gross: str | None = None) -> dict:
    priced = None if gross is None else Decimal(gross)
    named = {"system": "s", "account_id": account, "currency": currency, "tax_category": tax[0], "tax_rate": tax[1]}
    return {**named, "net": Decimal(net), "gross": priced}


def chance(seed: int) -> list[dict]:
    """Some lines of forty accounts, each in one currency, half of them negative, some with their tax inside."""
    random, found = Random(seed), []
    for number in range(40):
        currency = random.choice(CURRENCIES)
        digits = {"EUR": 2, "JPY": 0, "KWD": 3}[currency]
        for _ in range(random.randint(1, 6)):
            net = Decimal(random.randint(-500, 500)).scaleb(-digits)
            more = Decimal(random.randint(0, 90)).scaleb(-digits)
            gross = str(net + more) if random.random() < 0.3 else None
            found.append(line(f"a{number}", str(net), random.choice(TAXES), currency, gross))
    return found


def totals(rows) -> dict[str, set[Decimal]]:
    found: dict[str, set[Decimal]] = {}
    for row in rows.collect():
        found.setdefault(row["account_id"], set()).add(row["_total"])
    return found


CASES = {
    "sums of groups are rounded, not lines": ([line("a", "0.05", TAXES[1]), line("a", "0.05", TAXES[1])], "0.11"),
    "each group for itself": ([line("a", "141.06", TAXES[0]), line("a", "23.94", TAXES[1])], "193.48"),
    "tax saves it": ([line("a", "10", TAXES[0]), line("a", "-11", TAXES[3])], "0.9"),
    "tax turns it": ([line("a", "-10", TAXES[0]), line("a", "11", TAXES[3])], "-0.9"),
    "tax inside": ([line("a", "8.40", TAXES[0], gross="10"), line("a", "-9", TAXES[0])], "-0.71"),
    "no digits": ([line("a", "10", TAXES[2], "JPY"), line("a", "-11", TAXES[3], "JPY")], "0"),
}


@pytest.mark.parametrize("case", CASES)
def test_total(spark, case):
    lines, expected = CASES[case]
    rows = frame(spark, lines, LINE)
    taxed = [(category, rate) for category, rate in TAXES if rate]
    assert totals(with_total(rows, taxed, CURRENCIES)) == {"a": {Decimal(expected)}}
    assert totals(with_joined_total(rows, CURRENCIES)) == {"a": {Decimal(expected)}}


def test_both_ways_agree(spark):
    rows = frame(spark, chance(7), LINE)
    along, joined = with_total(rows, TAXES, CURRENCIES), with_joined_total(rows, CURRENCIES)
    assert totals(along) == totals(joined)
    assert sum(total < 0 for (total,) in totals(along).values()) > 10
