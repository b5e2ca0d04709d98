"""Fifty real households, a dozen months, against a program that shares nothing with billflow: to the cent."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from billflow.examples import write_energy
from billflow_tests.acceptance.energy_oracle import expected_invoices

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]

MONTHS = ("2012-01", "2012-02", "2012-04", "2012-05", "2012-10", "2012-11", "2012-12", "2013-01")
MONTHS += ("2013-04", "2013-07", "2013-10", "2014-02")
"""Of the 26 that the data has, half a minute each: the first and the last, a leap day, each change of the clock, each
change between the seasons of a tariff, a turn of the year."""


@pytest.fixture(scope="module")
def energy(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    folder = tmp_path_factory.mktemp("meters") / "project"
    write_energy(folder, data=real_data)
    return folder


def test_every_invoice_agrees(energy, real_data, billflow, rows):
    chosen = [part for month in MONTHS for part in ("--month", month)]
    result = billflow("--project", energy, "run", "--cycle", "c01", *chosen)
    assert result.exit_code == 0, result.output
    expected = {key: one for key, one in expected_invoices(real_data).items() if key[1] in MONTHS}
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
