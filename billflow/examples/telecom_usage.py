"""The calls, texts and data of the telecom example, one pyarrow table each."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from billflow.examples.dice import Dice, Integers
from billflow.examples.telecom_customers import joined, numbered
from billflow.examples.telecom_lines import Lines, Month

Moments = npt.NDArray[Any]  # of datetime64; NumPy's types lose it in sums

FEWEST_EVENTS, EVENTS_SPREAD = 30, 31  # a line has 30 to 60 in a month, fewer when it is served fewer days
CALL, TEXT, DATA, SPEED = range(4)
PRIVATE_WEIGHTS, BUSINESS_WEIGHTS = (40, 25, 35, 0), (42, 18, 30, 10)
HOUR_WEIGHTS = (4, 2, 1, 1, 1, 2, 8, 18, 28, 34, 36, 36, 38, 34, 33, 34, 38, 42, 44, 42, 36, 28, 18, 9)

CALL_KINDS, CALL_WEIGHTS = ("national", "mobile", "international", "roaming"), (40, 47, 8, 5)
TEXT_KINDS, TEXT_WEIGHTS = ("national", "international", "roaming"), (86, 9, 5)
DATA_KINDS, DATA_WEIGHTS = ("home", "roaming"), (95, 5)
PREFIXES = {"national": "+43 1 5", "mobile": "+43 660 4", "international": "+49 30 9", "roaming": "+39 041 2"}
MINUTES = (1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7, 9, 12, 16, 21, 28, 44, 75)
MEGABYTES = (1, 1, 2, 3, 5, 8, 12, 20, 35, 60, 110, 180, 300, 520, 900)
PARTS = (1, 1, 1, 1, 1, 1, 2, 3)
FOUR_HOURS = np.timedelta64(4 * 3600, "s")


class Events(NamedTuple):
    """The number of the line and of the event, and when by the wall clock; in order of time."""

    line: Integers
    number: Integers
    at: Moments


def draw_usage(lines: Lines, month: Month, dice: Dice) -> dict[str, Any]:
    """Tables `voice`, `text` and `data` of the lines' month and of the day after it, in order of time.

    The files of a real switch do not end with the month either: what is of the next one waits for its bill.
    """
    line, at = _moments(lines, month, dice)
    services = np.where(
        lines.business[line],
        dice.weighted(BUSINESS_WEIGHTS, len(line)),
        dice.weighted(PRIVATE_WEIGHTS, len(line)),
    )
    events = {service: _of(lines.number[line], at, services == service) for service in (CALL, TEXT)}
    data = _of(lines.number[line], at, services >= DATA)
    speeds = services[services >= DATA] == SPEED
    return {
        "voice": _voice(events[CALL], lines.part, dice),
        "text": _text(events[TEXT], lines.part, dice),
        "data": _data(data, speeds, lines.part, dice),
    }


def _moments(lines: Lines, month: Month, dice: Dice) -> tuple[Integers, Moments]:
    """The line and the wall clock time of each event, in order of time; only while the line is served."""
    first = np.maximum(lines.start, month.start)
    last = np.fmin(lines.end, month.end + 1)  # NaT, no end, gives way
    served = np.maximum((last - first).astype(np.int64), 0)
    wanted = FEWEST_EVENTS + dice.below(EVENTS_SPREAD, len(served))
    line = np.repeat(np.arange(len(served)), -(-wanted * served // (month.days + 1)))
    seconds = dice.weighted(HOUR_WEIGHTS, len(line)) * 3600 + dice.below(3600, len(line))
    day = first[line] + dice.below(served[line], len(line))
    at = day.astype("datetime64[s]") + seconds
    order = np.argsort(at, kind="stable")
    return line[order], at[order]


def _of(line: Integers, at: Moments, chosen: npt.NDArray[np.bool_]) -> Events:
    return Events(line[chosen], np.arange(int(chosen.sum())), at[chosen])


def _voice(events: Events, part: int, dice: Dice) -> Any:
    size = len(events.at)
    kind = dice.weighted(CALL_WEIGHTS, size)
    return pa.table(
        {
            "call_id": _ids("V", events, part),
            "line": numbered("L", events.line, 8),
            "started_at": moment_text(events.at),
            "minutes": pa.array(dice.pick(MINUTES, size)),
            "kind": pa.array(CALL_KINDS).take(kind),
            "called": _numbers(CALL_KINDS, kind, dice),
            "recorded_at": moment_text(_recorded(events.at)),
        }
    )


def _text(events: Events, part: int, dice: Dice) -> Any:
    size = len(events.at)
    kind = dice.weighted(TEXT_WEIGHTS, size)
    return pa.table(
        {
            "text_id": _ids("T", events, part),
            "line": numbered("L", events.line, 8),
            "sent_at": moment_text(events.at),
            "parts": pa.array(dice.pick(PARTS, size).astype(str)),
            "kind": pa.array(TEXT_KINDS).take(kind),
            "recipient": _numbers(TEXT_KINDS, kind, dice),
            "recorded_at": moment_text(_recorded(events.at)),
        }
    )


def _data(events: Events, speeds: npt.NDArray[np.bool_], part: int, dice: Dice) -> Any:
    size = len(events.at)
    volume = dice.pick(MEGABYTES, size) * (400 + dice.below(1200, size))  # thousandths of a MB
    speed = 20_000 + 100 * dice.below(2_800, size)  # thousandths of a Mbit/s
    kind = np.where(speeds, 0, dice.weighted(DATA_WEIGHTS, size))
    return pa.table(
        {
            "id": _ids("D", events, part),
            "line": numbered("L", events.line, 8),
            "service": pa.array(np.where(speeds, "peak_mbit", "data_mb")),
            "amount": _thousandths(np.where(speeds, speed, volume)),
            "at": moment_text(events.at, between="T"),
            "kind": pa.array(DATA_KINDS).take(kind),
            "network": pa.array(["4g", "5g"]).take(dice.weighted((60, 40), size)),
            "seen": moment_text(_recorded(events.at), between="T"),
        }
    )


def _ids(letter: str, events: Events, part: int) -> Any:
    """Usage ids that are unique over all parts: a part has fewer than ten million of a kind."""
    return numbered(letter, part * 10_000_000 + events.number, 10)


def moment_text(at: Moments, *, between: str = " ") -> Any:
    """Wall clock times as text, '2026-06-03 14:05:09'."""
    text = pc.cast(pa.array(at), pa.string())
    return text if between == " " else pc.replace_substring(text, " ", between)


def _recorded(at: Moments) -> Moments:
    """When the event became known: in the small hours of the next day."""
    return (at.astype("datetime64[D]") + 1).astype("datetime64[s]") + FOUR_HOURS


def _numbers(kinds: tuple[str, ...], kind: Integers, dice: Dice) -> Any:
    """Telephone numbers as bills show them, without the last digits."""
    shown = [f"{PREFIXES[name]}{digits:03}***" for name in kinds for digits in range(1000)]
    return pa.array(shown).take(kind * 1000 + dice.below(1000, len(kind)))


def _thousandths(number: Integers) -> Any:
    """17250 → '17.250'."""
    whole, rest = (
        pc.cast(pa.array(number // 1000), pa.string()),
        pc.cast(pa.array(number % 1000), pa.string()),
    )
    return joined(whole, pc.utf8_lpad(rest, 3, "0"), between=".")
