import pytest
from click.testing import CliRunner

from billflow.cli.benching import bench


@pytest.mark.parametrize("verb", ["bill-run", "documents", "queries"])
def test_each_benchmark_says_what_it_measures(verb):
    found = CliRunner().invoke(bench, [verb, "--help"])
    assert found.exit_code == 0
    assert all(option in found.output for option in ("--customers", "--json"))


@pytest.mark.parametrize(
    ("verb", "customers"),
    [("bill-run", "9"), ("bill-run", "25000,many"), ("bill-run", "25000,"), ("bill-run", "-25000"), ("queries", "9")],
)
def test_sizes_are_numbers_from_ten_on(verb, customers):
    found = CliRunner().invoke(bench, [verb, "--customers", customers])
    assert found.exit_code == 2
    assert "--customers" in found.output
