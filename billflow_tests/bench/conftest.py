"""A small base, billed by all ways in the tests' own Spark session."""

import os
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from billflow.bench.base import Base, write_base
from billflow.bench.bill_runs import Bench, Compared, by_all
from billflow_tests.servers.postgres import reachable_by


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that PostgreSQL reaches."""
    folder = tmp_path_factory.mktemp("bench")
    if os.geteuid() == 0:
        reachable_by("postgres", folder, "postgresql")
    return folder


@pytest.fixture(scope="session")
def small(scratch: Path) -> Bench:
    """One run of each, all of it in this process."""
    return Bench(runs=1, scratch=scratch, shown=lambda _: None, apart=lambda work, *given: work(*given))


@pytest.fixture(scope="session")
def base(scratch: Path) -> Base:
    return write_base(scratch / "project", 300)


@pytest.fixture(scope="session")
def compared(spark: SparkSession, base: Base, small: Bench, scratch: Path) -> Compared:
    del spark  # the run finds the active session
    folder = scratch / "rivals"
    folder.mkdir()
    return by_all(base, folder, small)
