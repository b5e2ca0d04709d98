"""One bill a customer: the invoices of all its accounts, and the bills that other systems made for them.

Nothing is billed a second time here. What other systems have billed keeps its amounts, its tax and its currency, so
that sums by system are that system's own.
"""

from babel.numbers import list_currencies
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.invoices import currency_digits
from billflow.billing.money import minor_digits, round_money
from billflow.catalog import BillingPeriod
from billflow.lake.schemas import MONEY

BILL = "bill"
_USUAL = 2
"""Digits of the minor unit of most currencies."""
_ACCOUNT = ["system", "account_id"]
_ITEM = (*_ACCOUNT, "item", "document_id", "issue_date", "currency", "net", "tax", "total")


def bills_to_show(bills: DataFrame, customers: DataFrame, cycle: str, period: BillingPeriod) -> DataFrame:
    """The lines of BILLS that were issued in the period, of customers whose leading account is in the cycle."""
    issued = (F.col("issue_date") >= F.lit(period.start)) & (F.col("issue_date") < F.lit(period.end))
    return _of_cycle(bills.where(issued), customers, cycle)


def late_bills(
    bills: DataFrame, customers: DataFrame, cycle: str, closed: list[BillingPeriod], shown: DataFrame
) -> DataFrame:
    """Lines of bills issued in periods that are `closed` (confirmed) and that no bill before has `shown` (items)."""
    issued = F.lit(False)
    for period in closed:
        issued = issued | ((F.col("issue_date") >= F.lit(period.start)) & (F.col("issue_date") < F.lit(period.end)))
    known = shown.where(F.col("item") == BILL).select("system", F.col("document_id").alias("bill_id"))
    return _of_cycle(bills.where(issued), customers, cycle).join(known, ["system", "bill_id"], "left_anti")


def _of_cycle(bills: DataFrame, customers: DataFrame, cycle: str) -> DataFrame:
    led_here = customers.where(F.col("cycle") == cycle).select(*_ACCOUNT)
    return bills.join(led_here, _ACCOUNT, "left_semi")


def with_money(lines: DataFrame) -> DataFrame:
    """Lines of BILLS with net, tax and total, each rounded to the currency's minor unit as it is printed."""
    return lines.withColumns({"net": _rounded(F.col("amount")), "tax": _rounded(F.col("tax_amount"))}).withColumn(
        "total", (F.col("net") + F.col("tax")).cast(MONEY)
    )


def _rounded(amount: Column) -> Column:
    unusual = [currency for currency in list_currencies() if minor_digits(currency) != _USUAL]
    digits = F.coalesce(currency_digits(unusual), F.lit(_USUAL))
    known = {_USUAL, *map(minor_digits, unusual)}
    return F.coalesce(round_money(amount, digits, known), F.lit(0)).cast(MONEY)


def consolidated_items(
    invoices: DataFrame, bills: DataFrame, customers: DataFrame, cycle: str, month: str
) -> DataFrame:
    """CONSOLIDATED_ITEMS of customers who have one of the `bills`, or several of the `invoices`."""
    own = invoices.withColumns({"item": F.col("kind"), "document_id": F.col("invoice_id")}).select(*_ITEM)
    sums = [F.sum(name).cast(MONEY).alias(name) for name in ("net", "tax", "total")]
    by_bill = with_money(bills).groupBy(*_ACCOUNT, "bill_id", "issue_date", "currency").agg(*sums)
    theirs = by_bill.withColumns({"item": F.lit(BILL), "document_id": F.col("bill_id")}).select(*_ITEM)
    items = own.unionByName(theirs).join(customers.select(*_ACCOUNT, "customer_id"), _ACCOUNT, "inner")
    of_customer = Window.partitionBy("customer_id")
    shown = (F.count(F.lit(1)).over(of_customer) > 1) | (F.count_if(F.col("item") == BILL).over(of_customer) > 0)
    placed = {"cycle": F.lit(cycle), "month": F.lit(month)}
    return items.withColumn("_shown", shown).where("_shown").drop("_shown").withColumns(placed)


