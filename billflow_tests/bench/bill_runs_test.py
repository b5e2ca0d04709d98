import json
from dataclasses import replace
from decimal import Decimal
from xml.etree import ElementTree as ET

import duckdb
import pytest

from billflow.bench.bill_runs import Compared, postgres_of
from billflow.bench.growth import exponent, plot
from billflow.bench.own import INGESTION
from billflow.bench.report import figures, markdown, write
from billflow.bench.resources import Spent
from billflow.bench.rivals import with_duckdb
from billflow.bench.totals import Totals, check_agreement
from billflow.bench.way import BILLFLOW, DUCKDB, PROCEDURE, PROCEDURES, SETS, Billed, Way
from billflow.errors import CheckFailedError, MachineError
from billflow_tests.servers.processes import unavailable


def has_all(compared):
    if compared.missing:
        unavailable(f"there is no PostgreSQL: {compared.missing}")
    return compared


@pytest.mark.slow
def test_all_ways_bill_the_same(compared):
    has_all(compared)
    ways = {way.name: way for way in compared.ways}
    assert list(ways) == [BILLFLOW, SETS, PROCEDURE, PROCEDURES, DUCKDB]
    assert len({way.totals for way in compared.ways}) == 1
    assert ways[BILLFLOW].totals.invoices == 300
    assert ways[BILLFLOW].totals.lines > 900  # most are in the second or third tier
    assert ways[BILLFLOW].totals.total == ways[BILLFLOW].totals.net + ways[BILLFLOW].totals.tax > 10_000


@pytest.mark.slow
def test_each_way_tells_what_it_took(compared):
    for way in has_all(compared).ways:
        (run,) = way.runs
        assert run.written_bytes > 10_000
        assert 0 < sum(step.seconds for step in run.spent.steps.values()) <= run.spent.seconds + 1, way.name
        assert way.peak_mebibytes > 10
        assert way.loaded.seconds > 0
    assert {"charges", "invoice_lines", "drafts", "published_bills"} < set(compared.ways[0].runs[0].spent.steps)
    assert set(compared.ways[0].loaded.steps) == {"raw", "canonical"}


@pytest.mark.parametrize(
    ("wrong", "differs"),
    [
        ("UPDATE tiers SET unit_price = unit_price + 0.0001 WHERE plan = 'trade' AND tier_no = 3", "net "),
        ("UPDATE plans SET tax_rate = 0.1899", "tax "),
        ("DELETE FROM subscriptions WHERE subscription_id = 7", "invoices 300 and 299"),
        # Two customers with each other's usage: all sums stay.
        ("UPDATE usage SET subscription_id = 15 - subscription_id WHERE subscription_id IN (7, 8)", "hash"),
    ],
)
def test_a_rival_that_bills_wrongly_is_found(base, tmp_path, wrong, differs):
    with_duckdb.load(base, tmp_path / "rival.duckdb")
    right = with_duckdb.bill(tmp_path / "rival.duckdb", tmp_path / "right")
    again = with_duckdb.bill(tmp_path / "rival.duckdb", tmp_path / "again")
    check_agreement({"one": right.totals, "the other": again.totals}, "here")
    with duckdb.connect(str(tmp_path / "rival.duckdb")) as connection:
        connection.execute(wrong)
        plans = connection.execute("SELECT count(DISTINCT plan) FROM subscriptions WHERE subscription_id IN (7, 8)")
        assert plans.fetchone() == (1,)
    found = with_duckdb.bill(tmp_path / "rival.duckdb", tmp_path / "wrong")
    with pytest.raises(CheckFailedError, match=f"one and the wrong one do not come to the same: .*{differs}"):
        check_agreement({"one": right.totals, "the wrong one": found.totals}, "here")


def test_a_server_that_does_not_answer_is_missing_and_not_an_error(small, tmp_path):
    elsewhere = replace(small, postgres="postgresql://x:secret@127.0.0.1:1/x")
    with (
        pytest.raises(MachineError, match="cannot be reached") as found,
        postgres_of(elsewhere, tmp_path) as postgres,
        postgres.connected(),
    ):
        pass
    assert "secret" not in str(found.value)


@pytest.mark.slow
def test_the_report_has_every_way_and_size(compared, tmp_path):
    larger = replace(compared, customers=3000, missing={"PostgreSQL": "its server is not installed"})
    shown = markdown([compared, larger])
    assert all(f"| {way.name} | " in shown for way in compared.ways)
    assert all(text in shown for text in ("### 300 customers, 3,600 usage rows", "### Growth", "| charges | "))
    assert "PostgreSQL is missing: its server is not installed." in shown
    write(tmp_path / "figures.json", [compared, larger], runs=1)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [size["customers"] for size in figures["sizes"]] == [300, 3000]
    for way, one in zip(compared.ways, figures["sizes"][0]["ways"], strict=True):
        assert (one["name"], one["seconds"], one["rows"]) == (way.name, way.seconds, way.totals.rows)
        assert one["totals"]["total"] == str(way.totals.total)
        assert {"cpu_seconds", "peak_mebibytes", "written_bytes", "times_as_long", "loaded", "runs"} < set(one)
    assert set(figures["growth"]) == {way.name for way in compared.ways}
    lines = ET.parse(tmp_path / "growth.svg").iter("{http://www.w3.org/2000/svg}polyline")
    assert len(list(lines)) == len(compared.ways)


def test_cpu_time_below_the_clocks_tick_is_no_point_of_growth():
    one = Decimal(1)
    totals = Totals(1, 1, 1, one, one, one + one, one, one, one, invoices_hash=7, lines_hash=7)
    ingested = Spent(steps={step: Spent(1.0, 1.0) for step in INGESTION})

    def taken(customers, cpu):
        runs = [Billed(Spent(0.5, cpu, 20.0), totals, written_bytes=100)]
        return Compared(customers, 12 * customers, [Way(BILLFLOW, "1", ingested, runs)], {})

    sizes = [taken(300, 0.0), taken(3_000, 0.1), taken(30_000, 1.0)]
    assert figures(sizes, runs=1)["growth_of_cpu"] == {BILLFLOW: pytest.approx(1)}
    assert "| billflow, CPU seconds |  | 0.1 | 1.0 | n^1.00 |" in markdown(sizes)


@pytest.mark.parametrize(
    ("seconds", "grows"),
    [([1, 10, 100], 1), ([1, 100, 10_000], 2), ([5, 5, 5], 0), ([1], None)],
)
def test_an_exponent_tells_how_cost_grows(seconds, grows):
    points = [(25_000 * 10**at, one) for at, one in enumerate(seconds)]
    assert exponent(points) == (None if grows is None else pytest.approx(grows))
    assert ET.fromstring(plot("growth", {"a": points})) is not None
