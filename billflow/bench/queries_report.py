"""What a benchmark of queries has found, as Markdown and as JSON."""

import json
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

from billflow import __version__
from billflow.bench.answers import Answered
from billflow.bench.history import MONTHS
from billflow.bench.machine import described
from billflow.bench.postgres_server import tuned
from billflow.bench.queries import Asked


def figures(found: Asked, runs: int) -> dict[str, Any]:
    """All of it: `questions` with the medians and the single runs of both sides, and what each side is."""
    sides = {name: _side(side) for name, side in _sides(found).items()}
    questions = [
        {
            "question": question,
            "rows": len(rows),
            **{name: _timed(side, question) for name, side in _sides(found).items()},
        }
        for question, rows in found.billflow.rows.items()
    ]
    return {
        "billflow": __version__,
        "machine": described(),
        "runs": runs,
        "settings": tuned(),
        "customers": found.customers,
        "months": MONTHS,
        "tables": found.rows,
        "sides": sides,
        "questions": questions,
        "missing": found.missing,
    }


def _sides(found: Asked) -> dict[str, Answered]:
    return {"billflow": found.billflow, **({"postgresql": found.postgres} if found.postgres else {})}


def _side(side: Answered) -> dict[str, Any]:
    return {"opened": asdict(side.opened), "spent": asdict(side.spent), "stored_bytes": side.stored_bytes}


def _timed(side: Answered, question: str) -> dict[str, Any]:
    return {"seconds": side.median(question), "runs": list(side.seconds[question])}


def markdown(found: Asked) -> str:
    """A table with a row a question."""
    mine, theirs = found.billflow, found.postgres
    tables = ", ".join(f"{rows:,} {table.replace('_', ' ')}" for table, rows in found.rows.items())
    lines = [
        f"### {MONTHS} months of {found.customers:,} customers: {tables}",
        "",
        f"One month is billed; the {MONTHS - 1} before it are made from it as sets, with fewer customers and other "
        "seasons, and published as it is." + (" Both sides give the same rows." if theirs else ""),
        "",
        "| | billflow, ms | PostgreSQL, ms | × billflow |",
        "|---|---:|---:|---:|",
        *(_row(question, mine, theirs) for question in mine.rows),
        *([_mean(mine, theirs)] if theirs else []),
        "",
        f"billflow: {_stored(mine)}; open in {mine.opened.seconds * 1000:.0f} ms.",
    ]
    if theirs:
        lines.append(f"PostgreSQL: {_stored(theirs)}; loaded and indexed in {theirs.opened.seconds:.0f} s.")
    else:
        lines.append(f"PostgreSQL is missing: {found.missing}.")
    return "\n".join(lines) + "\n"


def _row(question: str, mine: Answered, theirs: Answered | None) -> str:
    own = mine.median(question)
    if theirs is None:
        return f"| {question} | {own * 1000:,.0f} | | |"
    other = theirs.median(question)
    return f"| {question} | {own * 1000:,.0f} | {other * 1000:,.0f} | {other / own:.2f} |"


def _mean(mine: Answered, theirs: Answered) -> str:
    ratio = statistics.geometric_mean(theirs.median(one) / mine.median(one) for one in mine.rows)
    return f"| geometric mean | | | {ratio:.2f} |"


def _stored(side: Answered) -> str:
    peak = side.spent.peak_mebibytes
    memory = "" if peak is None else f", peak memory {peak:,.0f} MiB"
    return f"{side.stored_bytes / 2**20:,.0f} MiB stored{memory}"


def write(target: Path, found: Asked, runs: int) -> None:
    """The JSON."""
    target.write_text(json.dumps(figures(found, runs), indent=2, default=str), encoding="utf-8")
