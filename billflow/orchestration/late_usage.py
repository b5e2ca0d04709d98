"""Usage that came late for confirmed months: which accounts it concerns, and their months rated again.

What a month was billed from is a `ConfirmedMonth`, or several where bills of it were corrected. What is found is staged
by these, and the steps that follow read it there.
"""

from collections.abc import Iterator
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from billflow.billing import differences, holds, taxes, usage
from billflow.billing.period import PeriodBilling
from billflow.billing.whole_bills import has_hierarchies
from billflow.lake import schemas, tables
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.confirmed_months import ConfirmedMonth, confirmed, confirmed_months, published_rows

NOTE = "late_usage"
COMPARED = ("usage", "adjustments")
"""Tables by which a month is found to have been billed from less than there is now."""

EVIDENCE = ("late_usage", "late_adjustments")
"""Tables of what differences were worked out from."""

UNRATED = "late_unrated"
"""Staged table: late events that no bill shows, with the reason."""

LATE = "late"
"""Rule beside `unrated` of an event that came late."""

UNKNOWN = "it came late, and its subscription was not known when the month was confirmed; it counts"
NO_ACCOUNT = "it came late, and its account was not known when the month was confirmed"
HELD = "it came late, and its account was held when the month was confirmed"


def months_to_compare(run: BillRun) -> list[ConfirmedMonth]:
    """Confirmed months before the run's own with other usage or adjustments than they were billed from, in order.

    A month of which the sources deliver nothing any more is left as it was billed.
    """
    return [month for month in confirmed_months(run) if any(_may_differ(month, table) for table in COMPARED)]


def _may_differ(month: ConfirmedMonth, table: str) -> bool:
    """Whether what is delivered now is another table, or was read from another state of the sources."""
    ingest = month.run.ingest
    if not month.delivers(table):
        return False
    if month.is_corrected:
        return any(one.fingerprint != ingest.fingerprint for one in month.made_from)
    billed = {one.path for made in month.made_from for one in made.tables.get(table, ())}
    return billed != {ingest.placed_tables()[table][month.partition.key].path}


def rate_again(run: BillRun) -> dict[str, dict[str, int]]:
    """Stages what late usage makes of the confirmed months; month → what was found. Months without any are left out."""
    found: dict[str, dict[str, int]] = {}
    staged, unrated = [], []
    for month in months_to_compare(run):
        changed = _changed(month).persist(StorageLevel.DISK_ONLY)
        if not changed.isEmpty():
            lines, events = _stage(month, changed)
            staged.append(month.name)
            unrated.append(events)
            counts = found.setdefault(month.partition.month, {"accounts": 0, "lines": 0})
            counts["accounts"] += changed.count()
            counts["lines"] += lines
        changed.unpersist()
    if unrated:
        run.stage_few(UNRATED, reduce(DataFrame.unionByName, unrated), schemas.UNRATED)
    kept = EVIDENCE if any(one["lines"] for one in found.values()) else ()
    after = run.staging.base().confirmations
    run.staging.note(NOTE, {"months": found, "staged": staged, "evidence": kept, "after": after})
    for table in kept:
        rows = [run.staged(month.staged(table), schemas.SCHEMAS[table]) for month in late_months(run)]
        laid_out = tables.by_account(reduce(DataFrame.unionByName, rows), run.buckets)
        run.stage(table, laid_out, schemas.SCHEMAS[table])
    return found


def _changed(month: ConfirmedMonth) -> DataFrame:
    """Accounts of the cycle, then or now, with other usage or adjustments than were billed."""
    changed = differences.changed_accounts(month.table("usage", schemas.USAGE), month.usage_now())
    if month.delivers("adjustments"):
        billed = month.table("adjustments", schemas.ADJUSTMENTS)
        others = differences.accounts_with_other_adjustments(billed, month.adjustments_now())
        changed = changed.unionByName(others).distinct()
    return changed.join(month.run.accounts().select(*holds.ACCOUNT), holds.ACCOUNT, "left_semi")


def _stage(month: ConfirmedMonth, changed: DataFrame) -> tuple[int, DataFrame]:
    """Rates the bills of changed accounts again: how many lines of difference there are, and events on no bill."""
    run, accounts = month.run, month.accounts()
    family = differences.families(changed, accounts, month.table("held", schemas.HELD)).persist(StorageLevel.DISK_ONLY)
    here = family.select(*holds.ACCOUNT)
    subscriptions = month.table("subscriptions", schemas.SUBSCRIPTIONS)
    events = differences.served(month.usage_to_bill().join(here, holds.ACCOUNT, "left_semi"), subscriptions).persist(
        StorageLevel.DISK_ONLY
    )
    billing = PeriodBilling(
        month.pricebook,
        month.partition.placed,
        accounts=family,
        subscriptions=subscriptions,
        usage=events.where(F.col("subscription_start").isNotNull()),
        adjustments=_adjustments(month, here),
        billed_ahead=run.billed_ahead(month.pricebook),
        hierarchies=has_hierarchies(family),
    )
    # Each step is written before the next one is planned: as one query, planning it takes minutes.
    billing.held_before = run.stage_few(month.staged("held"), billing.held_before, schemas.HELD)
    billing.groups = billing.groups.persist(StorageLevel.DISK_ONLY)
    billing.rated = run.stage(month.staged("charges"), billing.rated, schemas.CHARGES)
    lines = _stage_lines(month, billing)
    _stage_evidence(month, billing)
    never = _billed_never(month, changed)
    unserved = events.where(F.col("subscription_start").isNull())
    unrated = _unrated(month, billing, unserved, never).unionByName(_adjustments_on_no_bill(month, never))
    told = run.stage_few(month.staged("unrated"), unrated.join(_told(month), _KEY, "left_anti"), schemas.UNRATED)
    for kept in (billing.groups, events, family):
        kept.unpersist()
    return lines, told


