"""Which tax a line bears, by who pays the bill and on which day; and tax out of prices that include it (PRICING §3)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.allocation import spread
from billflow.billing.money import rounded_fraction
from billflow.billing.pricebook import Pricebook
from billflow.catalog import Tax
from billflow.catalog.charges import NO_TAX
from billflow.lake.schemas import MONEY, QUANTITY, RATE

PAYER = ("country", "postcode", "segment", "tax_id")
"""What decides the tax: columns of the account that the bill goes to."""

_ONE = 10**12
"""A rate of 1 with all its digits as a whole number."""


def with_tax(lines: DataFrame, payers: DataFrame, pricebook: Pricebook) -> DataFrame:
    """`lines` with tax_category, tax_rate and the columns of `payers`; the tax is NULL where none fits the customer.

    `payers` has system, account_id, invoiced_account_id and PAYER of that one.
    """
    return taxed(lines.join(payers, ["account_id", "system"], "inner"), pricebook)


def depends_on_payer(pricebook: Pricebook) -> bool:
    """Whether some line's tax is decided by who pays the bill: else `taxed` needs no PAYER."""
    return any(getattr(tax, name) is not None for tax in _taxes_of_period(pricebook) for name in PAYER)


def taxed(lines: DataFrame, pricebook: Pricebook) -> DataFrame:
    """`lines` with tax_category and tax_rate, NULL where none fits; they have PAYER if that `depends_on_payer`."""
    return (
        lines.withColumn("_tax", _tax(pricebook))
        .select("*", F.col("_tax.category").alias("tax_category"), F.col("_tax.rate").alias("tax_rate"))
        .drop("_tax")
    )


def taxes_due(pricebook: Pricebook) -> set[tuple[str, Decimal]]:
    """(category, rate) that lines of the period's own bills may bear; those of rate 0 among them."""
    return {(tax.category, tax.rate) for tax in _taxes_of_period(pricebook)}


def _taxes_of_period(pricebook: Pricebook) -> list[Tax]:
    codes, day = (NO_TAX, *pricebook.catalog.taxes), pricebook.period.issue_date
    return [tax for code in codes for tax in pricebook.catalog.taxes_on(code, day)]


def _tax(pricebook: Pricebook) -> Column:
    day, catalog = pricebook.period.issue_date, pricebook.catalog
    codes = [NO_TAX, *catalog.taxes]
    return F.coalesce(
        *[F.when(F.col("tax_code") == code, _first_fitting(catalog.taxes_on(code, day))) for code in codes]
    )


def _first_fitting(taxes: Iterable[Tax]) -> Column:
    found = [
        F.when(fits(tax), F.struct(F.lit(tax.category).alias("category"), F.lit(tax.rate).cast(RATE).alias("rate")))
        for tax in taxes
    ]
    return F.coalesce(*found, F.lit(None).cast("struct<category:string,rate:decimal(18,12)>"))


def fits(tax: Tax) -> Column:
    """Whether a tax is one for the customer in columns PAYER."""
    conditions = [F.lit(True)]
    if tax.country is not None:
        conditions.append(F.col("country").isin(list(tax.country)))
    if tax.postcode is not None:
        begins = [F.coalesce("postcode", F.lit("")).startswith(one) for one in tax.postcode]
        conditions.append(reduce(Column.__or__, begins))
    if tax.segment is not None:
        conditions.append(F.col("segment").isin(list(tax.segment)))
    if tax.tax_id is not None:
        conditions.append((F.coalesce("tax_id", F.lit("")) != "") == F.lit(tax.tax_id))
    return reduce(Column.__and__, conditions)


@dataclass(frozen=True)
class Reasons:
    """Why lines bear no tax: all that may be said, in order, and the `number` of what is said of a line.

    NULL where tax is due. A number, for Spark sorts all lines to find the least of several texts.
    """

    texts: tuple[str, ...]
    number: Column


def reasons(pricebook: Pricebook, others: Iterable[tuple[Column, Pricebook]] = ()) -> Reasons:
    """As the catalogue says it for column `tax_code` in `tax_category`.

    Of lines for which the condition of one of `others` holds (the last such), as that pricebook's catalogue says it.
    """
    other_lines = list(others)
    told = {text for book in (pricebook, *(book for _, book in other_lines)) for *_, text in _explanations(book)}
    texts = tuple(sorted(told))
    number = _number(pricebook, texts)
    for condition, book in other_lines:
        number = F.when(condition, _number(book, texts)).otherwise(number)
    return Reasons(texts, number)


def _explanations(pricebook: Pricebook) -> Iterator[tuple[str, str, str]]:
    """(code, category, reason) of taxes that are none."""
    day, catalog = pricebook.period.issue_date, pricebook.catalog
    for code in (NO_TAX, *catalog.taxes):
        for tax in catalog.taxes_on(code, day):
            if tax.explanation:
                yield code, tax.category, tax.explanation


def _number(pricebook: Pricebook, texts: Sequence[str]) -> Column:
    found = [
        F.when((F.col("tax_code") == code) & (F.col("tax_category") == category), F.lit(texts.index(text)))
        for code, category, text in _explanations(pricebook)
    ]
    return F.coalesce(*found, F.lit(None).cast("int"))


def without_included_tax(lines: DataFrame, pricebook: Pricebook) -> DataFrame:
    """Lines of gross prices with their net: the tax of each group is gross × rate / (1 + rate), spread over its lines.

    `gross` keeps what was priced; unit_price becomes net / quantity. `_order` is the lines' order on the bill.
    """
    group = ["account_id", "system", "tax_category", "tax_rate", "is_gross"]
    whole = Window.partitionBy(*group)
    rate = (F.col("tax_rate") * F.lit(_ONE)).cast("decimal(18,0)")
    amounts = lines.withColumns({"gross": F.when(F.col("is_gross"), F.col("net")), "_rate": rate})
    sums = amounts.withColumns(
        {
            "_dividend": F.try_multiply(F.sum("gross").over(whole).cast(MONEY), F.col("_rate")).cast(MONEY),
            "_divisor": F.col("_rate") + F.lit(_ONE).cast("decimal(18,0)"),
        }
    )
    taxed = rounded_fraction(sums, "_dividend", "_divisor", "digits", pricebook.digits, to="_tax")
    shared = spread(taxed, "_tax", "gross", within=group, order=["_order"], to="_tax_part")
    net = F.when(F.col("is_gross"), F.col("gross") - F.col("_tax_part")).otherwise(F.col("net")).cast(MONEY)
    each = F.try_divide(net.cast("decimal(38,12)"), F.col("quantity").cast("decimal(26,12)")).cast(QUANTITY)
    none = F.lit(0).cast(QUANTITY)
    price = F.when(~F.col("is_gross"), F.col("unit_price")).otherwise(F.coalesce(each, none))
    return shared.withColumns({"unit_price": price, "net": net}).drop(
        "_rate", "_dividend", "_divisor", "_tax", "_share"
    )
