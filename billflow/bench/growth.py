"""How the cost of a bill run grows with its size: an exponent for each way, and a plot."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from html import escape

Points = Sequence[tuple[int, float]]
"""(customers, seconds), ascending."""

_COLOURS = ("#1b5e9b", "#c0392b", "#e08e0b", "#8e44ad", "#2e8b57")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 860, 440, 64, 340, 56, 48


def exponent(points: Points) -> float | None:
    """By log-log regression: 1 when twice the customers take twice the time. None for one size only."""
    if len(points) < 2:
        return None
    logs = [(math.log(customers), math.log(seconds)) for customers, seconds in points]
    return statistics.linear_regression([x for x, _ in logs], [y for _, y in logs]).slope


def plot(title: str, ways: Mapping[str, Points]) -> str:
    """An SVG with a line for each way, both axes logarithmic."""
    points = [point for one in ways.values() for point in one]
    across = _Scale([x for x, _ in points], _LEFT, _WIDTH - _RIGHT)
    up = _Scale([y for _, y in points], _HEIGHT - _BOTTOM, _TOP)
    parts = [*_axes(across, up), *_lines(ways, across, up)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>\n'
        f'<text x="{_LEFT}" y="22" font-size="15">{escape(title)}</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )


class _Scale:
    """Where values go between two ends, by their logarithms, from a power of ten to another."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low, self.high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        self.high = max(self.high, self.low + 1)
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def powers(self) -> Iterator[float]:
        return (10.0**power for power in range(self.low, self.high + 1))


def _axes(across: _Scale, up: _Scale) -> Iterator[str]:
    for value in across.powers():
        x = across.at(value)
        yield f'<path d="M{x:.1f} {up.start}V{up.end}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="{up.start + 18}" text-anchor="middle">{value:,.0f}</text>'
    for value in up.powers():
        y = up.at(value)
        yield f'<path d="M{across.start} {y:.1f}H{across.end}" stroke="#ddd"/>'
        yield f'<text x="{across.start - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,g}</text>'
    yield f'<text x="{across.end}" y="{up.start + 38}" text-anchor="end">customers</text>'
    yield f'<text x="{across.start - 6}" y="{up.end - 14}" text-anchor="end">seconds</text>'


def _lines(ways: Mapping[str, Points], across: _Scale, up: _Scale) -> Iterator[str]:
    for at, (name, points) in enumerate(ways.items()):
        colour, places = _COLOURS[at % len(_COLOURS)], [(across.at(x), up.at(y)) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places)
        slope = exponent(points)
        label = name if slope is None else f"{name}: n^{slope:.2f}"
        y = up.end + 8 + 20 * at
        yield f'<rect x="{across.end + 16}" y="{y - 4}" width="10" height="10" fill="{colour}"/>'
        yield f'<text x="{across.end + 32}" y="{y + 5}">{escape(label)}</text>'
