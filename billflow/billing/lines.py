"""From rated quantities to the lines that a charge prints (PRICING §1, §2, §3).

Amounts are built column by column, a projection each: Spark then computes each once, where one nested expression would
be copied for every place that names it.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing import parts
from billflow.billing.bounds import CHARGE, SUBSCRIPTION, bounded
from billflow.billing.money import quotient, rounded_fraction
from billflow.billing.parts import ALONE
from billflow.billing.pricebook import Pricebook
from billflow.billing.quantities import DIVISOR, billable
from billflow.billing.rates import AHEAD, BACK
from billflow.lake.schemas import MONEY, QUANTITY


def priced_parts(rated: DataFrame, prices: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Every line that the charges of `billing.rating.rated` may print, with its net; those of plans' bounds have 0.

    CHARGE, the columns of RATES and PARTS, quantity, unit_price and net; `net` is NULL where an amount does not fit.
    """
    spark = rated.sparkSession
    rates = prices.drop("where", "discounts", "increments", "aggregate", "window_start", "window_end")
    known = billable(rated.drop("aggregate", "increments").join(F.broadcast(rates), "charge_id", "inner"))
    possible = known.join(F.broadcast(pricebook.parts_frame(spark)), ["charge_id", "cell"], "inner")
    priced = _net(_dividend(possible.where(_applies()), pricebook), pricebook).drop(*_SPENT)
    discounted = _percent_off(priced, pricebook) if _any(pricebook, parts.PERCENT_OFF) else priced
    kinds = (parts.AMOUNT_OFF, parts.MAXIMUM, parts.MINIMUM)
    adjusted = _bounded(discounted, pricebook) if any(_any(pricebook, kind) for kind in kinds) else discounted
    alone = F.col("kind").isin(*ALONE)
    price = F.when(F.col("kind").isin(*parts.ADJUSTING), F.col("net").cast(QUANTITY)).otherwise(F.col("unit_price"))
    return adjusted.withColumns(
        {
            "unit_price": price,
            "quantity": F.when(alone, F.lit(1).cast(QUANTITY)).otherwise(F.col("printed")),
            "unit": F.when(_is(parts.UNITS, parts.VOLUME), F.col("unit")),
        }
    )


_SPENT = (
    "first_epoch",
    "last_epoch",
    "begins",
    "is_matrix",
    "default_cell",
    "in_order",
    "pool",
    "multiply",
    "divide",
    "rounding",
    "included",
    "used_units",
    "used_divisor",
    "rate",
    "fixed_fee",
    "free_events",
    "event_minimum",
    "event_maximum",
    "event_amount",
    "units",
    "divisor",
    "above",
    "up_to",
    "in_part",
    "price",
    "_price",
    "dividend",
    "parts_divisor",
)
"""What only a net is worked out from: a column is sorted, shuffled and planned with every step that it goes along."""


def _any(pricebook: Pricebook, kind: str) -> bool:
    return any(part.kind == kind for _, part in pricebook.parts)


def _is(*kinds: str) -> Column:
    return F.col("kind").isin(*kinds)


def _bound(name: str) -> Column:
    """A tier's bound in the quantity's scale: × divisor; NULL for an open one."""
    return F.try_multiply(F.col(name), F.col("divisor").cast(DIVISOR)).cast(QUANTITY)


def _applies() -> Column:
    """Of a volume charge only the tier that the total falls in may print."""
    above = (F.col("above") == 0) | (F.col("units") > _bound("above"))
    below = F.col("up_to").isNull() | (F.col("units") <= _bound("up_to"))
    return ~_is(parts.VOLUME, parts.VOLUME_FEE) | F.col("units").isNull() | (above & below)


