"""What a benchmark of bill runs has found, as Markdown, as JSON and as a plot."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from billflow import __version__
from billflow.bench.bill_runs import Compared
from billflow.bench.growth import Points, exponent, plot
from billflow.bench.machine import described
from billflow.bench.own import INGESTION
from billflow.bench.postgres_server import tuned
from billflow.bench.resources import Spent
from billflow.bench.way import Way

PLOT = "growth.svg"


def figures(found: Sequence[Compared], runs: int) -> dict[str, Any]:
    """All of it: `sizes` with the `ways` of each and their single runs, `growth` with an exponent for each way."""
    return {
        "billflow": __version__,
        "machine": described(),
        "runs": runs,
        "postgresql": tuned(),
        "sizes": [_size(one) for one in found],
        "growth": {name: exponent(points) for name, points in _points(found).items()},
        "growth_of_cpu": {
            name: exponent(points) for name, points in _points(found, lambda way: way.cpu_seconds).items()
        },
    }


def _size(one: Compared) -> dict[str, Any]:
    ways = [
        {
            "name": way.name,
            "version": way.version,
            "seconds": way.seconds,
            "cpu_seconds": way.cpu_seconds,
            "times_as_long": way.seconds / one.ways[0].seconds,
            "peak_mebibytes": way.peak_mebibytes,
            "rows": way.totals.rows,
            "written_bytes": way.runs[0].written_bytes,
            "totals": asdict(way.totals),
            "loaded": asdict(way.loaded),
            "started": asdict(way.started) if way.started else None,
            "runs": [asdict(run.spent) for run in way.runs],
        }
        for way in one.ways
    ]
    return {"customers": one.customers, "usage_rows": one.usage_rows, "ways": ways, "missing": one.missing}


def _points(
    found: Sequence[Compared], cost: Callable[[Way], float | None] = lambda way: way.seconds
) -> dict[str, Points]:
    """Way → its known costs by size.

    A few customers can take less CPU time than the kernel's clock has ticks: 0 is no point of a growth.
    """
    points: dict[str, list[tuple[int, float]]] = {}
    for one in sorted(found, key=lambda one: one.customers):
        for way in one.ways:
            if (known := cost(way)) is not None and known > 0:
                points.setdefault(way.name, []).append((one.customers, known))
    return {**points}


def markdown(found: Sequence[Compared]) -> str:
    """Tables of each size, of billflow's steps, and of the growth over several sizes."""
    parts = [*map(_of_size, found), _steps(found)]
    if len(found) > 1:
        parts.append(_growth(found))
    return "\n\n".join(parts) + "\n"


def _of_size(one: Compared) -> str:
    totals = one.ways[0].totals
    return "\n".join(
        [
            f"### {one.customers:,} customers, {one.usage_rows:,} usage rows",
            "",
            f"{totals.invoices:,} invoices over {totals.total:,} EUR, {totals.lines:,} lines; all ways agree on each.",
            "",
            "| | seconds | CPU seconds | × billflow | peak MiB | rows | MiB written | paid once before, seconds |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
            *(_row(way, one.ways[0]) for way in one.ways),
            *(f"\n{rival} is missing: {why}." for rival, why in one.missing.items()),
            *_start(one.ways[0]),
        ]
    )


def _row(way: Way, own: Way) -> str:
    cells = [
        f"{way.seconds:.1f}",
        _number(way.cpu_seconds, 1),
        f"{way.seconds / own.seconds:.2f}",
        _number(way.peak_mebibytes, 0),
        f"{way.totals.rows:,}",
        f"{way.runs[0].written_bytes / 2**20:,.0f}",
        f"{way.loaded.seconds:.1f}",
    ]
    return f"| {way.name} | {' | '.join(cells)} |"


def _number(value: float | None, digits: int) -> str:
    return "?" if value is None else f"{value:,.{digits}f}"


def _start(own: Way) -> Iterator[str]:
    if own.started:
        yield f"\nOf billflow not counted: {own.started.seconds:.1f} s until Spark has started, at each run."


def _steps(found: Sequence[Compared]) -> str:
    """Where billflow's time goes: the first run of each size, its ingestion too."""
    columns = [_steps_of(one.ways[0]) for one in found]
    heads = [f"{one.customers:,} customers" for one in found]
    lines = [
        "### billflow's steps, seconds (CPU seconds) of the first run",
        "",
        f"| step | {' | '.join(heads)} |",
        f"|---|{'---:|' * len(found)}",
        *(f"| {step} | {' | '.join(_both(column.get(step)) for column in columns)} |" for step in columns[0]),
    ]
    return "\n".join(lines)


def _steps_of(own: Way) -> Mapping[str, Spent]:
    first = own.runs[0].spent
    return {**{step: own.loaded.steps[step] for step in INGESTION}, **first.steps}


def _both(spent: Spent | None) -> str:
    return f"{spent.seconds:.1f} ({_number(spent.cpu_seconds, 1)})" if spent else ""


def _growth(found: Sequence[Compared]) -> str:
    """Seconds by size, and CPU seconds where they are known."""
    sizes = sorted(one.customers for one in found)
    lines = [
        "### Growth",
        "",
        f"| | {' | '.join(f'{customers:,}' for customers in sizes)} | grows with |",
        f"|---|{'---:|' * len(sizes)}---:|",
    ]
    for name, points in _points(found).items():
        lines.append(_grows(f"{name}, seconds", points, sizes))
    for name, points in _points(found, lambda way: way.cpu_seconds).items():
        lines.append(_grows(f"{name}, CPU seconds", points, sizes))
    return "\n".join(lines)


def _grows(name: str, points: Points, sizes: Sequence[int]) -> str:
    known, power = dict(points), exponent(points)
    shown = [f"{known[size]:.1f}" if size in known else "" for size in sizes]
    return f"| {name} | {' | '.join(shown)} | {'' if power is None else f'n^{power:.2f}'} |"


def write(target: Path, found: Sequence[Compared], runs: int) -> None:
    """The JSON; beside it, for several sizes, the plot."""
    target.write_text(json.dumps(figures(found, runs), indent=2, default=str), encoding="utf-8")
    if len(found) > 1:
        title = "A bill run: seconds from usage to published invoices"
        target.with_name(PLOT).write_text(plot(title, _points(found)), encoding="utf-8")
