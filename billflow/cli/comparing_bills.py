"""`compare --against bills`: the report for people and for programs."""

from datetime import date
from decimal import ROUND_DOWN, Decimal

import click

from billflow.cli.comparing import Asked
from billflow.cli.listings import print_csv, print_json, print_table
from billflow.cli.output import open_output
from billflow.errors import UsageError
from billflow.insights.older_bills import Matches, OlderBillComparison, window_of
from billflow.lake import published


def against_bills(asked: Asked, fail_under: Decimal | None) -> int:
    """Prints what agrees and what does not, and why; the exit code."""
    if asked.manifest.ingest is None or asked.manifest.ingest.bills is None:
        raise UsageError(
            "the lake has no bills of an older system",
            where="billflow.yaml: sources",
            remedy="map a table `bills` in one of the sources, and run a month again",
        )
    period = asked.month.period
    found = OlderBillComparison(published.connect(asked.storage, asked.manifest), asked.month.cycle, period)
    matches = found.matches()
    _PRINTERS[asked.shape](asked, found, matches, window_of(period))
    if asked.target:
        click.echo(f"wrote {found.write(asked.target):,} differences to {asked.target}", err=asked.shape != "table")
    return 1 if fail_under is not None and matches.rate < fail_under else 0


def _print_csv(asked: Asked, found: OlderBillComparison, matches: Matches, window: tuple[date, date]) -> None:
    del matches, window
    print_csv(found.differences(asked.limit))


def _print_json(asked: Asked, found: OlderBillComparison, matches: Matches, window: tuple[date, date]) -> None:
    print_json(
        {
            "cycle": asked.month.cycle,
            "month": asked.month.period.month,
            "issued_from": window[0],
            "issued_before": window[1],
            "match_rate": matches.rate.quantize(Decimal("0.000001"), ROUND_DOWN),
            "line_match_rate": matches.line_rate.quantize(Decimal("0.000001"), ROUND_DOWN),
            **vars(matches),
            "causes": found.causes(),
            "differences": found.differences(asked.limit),
        }
    )


def _print_report(asked: Asked, found: OlderBillComparison, matches: Matches, window: tuple[date, date]) -> None:
    accounts = f"{_percent(matches.rate)}[/] of accounts match ({matches.agreeing_accounts:,} of {matches.accounts:,})"
    of_lines = f"{_percent(matches.line_rate)} of lines ({matches.agreeing_lines:,} of {matches.lines:,})"
    lines = [
        f"{asked.month.key}: [bold]{accounts}, {of_lines}",
        f"compared with the older bills of {window[0]} to before {window[1]}",
    ]
    if matches.left_over_bills:
        lines.append(f"{matches.left_over_bills:,} older bills of these days beside an account's nearest one were left")
    open_output().print("\n".join(lines))
    causes, differences = found.causes(), found.differences(asked.limit)
    if causes.rows:
        count = sum(row["differences"] for row in causes.records())
        print_table("Differences by cause (ours − theirs)", causes)
        print_table(
            f"The largest {len(differences.rows):,} of {count:,} differences", differences, without=_ONLY_FOR_PROGRAMS
        )


_ONLY_FOR_PROGRAMS = ("system", "invoice_id", "our_line", "their_line")
"""Columns that would make the table too wide for a terminal; --format csv and json, and --to, have them."""

_PRINTERS = {"table": _print_report, "csv": _print_csv, "json": _print_json}


def _percent(share: Decimal) -> str:
    """A share as a percentage, rounded down: 100 % is all of them."""
    return f"{(share * 100).quantize(Decimal('0.01'), ROUND_DOWN)} %"
