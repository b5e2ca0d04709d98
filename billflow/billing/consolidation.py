"""One bill a customer: the invoices of all its accounts, and the bills that other systems made for them.

Nothing is billed a second time here. What other systems have billed keeps its amounts, its tax and its currency, so
that sums by system are that system's own.
"""

from collections.abc import Iterable
from datetime import date
from functools import reduce

from babel.numbers import list_currencies
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.invoices import currency_digits
from billflow.billing.money import minor_digits, round_money
from billflow.lake.schemas import MONEY

BILL = "bill"
_USUAL = 2
"""Digits of the minor unit of most currencies."""
_ACCOUNT = ["system", "account_id"]
_ITEM = (*_ACCOUNT, "item", "document_id", "issue_date", "currency", "net", "tax", "total")


Span = tuple[date, date]
"""Days: from the first up to, and without, the second."""


def bills_to_show(
    bills: DataFrame, customers: DataFrame, cycle: str, issued: Iterable[Span], shown: DataFrame
) -> DataFrame:
    """The lines of BILLS that were `issued` in one of these spans, of customers whose leading account is in the cycle.

    Without those that `shown`, items of other bill runs, have already.
    """
    in_time = reduce(
        Column.__or__,
        [(F.col("issue_date") >= F.lit(first)) & (F.col("issue_date") < F.lit(last)) for first, last in issued],
    )
    led_here = customers.where(F.col("cycle") == cycle).select(*_ACCOUNT)
    known = shown.where(F.col("item") == BILL).select("system", F.col("document_id").alias("bill_id"))
    new = bills.where(in_time).join(known, ["system", "bill_id"], "left_anti")
    return new.join(led_here, _ACCOUNT, "left_semi")


def bill_totals(lines: DataFrame) -> DataFrame:
    """system, account_id, bill_id, issue_date, currency, net, tax and total of each bill, from lines of BILLS.

    Added up as exact as they were given, and rounded once to the currency's minor unit: what the other system has on
    its bill. Tax that is not told is 0.
    """
    sums = [
        F.coalesce(F.sum(given), F.lit(0)).alias(name) for given, name in (("amount", "net"), ("tax_amount", "tax"))
    ]
    added = lines.groupBy(*_ACCOUNT, "bill_id", "issue_date", "currency").agg(*sums)
    rounded = added.withColumns({name: rounded_money(F.col(name)) for name in ("net", "tax")})
    return rounded.withColumn("total", (F.col("net") + F.col("tax")).cast(MONEY))


def rounded_money(amount: Column) -> Column:
    """An amount of column `currency`, which may be any, to its minor unit."""
    unusual = [currency for currency in list_currencies() if minor_digits(currency) != _USUAL]
    digits = F.coalesce(currency_digits(unusual), F.lit(_USUAL))
    return round_money(amount, digits, {_USUAL, *map(minor_digits, unusual)}).cast(MONEY)


def consolidated_items(
    invoices: DataFrame, bills: DataFrame, customers: DataFrame, cycle: str, month: str
) -> DataFrame:
    """CONSOLIDATED_ITEMS of customers who have one of the `bills`, or several of the `invoices`."""
    of = customers.select(*_ACCOUNT, "customer_id")
    own = invoices.withColumns({"item": F.col("kind"), "document_id": F.col("invoice_id")})
    theirs = bill_totals(bills).withColumns({"item": F.lit(BILL), "document_id": F.col("bill_id")})
    own, theirs = (one.select(*_ITEM).join(of, _ACCOUNT, "inner") for one in (own, theirs))
    of_customer = Window.partitionBy("customer_id")
    shown = (F.count(F.lit(1)).over(of_customer) > 1) | (F.count_if(F.col("item") == BILL).over(of_customer) > 0)
    placed = {"cycle": F.lit(cycle), "month": F.lit(month)}
    return own.unionByName(theirs).withColumn("_shown", shown).where("_shown").drop("_shown").withColumns(placed)


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


def unreconciled(
    items: DataFrame, bills: DataFrame, shown: DataFrame, invoices: DataFrame, customers: DataFrame
) -> DataFrame:
    """`key` and `problem`, as in `billing.reconcile`: systems whose bills are not all on items, or with other sums;
    consolidated bills that are not Σ of their items, or not what the customer's accounts have been billed.
    """
    due = _due(invoices, bills, customers)
    return _of_systems(items, bills).unionByName(_of_items(items, shown)).unionByName(_of_accounts(due, shown))


def by_system(bills: DataFrame) -> DataFrame:
    """system, currency, bills, net, tax, total of lines of BILLS."""
    sums = [F.sum(name).cast(MONEY).alias(name) for name in _SUMS]
    return bill_totals(bills).groupBy("system", "currency").agg(F.count_distinct("bill_id").alias("bills"), *sums)


_SUMS = ("net", "tax", "total")


def _of_systems(items: DataFrame, bills: DataFrame) -> DataFrame:
    names = ("bills", *_SUMS)
    on_items = (
        items.where(F.col("item") == BILL)
        .groupBy("system", "currency")
        .agg(F.count_distinct("document_id").alias("bills"), *[F.sum(name).alias(name) for name in _SUMS])
        .select("system", "currency", F.struct(*names).alias("_items"))
    )
    made = by_system(bills).select("system", "currency", F.struct(*names).alias("_bills"))
    return _differing(made, on_items, ["system", "currency"], "_bills", "_items", names)


def _of_items(items: DataFrame, shown: DataFrame) -> DataFrame:
    sums = items.groupBy(*_CUSTOMER).agg(*[F.sum(name).alias(name) for name in _SUMS])
    left, right = (
        one.select(*_CUSTOMER, F.struct(*_SUMS).alias(name)) for one, name in ((sums, "_items"), (shown, "_shown"))
    )
    return _differing(left, right, _CUSTOMER, "_items", "_shown", _SUMS)


def _of_accounts(due: DataFrame, shown: DataFrame) -> DataFrame:
    names = ("invoices", "bills", *_SUMS)
    return _differing(
        due.select(*_CUSTOMER, F.struct(*names).alias("_accounts")),
        shown.select(*_CUSTOMER, F.struct(*names).alias("_shown")),
        _CUSTOMER,
        "_accounts",
        "_shown",
        names,
    )


_CUSTOMER = ["customer_id", "currency"]


def _due(invoices: DataFrame, bills: DataFrame, customers: DataFrame) -> DataFrame:
    """By customer and currency, from what was billed and not from items: invoices, bills and sums."""
    names = ("invoices", "bills", *_SUMS)
    made = bill_totals(bills).withColumns({"invoices": F.lit(0), "bills": F.lit(1)})
    own = invoices.withColumns({"invoices": F.lit(1), "bills": F.lit(0)})
    both = own.select(*_ACCOUNT, "currency", *names).unionByName(made.select(*_ACCOUNT, "currency", *names))
    of = customers.select(*_ACCOUNT, "customer_id")
    added = both.join(of, _ACCOUNT, "inner").groupBy(*_CUSTOMER).agg(*[F.sum(name).alias(name) for name in names])
    of_customer = Window.partitionBy("customer_id")
    several = (F.sum("bills").over(of_customer) > 0) | (F.sum("invoices").over(of_customer) > 1)
    return added.withColumn("_several", several).where("_several").drop("_several")


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
