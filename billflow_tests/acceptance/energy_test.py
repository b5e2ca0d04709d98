"""Fifty real households, twenty-six months, against a program that shares nothing with billflow: to the cent."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from billflow.billing.period import PeriodBilling
from billflow.billing.pricebook import Pricebook
from billflow.catalog import load_catalog
from billflow.examples import write_energy
from billflow.lake.manifest import TableRun, read_manifest
from billflow.lake.schemas import ACCOUNTS, SUBSCRIPTIONS, USAGE
from billflow.lake.tables import read_runs
from billflow.orchestration.partitions import Partition
from billflow.settings import load_settings
from billflow_tests.acceptance.energy_oracle import expected_invoices
from billflow_tests.acceptance.runs import lake

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]


MONTHS = [f"{2012 + at // 12}-{at % 12 + 1:02d}" for at in range(26)]
WHOLE = ("2012-01", "2012-10", "2013-01", "2014-02")
"""Billed as users bill: the first and the last, one with summer time's beginning. Of the others only bills are computed."""


@pytest.fixture(scope="module")
def energy(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    folder = tmp_path_factory.mktemp("meters") / "project"
    write_energy(folder, data=real_data)
    return folder


Amounts = dict[tuple[str, str], tuple[Decimal, ...]]
Nets = dict[tuple[str, str], dict[str, Decimal]]


def billed(rows: Any, project: Path) -> tuple[Amounts, Nets]:
    """Net, tax and total of each account and month that was published, and the net of each charge."""
    invoices = rows(project, f"select account_id, month, {text_of('net', 'tax', 'total')} from invoices")
    lines = rows(project, f"select account_id, month, charge, {text_of('net')} from invoice_lines")
    return amounts_of(invoices), nets_of(lines)


def text_of(*names: str) -> str:
    return ", ".join(f"{name}::varchar as {name}" for name in names)


def amounts_of(invoices: Any) -> Amounts:
    parts = ("net", "tax", "total")
    return {(row["account_id"], row["month"]): tuple(Decimal(row[name]) for name in parts) for row in invoices}


def nets_of(lines: Any) -> Nets:
    nets: Nets = defaultdict(dict)
    for row in lines:
        nets[row["account_id"], row["month"]][row["charge"]] = Decimal(row["net"])
    return nets


def computed(spark: SparkSession, project: Path, month: str) -> tuple[Amounts, Nets]:
    """The same for a month that is only computed, from what the runs before have ingested."""
    settings, partition = load_settings(project), Partition("c01", month)
    ingest = read_manifest(lake(project)).ingest
    assert ingest is not None

    def read(run: TableRun, schema: StructType) -> DataFrame:
        return read_runs(spark, lake(project), [run], schema)

    billing = PeriodBilling(
        Pricebook(load_catalog(project / "catalog"), settings, partition.period(settings)),
        partition.placed,
        accounts=read(ingest.accounts, ACCOUNTS),
        subscriptions=read(ingest.subscriptions, SUBSCRIPTIONS),
        usage=read(ingest.usage[partition.key], USAGE),
        hierarchies=False,
        buckets=ingest.accounts.buckets,
    ).in_steps(("held_before", "rated", "lines"))
    assert billing.held_before.count() == 0
    return amounts_of(billing.invoices.collect()), nets_of(billing.lines.collect())


def test_every_invoice_agrees(spark, energy, real_data, billflow, rows):
    chosen = [part for month in WHOLE for part in ("--month", month)]
    result = billflow("--project", energy, "run", "--cycle", "c01", *chosen)
    assert result.exit_code == 0, result.output
    amounts, nets = billed(rows, energy)
    for month in sorted(set(MONTHS) - set(WHOLE)):
        more_amounts, more_nets = computed(spark, energy, month)
        amounts, nets = amounts | more_amounts, nets | more_nets
    expected = expected_invoices(real_data)
    assert amounts == {key: (one.net, one.tax, one.total) for key, one in expected.items()}
    assert nets == {key: {charge: net for charge, (_, net) in one.lines.items()} for key, one in expected.items()}


def test_january_2013(energy, rows):
    usage = rows(
        energy,
        """select count(distinct subscription_id) as households, count(*) as readings, sum(quantity)::varchar as kwh
        from usage where local_time >= '2013-01-01' and local_time < '2013-02-01'""",
    )[0]
    assert (usage["households"], usage["readings"], Decimal(usage["kwh"])) == (41, 59820, Decimal("12005.809"))
