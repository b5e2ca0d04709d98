"""The project that bills real half-hour readings of households on a real time-of-use tariff."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from billflow.errors import UsageError
from billflow.examples.folder import claim, write_project_files
from billflow.examples.schedule import Schedule, windows_of

TARIFF_START = "2014-05-01"
FIRST_MONTH, LAST_MONTH = "2012-01", "2014-02"
PERIODS = ("winter_offpeak", "winter_partpeak", "summer_offpeak", "summer_partpeak", "summer_peak")
TITLES = ("Winter off-peak", "Winter part-peak", "Summer off-peak", "Summer part-peak", "Summer peak")


@dataclass(frozen=True)
class EnergyExample:
    """An energy project that was written: where, what to bill, and how many households it has."""

    folder: Path
    cycle: str
    months: tuple[str, ...]
    households: int


@dataclass(frozen=True)
class Tariff:
    """One version of a tariff: a price per kWh for each period, and a fixed charge per month."""

    name: str
    uri: str
    fixed_per_month: Decimal
    rates: tuple[Decimal, ...]
    schedule: Schedule


def write_energy(folder: Path, *, data: Path) -> EnergyExample:
    """Write the project into `folder`; the readings stay in `data` and the project refers to them there.

    `data` holds `smart_meters/*.parquet` and `tariffs/*.json`. UsageError when it does not, or when `folder`
    is not empty.
    """
    tariff = read_tariff(data)
    service = _read_service(data)
    claim(folder)
    write_project_files(folder, "energy", _values(tariff, _readings(folder, data)))
    _write_households(folder, service)
    return EnergyExample(folder, "c01", months_between(FIRST_MONTH, LAST_MONTH), len(service))


def read_tariff(data: Path) -> Tariff:
    """The tariff's version that starts on 2014-05-01, its rates as the JSON text writes them."""
    for page in sorted(data.glob("tariffs/*.json")):
        for version in json.loads(page.read_text(encoding="utf-8"), parse_float=Decimal):
            if version["startdate"].startswith(TARIFF_START):
                return _tariff(version, page)
    raise UsageError(
        f"no tariff version starts on {TARIFF_START}",
        where=str(data / "tariffs" / "*.json"),
        remedy="point --data at the folder that holds smart_meters/ and tariffs/",
    )


def months_between(first: str, last: str) -> tuple[str, ...]:
    """'2012-11', '2013-01' → ('2012-11', '2012-12', '2013-01')."""
    numbers = [int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last)]
    return tuple(f"{number // 12}-{number % 12 + 1:02}" for number in range(numbers[0], numbers[1] + 1))


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A CSV as RFC 4180 has it, but with the line ends of this world."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _tariff(version: dict[str, Any], page: Path) -> Tariff:
    simple = version["fixedchargeunits"] == "$/month" and len(version["energyratestructure"]) == len(PERIODS)
    tiers = [tier for period in version["energyratestructure"] for tier in period]
    if not simple or len(tiers) != len(PERIODS) or any(tier.keys() != {"rate", "unit"} for tier in tiers):
        raise UsageError(
            "the tariff is not of five periods with one rate each and a fixed charge per month",
            where=f"{page}: startdate {TARIFF_START}",
            remedy="use the version published by the U.S. Utility Rate Database",
        )
    return Tariff(
        name=" ".join(version["name"].split()),
        uri=version["uri"],
        fixed_per_month=Decimal(version["fixedchargefirstmeter"]),
        rates=tuple(Decimal(tier["rate"]) for tier in tiers),
        schedule=Schedule(version["energyweekdayschedule"], version["energyweekendschedule"]),
    )


def _read_service(data: Path) -> list[tuple[int, date, date]]:
    """Each household with the day of its first reading and the day after its last."""
    pattern = data / "smart_meters" / "*.parquet"
    if not any(data.glob("smart_meters/*.parquet")):
        raise UsageError(
            "no meter readings",
            where=str(pattern),
            remedy="point --data at the folder that holds smart_meters/ and tariffs/",
        )
    query = (
        "select customer_id, min(reading_datetime)::date, max(reading_datetime)::date"
        " from read_parquet(?) group by customer_id order by customer_id"
    )
    with duckdb.connect() as connection:
        found = connection.execute(query, [str(pattern)]).fetchall()
    return [(household, first, last + timedelta(days=1)) for household, first, last in found]


def _readings(folder: Path, data: Path) -> str:
    """Where the readings are, for YAML: relative when they lie inside the project, else absolute."""
    pattern = data.resolve() / "smart_meters" / "*.parquet"
    inside = pattern.is_relative_to(folder.resolve())
    return json.dumps((pattern.relative_to(folder.resolve()) if inside else pattern).as_posix(), ensure_ascii=False)


def _write_households(folder: Path, service: list[tuple[int, date, date]]) -> None:
    households = [(household, f"Household {household}") for household, _, _ in service]
    write_csv(folder / "customers.csv", ["account_id", "name"], households)
    write_csv(
        folder / "subscriptions.csv",
        ["subscription_id", "account_id", "plan", "start_date", "end_date"],
        [(household, household, "time-of-use", start, end) for household, start, end in service],
    )


def _values(tariff: Tariff, readings: str) -> dict[str, object]:
    return {
        "readings": readings,
        "tariff_name": tariff.name,
        "tariff_start": TARIFF_START,
        "tariff_uri": tariff.uri,
        "calendar": _calendar(tariff.schedule),
        "fixed": tariff.fixed_per_month,
        "charges": "\n".join(map(_charge, PERIODS, TITLES, tariff.rates)),
    }


def _calendar(schedule: Schedule) -> str:
    """The calendar's names with their windows, one line a window."""
    lines = []
    for period, windows in windows_of(schedule).items():
        lines.append(f"    {PERIODS[period]}:")
        lines += [f"      - {window}" for window in windows]
    return "\n".join(lines)


def _charge(period: str, title: str, rate: Decimal) -> str:
    return (
        f"      {period}: {{name: {title}, metric: energy_kwh, where: {{tou: {period}}},\n"
        f'{" " * (9 + len(period))}model: per_unit, unit_price: "{rate}", unit: kWh, tax: gst, section: Energy}}'
    )
