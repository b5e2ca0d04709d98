"""Canonical → charges → invoice lines → invoices and taxes."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from billflow.billing import advance, bills, differences, holds, invoices, rating, usage
from billflow.billing.money import minor_digits
from billflow.lake import schemas, tables
from billflow.orchestration import late_usage as late
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.project import Project
from billflow.orchestration.steps import POOL, RETRY, described, explained


@dg.asset(
    deps=["accounts", "subscriptions", "usage"], group_name="billing", kinds={"spark"}, retry_policy=RETRY, pool=POOL
)
def charges(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[Any]:
    """What each subscription owes, and for what quantity. Accounts that cannot be billed are held, with the reason."""
    with explained(context.log):
        run = BillRun(context, project)
        accounts, subscriptions, events = run.accounts(), run.subscriptions(), run.usage()
        hierarchies = _has_hierarchies(run)
        found = holds.holds(accounts, subscriptions, run.prices, run.pricebook, hierarchies=hierarchies)
        held = _held(run, found, "held")
        owed = rating.owed_charges(holds.without(subscriptions, held), run.prices, run.pricebook)
        billable = holds.without(events, held)
        groups = usage.grouped(billable, run.pricebook).persist(StorageLevel.DISK_ONLY)
        rated = run.stage(
            "charges", _with_credits(run, rating.rated(owed, groups, billable, run.pricebook), held), schemas.CHARGES
        )
        judged = rating.judged(groups, owed, run.pricebook).persist(StorageLevel.DISK_ONLY)
        unrated = _unrated(run, events, judged.where(F.col("cause").isNotNull()))
        counts = {"held_accounts": held.count(), "unrated_events": unrated.count()}
        run.staging.note("charges", {**counts, "events": _event_counts(events, held, judged, unrated)})
        judged.unpersist()
        groups.unpersist()
        return dg.MaterializeResult(metadata=described(rated, rated.count(), **counts))


def _with_credits(run: BillRun, rated: DataFrame, held: DataFrame) -> DataFrame:
    """`rated` and, where the bills before were made here, what comes back of days that they took in advance."""
    ahead = run.billed_ahead()
    if ahead is None:
        return rated
    back = advance.credits_of_advance(ahead, run.subscriptions(), run.prices, run.pricebook)
    both = tables.conformed(rated, schemas.CHARGES).unionByName(holds.without(back, held))
    return tables.by_account(both, run.buckets)


def _has_hierarchies(run: BillRun) -> bool:
    """Whether some account's bill goes to another one; noted for the steps that follow."""
    elsewhere = run.accounts().where(F.col("invoiced_account_id") != F.col("account_id"))
    found = not elsewhere.limit(1).isEmpty()
    run.staging.note("hierarchies", {"found": found})
    return found


def _held(run: BillRun, found: DataFrame, table: str) -> DataFrame:
    part = run.partition
    return run.stage_few(table, holds.one_reason_each(found, part.cycle, part.month, run.root), schemas.HELD)


def _unrated(run: BillRun, events: DataFrame, groups: DataFrame) -> DataFrame:
    """Events that no charge prices, as rows in quarantine with the cause: they are never billed at 0 in silence."""
    shown = F.when(F.size("dimensions") > 0, F.concat(F.lit(" with "), F.to_json("dimensions")))
    reason = F.concat(F.col("cause"), F.lit(" "), F.col("metric"), F.coalesce(shown, F.lit("")))
    found = usage.in_groups(events, groups, run.pricebook).select(
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
    return run.stage_few("unrated", found, schemas.UNRATED)


def _event_counts(
    events: DataFrame, held: DataFrame, judged: DataFrame, unrated: DataFrame
) -> dict[str, dict[str, str]]:
    """Rows and quantity of the partition's usage, and of what became of it, each counted on its own."""
    parts = {
        "usage": events.agg(F.count(F.lit(1)), F.sum("quantity")),
        "held": events.join(held, ["system", "account_id"], "left_semi").agg(F.count(F.lit(1)), F.sum("quantity")),
        "unrated": unrated.agg(F.count(F.lit(1)), F.sum("quantity")),
        "billed": judged.where(F.col("cause").isNull()).agg(F.sum("events"), F.sum("quantity_sum")),
    }
    rows = {name: part.first() for name, part in parts.items()}
    return {name: {"rows": str(row[0] or 0), "quantity": f"{row[1] or 0:f}"} for name, row in rows.items() if row}


@dg.asset(
    deps=["accounts", "usage", "quarantine"], group_name="billing", kinds={"spark"}, retry_policy=RETRY, pool=POOL
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
        differing = late.late_lines(run)
        priced = _with_late(run, _priced(run), differing).persist(StorageLevel.DISK_ONLY)
        unbillable = _held(run, _unbillable(run, priced, differing), "held_late")
        sound = holds.without(priced, unbillable)
        currencies = run.pricebook.currencies
        placed = invoices.with_invoice_id(sound, invoices.tax_groups(sound, currencies), *run.partition.placed)
        written = run.stage("invoice_lines", placed, schemas.INVOICE_LINES)
        priced.unpersist()
        return dg.MaterializeResult(metadata=described(written, written.count(), held_accounts=unbillable.count()))


def _with_late(run: BillRun, lines: DataFrame, differing: DataFrame | None) -> DataFrame:
    return lines if differing is None else differences.with_differences(lines, differing, run.buckets)


def _unbillable(run: BillRun, priced: DataFrame, differing: DataFrame | None) -> DataFrame:
    found = holds.unbillable(priced)
    if differing is None:
        return found
    return found.unionByName(differences.in_other_currency(differing, run.accounts(), run.pricebook))


def _priced(run: BillRun) -> DataFrame:
    """The lines of all bills, those that cannot be billed among them."""
    held = tables.read_plain(run.spark, run.staging.uri("held"), schemas.HELD)
    has_adjustments = run.partition.key in run.ingest.adjustments
    return bills.bill_lines(
        run.staged("charges", schemas.CHARGES),
        run.prices,
        run.pricebook,
        accounts=holds.without(run.accounts(), held),
        subscriptions=holds.without(run.subscriptions(), held),
        adjustments=holds.without(run.adjustments(), held) if has_adjustments else None,
        hierarchies=run.staging.noted("hierarchies")["found"],
        buckets=run.buckets,
    )


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
        billed = lines.withColumn("reason", late.reasons(run))
        groups = run.stage(
            "invoice_taxes", invoices.invoice_taxes(billed, run.pricebook.currencies), schemas.INVOICE_TAXES
        )
        made = invoices.invoices(groups, run.period, run.settings.payment_terms_days)
        written = run.stage("invoices", made, schemas.INVOICES)
        yield dg.MaterializeResult("invoices", metadata=described(written, written.count(), totals=totals(written)))
        yield dg.MaterializeResult("invoice_taxes", metadata=described(groups, groups.count()))


def totals(written: DataFrame) -> dict[str, dict[str, str]]:
    """Currency → net, tax and total of all invoices. A row a currency."""
    sums = written.groupBy("currency").agg(*[F.sum(name).alias(name) for name in ("net", "tax", "total")]).collect()
    return {
        row["currency"]: {name: f"{row[name]:.{minor_digits(row['currency'])}f}" for name in ("net", "tax", "total")}
        for row in sums
    }
