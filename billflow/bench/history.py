"""Two years of published bills: one month is billed, the others are made from it as sets and published as it is.

In each month some customers have joined; energy is scaled by the season, and from year to year. A line's net is
quantity × price again; taxes and invoices are added up by billflow's own functions.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from uuid import uuid4

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from billflow.bench.base import CYCLE, MONTH, Base
from billflow.billing import invoices as bills
from billflow.billing.taxes import Reasons
from billflow.catalog import BillingPeriod
from billflow.catalog.periods import named_period
from billflow.lake import schemas, tables
from billflow.lake.local_rows import local_rows
from billflow.lake.manifest import AccountCounts, PublishedPartition, TableRun, read_manifest
from billflow.lake.publishing import Publication, finish, publish, run_folder
from billflow.lake.session import living_session
from billflow.lake.staging import Staging
from billflow.lake.storage import open_lake
from billflow.settings import Settings, load_settings
from billflow.sources.sessions import started

MONTHS = 24
_JOIN_A_MONTH = 2
"""Of a hundred customers, how many join in each month."""
_SEASON = ("1.30", "1.22", "1.10", "0.95", "0.80", "0.70", "0.65", "0.68", "0.82", "0.98", "1.12", "1.00")
"""Energy of January to December, beside the December that is billed."""
_MADE_MONTHS = schemas.columns(
    made_month=schemas.TEXT, first=schemas.DAY, end=schemas.DAY, season=schemas.TEXT, joined=schemas.WHOLE
)
_TABLES = {
    "invoice_lines": schemas.INVOICE_LINES,
    "invoice_taxes": schemas.INVOICE_TAXES,
    "invoices": schemas.INVOICES,
}


def publish_history(base: Base) -> None:
    """Publishes the 23 months before the one that is billed."""
    settings = load_settings(base.folder)
    spark, storage = living_session() or started(settings), open_lake(settings)
    months = list(islice(_periods_before(settings), MONTHS - 1))
    billed = read_manifest(storage).partitions[f"{CYCLE}|{MONTH}"].tables
    (run,) = billed["invoice_lines"]
    lines = tables.read_bucketed(spark, storage.uri(run.path), schemas.INVOICE_LINES, run.buckets)
    staging = Staging.begin(storage, str(uuid4()))
    for name, rows in _made(spark, lines, months, settings).items():
        conformed = tables.conformed(rows, _TABLES[name]).withColumn("placed", F.col("month"))
        tables.write_bucketed(conformed, staging.uri(name), run.buckets, partition_by=["placed"])
    _publish(spark, staging, months, run.buckets)
    finish(storage, staging.run_id)


def _periods_before(settings: Settings) -> Iterator[BillingPeriod]:
    period = named_period(settings.cycles, CYCLE, MONTH)
    while True:
        period = period.previous
        yield period


def _made(
    spark: SparkSession, lines: DataFrame, months: list[BillingPeriod], settings: Settings
) -> Mapping[str, DataFrame]:
    """Lines, taxes and invoices of all the months; nothing is shuffled, since accounts stay in their buckets."""
    given = [
        (one.month, one.start, one.end, _SEASON[int(one.month[5:]) - 1], 100 - _JOIN_A_MONTH * turn)
        for turn, one in enumerate(months, start=1)
    ]
    of_months = F.broadcast(local_rows(spark, given, _MADE_MONTHS))
    joined = F.pmod(F.xxhash64("account_id"), F.lit(100)) < F.col("joined")
    made = (
        lines.crossJoin(of_months)
        .where(joined)
        .withColumns({"month": F.col("made_month"), "period_start": F.col("first"), "period_end": F.col("end")})
    )
    made = made.withColumn("quantity", F.round(F.col("quantity").cast("decimal(18, 3)") * _share(), 3))
    made = made.withColumn(
        "net", F.round(F.col("quantity").cast("decimal(18, 3)") * F.col("unit_price").cast("decimal(10, 4)"), 2)
    )
    made = made.withColumn("invoice_id", bills.invoice_id(F.lit("invoice")))
    taxes = bills.invoice_taxes(made, {settings.currency}, Reasons((), F.lit(None).cast("int")))
    return {"invoice_lines": made, "invoice_taxes": taxes, "invoices": _invoices(taxes, of_months, settings)}


def _share() -> Column:
    """Of energy: what a month has of the one that was billed, by season, and the year before by household too."""
    household = F.lit(70) + F.pmod(F.xxhash64("account_id", F.lit("year")), F.lit(61))  # per cent
    that_year = F.when(F.col("made_month") < f"{MONTH[:4]}-01", household).otherwise(100).cast("decimal(4, 0)")
    share = F.col("season").cast("decimal(4, 2)") * that_year * F.lit(Decimal("0.01"))
    return F.when(F.col("metric").isNull(), F.lit(1)).otherwise(share).cast("decimal(8, 4)")


def _invoices(taxes: DataFrame, of_months: DataFrame, settings: Settings) -> DataFrame:
    period = named_period(settings.cycles, CYCLE, MONTH)
    made = bills.invoices(taxes, period, settings.payment_terms_days)
    dated = made.join(of_months, made["month"] == of_months["made_month"], "inner")
    due = F.date_add(F.col("end"), settings.payment_terms_days)
    return dated.withColumns(
        {"period_start": F.col("first"), "period_end": F.col("end"), "issue_date": F.col("end"), "due_date": due}
    )


def _publish(spark: SparkSession, staging: Staging, months: list[BillingPeriod], buckets: int) -> None:
    """Each month as a publication of its own, counted from what was written."""
    counted = {name: _rows(spark, staging, name, schema) for name, schema in _TABLES.items()}
    for period in months:
        runs, moves = {}, {}
        for name, rows in counted.items():
            run = TableRun(
                path=run_folder(name, staging.run_id, (CYCLE, period.month)), rows=rows[period.month], buckets=buckets
            )
            runs[name] = (run,)
            moves[staging.place(f"{name}/placed={period.month}")] = run.path
        partition = _partition(staging.run_id, period, runs)
        publish(staging.storage, moves, Publication(staging.run_id, f"{CYCLE}|{period.month}", partition, None))


def _rows(spark: SparkSession, staging: Staging, table: str, schema: StructType) -> dict[str, int]:
    written = tables.read_plain(spark, staging.uri(table), schema)
    return {row["month"]: row["count"] for row in written.groupBy("month").count().collect()}


def _partition(run_id: str, period: BillingPeriod, runs: Mapping[str, tuple[TableRun, ...]]) -> PublishedPartition:
    invoiced = runs["invoices"][0].rows
    return PublishedPartition(
        run_id=run_id,
        status="draft",
        period_start=period.start.isoformat(),
        period_end=period.end.isoformat(),
        counts=AccountCounts(accounts=invoiced, invoiced=invoiced, without_lines=0, held=0),
        totals={},
        tables={"held": (), "quarantine": (), **runs},
    )
