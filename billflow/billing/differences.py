"""Late usage: what a confirmed month comes to now, less what was billed for it (PRICING §5).

The month is rated again as a whole. Of each charge whose result changed the lines billed before come back negative, and
the new ones follow. What earlier differences have billed counts as billed.
"""

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.pricebook import Pricebook
from billflow.lake.schemas import COUNT, INVOICE_LINES, MONEY, QUANTITY, TEXT, USAGE, WHOLE

ACCOUNT = ["account_id", "system"]
_BILL = ["system", "invoiced_account_id"]
CHARGE = (
    "system",
    "account_id",
    "service_account_id",
    "subscription_id",
    "subscription_start",
    "price_from",
    "charge",
)
"""Names one charge of one bill; discounts and minima of the whole bill are such charges too, without subscription."""

REVERSAL = "reversal"
"""`line_type` of a line that takes back what was billed before."""

POSITION = "_position"
"""Column of a line: which confirmation billed it, in the lake's order."""

EVENT_SAYS = ("usage_id", "subscription_id", "metric", "quantity", "event_time", "dimensions")
ADJUSTMENT_SAYS = ("adjustment_id", "date", "amount", "description", "tax")
"""What makes an event, or an adjustment, of an account another one than was billed."""

_SAYS = (
    "description",
    "period_start",
    "period_end",
    "quantity",
    "unit_price",
    "net",
    "gross",
    "tax_code",
    "tax_category",
    "tax_rate",
)
"""What makes a line another one. Where none of it differs, on any line of a charge, its result has not changed."""


def changed_accounts(billed: DataFrame, now: DataFrame) -> DataFrame:
    """system, account_id whose usage (USAGE) is not what was billed: events came, went or say something else."""
    return _unlike(*(_digests(events, "quantity", event_hash()) for events in (billed, now)))


def accounts_with_other_adjustments(billed: DataFrame, now: DataFrame) -> DataFrame:
    """system, account_id whose adjustments (ADJUSTMENTS) are not those that were billed."""
    return _unlike(*(_digests(adjustments, "amount", adjustment_hash()) for adjustments in (billed, now)))


def _unlike(before: DataFrame, after: DataFrame) -> DataFrame:
    renamed = after.withColumnsRenamed({name: f"_now{name}" for name in _DIGEST})
    joined = before.join(renamed, ACCOUNT, "full")
    same = reduce(Column.__and__, [F.col(name).eqNullSafe(F.col(f"_now{name}")) for name in _DIGEST])
    return joined.where(~same).select(*ACCOUNT)


_DIGEST = ("_events", "_quantity", "_hashes")


def _digests(rows: DataFrame, quantity: str, says: Column) -> DataFrame:
    """A row an account that is the same in whichever order rows are read. Decimals, so that no sum overflows."""
    return rows.groupBy(*ACCOUNT).agg(
        F.count(F.lit(1)).alias("_events"),
        F.sum(quantity).alias("_quantity"),
        F.sum(says.cast("decimal(20,0)")).alias("_hashes"),
    )


def event_hash() -> Column:
    """64 bits over what an event says: an event that was corrected has another one."""
    dimensions = F.array_sort(F.map_entries("dimensions"))
    return F.xxhash64(*[dimensions if name == "dimensions" else F.col(name) for name in EVENT_SAYS])


def adjustment_hash() -> Column:
    """64 bits over what an adjustment says."""
    return F.xxhash64(*ADJUSTMENT_SAYS)


def families(changed: DataFrame, accounts: DataFrame, held: DataFrame) -> DataFrame:
    """ACCOUNTS of every bill with a changed account on it, without bills that were held: those have nothing to correct.

    `accounts` and `held` are the confirmed month's own.
    """
    tops = accounts.select(*ACCOUNT, "invoiced_account_id")
    mine = tops.join(changed, ACCOUNT, "left_semi").select(*_BILL).distinct()
    return accounts.join(mine.join(_parked(tops, held), _BILL, "left_anti"), _BILL, "left_semi")


