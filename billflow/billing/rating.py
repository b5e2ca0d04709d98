"""Which charges a subscription owes in a period, and for what quantity."""

from collections.abc import Callable
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.discounts import with_discounts
from billflow.billing.matching import OF_USAGE, matched, priced
from billflow.billing.matrix import with_cell
from billflow.billing.ordered import in_order
from billflow.billing.pricebook import Pricebook
from billflow.billing.rates import AHEAD, ARREARS, BEGUN
from billflow.billing.usage import STRETCH, has_one_group_each
from billflow.lake.schemas import COUNT, QUANTITY, TEXT

CHARGE = (*STRETCH, "charge_id")
"""Names one charge of one row of `subscriptions`."""

_OF_RATE = (
    "charge_id",
    "metric",
    "aggregate",
    "where",
    "first_epoch",
    "last_epoch",
    "increments",
    "is_matrix",
    "default_cell",
    "in_order",
    "period_days",
)
_WHEN_DUE = ("window_start", "window_end", "due", "begins")
_KEPT = ("period_start", "period_end", "subscription_quantity", "discount_percent", "discount_amount")


def owed_charges(subscriptions: DataFrame, pricebook: Pricebook) -> DataFrame:
    """CHARGE and what rating needs of it, for every charge in force: a row, or two of a matrix.

    A subscription row owes a charge of its plan for the days on which both are in force. A matrix that prints more than
    its prices' lines has a second row without metric, which counts no usage and stands for the charge as a whole.
    """
    begun = Window.partitionBy("account_id", "system", "subscription_id")
    dated = subscriptions.withColumns(
        {"first_start": F.min("start_date").over(begun), "subscription_discounts": F.col("discounts")}
    )
    joined = pricebook.with_rates(dated.drop("discounts"), [*_OF_RATE, *_WHEN_DUE, "discounts"], by="plan")
    start = F.greatest("start_date", "window_start")
    end = F.least(F.coalesce("end_date", "window_end"), "window_end")
    served = joined.withColumns({"period_start": start, "period_end": end}).where(
        (F.col("period_start") < F.col("period_end")) & _is_due(pricebook)
    )
    discounted = with_discounts(served, pricebook)
    owed = discounted.select(
        "system",
        "account_id",
        "subscription_id",
        F.col("start_date").alias("subscription_start"),
        _invoiced(subscriptions).alias("invoiced_account_id"),
        *_OF_RATE,
        "period_start",
        "period_end",
        F.col("quantity").alias("subscription_quantity"),
        "discount_percent",
        "discount_amount",
    )
    return _with_wholes(owed) if pricebook.cells else owed


def _invoiced(subscriptions: DataFrame) -> Column:
    """The account that the bill goes to, where the subscriptions say so."""
    return F.col("invoiced_account_id" if "invoiced_account_id" in subscriptions.columns else "account_id")


def _is_due(pricebook: Pricebook) -> Column:
    """In advance, what has begun before the period was billed before; what begins after it will be (PRICING §4)."""
    begun = F.greatest("start_date", "begins")
    return (
        F.when(F.col("due") == ARREARS, F.lit(True))
        .when(F.col("due") == AHEAD, begun < pricebook.period.end)
        .when(F.col("due") == BEGUN, begun >= pricebook.period.start)
    )


def _with_wholes(owed: DataFrame) -> DataFrame:
    metrics = F.when(F.col("is_matrix"), F.array(F.col("metric"), F.lit(None).cast("string")))
    return owed.withColumn("metric", F.explode(F.coalesce(metrics, F.array("metric"))))


def rated(owed: DataFrame, groups: DataFrame, usage: DataFrame, pricebook: Pricebook) -> DataFrame:
    """CHARGES: what each owed charge is for; 0 without events. A matrix has a row for each price that is used."""
    cells = with_cell(matched(owed, groups, pricebook, "left"), pricebook)
    summed = _summed(cells.where(F.col("cell").isNotNull()), pricebook)
    if not any(rate.in_order for rate in pricebook.rates):
        nothing = {name: F.lit(None).cast(QUANTITY) for name in ("used_units", "used_divisor", "event_amount")}
        return summed.withColumns(nothing)
    return summed.join(in_order(owed, usage, pricebook), [*CHARGE, "cell"], "left")


def _summed(matching: DataFrame, pricebook: Pricebook) -> DataFrame:
    """A row a charge and cell, with `quantity` and `usage_count`, of charges beside their groups of events."""
    if has_one_group_each(pricebook):
        columns = _measured(pricebook, F.col, F.col)
        return matching.select(*CHARGE, "cell", *_KEPT, *columns)
    kept = [F.first(name).alias(name) for name in _KEPT]
    groups = matching.groupBy(*CHARGE, "cell", "aggregate", "increments")
    return groups.agg(*kept, *_measured(pricebook, F.sum, F.max))


