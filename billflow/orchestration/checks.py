"""Checks that block publishing: what does not add up is seen by nobody but the engineer on call."""

from collections.abc import Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

import dagster as dg
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from billflow.billing import consolidation, reconcile
from billflow.billing.differences import is_own
from billflow.lake import schemas
from billflow.lake.tables import row_counts
from billflow.orchestration import late_usage as late
from billflow.orchestration.assets.billing import HIERARCHIES
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.other_bills import bills_of
from billflow.orchestration.project import Project
from billflow.orchestration.reference_sample import disagreements
from billflow.orchestration.steps import as_markdown, explained
from billflow.orchestration.template_check import documents_after_a_change

PLACED = ("usage", "adjustments")
"""Canonical tables that are laid out by period."""

_NOT_LIMITED = ("quarantine", "crosswalk")
"""Decisions about customers who have left are no fault of what is billed."""
_SHOWN = 10


def _result(problems: Sequence[str], **metadata: Any) -> dg.AssetCheckResult:
    """Passed when there are no problems; shows the first of them."""
    shown = "\n".join(f"- {problem}" for problem in problems[:_SHOWN])
    description = f"{problems[0]}" if problems else None
    return dg.AssetCheckResult(
        passed=not problems,
        description=description,
        metadata={**metadata, **({"problems": dg.MetadataValue.md(shown)} if problems else {})},
    )


def _found(*broken: DataFrame) -> list[str]:
    """The first rows of the violations in each frame, as text."""
    first = reduce(DataFrame.union, [rows.limit(_SHOWN) for rows in broken]).collect() if broken else []
    return [f"{row['key']}: {row['problem']}" for row in first]


def _explained(doubtful: DataFrame, *broken: DataFrame) -> list[str]:
    """The first violations in each frame; they are looked for only where `doubtful` has rows, of text, at all."""
    first = doubtful.limit(_SHOWN).collect()
    unexplained = [f"{'/'.join(map(str, row))}: it does not add up" for row in first]
    return (_found(*broken) or unexplained) if first else []