def on_held_bills(accounts: DataFrame, held: DataFrame) -> DataFrame:
    """account_id, system of every account whose bill was held. `accounts` and `held` as `families` has them."""
    return accounts.join(_parked(accounts, held), _BILL, "left_semi").select(*ACCOUNT)


def _parked(accounts: DataFrame, held: DataFrame) -> DataFrame:
    return held.select(*ACCOUNT).join(accounts, ACCOUNT, "inner").select(*_BILL)


def served(usage: DataFrame, subscriptions: DataFrame) -> DataFrame:
    """USAGE with `subscription_start` by the month's own subscriptions; NULL where none of them serves the event."""
    key = ["account_id", "system", "subscription_id"]
    rows = subscriptions.select(*key, "start_date", "end_date").alias("row")
    events = usage.drop("subscription_start").alias("event")
    day = F.to_date("local_time")
    in_time = (F.col("row.start_date") <= day) & (F.col("row.end_date").isNull() | (day < F.col("row.end_date")))
    same = reduce(Column.__and__, [F.col(f"event.{name}") == F.col(f"row.{name}") for name in key])
    found = events.join(rows, same & in_time, "left").select(
        "event.*", F.col("row.start_date").alias("subscription_start")
    )
    return found.select(*USAGE.names)


def billed_so_far(original: DataFrame, corrections: DataFrame) -> DataFrame:
    """The lines that count as billed: of each charge those of its newest difference, else the month's own.

    Both are INVOICE_LINES, `corrections` with POSITION: the month's differences on bills that are confirmed.
    """
    united = original.withColumn(POSITION, F.lit(0)).unionByName(corrections)
    newest = united.withColumn("_newest", F.max(POSITION).over(Window.partitionBy(*CHARGE)))
    stands = (F.col(POSITION) == F.col("_newest")) & (F.col("line_type") != REVERSAL)
    return newest.where(stands).drop("_newest", POSITION)


def differences(billed: DataFrame, rated: DataFrame, month: str) -> DataFrame:
    """INVOICE_LINES of the charges whose result changed: reversals of `billed` and the lines of `rated`.

    Both are INVOICE_LINES of the same bills. `line_no` is the line's place among its bill's differences of this month.
    """
    united = billed.withColumn("_new", F.lit(0)).unionByName(rated.withColumn("_new", F.lit(1)))
    charge = Window.partitionBy(*CHARGE)
    says = F.struct("line_no", F.struct(*_SAYS).alias("says"))
    # Lists of one charge's lines: a handful, never a customer's events.
    sides = {f"_side{side}": F.collect_list(F.when(F.col("_new") == side, says)).over(charge) for side in (0, 1)}
    compared = united.withColumns({**sides, "_first": _first_line().over(charge)})
    before, after = (F.transform(F.array_sort(f"_side{side}"), lambda one: one["says"]) for side in (0, 1))
    return _shown(compared.where(~before.eqNullSafe(after)), month)


def _first_line() -> Column:
    """Where a charge stands on its bill: as it is rated now, or was when it is gone."""
    return F.min(F.struct((1 - F.col("_new")).alias("_gone"), "line_no"))


def _shown(changed: DataFrame, month: str) -> DataFrame:
    """Lines as they are printed: taken back, or new, under a section that names the month."""
    back = F.col("_new") == 0
    order = Window.partitionBy(*ACCOUNT).orderBy(
        F.col("_first.line_no"), F.col("_first._gone"), *CHARGE[2:], "_new", "line_no"
    )
    amounts = {name: F.when(back, negative).otherwise(F.col(name)) for name, negative in negated().items()}
    label = f"Correction {month}"
    own_section = F.regexp_replace("section", f"^{label}( · )?", "")
    return (
        changed.withColumns(
            {
                **amounts,
                "line_no": F.row_number().over(order),
                "usage_count": F.when(back, F.lit(0)).otherwise(F.col("usage_count")).cast(COUNT),
                "line_type": F.when(back, F.lit(REVERSAL)).otherwise(F.col("line_type")),
                "section": F.concat_ws(" · ", F.lit(label), F.when(own_section != "", own_section)),
                "difference_of": F.lit(month),
            }
        )
        .withColumns({name: F.lit(None).cast(TEXT) for name in ("invoice_id", "cycle", "month")})
        .select(*INVOICE_LINES.names)
    )