def _adjustments(month: ConfirmedMonth, accounts: DataFrame) -> DataFrame | None:
    if not (month.has("adjustments") or month.delivers("adjustments")):
        return None
    return month.adjustments_to_bill().join(accounts, holds.ACCOUNT, "left_semi")


def _stage_lines(month: ConfirmedMonth, billing: PeriodBilling) -> int:
    """Stages the bills rated again and their differences; how many lines these have."""
    run = month.run
    placed = {"cycle": month.partition.cycle, "month": month.partition.month, "difference_of": month.partition.month}
    columns = {name: F.lit(value) for name, value in placed.items()}
    again = billing.priced.withColumns({**columns, "invoice_id": F.lit(None).cast("string")})
    rated = run.stage(month.staged("rated"), tables.by_account(again, run.buckets), schemas.INVOICE_LINES)
    tops = holds.without(billing.accounts, billing.held_before).select("system", F.col("invoiced_account_id"))
    bills = tops.withColumnRenamed("invoiced_account_id", "account_id").distinct()
    own, later = (of.join(bills, holds.ACCOUNT, "left_semi") for of in (month.lines(), month.later_lines()))
    found = differences.differences(differences.billed_so_far(own, later), rated, month.partition.month)
    laid_out = tables.by_account(found, run.buckets)
    return run.stage(month.staged("differences"), laid_out, schemas.INVOICE_LINES).count()


def _stage_evidence(month: ConfirmedMonth, billing: PeriodBilling) -> None:
    """Stages the usage and adjustments that the month's bills with a difference were rated from: nobody else keeps what
    came after the month was confirmed.
    """
    shown = month.run.staged(month.staged("differences"), schemas.INVOICE_LINES)
    bills = shown.select("system", F.col("account_id").alias("invoiced_account_id")).distinct()
    members = billing.accounts.join(bills, ["system", "invoiced_account_id"], "left_semi").select(*holds.ACCOUNT)
    of_month = {
        "difference_of": month.partition.month,
        "cycle": month.run.partition.cycle,
        "month": month.run.partition.month,
    }
    columns = {name: F.lit(value) for name, value in of_month.items()}
    adjustments = billing.adjustments
    given = tables.empty(month.run.spark, schemas.ADJUSTMENTS) if adjustments is None else adjustments
    for table, rows in zip(EVIDENCE, (billing.usage, given), strict=True):
        kept = rows.join(members, holds.ACCOUNT, "left_semi").withColumns(columns)
        month.run.stage(month.staged(table), tables.by_account(kept, month.run.buckets), schemas.SCHEMAS[table])


def evidence(run: BillRun) -> tuple[str, ...]:
    """The tables of EVIDENCE that are staged: none where no bill has a difference."""
    return tuple(run.staging.noted(NOTE).get("evidence", ()))


def _billed_never(month: ConfirmedMonth, changed: DataFrame) -> DataFrame:
    """Those of `changed` for whom the month has no bill that could be corrected, and `_why`: they were not known when
    it was confirmed, or their bill was held.
    """
    known = month.table("accounts", schemas.ACCOUNTS).select(*holds.ACCOUNT)
    parked = differences.on_held_bills(month.accounts(), month.table("held", schemas.HELD))
    new = changed.join(known, holds.ACCOUNT, "left_anti").withColumn("_why", F.lit(NO_ACCOUNT))
    return new.unionByName(changed.join(parked, holds.ACCOUNT, "left_semi").withColumn("_why", F.lit(HELD)))


def _adjustments_on_no_bill(month: ConfirmedMonth, never: DataFrame) -> DataFrame:
    """UNRATED of late adjustments of accounts without a bill of the month."""
    given = month.run.adjustments_of(month.partition.key).withColumn("_content", differences.adjustment_hash())
    known = month.table("adjustments", schemas.ADJUSTMENTS).withColumn("_content", differences.adjustment_hash())
    key = [*holds.ACCOUNT, "adjustment_id", "_content"]
    late = given.join(F.broadcast(never), holds.ACCOUNT, "inner").join(known.select(*key), key, "left_anti")
    return late.select(
        *_quarantined(month, "adjustments", "adjustment_id", F.array(F.lit(LATE)), F.col("_why"), "amount")
    )