def _measured(
    pricebook: Pricebook, total: Callable[[str], Column], highest: Callable[[str], Column]
) -> tuple[Column, Column]:
    """`quantity`, the metric's aggregate over the events that a charge prices (PRICING §1), and `usage_count`."""
    aggregate, none = F.col("aggregate"), F.lit(0).cast(QUANTITY)
    events = F.coalesce(total("events"), F.lit(0))
    quantity = F.when(events == 0, none).when(aggregate == "count", events.cast(QUANTITY))
    if pricebook.has("max"):
        quantity = quantity.when(aggregate == "max", highest("quantity_max"))
    if pricebook.has("unique"):
        quantity = quantity.when(aggregate == "unique", F.size(F.collect_set("_counted")).cast(QUANTITY))
    if pricebook.has("latest"):
        quantity = quantity.when(aggregate == "latest", highest("latest")["quantity"])
    for at in range(len(pricebook.increments)):
        quantity = quantity.when(F.col("increments") == at, total(f"incremented_{at}"))
    return quantity.otherwise(total("quantity_sum")).alias("quantity"), events.cast(COUNT).alias("usage_count")


def judged(groups: DataFrame, owed: DataFrame, pricebook: Pricebook) -> DataFrame:
    """`groups` with `cause`, why no charge prices these events: NULL where at least one does, however many do."""
    counting = _counting(owed)
    by = _by_prices if pricebook.cells else _by_charges
    billed, others = by(groups, counting, pricebook)
    counted = counting.groupBy(*STRETCH, "metric").agg(F.lit(True).alias("_counted_by_some"))
    known = others.join(counted, [*STRETCH, "metric"], "left")
    cause = F.when(F.col("_has_no_price"), NO_PRICE).when(F.col("_counted_by_some"), NO_CONDITION).otherwise(NO_CHARGE)
    unbilled = known.withColumn("cause", cause).drop("_has_no_price", "_counted_by_some")
    return billed.withColumn("cause", F.lit(None).cast(TEXT)).unionByName(unbilled)


def _counting(owed: DataFrame) -> DataFrame:
    return owed.where(F.col("metric").isNotNull())


def _by_charges(groups: DataFrame, counting: DataFrame, pricebook: Pricebook) -> tuple[DataFrame, DataFrame]:
    """Groups that some charge prices, and the others, where a charge that counts events always has a price."""
    billed, others = (priced(groups, counting, pricebook, how) for how in ("left_semi", "left_anti"))
    return billed, others.withColumn("_has_no_price", F.lit(False))


def _by_prices(groups: DataFrame, counting: DataFrame, pricebook: Pricebook) -> tuple[DataFrame, DataFrame]:
    """Groups that some charge has a price for, and the others."""
    pairs = with_cell(matched(counting, groups, pricebook, "inner"), pricebook)
    keys = [name for name in groups.columns if name not in _MEASURES and not name.startswith("incremented_")]
    names = [f"usage_{name}" if name in OF_USAGE else name for name in keys]
    renamed = [F.col(name).alias(f"_key_{key}") for name, key in zip(names, keys, strict=True)]
    fits = pairs.select(*renamed, F.col("cell").isNotNull().alias("_fits"))
    found = fits.groupBy(*[f"_key_{key}" for key in keys]).agg(F.max("_fits").alias("_billed"))
    # Plain equality where no NULL can be: only that keeps the layout by account.
    same = [
        F.col(key) == F.col(f"_key_{key}") if key in STRETCH else F.col(key).eqNullSafe(F.col(f"_key_{key}"))
        for key in keys
    ]
    marked = groups.join(found, reduce(Column.__and__, same), "left").drop(*[f"_key_{key}" for key in keys])
    others = marked.where(F.coalesce(~F.col("_billed"), F.lit(True)))
    has_no_price = F.col("_billed").isNotNull()  # a charge is for them, but none of its prices
    return marked.where("_billed").drop("_billed"), others.withColumn("_has_no_price", has_no_price).drop("_billed")


NO_CHARGE = "no charge of the plan in force counts metric"
NO_CONDITION = "no charge of the plan in force is for such usage, of metric"
NO_PRICE = "a matrix has no price and no default for metric"
"""Causes of unrated usage."""

_MEASURES = ("quantity_sum", "quantity_max", "latest", "events")
