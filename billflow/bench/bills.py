"""Payloads of any size for benchmarks and tests: the sample bill with as many lines and records as are asked for."""

from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

from billflow.documents.sample import INVOICE

SECTIONS = ("Rental", "Calls", "Messages", "Data")
DESCRIPTIONS = (
    "Mobile plan M, monthly rent",
    "Calls to national numbers, per minute",
    "Messages to numbers abroad",
    "Data in zone 2, first 200 MB",
    "Data in zone 2, above 200 MB",
)


def bill(*, subscriptions: int = 1, lines: int = 4, records: int = 0, seed: int = 1) -> dict[str, Any]:
    """A confirmed invoice: `lines` and `records` (itemised calls, 400 to a group at most) for each subscription."""
    random, number = Random(seed), count(1)
    names = [f"+61 4{seed % 100:02d} 100 {index:03d}" for index in range(subscriptions)]
    charged = [charge_line(next(number), name, random, index, lines) for name in names for index in range(lines)]
    net = sum((Decimal(line["net"]) for line in charged), Decimal(0))
    tax = (net / 10).quantize(Decimal("0.01"))
    amounts = {"net": str(net), "tax": str(tax), "total": str(net + tax)}
    head = {**INVOICE["invoice"], "invoice_id": f"c01-2013-01-A-{seed}", **amounts}
    return {
        **INVOICE,
        "invoice": head,
        "lines": charged,
        "taxes": [{"tax_category": "S", "tax_rate": "0.1000", "base": str(net), "tax": str(tax)}],
        "usage": [calls(name, records, random) for name in names] if records else [],
    }


def charge_line(number: int, subscription: str, random: Random, index: int, lines: int) -> dict[str, Any]:
    quantity, price = Decimal(random.randint(1, 500_000)) / 1000, Decimal(random.choice(["0.31", "0.006", "5.12345"]))
    return {
        "line_no": str(number),
        "service_account_id": "A-1001",
        "subscription_id": subscription,
        "section": SECTIONS[index * len(SECTIONS) // lines],
        "description": random.choice(DESCRIPTIONS),
        "period_start": "2013-01-01",
        "period_end": "2013-02-01",
        "quantity": f"{quantity:.12f}",
        "unit": random.choice(["min", "MB", None]),
        "unit_price": f"{price:.12f}",
        "net": f"{quantity * price:.2f}00",
        "tax_category": "S",
        "tax_rate": "0.1000",
    }


def calls(subscription: str, records: int, random: Random) -> dict[str, Any]:
    """Itemised calls at random times of the month, each with a kind and the number called."""
    minutes = sorted(random.sample(range(31 * 24 * 60), records))
    return {
        "subscription_id": subscription,
        "metric": "call_minutes",
        "unit": "min",
        "daily": False,
        "aggregate": "sum",
        "records": records,
        "dimensions": ["direction", "destination"],
        "rows": [[clock(minute), f"{random.randint(1, 9000) / 100:g}", *called(random)] for minute in minutes],
    }


def clock(minute: int) -> str:
    return f"2013-01-{minute // 1440 + 1:02d} {minute % 1440 // 60:02d}:{minute % 60:02d}"


def called(random: Random) -> list[str]:
    direction, number = random.choice(
        [("national", "+61 2 9{:03d} {:03d}"), ("international", "+44 20 7{:03d} {:03d}")]
    )
    return [direction, number.format(random.randint(0, 999), random.randint(0, 999))]
