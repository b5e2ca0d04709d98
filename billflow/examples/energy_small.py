"""A small energy project with readings of its own: what `billflow init --example energy` writes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from billflow.examples.dice import Dice
from billflow.examples.energy import EnergyExample, write_csv
from billflow.examples.folder import claim, write_project_files

FIRST_DAY, DAYS = date(2026, 5, 1), 61  # May and June: no clock changes in Sydney
MONTHS = ("2026-05", "2026-06")
SEED = 7

# Watt-hours of an ordinary hour, from midnight to midnight.
PROFILE = (210, 180, 170, 170, 180, 240, 420, 680, 610, 450, 390, 400,
           460, 430, 420, 480, 640, 920, 1180, 1090, 880, 640, 430, 290)  # fmt: skip


@dataclass(frozen=True)
class Meter:
    """A meter, whose it is, when it is served, and how much it uses (a per cent of `PROFILE`)."""

    number: str
    customer: str
    plan: str
    start: date
    end: date | None
    per_cent: int


CUSTOMERS = (
    ("H001", "Mia Novak", "4 Harbour St", "Sydney", "2000", "mia.novak@example.com"),
    ("H002", "Noah Williams", "17 Banksia Rd", "Parramatta", "2150", "noah.williams@example.com"),
    ("H003", "Ngọc Trần", "2/88 Station St", "Newtown", "2042", "ngoc.tran@example.com"),
    ("H004", 'Olivia "Liv" Smith', "Unit 3, 51 Ocean Pde", "Manly", "2095", "liv.smith@example.com"),
    ("H005", "Patel, Rao & Sons", "220 King St", "Newcastle", "2300", "accounts@example.com"),
    ("H006", "Jack Brown", "9 Wattle Ave", "Penrith", "2750", "jack.brown@example.com"),
)
METERS = (
    Meter("M-1001", "H001", "home-tou", date(2024, 3, 1), None, 90),
    Meter("M-1002", "H002", "home-flat", date(2025, 7, 15), None, 120),
    Meter("M-1003", "H003", "home-tou", date(2026, 5, 12), None, 60),  # moved in within a month
    Meter("M-1004", "H004", "home-flat", date(2021, 1, 1), date(2026, 6, 18), 75),  # moved out within a month
    Meter("M-1005", "H005", "home-tou", date(2022, 9, 1), None, 210),
    Meter("M-1006", "H005", "home-flat", date(2023, 2, 1), None, 45),  # two meters on one bill
    Meter("M-1007", "H006", "home-flat", date(2025, 1, 1), date(2026, 6, 10), 100),
    Meter("M-1007", "H006", "home-tou", date(2026, 6, 10), None, 100),  # the same meter on another plan
)


def write_energy_small(folder: Path) -> EnergyExample:
    """Write a project of six households and two months of hourly readings that runs as it is.

    UsageError when `folder` is not empty.
    """
    claim(folder)
    values = {"first_month": MONTHS[0], "last_month": MONTHS[-1]}
    write_project_files(folder, "energy-small", values)
    header = ["customer", "name", "street", "city", "postcode", "email"]
    write_csv(folder / "customers.csv", header, CUSTOMERS)
    _write_subscriptions(folder)
    _write_readings(folder / "readings")
    return EnergyExample(folder, "c01", MONTHS, len(CUSTOMERS))


def _write_subscriptions(folder: Path) -> None:
    write_csv(
        folder / "subscriptions.csv",
        ["meter", "customer", "plan", "from_date", "to_date"],
        [(meter.number, meter.customer, meter.plan, meter.start, meter.end) for meter in METERS],
    )


def _write_readings(folder: Path) -> None:
    folder.mkdir()
    header = ["meter", "reading_no", "read_at", "kwh", "highest_kw"]
    for number in sorted({meter.number for meter in METERS}):
        rows = [row for meter in METERS if meter.number == number for row in _readings(meter)]
        write_csv(folder / f"{number}.csv", header, rows)


def _readings(meter: Meter) -> Iterator[tuple[str, int, datetime, Decimal, Decimal]]:
    """(meter, number, hour, kWh in it, highest kW in it) for each hour of service in the two months."""
    noise = Dice(SEED, int(meter.number[2:])).below(60, 24 * DAYS * 2).tolist()
    for hour in range(24 * DAYS):
        at = datetime.combine(FIRST_DAY, time()) + timedelta(hours=hour)
        if meter.start <= at.date() and (meter.end is None or at.date() < meter.end):
            watt_hours = PROFILE[at.hour] * meter.per_cent * (70 + noise[2 * hour]) // 10_000
            watts = watt_hours * (115 + noise[2 * hour + 1]) // 100
            yield meter.number, hour + 1, at, Decimal(watt_hours).scaleb(-3), Decimal(watts).scaleb(-3)
