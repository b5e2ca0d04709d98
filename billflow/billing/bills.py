"""From rated charges to the lines of bills: the whole way, without a shuffle where no bill spans several accounts."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from billflow.billing.layout import looked_up
from billflow.billing.lines import in_words, priced_parts, printed, with_words
from billflow.billing.one_off import adjustment_lines
from billflow.billing.parts import TAKING
from billflow.billing.plan_bounds import with_plan_bounds
from billflow.billing.pricebook import Pricebook
from billflow.billing.taxes import depends_on_payer, taxed, with_tax, without_included_tax
from billflow.billing.whole_bills import (
    ACCOUNT,
    OF_CHARGES,
    bill_discounts,
    numbered,
    payers,
    to_invoiced_accounts,
    with_bill_discounts,
    with_minimum,
)
from billflow.lake.schemas import MONEY, TEXT


def bill_lines(
    rated: DataFrame,
    pricebook: Pricebook,
    *,
    accounts: DataFrame,
    subscriptions: DataFrame,
    adjustments: DataFrame | None = None,
    hierarchies: bool = False,
    buckets: int | None = None,
) -> DataFrame:
    """INVOICE_LINES but invoice_id, cycle and month. `net` or tax_rate is NULL where there is none.

    `rated` is CHARGES of accounts that are not held. `hierarchies`: whether some account's bill goes to another one.
    `buckets`: the layout by account that lines are brought to when they leave it.
    """
    known = payers(accounts, hierarchies=hierarchies)
    priced = priced_parts(rated, pricebook)
    if not (hierarchies or adjustments is not None or _has_lines_of_groups(pricebook)):
        return _finished(_plain(priced, looked_up(known, buckets), pricebook), pricebook)
    with_taxes = with_tax(priced, looked_up(known, buckets), pricebook)
    lines = (
        printed(with_plan_bounds(with_taxes, pricebook))
        .withColumns({**in_words(), "_stage": F.lit(OF_CHARGES), "_late": F.lit(False)})
        .select(*_LINE, *_ORDER, *_OF_ACCOUNT)
    )
    if adjustments is not None:
        one_off = adjustment_lines(adjustments.join(known.drop("name"), ACCOUNT, "inner"), pricebook)
        lines = lines.unionByName(_taxed(one_off, known, pricebook), allowMissingColumns=True)
    invoiced = to_invoiced_accounts(lines, hierarchies=hierarchies)
    if buckets and (hierarchies or adjustments is not None):
        invoiced = invoiced.repartition(buckets, "account_id")
    whole = _with_whole_bills(invoiced, subscriptions, known, pricebook, hierarchies=hierarchies)
    return _finished(numbered(whole), pricebook)


def _plain(priced: DataFrame, known: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Lines of charges alone, each of its bill's own account: they are in order, and told what to say when numbered.

    Each step that a row goes through takes it apart and puts it together again, and makes objects of its long decimals.
    So what is not asked for goes along as one column, and what a line says of its charge comes last.
    """
    bare = priced.select(*_PLACE, F.struct(*_AMOUNTS).alias("_amounts"))
    ordered = numbered(printed(bare, net=F.col("_amounts.net")), plain=True)
    counted = ordered.select(*_PLACE, "line_no", "_amounts.*")
    said = with_words(counted, pricebook).withColumns(in_words())
    taxes = with_tax(said, known, pricebook) if depends_on_payer(pricebook) else taxed(said, pricebook)
    return to_invoiced_accounts(taxes.select(*_LINE, "line_no"), hierarchies=False)


def _finished(lines: DataFrame, pricebook: Pricebook) -> DataFrame:
    own = {"line_type": F.col("kind"), "difference_of": F.lit(None).cast(TEXT)}
    return _net_of_tax(lines, pricebook).withColumns(own)


_PLACE = (
    *ACCOUNT,
    "subscription_id",
    "subscription_start",
    "charge_id",
    "position",
    "carries",
    "usage_count",
)
_AMOUNTS = (
    "subscription_quantity",
    "discount_percent",
    "period_start",
    "period_end",
    "quantity",
    "unit_price",
    "net",
)
"""With `_PLACE` what tells one line of a charge from another one's."""

_LINE = (
    *ACCOUNT,
    "subscription_id",
    "subscription_start",
    "subscription_quantity",
    "plan",
    "price_from",
    "charge",
    "charge_id",
    "position",
    "kind",
    "section",
    "description",
    "metric",
    "period_start",
    "period_end",
    "quantity",
    "unit",
    "unit_price",
    "net",
    "tax_code",
    "tax_category",
    "tax_rate",
    "usage_count",
    "currency",
    "digits",
    "is_gross",
)
"""What is left of a charge once its lines are printed: bills are sorted several times, and planned in proportion."""
_ORDER = ("_stage", "_late")
"""Where a line stands on a bill that has other lines than those of charges."""
_OF_ACCOUNT = ("name", "invoiced_account_id", "segment")
"""What bills of several accounts, and discounts and minima of whole bills, need of the line's account."""


def _taxed(one_off: DataFrame, known: DataFrame, pricebook: Pricebook) -> DataFrame:
    bare = one_off.drop(*[name for name in known.columns if name not in ACCOUNT])
    found = with_tax(bare, known, pricebook)
    return found.select(*[name for name in found.columns if name in (*_LINE, *_ORDER, *_OF_ACCOUNT)])


def _with_whole_bills(
    lines: DataFrame, subscriptions: DataFrame, known: DataFrame, pricebook: Pricebook, *, hierarchies: bool
) -> DataFrame:
    if _has_bill_discounts(pricebook):
        lines = with_bill_discounts(
            lines, bill_discounts(subscriptions, known, pricebook, hierarchies=hierarchies), pricebook
        )
    return with_minimum(lines, pricebook) if pricebook.catalog.invoice.minimum else lines


def only_add(pricebook: Pricebook) -> bool:
    """Whether no charge can make a bill smaller, for usage is never negative: without adjustments none is a credit."""
    rates = [(one.fixed_fee, one.event_minimum, one.event_maximum, one.included) for one in pricebook.rates]
    amounts = [*(part.price for _, part in pricebook.parts), *(amount for one in rates for amount in one)]
    is_taken = any(part.kind in TAKING for _, part in pricebook.parts) or _has_bill_discounts(pricebook)
    return not (is_taken or any(amount is not None and amount < 0 for amount in amounts))


def _has_lines_of_groups(pricebook: Pricebook) -> bool:
    """Whether some line is for all lines of one tax, of a plan or a bill."""
    of_bills = _has_bill_discounts(pricebook) or bool(pricebook.catalog.invoice.minimum)
    return of_bills or any(rate.of_plan for rate in pricebook.rates)


def _has_bill_discounts(pricebook: Pricebook) -> bool:
    return any(discount.is_of_invoice for discount in pricebook.catalog.discounts.values())


def _net_of_tax(lines: DataFrame, pricebook: Pricebook) -> DataFrame:
    if any(rate.is_gross for rate in pricebook.rates):
        return without_included_tax(lines.withColumn("_order", F.col("line_no")), pricebook)
    return lines.withColumn("gross", F.lit(None).cast(MONEY))
