"""What each of the 50 households owes for each month: worked out from the readings and the tariff's JSON alone.

An independent program: it uses nothing of billflow. `python -m billflow_tests.acceptance.energy_oracle DATA`
prints a summary.
"""

import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from billflow_tests.acceptance.expected import ExpectedInvoice, cents, share_served, tax_of

FIRST_MONTH, LAST_MONTH = "2012-01", "2014-02"
SYDNEY = ZoneInfo("Australia/Sydney")
GST = Decimal("0.10")
FIXED = "customer_charge"
PERIODS = ("winter_offpeak", "winter_partpeak", "summer_offpeak", "summer_partpeak", "summer_peak")

Key = tuple[str, str]  # (account_id, 'YYYY-MM')


@dataclass
class Usage:
    """Energy and number of readings."""

    kwh: Decimal = Decimal(0)
    readings: int = 0


@dataclass
class Readings:
    """All that the readings say: usage by household, month and period; the days each household is served."""

    usage: dict[Key, dict[int, Usage]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Usage)))
    service: dict[str, tuple[date, date]] = field(default_factory=dict)


def expected_invoices(data: Path) -> dict[Key, ExpectedInvoice[str]]:
    """The invoice of each household and month from 2012-01 to 2014-02, where there is one.

    The quantity of `customer_charge` is the share of the month that was served.
    """
    tariff = _tariff(data)
    readings = read(data, tariff)
    invoices = {}
    for household, (start, end) in readings.service.items():
        for month in _months():
            served = share_served(month, start, end)
            invoice = _invoice(tariff, readings.usage[household, month], served)
            if invoice:
                invoices[household, month] = invoice
    return invoices


def read(data: Path, tariff: dict) -> Readings:
    """Sum up the readings by hour in DuckDB, then place each hour in its period."""
    found = Readings()
    with duckdb.connect() as connection:
        connection.read_parquet(str(data / "smart_meters" / "*.parquet")).create_view("readings")
        days = connection.execute(
            "select customer_id::varchar, min(reading_datetime)::date, max(reading_datetime)::date"
            " from readings group by all"
        ).fetchall()
        hours = connection.execute(
            "select customer_id::varchar, date_trunc('hour', reading_datetime),"
            " sum(general_supply_kwh::decimal(18, 3)), count(*) from readings"
            " where general_supply_kwh is not null group by all"
        ).fetchall()
    found.service = {household: (first, last + timedelta(days=1)) for household, first, last in days}
    places = {hour: _place(hour, tariff) for hour in {hour for _, hour, _, _ in hours}}
    for household, hour, kwh, count in hours:
        month, period = places[hour]
        usage = found.usage[household, month][period]
        usage.kwh += kwh
        usage.readings += count
    return found


def _place(hour: datetime, tariff: dict) -> tuple[str, int]:
    """The month and the period of an hour of the wall clock.

    A wall clock time that does not exist moves forward by the gap; one that exists twice is the first. The clock is
    advanced by hand here: the offset before the gap, then the offset that really holds.
    """
    instant = hour - hour.replace(tzinfo=SYDNEY, fold=0).utcoffset()
    local = instant + instant.replace(tzinfo=ZoneInfo("UTC")).astimezone(SYDNEY).utcoffset()
    weekend = local.isoweekday() in (6, 7)
    schedule = tariff["energyweekendschedule" if weekend else "energyweekdayschedule"]
    return f"{local:%Y-%m}", schedule[local.month - 1][local.hour]


def _invoice(tariff: dict, usage: dict[int, Usage], served: Fraction) -> ExpectedInvoice[str] | None:
    lines = {}
    if fixed := cents(Fraction(tariff["fixedchargefirstmeter"]) * served):
        lines[FIXED] = (served, fixed)
    for period, used in sorted(usage.items()):
        rate = tariff["energyratestructure"][period][0]["rate"]
        lines[PERIODS[period]] = (Fraction(used.kwh), cents(Fraction(used.kwh) * Fraction(rate)))
    if not lines:
        return None
    net = sum((net for _, net in lines.values()), Decimal("0.00"))
    tax = tax_of([(GST, net)])
    return ExpectedInvoice(net, tax, net + tax, lines)


def _tariff(data: Path) -> dict:
    versions = json.loads(next((data / "tariffs").glob("*.json")).read_text(encoding="utf-8"), parse_float=Decimal)
    return next(version for version in versions if version["startdate"][:10] == "2014-05-01")


def _months() -> list[str]:
    months = [f"{year}-{month:02}" for year in (2012, 2013, 2014) for month in range(1, 13)]
    return months[months.index(FIRST_MONTH) : months.index(LAST_MONTH) + 1]


def main(data: Path) -> None:
    """Print what was found, with January 2013 apart."""
    invoices = expected_invoices(data)
    readings = read(data, _tariff(data))
    january = [used for (_, month), used in readings.usage.items() if month == "2013-01" and used]
    every = [usage for used in january for usage in used.values()]
    january_total = sum(invoice.total for (_, month), invoice in invoices.items() if month == "2013-01")
    sys.stdout.write(
        f"{len(invoices)} invoices, total {sum(invoice.total for invoice in invoices.values())}\n"
        f"2013-01: {len(january)} households with usage, {sum(usage.readings for usage in every)} readings,"
        f" {sum(usage.kwh for usage in every)} kWh, total {january_total}\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data"))