def _quarantined(
    month: ConfirmedMonth, table: str, key: str, rules: Column, reason: Column, quantity: str
) -> list[Column]:
    """The columns of UNRATED of late rows of a table."""
    names = [name for name in schemas.SCHEMAS[table].names if name != "source"]
    return [
        F.col("source"),
        F.lit(table).alias("table"),
        F.col(key).alias("key"),
        rules.alias("rules"),
        F.concat(F.lit(f"{month.partition.month} is confirmed: "), reason).alias("reason"),
        F.to_json(F.struct(*names)).alias("row"),
        F.lit(month.run.partition.cycle).alias("cycle"),
        F.lit(month.run.partition.month).alias("month"),
        F.lit(month.run.root).alias("run_id"),
        F.lit(None).cast("string").alias("file"),
        F.col(quantity).alias("quantity"),
    ]


def _unrated(month: ConfirmedMonth, billing: PeriodBilling, unserved: DataFrame, never: DataFrame) -> DataFrame:
    """UNRATED: late events that are on no bill. No subscription of the month serves those of `unserved`, and accounts
    in `never` have no bill of it.
    """
    metric = F.col("metric")
    judged = usage.in_groups(billing.usage, billing.unrated, month.pricebook)
    theirs = month.run.usage_of(month.partition.key).join(F.broadcast(never), holds.ACCOUNT, "inner")
    why = F.when(F.col("_why") == HELD, f"{HELD}; it counts ").otherwise(f"{UNKNOWN} ")
    reasons = (
        (judged, F.concat(F.lit("it came late, and "), F.col("cause"), F.lit(" "), metric)),
        (unserved, F.concat(F.lit(f"{UNKNOWN} "), metric)),
        (theirs, F.concat(why, metric)),
    )
    told = [events.select(*schemas.USAGE.names, reason.alias("reason")) for events, reason in reasons]
    late = reduce(DataFrame.unionByName, told)
    event = ["system", "account_id", "usage_id", "_content"]
    billed = month.table("usage", schemas.USAGE).withColumn("_content", differences.event_hash()).select(*event)
    marked = late.withColumn("_content", differences.event_hash()).join(billed, event, "left_anti")
    rules = F.array(F.lit("unrated"), F.lit(LATE))
    return marked.select(*_quarantined(month, "usage", "usage_id", rules, F.col("reason"), "quantity"))


def _told(month: ConfirmedMonth) -> DataFrame:
    """_KEY of late rows that confirmed bills of the cycle have in quarantine."""
    runs = tuple(table for one in confirmed(month.run).values() for table in one.tables.get("quarantine", ()))
    rows = published_rows(month.run, runs, schemas.QUARANTINE).where(F.array_contains("rules", LATE))
    return rows.select(*_KEY)


_KEY = ["source", "table", "key"]


def late_months(run: BillRun) -> list[ConfirmedMonth]:
    """The confirmed months with late usage, as the step before has found them."""
    staged = run.staging.noted(NOTE)["staged"]
    return [month for month in confirmed_months(run) if month.name in staged] if staged else []


def late_lines(run: BillRun) -> DataFrame | None:
    """The differences of all months, of accounts whose bill goes out; those of others wait. None without any."""
    return _billable(run, "differences")


def _billable(run: BillRun, what: str) -> DataFrame | None:
    frames = [run.staged(month.staged(what), schemas.INVOICE_LINES) for month in late_months(run)]
    if not frames:
        return None
    here = run.accounts().select(*holds.ACCOUNT)
    held = tables.read_plain(run.spark, run.staging.uri("held"), schemas.HELD)
    return holds.without(reduce(DataFrame.unionByName, frames).join(here, holds.ACCOUNT, "left_semi"), held)


def reasons(run: BillRun) -> taxes.Reasons:
    """Why no tax is due, as `billing.taxes.reasons`; of a line of another month as its own catalogue says it."""
    months = [*reversed(late_months(run))]  # a month's corrections come before what is left of it
    of_month = [(F.col("difference_of") == one.partition.month) & one.is_of_bills() for one in months]
    return taxes.reasons(run.pricebook, zip(of_month, [one.pricebook for one in months], strict=True))


def unsettled(run: BillRun) -> Iterator[DataFrame]:
    """For each month what `billing.differences.unsettled` finds, of the bills that go out."""
    made = run.staged("invoice_lines", schemas.INVOICE_LINES)
    late_held = tables.read_plain(run.spark, run.staging.uri("held_late"), schemas.HELD)
    rated, found = _billable(run, "rated"), _billable(run, "differences")
    if rated is None or found is None:
        return
    for month in {month.partition.month: month for month in late_months(run)}.values():
        is_of_month = F.col("difference_of") == month.partition.month
        of_month, made_now = holds.without(rated.where(is_of_month), late_held), made.where(is_of_month)
        differing = holds.without(found.where(is_of_month), late_held)
        bills = of_month.unionByName(differing).select(*holds.ACCOUNT).distinct()
        before = month.lines().unionByName(month.later_lines().drop(differences.POSITION))
        counted = before.join(bills, holds.ACCOUNT, "left_semi").unionByName(made_now)
        yield differences.unsettled(counted, of_month)