def _dividend(possible: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Adds `printed`, the quantity, and the exact amount as the fraction `dividend` / `parts_divisor`."""
    exact = f"decimal(38,{12 + pricebook.price_digits})"
    price = F.col("price").cast(f"decimal(38,{pricebook.price_digits})")
    counted = possible.withColumns({"in_part": _in_part(), "_price": price})
    served = F.when(F.col("prorated"), F.datediff("period_end", "period_start")).otherwise(F.col("period_days"))
    held = F.try_multiply(F.col("_price"), F.col("subscription_quantity"))
    reached = (F.col("above") == 0) | (F.col("units") > _bound("above"))
    none = F.when(F.col("units").isNotNull(), F.lit(0)).cast(exact)
    dividend = (
        F.when(_is(parts.FLAT), F.try_multiply(held, served.cast("decimal(10,0)")).cast(exact))
        .when(_is(parts.EVENTS) & (F.col("usage_count") > 0), F.col("event_amount").cast(exact))
        .when(_is(parts.FEE, parts.VOLUME_FEE) & reached, F.col("_price").cast(exact))
        .when(_is(*_COUNTED), F.try_multiply(F.col("in_part"), F.col("_price")).cast(exact))
        .otherwise(none)
    )
    # per: day counts days; per: month is their share of the period; per: year a twelfth of that (PRICING §6).
    days = F.col("period_days")
    share = F.when(F.col("per") == "day", 1).when(F.col("per") == "year", 12 * days).otherwise(days)
    over = F.when(_is(parts.FLAT), share).when(_is(parts.UNITS, parts.VOLUME, parts.EVENTS), F.col("divisor"))
    divisor = over.otherwise(1).cast(DIVISOR)
    printed = F.when(F.col("divisor") == 1, F.col("in_part")).otherwise(quotient(F.col("in_part"), F.col("divisor")))
    whole = F.when(_is(parts.UNITS, parts.VOLUME), printed.cast(QUANTITY)).otherwise(F.col("in_part"))
    return counted.withColumns({"dividend": dividend, "parts_divisor": divisor, "printed": whole})


_COUNTED = (parts.UNITS, parts.VOLUME, parts.PACKAGES, parts.PAID_EVENTS)


def _in_part() -> Column:
    """What a part counts: units (× divisor) in its tier, whole packages, or paid events."""
    return (
        F.when(_is(parts.UNITS), _units())
        .when(_is(parts.VOLUME), F.col("units"))
        .when(_is(parts.PACKAGES), _packages())
        .when(_is(parts.PAID_EVENTS), _not_negative(F.col("usage_count").cast(QUANTITY) - F.col("above")))
        .otherwise(F.lit(1).cast(QUANTITY))
    )


def _units() -> Column:
    """The units that fall into a tier. A negative quantity (a correction) is all of the first tier."""
    units, above, up_to = F.col("units"), _bound("above"), _bound("up_to")
    inside = _not_negative(F.when(units > up_to, up_to).otherwise(units) - above)
    return F.when((F.col("above") == 0) & (units < 0), units).otherwise(inside).cast(QUANTITY)


def _packages() -> Column:
    size = _bound("up_to")
    rest = F.col("units") % size
    whole = F.try_divide(F.col("units") - rest, size).cast(QUANTITY)
    return whole + F.when(rest > 0, F.lit(1)).otherwise(0).cast(QUANTITY)


def _not_negative(amount: Column) -> Column:
    return F.when(amount < 0, F.lit(0).cast(QUANTITY)).otherwise(amount)


def _net(amounts: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Adds `net`, rounded once from the exact fraction, and `unit_price`."""
    rounded = rounded_fraction(amounts, "dividend", "parts_divisor", "digits", pricebook.digits, to="net")
    exact = quotient(F.col("dividend"), F.col("parts_divisor")).cast(QUANTITY)
    return rounded.withColumn("unit_price", F.when(_is(*_COUNTED), F.col("price")).otherwise(exact))


def _percent_off(priced: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Gives percentage discounts their net: the percentage of their charge's rounded nets."""
    whole = Window.partitionBy(*CHARGE)
    summed = priced.withColumn("_charge_net", F.sum("net").over(whole).cast(MONEY))
    off = F.when(_is(parts.PERCENT_OFF), F.try_multiply(F.col("_charge_net"), F.col("discount_percent")))
    hundred = summed.withColumns({"_off": off.cast("decimal(38,16)"), "_hundred": F.lit(100)})
    rounded = rounded_fraction(hundred, "_off", "_hundred", "digits", pricebook.digits, to="_discount")
    net = F.when(_is(parts.PERCENT_OFF), -F.col("_discount")).otherwise(F.col("net"))
    return rounded.withColumn("net", net.cast(MONEY)).drop("_off", "_hundred", "_discount", "_charge_net")


def _bounded(priced: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Gives fixed discounts, maxima and minima of charges their net."""
    adjusts = (F.col("discount_amount") > 0) | F.col("minimum").isNotNull() | F.col("is_capped")
    kept = ("period_start", "period_end", "period_days", "prorated", "digits", "minimum", "maximum")
    stretches = (
        priced.where(adjusts & ~F.col("of_plan"))
        .groupBy(*CHARGE, "plan", "charge", (F.col("due") == AHEAD).alias("_ahead"))
        .agg(
            F.sum("net").cast(MONEY).alias("net"),
            F.first("discount_amount").alias("off"),
            *[F.first(name).alias(name) for name in kept],
        )
    )
    results = bounded(stretches, pricebook, series=[*SUBSCRIPTION, "charge", "_ahead"])
    joined = priced.join(results, CHARGE, "left")
    amount = (
        F.when(_is(parts.AMOUNT_OFF), -F.col("amount_off"))
        .when(_is(parts.MAXIMUM), -F.col("over"))
        .when(_is(parts.MINIMUM), F.col("under"))
    )
    none = F.when(_is(parts.AMOUNT_OFF, parts.MAXIMUM, parts.MINIMUM), F.lit(0))
    net = F.coalesce(amount, none.cast(MONEY), F.col("net"))
    return joined.withColumn("net", net.cast(MONEY)).drop("amount_off", "over", "under")


def printed(lines: DataFrame) -> DataFrame:
    """Leaves out lines of zero; puts the charge's usage_count on its first line and 0 on the others.

    If a charge with events has no other line, its first part stays.
    """
    worth = F.col("net").isNull() | (F.col("net") != 0)
    in_order = Window.partitionBy(*CHARGE).orderBy("position")
    whole = in_order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    events = F.sum(F.when(F.col("carries"), F.col("usage_count")).otherwise(0)).over(whole)
    judged = lines.withColumns(
        {
            "_any": F.max(worth).over(whole),
            "_worth": worth,
            "_number": F.row_number().over(in_order),
            "_events": events,
        }
    )
    stays = F.col("_worth") | (~F.col("_any") & (F.col("_events") > 0) & (F.col("_number") == 1))
    kept = judged.where(stays)
    is_first = F.row_number().over(in_order) == 1
    return kept.withColumn("usage_count", F.when(is_first, F.col("_events")).otherwise(0)).drop(
        "_any", "_worth", "_number", "_events"
    )


def description() -> Column:
    """What a line says: its label, the days of a part of a period, the percentage of a discount."""
    served = F.datediff("period_end", "period_start")
    partial = _is(parts.FLAT) & ((F.col("prorated") & (served < F.col("period_days"))) | (F.col("per") == "day"))
    days = F.when(partial, F.format_string(" (%d of %d days)", served, F.col("period_days"))).otherwise("")
    percent = F.regexp_replace(F.col("discount_percent").cast("string"), r"\.?0+$", "")
    off = F.when(_is(parts.PERCENT_OFF), F.format_string(" %s %%", percent)).otherwise("")
    back = F.when(F.col("due") == BACK, F.lit(", billed in advance and not used")).otherwise("")
    return F.concat(F.col("label"), back, days, off)
