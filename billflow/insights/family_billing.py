"""The billing of the accounts that share one bill, from rows that were read without Spark."""

from pyspark.sql import DataFrame, SparkSession

from billflow.billing.invoices import FIRST_INVOICE
from billflow.billing.period import PeriodBilling
from billflow.billing.pricebook import Pricebook
from billflow.insights.family import BEFORE, ELSEWHERE, Family
from billflow.lake.small_tables import frame_of


def billing_of(
    spark: SparkSession,
    family: Family,
    pricebook: Pricebook,
    placed: tuple[str, str],
    *,
    late: DataFrame | None = None,
    correction: int = FIRST_INVOICE,
) -> PeriodBilling:
    """The billing of a family in a period. `late` and `correction` as `PeriodBilling` has them."""

    def frame(table: str) -> DataFrame:
        return frame_of(spark, table, family.tables[table])

    adjustments = frame("adjustments") if family.tables["adjustments"].num_rows else None
    ahead = frame(BEFORE) if family.tables[BEFORE].num_rows else None
    elsewhere = frame(ELSEWHERE) if family.tables[ELSEWHERE].num_rows else None
    return PeriodBilling(
        pricebook,
        placed,
        accounts=frame("accounts"),
        subscriptions=frame("subscriptions"),
        usage=frame("usage"),
        adjustments=adjustments,
        billed_ahead=None if ahead is None else ahead.where(ahead["difference_of"].isNull()),
        billed_elsewhere=elsewhere,
        late=late,
        hierarchies=len(family.members) > 1,
        correction=correction,
    )