def negated() -> dict[str, Column]:
    """What of a line is another number when it is taken back; its unit price stays."""
    return {
        name: (-F.col(name)).cast(kind) for name, kind in (("quantity", QUANTITY), ("net", MONEY), ("gross", MONEY))
    }


def with_differences(lines: DataFrame, late: DataFrame, buckets: int | None) -> DataFrame:
    """The lines of bills (`billing.bills.bill_lines`) and after them, month by month, their differences.

    `buckets` as in `bill_lines`.
    """
    united = lines.unionByName(late.drop("invoice_id", "cycle", "month"), allowMissingColumns=True)
    order = Window.partitionBy(*ACCOUNT).orderBy(F.col("difference_of").asc_nulls_first(), "line_no")
    # The union has lost the layout by account, which the lines are written in.
    placed = united.repartition(buckets, "account_id") if buckets else united
    return placed.withColumn("line_no", F.row_number().over(order).cast(WHOLE))


def is_own() -> Column:
    """Whether a line is of its bill's own month."""
    return F.col("difference_of").isNull()


def in_other_currency(late: DataFrame, accounts: DataFrame, pricebook: Pricebook) -> DataFrame:
    """system, account_id, rule, reason of bills whose differences are in a currency that the account has no more."""
    owed = late.select(*ACCOUNT, "difference_of", F.col("currency").alias("_billed")).distinct()
    joined = owed.join(accounts.select(*ACCOUNT, "currency"), ACCOUNT, "inner")
    fits = (F.col("currency") == F.col("_billed")) & F.col("_billed").isin(sorted(pricebook.currencies))
    reason = F.concat(
        F.lit("late usage of "),
        F.col("difference_of"),
        F.lit(" was billed in "),
        F.col("_billed"),
        F.lit(" but the account is in "),
        F.col("currency"),
        F.lit(" now"),
    )
    return joined.where(~fits).select(*ACCOUNT, F.lit("other_currency").alias("rule"), reason.alias("reason"))


def unsettled(counted: DataFrame, rated: DataFrame) -> DataFrame:
    """`key` and `problem` of charges of which all that was ever billed is not what they come to now.

    `counted` are all lines that bill the month: its own, its differences on confirmed bills, and those of the bills
    that are made now; `rated` the lines of the same bills rated again. Sums only: nothing here asks which is newest.
    """
    sums = [F.sum(name).alias(name) for name in ("net", "quantity")]
    billed = counted.groupBy(*CHARGE).agg(*sums)
    due = rated.groupBy(*CHARGE).agg(*sums)
    renamed = due.withColumnsRenamed({name: f"_due_{name}" for name in due.columns})
    same_charge = reduce(Column.__and__, [F.col(name).eqNullSafe(F.col(f"_due_{name}")) for name in CHARGE])
    joined = billed.join(renamed, same_charge, "full")
    equal = [
        F.coalesce(F.col(name), F.lit(0)) == F.coalesce(F.col(f"_due_{name}"), F.lit(0)) for name in ("net", "quantity")
    ]
    key = F.concat_ws("/", *[F.coalesce(name, f"_due_{name}") for name in CHARGE])
    nothing = F.lit("nothing")
    problem = F.concat(
        F.coalesce(F.col("net").cast(TEXT), nothing),
        F.lit(" was billed in all, but it comes to "),
        F.coalesce(F.col("_due_net").cast(TEXT), nothing),
    )
    return joined.where(~reduce(Column.__and__, equal)).select(key.alias("key"), problem.alias("problem"))
