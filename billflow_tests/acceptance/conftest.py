"""Whole runs, through the command line's own functions, in the process of the tests."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pyspark.sql import SparkSession

from billflow.cli.main import cli
from billflow.errors import BillflowError

Run = Callable[..., Result]


@pytest.fixture
def billflow(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """`billflow("--project", folder, "status")`; the result's exit_code is what the command would exit with."""
    del spark  # the run finds the active session and shares it
    monkeypatch.delenv("BILLFLOW_PROJECT", raising=False)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    runner = CliRunner()

    def run(*arguments: object) -> Result:
        result = runner.invoke(cli, [str(argument) for argument in arguments], standalone_mode=False)
        if isinstance(result.exception, BillflowError):
            result.exit_code = result.exception.exit_code
        elif result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        elif isinstance(result.return_value, int):
            result.exit_code = result.return_value
        return result

    return run


@pytest.fixture
def rows(billflow: Run) -> Callable[[Path, str], list[dict[str, Any]]]:
    """The rows that `billflow query` gives, decimals exact as text."""

    def query(folder: Path, sql: str) -> list[dict[str, Any]]:
        result = billflow("--project", folder, "query", sql, "--format", "json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout, parse_float=str)

    return query
