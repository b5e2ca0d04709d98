"""Fifty real households, twenty-six months, against a program that shares nothing with billflow: to the cent."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from billflow.examples import write_energy
from billflow_tests.acceptance.energy_oracle import expected_invoices

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]


@pytest.fixture(scope="module")
def energy(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    folder = tmp_path_factory.mktemp("meters") / "project"
    write_energy(folder, data=real_data)
    return folder


def test_every_invoice_agrees(energy, real_data, billflow, rows):
    months = [f"{2012 + at // 12}-{at % 12 + 1:02d}" for at in range(26)]
    chosen = [part for month in months for part in ("--month", month)]
    result = billflow("--project", energy, "run", "--cycle", "c01", *chosen)
    assert result.exit_code == 0, result.output
    expected = expected_invoices(real_data)
    billed = rows(
        energy,
        "select account_id, month, net::varchar as net, tax::varchar as tax, total::varchar as total from invoices",
    )
    amounts = {
        (row["account_id"], row["month"]): tuple(Decimal(row[name]) for name in ("net", "tax", "total"))
        for row in billed
    }
    assert amounts == {key: (one.net, one.tax, one.total) for key, one in expected.items()}
    nets: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
    for row in rows(energy, "select account_id, month, charge, net::varchar as net from invoice_lines"):
        nets[row["account_id"], row["month"]][row["charge"]] = Decimal(row["net"])
    assert nets == {key: {charge: net for charge, (_, net) in one.lines.items()} for key, one in expected.items()}


def test_january_2013(energy, rows):
    usage = rows(
        energy,
        """select count(distinct subscription_id) as households, count(*) as readings, sum(quantity)::varchar as kwh
        from usage where local_time >= '2013-01-01' and local_time < '2013-02-01'""",
    )[0]
    assert (usage["households"], usage["readings"], Decimal(usage["kwh"])) == (41, 59820, Decimal("12005.809"))
