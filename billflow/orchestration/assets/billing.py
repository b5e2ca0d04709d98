"""Canonical → charges → invoice lines → invoices and taxes."""

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

import dagster as dg
from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from billflow.billing import invoices, usage
from billflow.billing.money import minor_digits
from billflow.billing.period import PeriodBilling
from billflow.billing.whole_bills import has_hierarchies
from billflow.documents import history
from billflow.lake import schemas, tables
from billflow.orchestration import late_usage as late
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.confirmed_months import billed_in_other_cycles
from billflow.orchestration.project import Project
from billflow.orchestration.steps import POOL, RETRY, described, explained

HIERARCHIES = "hierarchies"
"""Note: whether some account's bill goes to another one."""


@dg.asset(
    deps=["accounts", "subscriptions", "usage"], group_name="billing", kinds={"spark"}, retry_policy=RETRY, pool=POOL
)
def charges(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """What each subscription owes, and for what quantity. Accounts that cannot be billed are held, with the reason."""
    with explained(context.log):
        run = BillRun(context, project)
        run.staging.note(HIERARCHIES, {"found": has_hierarchies(run.accounts())})
        billing = run.billing(
            hierarchies=run.staging.noted(HIERARCHIES)["found"], billed_elsewhere=billed_in_other_cycles(run)
        )
        # Each step is written before the next one is planned: as one query, planning it takes minutes.
        run.stage_few("held", billing.held_before, schemas.HELD)
        held = billing.held_before = run.held()
        billing.groups = run.stage("usage_groups", billing.groups, billing.groups.schema)
        rated = run.stage("charges", billing.rated, schemas.CHARGES)
        rows = tables.row_counts({"charges": rated, "held": held})
        events = _events(run, billing)
        counts = {"held_accounts": rows["held"], "unrated_events": int(events["unrated"]["rows"])}
        run.staging.note("charges", {**counts, "events": events})
        return dg.MaterializeResult(metadata=described(rated, rows["charges"], **counts))


def _events(run: BillRun, billing: PeriodBilling) -> dict[str, dict[str, str]]:
    """Rows and quantity of the partition's usage, and of what became of it: billed, held, or staged as unrated.

    Each is counted on its own. How much usage there is was counted as it was ingested: what is lost since then shows
    too.
    """
    each, ingested = (F.count(F.lit(1)), F.sum("quantity")), run.usage_ingested()
    sums = (F.sum("events"), F.sum("quantity_sum"))
    events = _counted(
        {
            "held": run.usage_of_held().agg(*each),
            "billed": billing.judged.where(F.col("cause").isNull()).agg(*sums),
            "grouped": billing.groups.agg(*sums),
            **({} if ingested else {"usage": billing.usage.agg(*each)}),
        }
    )
    events |= {"usage": ingested} if ingested else {}
    if events.pop("grouped")["rows"] == events["billed"]["rows"]:  # as in most months: all groups are billed
        run.stage_few("unrated", tables.empty(run.spark, schemas.UNRATED), schemas.UNRATED)
        return {**events, "unrated": {"rows": "0", "quantity": "0"}}
    unrated = run.stage_few("unrated", _unrated(run, billing), schemas.UNRATED)
    return {**events, **_counted({"unrated": unrated.agg(*each)})}


def _counted(parts: Mapping[str, DataFrame]) -> dict[str, dict[str, str]]:
    """Rows and quantity of each part, in one query."""
    found = reduce(DataFrame.union, [part.select(F.lit(name), "*") for name, part in parts.items()]).collect()
    return {name: {"rows": str(rows or 0), "quantity": f"{sums or 0:f}"} for name, rows, sums in found}


def _unrated(run: BillRun, billing: PeriodBilling) -> DataFrame:
    """Events that no charge prices, as rows in quarantine with the cause: they are never billed at 0 in silence."""
    shown = F.when(F.size("dimensions") > 0, F.concat(F.lit(" with "), F.to_json("dimensions")))
    reason = F.concat(F.col("cause"), F.lit(" "), F.col("metric"), F.coalesce(shown, F.lit("")))
    return usage.in_groups(billing.usage, billing.unrated, run.pricebook).select(
        "source",
        F.lit("usage").alias("table"),
        F.col("usage_id").alias("key"),
        F.array(F.lit("unrated")).alias("rules"),
        reason.alias("reason"),
        F.to_json(F.struct(*[name for name in schemas.USAGE.names if name != "source"])).alias("row"),
        F.lit(run.partition.cycle).alias("cycle"),
        F.lit(run.partition.month).alias("month"),
        F.lit(run.root).alias("run_id"),
        F.lit(None).alias("file"),
        "quantity",
    )


@dg.asset(
    # After the period's own charges: steps take turns (POOL), and what stops one is then told once.
    deps=[charges, "accounts", "usage", "quarantine"],
    group_name="billing",
    kinds={"spark"},
    retry_policy=RETRY,
    pool=POOL,
)
def late_usage(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """Confirmed months whose usage has changed since, rated again: their differences go on this month's bills."""
    with explained(context.log):
        found = late.rate_again(BillRun(context, project))
        lines = sum(one["lines"] for one in found.values())
        return dg.MaterializeResult(metadata={"dagster/row_count": lines, "months": found})


@dg.asset(deps=[charges, late_usage], group_name="billing", kinds={"spark"}, retry_policy=RETRY, pool=POOL)
def invoice_lines(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """The lines that bills print: each tier, fee, discount and adjustment with its rounded net."""
    with explained(context.log):
        run = BillRun(context, project)
        billing = run.billing(hierarchies=run.staging.noted(HIERARCHIES)["found"], late=late.late_lines(run))
        billing.held_before = run.held()
        billing.rated = run.staged("charges", schemas.CHARGES)
        if billing.reads_priced_twice:
            billing.priced = billing.priced.persist(StorageLevel.DISK_ONLY)
        # Written as if nobody had to be held for what the lines turn out to be, as in most months, and else once more:
        # to price them takes longer than anything else in a run.
        billing.held_late = tables.empty(run.spark, schemas.HELD)
        written = run.stage("invoice_lines", billing.lines, schemas.INVOICE_LINES)
        held = run.stage_few("held_late", billing.held_for(written), schemas.HELD)
        rows = tables.row_counts({"invoice_lines": written, "held": held})
        if rows["held"]:
            written = run.stage("invoice_lines", billing.without_held(held).lines, schemas.INVOICE_LINES)
            rows["invoice_lines"] = written.count()
        billing.priced.unpersist()
        return dg.MaterializeResult(metadata=described(written, rows["invoice_lines"], held_accounts=rows["held"]))


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "invoices",
            deps=[invoice_lines],
            group_name="billing",
            kinds={"spark"},
            description="One draft a billed account: net, tax, total, dates.",
        ),
        dg.AssetSpec(
            "invoice_taxes",
            deps=[invoice_lines],
            group_name="billing",
            kinds={"spark"},
            description="Tax of each invoice per category and rate.",
        ),
    ],
    retry_policy=RETRY,
    pool=POOL,
)
def drafts(context: dg.AssetExecutionContext, project: Project) -> Iterator[dg.MaterializeResult[Any]]:
    """Taxes per group of lines, and the invoices that they add up to."""
    with explained(context.log):
        run = BillRun(context, project)
        lines = run.staged("invoice_lines", schemas.INVOICE_LINES)
        taxes = invoices.invoice_taxes(lines, run.pricebook.currencies, late.reasons(run))
        groups = run.stage("invoice_taxes", taxes, schemas.INVOICE_TAXES)
        made = invoices.invoices(groups, run.period, run.settings.payment_terms_days)
        written = run.stage("invoices", made, schemas.INVOICES)
        rows = tables.row_counts({"invoices": written, "invoice_taxes": groups})
        yield dg.MaterializeResult("invoices", metadata=described(written, rows["invoices"], totals=totals(written)))
        yield dg.MaterializeResult("invoice_taxes", metadata=described(groups, rows["invoice_taxes"]))


