"""What concerns a bill as a whole: who it goes to, its discounts, its minimum, the order of its lines."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.allocation import spread
from billflow.billing.discounts import in_force
from billflow.billing.money import round_money, rounded_fraction
from billflow.billing.pricebook import Pricebook
from billflow.billing.taxes import PAYER
from billflow.catalog.models import DEFAULT
from billflow.lake.local_rows import local_rows
from billflow.lake.schemas import DAY, MONEY, QUANTITY, RATE, TEXT, WHOLE, columns

ACCOUNT = ["account_id", "system"]
INVOICE_DISCOUNT, INVOICE_MINIMUM = "invoice_discount", "invoice_minimum"
OF_CHARGES, OF_DISCOUNT, OF_MINIMUM = 0, 1, 2
"""`_stage` of a line: what is billed, the discount on all of it, what is missing to the minimum."""

_GROUP = [*ACCOUNT, "tax_category", "tax_rate", "is_gross"]


def has_hierarchies(accounts: DataFrame) -> bool:
    """Whether some account's bill goes to another one; stops reading at the first."""
    return not accounts.where(F.col("invoiced_account_id") != F.col("account_id")).isEmpty()


def of_invoiced_accounts(usage: DataFrame, accounts: DataFrame) -> DataFrame:
    """`usage` under the accounts that get the bills, as documents show it."""
    tops = accounts.select(*ACCOUNT, "invoiced_account_id")
    owned = usage.join(tops, ACCOUNT, "inner").withColumn("account_id", F.col("invoiced_account_id"))
    return owned.drop("invoiced_account_id")


def payers(accounts: DataFrame, *, hierarchies: bool) -> DataFrame:
    """system, account_id, name, invoiced_account_id and, of that one, PAYER and payer_currency. A row an account."""
    currency = F.col("currency").alias("payer_currency")
    if not hierarchies:
        return accounts.select(*ACCOUNT, "name", "invoiced_account_id", *PAYER, currency)
    tops = accounts.select("system", F.col("account_id").alias("invoiced_account_id"), *PAYER, currency)
    return accounts.select(*ACCOUNT, "name", "invoiced_account_id").join(
        tops, ["system", "invoiced_account_id"], "left"
    )


def to_invoiced_accounts(lines: DataFrame, *, hierarchies: bool) -> DataFrame:
    """`lines` under the account that gets the bill; `service_account_id` keeps whose they are."""
    owned = lines.withColumn("service_account_id", F.col("account_id"))
    if not hierarchies:  # another column of the same values would lose the layout by account
        return owned.withColumn("_child", F.lit(False))
    owned = owned.withColumn("account_id", F.col("invoiced_account_id"))
    child = F.col("service_account_id") != F.col("account_id")
    section = F.when(child, F.concat_ws(" · ", "name", "section")).otherwise(F.col("section"))
    return owned.withColumns({"section": section, "_child": child})


def bill_discounts(
    subscriptions: DataFrame, payers_: DataFrame, pricebook: Pricebook, *, hierarchies: bool
) -> DataFrame:
    """system, account_id (the invoiced one), off_percent and off_amount: the discounts on whole bills, added up."""
    period, spark = pricebook.period, subscriptions.sparkSession
    rows = [
        (code, one.percent, one.amount, one.valid_from, one.valid_to, one.periods)
        for code, one in pricebook.catalog.discounts.items()
        if one.is_of_invoice
    ]
    terms = columns(code=TEXT, percent=RATE, amount=MONEY, valid_from=DAY, valid_to=DAY, periods=WHOLE)
    known = local_rows(spark, rows, terms)
    begun = Window.partitionBy("account_id", "system", "subscription_id")
    ends = F.coalesce(F.col("end_date"), F.lit(period.end))
    serves = (F.col("start_date") < period.end) & (ends > period.start) & (ends > F.col("start_date"))
    held = subscriptions.withColumn("first_start", F.min("start_date").over(begun)).where(serves)
    if hierarchies:
        tops = payers_.select(*ACCOUNT, F.col("invoiced_account_id").alias("_invoiced"))
        held = held.join(tops, ACCOUNT, "inner").withColumn("account_id", F.col("_invoiced"))
    named = held.withColumn("code", F.explode("discounts")).join(F.broadcast(known), "code", "inner")
    discount = {name: F.col(name) for name in ("valid_from", "valid_to", "periods")}
    day, number = F.greatest("start_date", F.lit(period.start)), F.lit(period.number)
    counts = in_force(discount, day, F.col("first_start"), number, period.day)
    each = named.where(counts).groupBy(*ACCOUNT, "code")
    once = each.agg(F.first("percent").alias("percent"), F.first("amount").alias("amount"))
    return once.groupBy(*ACCOUNT).agg(
        F.least(F.lit(100).cast(RATE), F.coalesce(F.sum("percent"), F.lit(0)).cast(RATE)).alias("off_percent"),
        F.coalesce(F.sum("amount"), F.lit(0)).cast(MONEY).alias("off_amount"),
    )


