"""From a rated quantity to the lines that a bill prints (PRICING §2, §3)."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.money import quotient, round_fraction, round_money
from billflow.billing.pricebook import Pricebook
from billflow.catalog import BillingPeriod
from billflow.lake.schemas import MONEY, QUANTITY


def charge_lines(rated: DataFrame, prices: DataFrame, pricebook: Pricebook) -> DataFrame:
    """One row per printed line of `billing.rating.rated`, with the columns of INVOICE_LINES but invoice_id and line_no.

    `net` is NULL where an amount does not fit decimal(38,24). `_order` sorts the lines of an account.
    """
    bought = rated.join(F.broadcast(prices.drop("where")), "charge_id", "inner")
    flat = F.array(_flat_line(pricebook))
    tiers = F.flatten(F.transform("tiers", lambda tier: _tier_lines(tier, pricebook)))
    priced = bought.withColumn("_lines", F.when(F.col("model") == "flat", flat).otherwise(tiers))
    discounted = priced.withColumn("_lines", F.concat("_lines", _discount_lines(pricebook)))
    printed = discounted.withColumn("_lines", _printed(F.col("_lines"), F.col("usage_count")))
    exploded = printed.select("*", F.posexplode("_lines").alias("_position", "_line"))
    return exploded.select(
        "system",
        "account_id",
        "subscription_id",
        "plan",
        "charge",
        "section",
        F.col("_line.description").alias("description"),
        "metric",
        "period_start",
        "period_end",
        F.col("_line.quantity").alias("quantity"),
        F.col("_line.unit").alias("unit"),
        F.col("_line.unit_price").alias("unit_price"),
        F.col("_line.net").alias("net"),
        "tax_code",
        "tax_category",
        "tax_rate",
        F.when(F.col("_position") == 0, F.col("usage_count")).otherwise(0).alias("usage_count"),
        "currency",
        F.struct("subscription_id", "subscription_start", "charge_id", "_position").alias("_order"),
    )


def _line(description: Column, quantity: Column, unit: Column, unit_price: Column, net: Column) -> Column:
    return F.struct(
        description.alias("description"),
        quantity.cast(QUANTITY).alias("quantity"),
        unit.cast("string").alias("unit"),
        unit_price.cast(QUANTITY).alias("unit_price"),
        net.cast(MONEY).alias("net"),
    )


def _amount_line(description: Column, unit_price: Column, net: Column) -> Column:
    """Fees and discounts are printed with quantity 1."""
    return _line(description, F.lit(1), F.lit(None), unit_price, net)


def _flat_line(pricebook: Pricebook) -> Column:
    """amount × subscription's quantity × days / days of the period, rounded once (PRICING §4)."""
    period = pricebook.period
    served = F.datediff("period_end", "period_start")
    days = F.when(F.col("prorated"), served).otherwise(period.days)
    by_day = F.col("per") == "day"
    # per: day counts days; per: month is their share of the period; per: year a twelfth of that.
    whole = F.when(by_day, 1).when(F.col("per") == "year", 12 * period.days).otherwise(period.days)
    owed = F.try_multiply(F.col("amount"), F.col("subscription_quantity"))
    dividend = F.try_multiply(owed, days.cast("decimal(10,0)"))
    net = round_fraction(dividend, whole.cast("decimal(10,0)"), F.col("digits"), pricebook.digits)
    text = F.concat(F.col("label"), _share_text(served, by_day, period))
    return _amount_line(text, quotient(dividend, whole.cast("decimal(10,0)")), net)


def _share_text(served: Column, by_day: Column, period: BillingPeriod) -> Column:
    """« (17 of 31 days)» where that is why the amount is not the whole one."""
    share = F.concat(F.lit(" ("), served.cast("string"), F.lit(f" of {period.days} days)"))
    partial = F.col("prorated") & (served < period.days)
    return F.when(partial | by_day, share).otherwise("")


def _tier_lines(tier: Column, pricebook: Pricebook) -> Column:
    """The units in a tier and its flat fee: zero where the quantity does not reach it. The first tier always is."""
    quantity = F.col("quantity")
    units = F.greatest(F.least(quantity, F.coalesce(tier["up_to"], quantity)) - tier["above"], F.lit(0))
    first = tier["above"] == 0
    # A negative quantity (a correction) is all of the first tier.
    units = F.when(first & (quantity < 0), quantity).otherwise(units).cast(QUANTITY)
    fee = F.when(first | (quantity > tier["above"]), tier["flat_fee"]).otherwise(0).cast(QUANTITY)
    net = round_money(F.try_multiply(units, tier["unit_price"]), F.col("digits"), pricebook.digits)
    fee_net = round_money(fee, F.col("digits"), pricebook.digits)
    return F.array(
        _line(tier["label"], units, F.col("unit"), tier["unit_price"], net),
        _amount_line(tier["fee_label"], fee, fee_net),
    )


def _discount_lines(pricebook: Pricebook) -> Column:
    """Percentage discounts on the sum of the rounded nets, added up, at most the whole (PRICING §1.6)."""
    nets = F.aggregate("_lines", F.lit(0).cast(MONEY), lambda total, line: (total + line["net"]).cast(MONEY))
    net = -round_fraction(nets * F.col("discount_percent"), F.lit(100), F.col("digits"), pricebook.digits)
    text = F.concat(F.col("label"), F.lit(", discount "), _plain(F.col("discount_percent")), F.lit(" %"))
    line = _amount_line(text, net, net)
    return F.when(F.col("discount_percent") > 0, F.array(line)).otherwise(F.array_except(F.array(line), F.array(line)))


def _plain(number: Column) -> Column:
    """A decimal as text without zeros at its end."""
    return F.regexp_replace(number.cast("string"), r"\.?0+$", "")


def _printed(lines: Column, usage_count: Column) -> Column:
    """Lines of zero are left out, unless the charge had events and has no other line: then its first stays."""
    worth = F.filter(lines, lambda line: line["net"].isNull() | (line["net"] != 0))
    return F.when((F.size(worth) == 0) & (usage_count > 0), F.slice(lines, 1, 1)).otherwise(worth)


def numbered(lines: DataFrame) -> DataFrame:
    """`lines` with line_no, counted from 1 in each account in the order of subscriptions, prices and tiers."""
    order = Window.partitionBy("system", "account_id").orderBy("_order")
    return lines.withColumn("line_no", F.row_number().over(order)).drop("_order")
