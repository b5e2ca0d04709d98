"""The rows of a generated telecom project: read from its files, and sorted into those that count and the others.

Part of the telecom oracle; it uses nothing of billflow.
"""

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from billflow_tests.acceptance.expected import local_time

WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Row(NamedTuple):
    """A row of usage as it came, all text; None where there is nothing."""

    usage_id: str | None
    subscription_id: str
    metric: str
    quantity: str
    event_time: str
    arrived_at: str
    dimensions: tuple[tuple[str, str], ...]


class Subscription(NamedTuple):
    """A stretch of a subscription on one plan; end is the first day not served."""

    subscription_id: str
    account_id: str
    plan: str
    start: date
    end: date | None


class Event(NamedTuple):
    """A row of usage that counts."""

    metric: str
    quantity: Fraction
    at: datetime
    dimensions: dict[str, str]


def _csv(lines: Iterable[str]) -> Iterator[dict[str, str | None]]:
    for row in csv.DictReader(lines):
        yield {name: value or None for name, value in row.items()}


def accounts_of(folder: Path, kinds: Counter[str]) -> set[str]:
    with (folder / "customers.csv").open(encoding="utf-8", newline="") as file:
        keys = [row["id"] for row in _csv(file)]
    kinds["customer_without_key"] = keys.count(None)
    return {key for key in keys if key}


def subscriptions_of(folder: Path) -> list[Subscription]:
    with (folder / "subscriptions.csv").open(encoding="utf-8", newline="") as file:
        return [
            Subscription(
                row["line"],
                row["customer"],
                row["tariff"],
                date.fromisoformat(row["from_date"]),
                date.fromisoformat(row["to_date"]) if row["to_date"] else None,
            )
            for row in _csv(file)
        ]


def _rows(folder: Path) -> Iterator[Row]:
    for path in sorted((folder / "usage").glob("voice-*.parquet")):
        for row in pq.read_table(path).to_pylist():
            dimensions = (("kind", row["kind"]), ("to", row["called"]))
            yield Row(row["call_id"], row["line"], "voice_min", str(row["minutes"]), row["started_at"],
                      row["recorded_at"], dimensions)  # fmt: skip
    for path in sorted((folder / "usage").glob("text-*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            for row in _csv(file):
                dimensions = (("kind", row["kind"]), ("to", row["recipient"]))
                yield Row(row["text_id"], row["line"], "texts", row["parts"], row["sent_at"], row["recorded_at"],
                          dimensions)  # fmt: skip
    for path in sorted((folder / "usage").glob("data-*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for row in map(_object, file):
                dimensions = (("kind", row["kind"]), ("network", row["network"]))
                yield Row(row["id"], row["line"], row["service"], row["amount"], row["at"], row["seen"], dimensions)


def _object(line: str) -> dict[str, str]:
    return json.loads(line, parse_float=str, parse_int=str)


def events_by_stretch(
    folder: Path, subscriptions: list[Subscription], catalog: dict, zone: ZoneInfo, kinds: Counter[str]
) -> dict[tuple[str, date], list[Event]]:
    """The rows that count, by the key of their subscription's stretch; the others are counted by kind."""
    stretches: dict[str, list[Subscription]] = defaultdict(list)
    for subscription in subscriptions:
        stretches[subscription.subscription_id].append(subscription)
    events: dict[tuple[str, date], list[Event]] = defaultdict(list)
    for row in _once(_rows(folder), kinds):
        placed = _placed(row, stretches, catalog, zone)
        if isinstance(placed, str):
            kinds[placed] += 1
        else:
            stretch, event = placed
            events[stretch.subscription_id, stretch.start].append(event)
    return events


def _once(rows: Iterable[Row], kinds: Counter[str]) -> Iterator[Row]:
    """Each usage id once: of identical rows any, of conflicting ones the first that became known."""
    by_id: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.usage_id is None:
            kinds["missing_key"] += 1
        else:
            by_id[row.usage_id].append(row)
    for same in by_id.values():
        different = sorted(set(same), key=lambda row: _moment(row.arrived_at))
        if len({row.arrived_at for row in different}) < len(different):
            raise AssertionError(f"{different[0].usage_id}: the time of arrival does not tell which is first")
        kinds["identical_duplicate"] += len(same) - len(different)
        kinds["conflicting_duplicate"] += len(different) - 1
        yield different[0]


def _placed(
    row: Row, stretches: dict[str, list[Subscription]], catalog: dict, zone: ZoneInfo
) -> tuple[Subscription, Event] | str:
    """The row's stretch and event, or the kind of its fault."""
    quantity, wall = _number(row.quantity), _moment(row.event_time)
    if fault := _fault(row, stretches, catalog, quantity, wall):
        return fault
    at = local_time(wall, zone)
    for stretch in stretches[row.subscription_id]:
        if stretch.start <= at.date() and (stretch.end is None or at.date() < stretch.end):
            dimensions = dict(row.dimensions) | _calendar_dimensions(at, catalog)
            return stretch, Event(row.metric, Fraction(quantity), at, dimensions)
    return "outside_subscription"


def _fault(row: Row, stretches: dict, catalog: dict, quantity: Decimal | None, wall: datetime | None) -> str | None:
    faults = {
        "unknown_subscription": row.subscription_id not in stretches,
        "unknown_metric": row.metric not in catalog["metrics"],
        "non_numeric_quantity": quantity is None,
        "negative_quantity": quantity is not None and quantity < 0,
        "unreadable_time": wall is None,
    }
    return next((kind for kind, is_so in faults.items() if is_so), None)


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _calendar_dimensions(at: datetime, catalog: dict) -> dict[str, str]:
    return {
        calendar: next(name for name, window in names.items() if _matches(window, at))
        for calendar, names in catalog["calendars"].items()
    }


def _matches(window: dict[str, str], at: datetime) -> bool:
    if unknown := window.keys() - {"days", "hours"}:
        raise NotImplementedError(unknown)
    if "days" in window:
        first, last = (WEEKDAYS.index(day) for day in window["days"].split("-"))
        if not first <= at.weekday() <= last:
            return False
    if "hours" in window:
        start, end = map(int, window["hours"].split("-"))
        return start <= at.hour < end
    return True
