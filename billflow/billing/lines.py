"""From rated quantities to the lines that a charge prints (PRICING §1, §2, §3).

Amounts are built column by column, a projection each: Spark then computes each once, where one nested expression would
be copied for every place that names it.
"""

from decimal import Decimal
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing import parts
from billflow.billing.beside import beside
from billflow.billing.bounds import CHARGE, SUBSCRIPTION, bounded
from billflow.billing.money import fraction, rounded_fraction
from billflow.billing.parts import ALONE
from billflow.billing.pricebook import Pricebook
from billflow.billing.quantities import DIVISOR, billable
from billflow.billing.rates import AHEAD, BACK, RATES, WORDS
from billflow.lake.schemas import MONEY, QUANTITY


def priced_parts(rated: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Every line that the charges of `billing.rating.rated` may print, with its net; those of plans' bounds have 0.

    CHARGE, the columns of RATES and PARTS, quantity, unit_price and net; `net` is NULL where an amount does not fit.
    """
    known = billable(pricebook.with_rates(rated.drop("aggregate", "increments"), _TERMS), pricebook)
    possible = pricebook.with_parts(known)
    priced = _net(_dividend(possible.where(_applies(pricebook)), pricebook), pricebook).drop(*_SPENT)
    discounted = _percent_off(priced, pricebook) if _any(pricebook, parts.PERCENT_OFF) else priced
    kinds = (parts.AMOUNT_OFF, parts.MAXIMUM, parts.MINIMUM)
    adjusted = _bounded(discounted, pricebook) if any(_any(pricebook, kind) for kind in kinds) else discounted
    alone = F.col("kind").isin(*ALONE)
    price = F.when(F.col("kind").isin(*parts.ADJUSTING), F.col("net").cast(QUANTITY)).otherwise(F.col("unit_price"))
    return adjusted.withColumns(
        {
            "unit_price": price,
            "quantity": F.when(alone, F.lit(1).cast(QUANTITY)).otherwise(F.col("printed")),
        }
    )


_COUNTING = ("where", "discounts", "increments", "aggregate", "window_start", "window_end")
_TERMS = [name for name in RATES.names if name not in ("charge_id", *_COUNTING)]
"""Columns of RATES that decide what a charge costs, not what it counts."""

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


def _bound(name: str, pricebook: Pricebook) -> Column:
    """A tier's bound in the quantity's scale: × divisor; NULL for an open one."""
    if not pricebook.divides:
        return F.col(name)
    return F.try_multiply(F.col(name), F.col("divisor").cast(DIVISOR)).cast(QUANTITY)


def _applies(pricebook: Pricebook) -> Column:
    """Of tiers only those that the total reaches may print, and of a volume charge only the one that it falls in."""
    reached = (F.col("above") == 0) | (F.col("units") > _bound("above", pricebook))
    below = F.col("up_to").isNull() | (F.col("units") <= _bound("up_to", pricebook))
    inside = reached & (_is(parts.UNITS, parts.FEE) | below)
    tiered = _is(parts.UNITS, parts.FEE, parts.VOLUME, parts.VOLUME_FEE)
    return ~tiered | F.col("units").isNull() | inside


def _dividend(possible: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Adds `printed`, the quantity, and the exact amount as the fraction `dividend` / `parts_divisor`."""
    exact = f"decimal(38,{QUANTITY.scale + pricebook.price_digits})"
    counted = possible.withColumn("in_part", _in_part(pricebook))
    held = F.try_multiply(F.col("price"), F.col("subscription_quantity"))
    reached = (F.col("above") == 0) | (F.col("units") > _bound("above", pricebook))
    none = F.when(F.col("units").isNotNull(), F.lit(0)).cast(exact)
    dividend = _of_kind(
        pricebook,
        {
            (parts.FLAT,): F.try_multiply(held, _days().cast("decimal(10,0)")).cast(exact),
            (parts.EVENTS,): F.when(F.col("usage_count") > 0, F.col("event_amount").cast(exact)).otherwise(none),
            (parts.FEE, parts.VOLUME_FEE): F.when(reached, F.col("price").cast(exact)).otherwise(none),
            _COUNTED: F.try_multiply(F.col("in_part"), F.col("price")).cast(exact),
        },
        none,
    )
    divisor = _of_kind(
        pricebook, {(parts.FLAT,): _shares(), (parts.UNITS, parts.VOLUME, parts.EVENTS): F.col("divisor")}, F.lit(1)
    )
    units = fraction(F.col("in_part"), F.col("divisor")).cast(QUANTITY)
    whole = F.when(_is(parts.UNITS, parts.VOLUME), units).otherwise(F.col("in_part"))
    printed = whole if pricebook.divides else F.col("in_part")
    return counted.withColumns({"dividend": dividend, "parts_divisor": divisor.cast(DIVISOR), "printed": printed})


def _days() -> Column:
    """What a flat amount is multiplied with: the days that it is for; of a month's or year's for all of them 1."""
    days = F.when(F.col("prorated"), F.datediff("period_end", "period_start")).otherwise(F.col("period_days"))
    return F.when((F.col("per") == "day") | _is_cut(), days).otherwise(1)


def _shares() -> Column:
    """What it is divided by: per month the days of the period, per year twelve times as much (PRICING §6)."""
    days = F.when(_is_cut(), F.col("period_days")).otherwise(1)
    return F.when(F.col("per") == "day", 1).when(F.col("per") == "year", days * 12).otherwise(days)


def _is_cut() -> Column:
    return F.col("prorated") & (F.datediff("period_end", "period_start") < F.col("period_days"))


def _of_kind(pricebook: Pricebook, cases: dict[tuple[str, ...], Column], otherwise: Column) -> Column:
    """What a part's kind decides, for the kinds that the pricebook has: others would only make plans longer."""
    known = {part.kind for _, part in pricebook.parts}
    return reduce(
        lambda found, case: F.when(_is(*case[0]), case[1]).otherwise(found),
        [(kinds, value) for kinds, value in cases.items() if known.intersection(kinds)],
        otherwise,
    )


_COUNTED = (parts.UNITS, parts.VOLUME, parts.PACKAGES, parts.PAID_EVENTS)


def _in_part(pricebook: Pricebook) -> Column:
    """What a part counts: units (× divisor) in its tier, whole packages, or paid events."""
    return _of_kind(
        pricebook,
        {
            (parts.UNITS,): _units(pricebook),
            (parts.VOLUME,): F.col("units"),
            (parts.PACKAGES,): _packages(pricebook),
            (parts.PAID_EVENTS,): _not_negative(F.col("usage_count").cast(QUANTITY) - F.col("above")),
        },
        F.lit(Decimal(1)),
    )


def _units(pricebook: Pricebook) -> Column:
    """The units that fall into a tier. A negative quantity (a correction) is all of the first tier."""
    units, above, up_to = F.col("units"), _bound("above", pricebook), _bound("up_to", pricebook)
    inside = _not_negative(F.when(units > up_to, up_to).otherwise(units) - above)
    return F.when((F.col("above") == 0) & (units < 0), units).otherwise(inside).cast(QUANTITY)


def _packages(pricebook: Pricebook) -> Column:
    size = _bound("up_to", pricebook)
    rest = F.col("units") % size
    whole = F.try_divide(F.col("units") - rest, size).cast(QUANTITY)
    return whole + F.when(rest > 0, F.lit(1)).otherwise(0).cast(QUANTITY)


def _not_negative(amount: Column) -> Column:
    return F.when(amount < 0, F.lit(Decimal(0))).otherwise(amount)


def _net(amounts: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Adds `net`, rounded once from the exact fraction, and `unit_price`."""
    rounded = rounded_fraction(amounts, "dividend", "parts_divisor", "digits", pricebook.digits, to="net")
    exact = fraction(F.col("dividend"), F.col("parts_divisor")).cast(QUANTITY)
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


def printed(lines: DataFrame, net: Column | None = None) -> DataFrame:
    """Leaves out lines of zero; puts the charge's usage_count on its first line and 0 on the others.

    If a charge with events has no other line, its first part stays. `net`: where it is no column of its own.
    """
    net = F.col("net") if net is None else net
    # In the order of bills, so that they need not be sorted again.
    whole = Window.partitionBy(*CHARGE).orderBy("position").rowsBetween(*_ALL)
    worth = net.isNull() | (net != 0)
    events = F.coalesce(F.sum(F.when(F.col("carries"), F.col("usage_count"))).over(whole), F.lit(0))
    judged = lines.withColumns(
        {
            "_worth": worth,
            "_first_worth": F.min(F.when(worth, F.col("position"))).over(whole),
            "_lowest": F.min("position").over(whole),
            "_events": events,
        }
    )
    is_first = F.col("position") == F.coalesce("_first_worth", "_lowest")
    stays = F.col("_worth") | (is_first & (F.col("_events") > 0))
    count = F.when(is_first, F.col("_events")).otherwise(0)
    return judged.where(stays).withColumn("usage_count", count).drop("_worth", "_first_worth", "_lowest", "_events")


_ALL = (Window.unboundedPreceding, Window.unboundedFollowing)


def with_words(lines: DataFrame, pricebook: Pricebook) -> DataFrame:
    """`lines` with what they say of their charge and its part, by charge_id and position: columns of WORDS."""
    rates = {rate.charge_id: rate for rate in pricebook.rates}
    known = [
        tuple(getattr(rates[number] if name in RATES.names else part, name) for name in WORDS.names)
        for number, part in pricebook.parts
    ]
    return beside(lines, known, WORDS, ["charge_id", "position"])


def in_words() -> dict[str, Column]:
    """`description` and `unit` of a line."""
    return {"description": _description(), "unit": F.when(_is(parts.UNITS, parts.VOLUME), F.col("unit"))}


def _description() -> Column:
    """What a line says: its label, the days of a part of a period, the percentage of a discount."""
    served = F.datediff("period_end", "period_start")
    partial = _is(parts.FLAT) & ((F.col("prorated") & (served < F.col("period_days"))) | (F.col("per") == "day"))
    days = F.when(partial, F.format_string(" (%d of %d days)", served, F.col("period_days"))).otherwise("")
    percent = F.regexp_replace(F.col("discount_percent").cast("string"), r"\.?0+$", "")
    off = F.when(_is(parts.PERCENT_OFF), F.format_string(" %s %%", percent)).otherwise("")
    back = F.when(F.col("due") == BACK, F.lit(", billed in advance and not used")).otherwise("")
    return F.concat(F.col("label"), back, days, off)