def consolidated_bills(items: DataFrame, customers: DataFrame) -> DataFrame:
    """CONSOLIDATED_BILLS: Σ of CONSOLIDATED_ITEMS by customer and currency.

    They are shown on the invoice of the account that leads; where it has none, on that of the next account by id.
    """
    leading = customers.where("leads").select("customer_id", *_ACCOUNT)
    is_bill = F.col("item") == BILL
    sums = [F.sum(name).cast(MONEY).alias(name) for name in ("net", "tax", "total")]
    counts = [F.count_if(~is_bill).alias("invoices"), F.count_if(is_bill).alias("bills")]
    found = items.groupBy("customer_id", "currency", "cycle", "month").agg(*counts, *sums)
    return found.join(leading, "customer_id", "inner").join(_shown_on(items, leading), "customer_id", "left")


def _shown_on(items: DataFrame, leading: DataFrame) -> DataFrame:
    """customer_id, shown_on."""
    leads = leading.withColumn("_leads", F.lit(True))
    invoices = items.where(F.col("item") != BILL).join(leads, ["customer_id", *_ACCOUNT], "left")
    order = F.struct(F.col("_leads").isNull().alias("after"), *_ACCOUNT, F.col("document_id"))
    return invoices.groupBy("customer_id").agg(F.min_by("document_id", order).alias("shown_on"))


def unreconciled(items: DataFrame, bills: DataFrame, shown: DataFrame, invoices: DataFrame) -> DataFrame:
    """`key` and `problem`, as in `billing.reconcile`: systems whose bills are not all on items, or with other sums;
    consolidated bills that are not Σ of their items; items that are not their invoice.
    """
    return _of_systems(items, bills).unionByName(_of_customers(items, shown)).unionByName(_of_invoices(items, invoices))


def by_system(bills: DataFrame) -> DataFrame:
    """system, currency, bills, net, tax, total of lines of BILLS."""
    sums = [F.sum(name).cast(MONEY).alias(name) for name in ("net", "tax", "total")]
    return with_money(bills).groupBy("system", "currency").agg(F.count_distinct("bill_id").alias("bills"), *sums)


def _of_systems(items: DataFrame, bills: DataFrame) -> DataFrame:
    names = ("bills", "net", "tax", "total")
    on_items = (
        items.where(F.col("item") == BILL)
        .groupBy("system", "currency")
        .agg(F.count_distinct("document_id").alias("bills"), *[F.sum(name).alias(name) for name in names[1:]])
        .select("system", "currency", F.struct(*names).alias("_items"))
    )
    made = by_system(bills).select("system", "currency", F.struct(*names).alias("_bills"))
    return _differing(made, on_items, ["system", "currency"], "_bills", "_items", names)


def _of_customers(items: DataFrame, shown: DataFrame) -> DataFrame:
    key, names = ["customer_id", "currency"], ("net", "tax", "total")
    sums = items.groupBy(*key).agg(*[F.sum(name).alias(name) for name in names])
    left, right = (one.select(*key, F.struct(*names).alias(name)) for one, name in ((sums, "_sum"), (shown, "_shown")))
    return _differing(left, right, key, "_sum", "_shown", names)


def _of_invoices(items: DataFrame, invoices: DataFrame) -> DataFrame:
    names = ("net", "tax", "total")
    own = items.where(F.col("item") != BILL).select("document_id", F.struct(*names).alias("_item"))
    made = invoices.select(F.col("invoice_id").alias("document_id"), F.struct(*names).alias("_invoice"))
    # Invoices of customers that have nothing else are on no consolidated bill.
    known = made.join(own.select("document_id"), "document_id", "left_semi")
    return _differing(known, own, ["document_id"], "_invoice", "_item", names)


def _differing(
    left: DataFrame, right: DataFrame, key: list[str], one: str, other: str, names: tuple[str, ...]
) -> DataFrame:
    equal = F.lit(True)
    for name in names:
        equal = equal & (F.col(one)[name] == F.col(other)[name])
    wrong = left.join(right, key, "full").where(~F.coalesce(equal, F.lit(False)))
    texts = [F.coalesce(F.to_json(side), F.lit("nothing")) for side in (one, other)]
    problem = F.concat(F.lit(f"{one[1:]} "), texts[0], F.lit(f", {other[1:]} "), texts[1])
    return wrong.select(F.concat_ws("/", *key).alias("key"), problem.alias("problem"))