@dg.asset_check(asset="quarantine", blocking=True)
def quarantine_within_limit(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
    """No table, and not this period's part of it, has a larger share of its rows in quarantine than the limit."""
    with explained(context.log):
        run = BillRun(context, project)
        report, limit = run.ingest.report, run.settings.quarantine_limit
        of_tables = {table: _share(report[table], "") for table in report if table not in _NOT_LIMITED}
        key = run.partition.key
        of_period = {f"{table} of {key}": _share(report[table], f"|{key}") for table in PLACED if table in report}
        shares = {**of_tables, **of_period}
        problems = [
            f"{bad} of {rows} rows of {name} are in quarantine, above quarantine_limit {limit}; "
            "see their reasons in quarantine's metadata, mend the source, or raise the limit in billflow.yaml"
            for name, (bad, rows) in shares.items()
            if rows and Decimal(bad) / rows > limit
        ]
        return _result(problems, shares={name: f"{bad} of {rows}" for name, (bad, rows) in shares.items()})


def _share(report: dict[str, dict[str, str]], place: str) -> tuple[int, int]:
    """(rows in quarantine, rows) of a table, or of one cycle and month of it."""
    verdicts = ("quarantined", "valid", "duplicate", "replaced", "base_reading", "superseded", "deleted")
    bad, *good = [int(report.get(f"{verdict}{place}", {"rows": "0"})["rows"]) for verdict in verdicts]
    return bad, bad + sum(good)


@dg.asset_check(asset="usage", blocking=True)
def every_row_has_one_verdict(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
    """Rows and quantity in = valid + duplicate + replaced + superseded + deleted + quarantined, over all periods.

    Of readings the quantity is what meters showed; what they went on by since their first reading is all used.
    """
    with explained(context.log):
        run = BillRun(context, project)
        report = run.ingest.report
        tables = [table for table in report if table != "quarantine"]
        problems = [problem for table in tables for problem in _unequal(table, report[table])]
        problems += _miscounted(run)
        return _result(problems, **{table: as_markdown(_verdicts(report[table])) for table in tables})


def _verdicts(report: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {verdict: one for verdict, one in report.items() if "|" not in verdict}


def _unequal(table: str, report: dict[str, dict[str, str]]) -> list[str]:
    came, went = report["in"], [one for verdict, one in _verdicts(report).items() if verdict != "in"]
    return [
        f"{table}: {came[what]} {what} came in, {total} have a verdict"
        for what in ("rows", "quantity")
        if Decimal(came[what]) != (total := sum((Decimal(one[what]) for one in went), Decimal(0)))
    ]


def _miscounted(run: BillRun) -> list[str]:
    """Tables that hold other numbers of rows than were judged valid, counted from what was written."""
    of_period = {table: run.ingest.placed_tables()[table].get(run.partition.key) for table in PLACED}
    judged = {table: one for table, one in {**run.ingest.whole_tables(), **of_period}.items() if one}
    written = row_counts({table: run.written(one) for table, one in judged.items()})
    return [
        f"{table}: {one.rows} rows were judged valid, {written[table]} rows are there"
        for table, one in judged.items()
        if one.rows != written[table]
    ]


@dg.asset_check(asset="charges", blocking=True)
def usage_is_conserved(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
    """Usage of the period = billed + unrated + of held accounts, in rows and quantity; each event once (PRICING §5)."""
    with explained(context.log):
        events = BillRun(context, project).staging.noted("charges")["events"]
        problems = [
            f"{events['usage'][what]} {what} of usage, but {total} billed, unrated or held"
            for what in ("rows", "quantity")
            if Decimal(events["usage"][what])
            != (total := sum(Decimal(events[part][what]) for part in ("billed", "unrated", "held")))
        ]
        return _result(problems, events=as_markdown(events))


@dg.asset_check(asset="invoice_lines", blocking=True)
def lines_are_consistent(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
    """Quantity × unit price gives each net, and every event that was charged stands on a line."""
    with explained(context.log):
        run = BillRun(context, project)
        lines, charges = run.staged("invoice_lines", schemas.INVOICE_LINES), run.staged("charges", schemas.CHARGES)
        held = run.spark.read.schema(schemas.HELD).parquet(run.staging.uri("held_late"))
        charged = charges
        if not held.isEmpty():
            charged = charges.join(_served_by(run, held), ["account_id", "system"], "left_anti")
        currencies = run.pricebook.currencies
        wrong = reconcile.inconsistent_lines(lines, currencies)
        unpriced = reconcile.fully_priced(charged, lines.where(is_own()))
        hierarchies = run.staging.noted(HIERARCHIES)["found"]
        doubtful = reconcile.doubtful_accounts(lines, charged, currencies, hierarchies=hierarchies)
        problems = _explained(doubtful, wrong, unpriced)
        return _result(problems, lines=lines.count())


@dg.asset_check(asset="invoice_lines", blocking=True)
def late_usage_is_billed_once(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
    """What confirmed months were billed in all, differences among it, is what they come to now (PRICING §5)."""
    with explained(context.log):
        run = BillRun(context, project)
        return _result(_found(*late.unsettled(run)), months=list(run.staging.noted(late.NOTE)["months"]))


def _served_by(run: BillRun, held: DataFrame) -> DataFrame:
    """The accounts whose bill goes to one of `held`."""
    tops = held.select("system", F.col("account_id").alias("invoiced_account_id"))
    return run.accounts().join(F.broadcast(tops), ["system", "invoiced_account_id"], "left_semi")


@dg.asset_check(asset="invoices", blocking=True, additional_deps=["invoice_taxes"])
def invoices_balance(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
    """Σ lines = net, Σ tax groups = tax, net + tax = total, and each group's tax is its net × rate, rounded once."""
    with explained(context.log):
        run = BillRun(context, project)
        lines = run.staged("invoice_lines", schemas.INVOICE_LINES)
        taxes = run.staged("invoice_taxes", schemas.INVOICE_TAXES)
        invoices = run.staged("invoices", schemas.INVOICES)
        currencies = run.pricebook.currencies
        [tally] = reconcile.tally(invoices, lines, taxes, currencies).collect()
        without_lines = taxes.count() - tally["groups"]
        if not (tally["doubtful"] or without_lines):
            return _result([])
        unbalanced = reconcile.unbalanced_invoices(invoices, lines, taxes)
        found = _found(unbalanced, reconcile.wrong_taxes(taxes, lines, currencies))
        counted = f"{tally['doubtful']} invoices do not add up, and {without_lines} tax groups have no line"
        return _result(found or [counted])


@dg.asset_check(asset="invoices", blocking=True, additional_deps=["invoice_taxes"])
def reference_agrees(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
    """A sample of accounts, rated once more by an independent rater in plain Python, gives the same bills."""
    with explained(context.log):
        problems, accounts = disagreements(BillRun(context, project))
        return _result(problems, accounts=accounts)


@dg.asset_check(asset="consolidated_bills", blocking=True)
def consolidated_bills_reconcile(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
    """Σ by system and currency is what it has billed; each bill is Σ of its items and of its accounts' bills."""
    with explained(context.log):
        run = BillRun(context, project)
        items = run.staged("consolidated_items", schemas.CONSOLIDATED_ITEMS)
        shown = run.staged("consolidated_bills", schemas.CONSOLIDATED_BILLS)
        invoices = run.staged("invoices", schemas.INVOICES)
        return _result(
            _found(consolidation.unreconciled(items, bills_of(run), shown, invoices, run.customer_accounts()))
        )


CHECKS = (
    quarantine_within_limit,
    every_row_has_one_verdict,
    usage_is_conserved,
    lines_are_consistent,
    late_usage_is_billed_once,
    invoices_balance,
    reference_agrees,
    documents_after_a_change,
)

CHECKS_OF_CONSOLIDATION = (consolidated_bills_reconcile,)
"""Of projects that show a customer's bills on one."""
