"""One-off charges and credits: rows of `adjustments` as lines of the next bill."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from billflow.billing.invoices import currency_digits
from billflow.billing.money import minor_digits, round_money
from billflow.billing.pricebook import Pricebook
from billflow.billing.whole_bills import ACCOUNT, OF_CHARGES
from billflow.catalog.charges import NO_TAX
from billflow.lake.schemas import MONEY, QUANTITY

ADJUSTMENT = "adjustment"


def adjustment_lines(adjustments: DataFrame, pricebook: Pricebook) -> DataFrame:
    """A line an adjustment, in order of (date, adjustment_id), in the currency of the account that gets the bill.

    `adjustments` has the columns of `billing.whole_bills.payers` beside its own.
    """
    known = sorted({minor_digits(currency) for currency in pricebook.currencies})
    digits = currency_digits(pricebook.currencies)
    order = Window.partitionBy(*ACCOUNT).orderBy("date", "adjustment_id")
    priced = adjustments.withColumnRenamed("payer_currency", "currency").withColumns(
        {"digits": digits, "position": F.row_number().over(order)}
    )
    net = round_money(F.col("amount"), F.col("digits"), known).cast(MONEY)
    columns = {
        "net": net,
        "unit_price": net.cast(QUANTITY),
        "quantity": F.lit(1).cast(QUANTITY),
        "charge": F.lit(ADJUSTMENT),
        "kind": F.lit(ADJUSTMENT),
        "tax_code": F.coalesce("tax", F.lit(NO_TAX)),
        "is_gross": F.lit(False),
        "usage_count": F.lit(0).cast("bigint"),
        "period_start": F.col("date"),
        "period_end": F.date_add("date", 1),
        "_stage": F.lit(OF_CHARGES),
        "_late": F.lit(True),
    }
    return priced.withColumns(columns).where(F.col("net") != 0).drop("date", "amount", "tax", "source", "adjustment_id")