def with_bill_discounts(lines: DataFrame, discounts: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Adds a line per tax category and rate for the discounts on the whole bill (PRICING §3)."""
    joined = lines.join(discounts, ACCOUNT, "left")
    whole = Window.partitionBy(*ACCOUNT)
    none = F.lit(0).cast(MONEY)
    summed = joined.withColumn("_bill_net", F.sum("net").over(whole).cast(MONEY))
    percent = F.coalesce("off_percent", F.lit(0)).cast(RATE)
    product = F.try_multiply(F.when(F.col("_bill_net") > 0, F.col("_bill_net")).otherwise(none), percent)
    off = summed.withColumns({"_product": product.cast("decimal(38,16)"), "_hundred": F.lit(100)})
    rounded = rounded_fraction(off, "_product", "_hundred", "digits", pricebook.digits, to="_percent_off")
    left = F.when(F.col("_bill_net") > 0, F.col("_bill_net") - F.col("_percent_off")).otherwise(none)
    coupon = round_money(F.coalesce("off_amount", none), F.col("digits"), pricebook.digits)
    fixed = F.least(coupon, left)
    amount = rounded.withColumn("_amount", (F.col("_percent_off") + fixed).cast(MONEY))
    spread_out = _with_group_lines(amount, pricebook, OF_DISCOUNT, INVOICE_DISCOUNT, "Discount", sign=-1)
    return spread_out.drop("off_percent", "off_amount", "_bill_net", "_product", "_hundred", "_percent_off", "_amount")


def with_minimum(lines: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Adds a line per tax category and rate for what is missing to the least amount of a bill."""
    minimum = pricebook.catalog.invoice.minimum
    named = [F.when(F.col("segment") == name, F.lit(least)) for name, least in minimum.items() if name != DEFAULT]
    fallback = F.lit(minimum.get(DEFAULT))
    least = F.coalesce(*[one.cast(MONEY) for one in (*named, fallback)])
    least = round_money(least, F.col("digits"), pricebook.digits)
    in_currency = F.col("currency") == pricebook.settings.currency
    net = F.sum("net").over(Window.partitionBy(*ACCOUNT)).cast(MONEY)
    summed = lines.withColumns({"_bill_net": net, "_least": F.when(in_currency, least)})
    missing = (F.col("_bill_net") >= 0) & (F.col("_bill_net") < F.col("_least"))
    amount = summed.withColumn("_amount", F.when(missing, F.col("_least") - F.col("_bill_net")).cast(MONEY))
    label = "Up to the minimum of a bill"
    spread_out = _with_group_lines(amount, pricebook, OF_MINIMUM, INVOICE_MINIMUM, label, sign=1)
    return spread_out.drop("_bill_net", "_least", "_amount")


def _with_group_lines(
    lines: DataFrame, pricebook: Pricebook, stage: int, charge: str, label: str, *, sign: int
) -> DataFrame:
    """A line more for each group of lines of one tax, for its part of `_amount`: no rows are joined or united."""
    group = Window.partitionBy(*_GROUP)
    first = F.row_number().over(group.orderBy(F.col("net") == 0, "tax_code", *LINE_ORDER)) == 1
    weighed = lines.withColumns({"_stands": first, "_group_net": F.sum("net").over(group).cast(MONEY)})
    due = F.when(F.col("_stands"), F.coalesce("_amount", F.lit(0))).cast(MONEY)
    weights = F.when(F.col("_stands"), F.col("_group_net"))
    prepared = weighed.withColumns({"_due": due, "_weight_of_group": weights})
    order = ["tax_category", "tax_rate", "is_gross"]
    parted = spread(prepared, "_due", "_weight_of_group", within=[*ACCOUNT, "_stands"], order=order, to="_part")
    more = F.col("_stands") & (F.col("_part") != 0)
    itself, both = F.array(F.lit(False)), F.array(F.lit(False), F.lit(True))
    copies = parted.withColumn("_new", F.explode(F.when(more, both).otherwise(itself)))
    net = (F.col("_part") * sign).cast(MONEY)
    new = {
        "net": net,
        "unit_price": net.cast(QUANTITY),
        "quantity": F.lit(1).cast(QUANTITY),
        "charge": F.lit(charge),
        "description": F.lit(label),
        "kind": F.lit(charge),
        "_stage": F.lit(stage),
        "service_account_id": F.col("account_id"),
        "_child": F.lit(False),
        "_late": F.lit(False),
        "period_start": F.lit(pricebook.period.start),
        "period_end": F.lit(pricebook.period.end),
        "usage_count": F.lit(0).cast("bigint"),
        "section": F.lit(None).cast(TEXT),
        **{name: F.lit(None).cast(lines.schema[name].dataType) for name in _EMPTY},
    }
    columns = {name: F.when(F.col("_new"), value).otherwise(F.col(name)) for name, value in new.items()}
    return copies.withColumns(columns).drop("_new", "_stands", "_group_net", "_due", "_weight_of_group", "_part")


_EMPTY = (
    "subscription_id",
    "subscription_start",
    "subscription_quantity",
    "plan",
    "price_from",
    "metric",
    "unit",
    "charge_id",
    "position",
)

_CHARGE_ORDER = ("subscription_id", "subscription_start", "charge_id", "position")
LINE_ORDER = ("_stage", "_child", "service_account_id", "_late", *_CHARGE_ORDER)
"""The invoiced account's own lines first, then its children's; adjustments (`_late`) after subscriptions."""


def numbered(lines: DataFrame, *, plain: bool = False) -> DataFrame:
    """Adds line_no, from 1 in each bill. `plain`: there are only lines of charges of the bill's own account.

    Then they are in this order already, and Spark sees it.
    """
    ends = ("tax_category", "tax_rate", "is_gross")
    order = Window.partitionBy(*ACCOUNT).orderBy(*(_CHARGE_ORDER if plain else (*LINE_ORDER, *ends)))
    return lines.withColumn("line_no", F.row_number().over(order))