@dg.asset(deps=[charges, "accounts", "usage"], group_name="billing", kinds={"spark"}, retry_policy=RETRY, pool=POOL)
def usage_history(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """Usage by account, metric and month, up to a year back: what a bill shows beside its own month.

    Months before are taken from bill runs before, unless their usage has changed since.
    """
    with explained(context.log):
        run = BillRun(context, project)
        before = run.months_before(history.MONTHS_BACK)
        known = run.added_up_before(before)
        kept = [run.usage_history(key, months) for key, months in known.items()]
        added_up = {month for months in known.values() for month in months}
        months = {one.month: run.usage_of(one.key) for one in before if one.month not in added_up}
        months[run.partition.month] = run.usage_of_held()
        billed = run.staged("usage_groups", schemas.USAGE_SUMS)
        own = history.of_sums(billed, run.partition.month, run.catalog)
        found = history.usage_history(months, run.accounts(), run.catalog, [*kept, own], buckets=run.buckets)
        placed = {"cycle": F.lit(run.partition.cycle), "month": F.lit(run.partition.month)}
        laid_out = tables.by_account(found.withColumns(placed), run.buckets)
        written = run.stage("usage_history", laid_out, schemas.USAGE_HISTORY)
        return dg.MaterializeResult(metadata=described(written, written.count()))


def totals(written: DataFrame) -> dict[str, dict[str, str]]:
    """Currency → net, tax and total of all invoices. A row a currency."""
    sums = written.groupBy("currency").agg(*[F.sum(name).alias(name) for name in ("net", "tax", "total")]).collect()
    return {
        row["currency"]: {name: f"{row[name]:.{minor_digits(row['currency'])}f}" for name in ("net", "tax", "total")}
        for row in sums
    }
