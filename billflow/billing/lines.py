"""From a rated quantity to the lines that a bill prints (PRICING §2, §3).

Amounts are built column by column, a projection each: Spark then computes each once, where one nested expression would
be copied for every place that names it.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.money import quotient, rounded_fraction
from billflow.billing.pricebook import DISCOUNT, FEE, FLAT, UNITS, Pricebook
from billflow.billing.usage import STRETCH
from billflow.lake.schemas import MONEY, QUANTITY

CHARGE = (*STRETCH, "charge_id")
"""Names one rated charge."""

_WHOLE = "decimal(10,0)"


def charge_lines(rated: DataFrame, prices: DataFrame, pricebook: Pricebook) -> DataFrame:
    """One row per printed line of `billing.rating.rated`, with the columns of INVOICE_LINES but invoice_id and cycle.

    Lines of zero are left out, unless their charge had events and no other line: then its first stays. `net` is NULL
    where an amount does not fit decimal(38,24).
    """
    parts = prices.drop("where").withColumn("part", F.explode("parts")).drop("parts")
    possible = rated.join(F.broadcast(parts), "charge_id", "inner")
    priced = _discounted(_net(_dividend(possible, pricebook), pricebook), pricebook)
    return _numbered(_printed(priced)).withColumns(_texts(pricebook))


def _dividend(possible: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Adds `units`, and the exact amount as the fraction `dividend` / `divisor`."""
    in_tier = possible.withColumn("units", _units())
    days = pricebook.period.days
    served = F.when(F.col("prorated"), F.datediff("period_end", "period_start")).otherwise(days).cast(_WHOLE)
    held = F.try_multiply(F.col("part.price"), F.col("subscription_quantity"))
    reached = (F.col("part.above") == 0) | (F.col("quantity") > F.col("part.above"))
    dividend = (
        F.when(_is(FLAT), F.try_multiply(held, served))
        .when(_is(UNITS), F.try_multiply(F.col("units"), F.col("part.price")))
        .when(_is(FEE) & reached, F.col("part.price").cast("decimal(38,24)"))
        .otherwise(F.lit(0).cast("decimal(38,24)"))
    )
    # per: day counts days; per: month is their share of the period; per: year a twelfth of that (PRICING §6).
    share = F.when(F.col("per") == "day", 1).when(F.col("per") == "year", 12 * days).otherwise(days)
    divisor = F.when(_is(FLAT), share).otherwise(1).cast(_WHOLE)
    return in_tier.withColumns({"dividend": dividend, "divisor": divisor})


def _is(kind: str) -> Column:
    return F.col("part.kind") == kind


def _units() -> Column:
    """The units that fall into a tier. A negative quantity (a correction) is all of the first tier."""
    quantity, above = F.col("quantity"), F.col("part.above")
    inside = F.greatest(F.least(quantity, F.coalesce(F.col("part.up_to"), quantity)) - above, F.lit(0))
    return F.when((above == 0) & (quantity < 0), quantity).otherwise(inside).cast(QUANTITY)


def _net(amounts: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Adds `net`, rounded once from the exact fraction, and `share`, the fraction itself to 12 digits."""
    share = quotient(F.col("dividend"), F.col("divisor"))
    rounded = rounded_fraction(amounts, "dividend", "divisor", "digits", pricebook.digits, to="net")
    return rounded.withColumn("share", share.cast(QUANTITY))


def _discounted(priced: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Gives discount parts their net: the percentage of their charge's rounded nets (PRICING §1.6)."""
    whole = Window.partitionBy(*CHARGE)
    summed = priced.withColumn("_charge_net", F.sum("net").over(whole).cast(MONEY))
    off = F.when(_is(DISCOUNT), F.col("_charge_net") * F.col("discount_percent"))
    hundred = summed.withColumns({"_off": off, "_hundred": F.lit(100).cast(_WHOLE)})
    rounded = rounded_fraction(hundred, "_off", "_hundred", "digits", pricebook.digits, to="_discount")
    net = F.when(_is(DISCOUNT), -F.col("_discount")).otherwise(F.col("net"))
    return rounded.withColumn("net", net.cast(MONEY)).drop("_off", "_hundred", "_discount")


def _printed(priced: DataFrame) -> DataFrame:
    """Leaves out lines of zero; puts the charge's usage_count on its first line and 0 on the others."""
    worth = F.col("net").isNull() | (F.col("net") != 0)
    in_order = Window.partitionBy(*CHARGE).orderBy("part.position")
    whole = in_order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    judged = priced.withColumns(
        {"_any": F.max(worth).over(whole), "_worth": worth, "_number": F.row_number().over(in_order)}
    )
    stays = F.col("_worth") | (~F.col("_any") & (F.col("usage_count") > 0) & (F.col("_number") == 1))
    kept = judged.where(stays)
    is_first = F.row_number().over(in_order) == 1
    return kept.withColumn("usage_count", F.when(is_first, F.col("usage_count")).otherwise(0))


def _numbered(lines: DataFrame) -> DataFrame:
    """Adds line_no, from 1 in each account, in the order of subscriptions, prices and tiers."""
    order = Window.partitionBy("system", "account_id").orderBy(
        "subscription_id", "subscription_start", "charge_id", "part.position"
    )
    return lines.withColumn("line_no", F.row_number().over(order))


def _texts(pricebook: Pricebook) -> dict[str, Column]:
    """description, quantity, unit and unit_price: fees, flat amounts and discounts are printed with quantity 1."""
    days = pricebook.period.days
    served = F.datediff("period_end", "period_start")
    partial = _is(FLAT) & ((F.col("prorated") & (served < days)) | (F.col("per") == "day"))
    served_text = F.when(partial, F.format_string(f" (%d of {days} days)", served)).otherwise("")
    percent = F.regexp_replace(F.col("discount_percent").cast("string"), r"\.?0+$", "")
    percent_text = F.when(_is(DISCOUNT), F.format_string(" %s %%", percent)).otherwise("")
    discount = F.col("net").cast(QUANTITY)  # of unlike decimals `when` would keep only the fewest digits
    unit_price = F.when(_is(UNITS), F.col("part.price")).when(_is(DISCOUNT), discount).otherwise(F.col("share"))
    return {
        "description": F.concat(F.col("part.label"), served_text, percent_text),
        "unit": F.when(_is(UNITS), F.col("unit")),
        "unit_price": unit_price,
        "quantity": F.when(_is(UNITS), F.col("units")).otherwise(F.lit(1)).cast(QUANTITY),
    }
