import json
from dataclasses import replace

import pytest

from billflow.bench.answers import check_answers
from billflow.bench.history import MONTHS, publish_history
from billflow.bench.own import open_lake_of
from billflow.bench.queries import of_both
from billflow.bench.queries_report import markdown, write
from billflow.errors import CheckFailedError
from billflow_tests.servers.processes import unavailable

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def asked(compared, base, small, scratch):
    del compared  # one month is billed
    publish_history(base)
    folder = scratch / "queries"
    folder.mkdir()
    found = of_both(base, folder, small)
    if found.missing:
        unavailable(f"there is no PostgreSQL: {found.missing}")
    return found


def test_two_years_are_published_and_add_up(asked, base):
    with open_lake_of(base) as lake:
        months = lake.execute("SELECT month, count(*) FROM invoices GROUP BY month ORDER BY month").fetchall()
        wrong_nets, wrong_sums, wrong_taxes = lake.execute(
            "SELECT (SELECT count(*) FROM invoice_lines WHERE net <> round(quantity * unit_price, 2)), "
            "(SELECT count(*) FROM invoices i JOIN (SELECT invoice_id, sum(net) AS net FROM invoice_lines GROUP BY ALL)"
            " l USING (invoice_id) WHERE i.net <> l.net OR i.total <> i.net + i.tax), "
            "(SELECT count(*) FROM invoice_taxes WHERE tax <> round(base * tax_rate, 2))"
        ).fetchone()
        dates = lake.execute("SELECT count(*) FROM invoices WHERE strftime(period_start, '%Y-%m') <> month").fetchone()
    assert (len(months), months[0][0], months[-1]) == (MONTHS, "2024-01", ("2025-12", 300))
    assert 100 < months[0][1] < months[12][1] < 300
    assert (wrong_nets, wrong_sums, wrong_taxes, dates) == (0, 0, 0, (0,))
    assert asked.rows["invoices"] == sum(count for _, count in months) == asked.rows["invoice_taxes"]


def test_both_sides_answer_all_ten(asked):
    assert len(asked.billflow.rows) == 10
    assert asked.billflow.rows.keys() == asked.postgres.rows.keys()
    assert all(asked.billflow.rows.values())
    assert len(asked.billflow.rows["year over year"]) == 12


def test_another_answer_is_found(asked):
    ((month, *_), *rows) = asked.postgres.rows["year over year"]
    wrong = replace(asked.postgres, rows={**asked.postgres.rows, "year over year": [(month, "1", "2", "3"), *rows]})
    with pytest.raises(CheckFailedError, match="year over year: 1 rows only billflow has, 1 only PostgreSQL"):
        check_answers(asked.billflow, wrong, "here")


def test_the_report_has_every_question(asked, tmp_path):
    shown = markdown(asked)
    assert all(f"| {question} | " in shown for question in asked.billflow.rows)
    alone = markdown(replace(asked, postgres=None, missing="its server is not installed"))
    assert "PostgreSQL is missing: its server is not installed." in alone
    write(tmp_path / "figures.json", asked, runs=1)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [one["question"] for one in figures["questions"]] == list(asked.billflow.rows)
    assert all(one["billflow"]["seconds"] > 0 < one["postgresql"]["seconds"] for one in figures["questions"])
    assert figures["tables"] == asked.rows
