"""What was used on each day, from the itemised usage of a bill: what the chart of days shows."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

DAY = slice(10)
CHARTED = ("sum", "max")


def days_of(usage: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The days of the metric that has the most records, over all subscriptions, as the payload's `days`.

    One that adds up comes before those billed by their highest, as in the payload's `history`. Quantities of a day are
    added up, or the highest is taken where the metric is billed by it. Distinct and last values say nothing by day.
    Empty without usage on two days.
    """
    usage = [meter for meter in usage if meter.get("aggregate", "sum") in CHARTED]
    if not usage:
        return []
    records: Counter[str] = Counter()
    for meter in usage:
        records[meter["metric"]] += meter["records"]
    highest = {meter["metric"] for meter in usage if meter.get("aggregate") == "max"}
    metric = min(records, key=lambda name: (name in highest, -records[name], name))
    meters = [meter for meter in usage if meter["metric"] == metric]
    days = _days(meters)
    if len(days) < 2:
        return []
    shown = [[day, f"{quantity:f}"] for day, quantity in sorted(days.items())]
    return [{"metric": metric, "name": meters[0].get("name"), "unit": meters[0]["unit"], "days": shown}]


def _days(meters: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    quantities = defaultdict[str, list[str]](list)
    for meter in meters:
        for row in meter["rows"]:
            quantities[row[0][DAY]].append(row[1])
    summed = max if meters[0].get("aggregate") == "max" else sum
    return {day: Decimal(summed(map(Decimal, found))) for day, found in quantities.items()}
