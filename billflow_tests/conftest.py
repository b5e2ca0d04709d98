"""What all tests share: one Spark session a process, and the real data where it is there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from pyspark.sql import SparkSession

from billflow.lake.session import INTERPRETED, start_session
from billflow_tests.servers.hdfs import Hdfs, start_hdfs

# How long an example takes says more about the machine than about the code.
settings.register_profile("billflow", deadline=None)
settings.load_profile("billflow")

# Dagster and billflow look at these; a test sets what it needs.
for _variable in [name for name in os.environ if name.startswith(("BILLFLOW_", "DAGSTER_HOME"))]:
    del os.environ[_variable]

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_itemcollected(item: pytest.Item) -> None:
    """What a server is asked for, a database's or HDFS, is slow; the other tests of its module are not."""
    if {"server", "hdfs"} & {*getattr(item, "fixturenames", ())}:
        item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The session that whole runs use too: two cores, few partitions."""
    properties = {"spark.sql.shuffle.partitions": "2", "spark.driver.memory": "3g"}
    # As small runs of users: over whole runs too, the JVM's second compiler takes more CPU time than it spares.
    with pytest.MonkeyPatch.context() as patch:
        # A process that lasts an hour gains nothing by an archive of classes, and has to note what one would hold.
        patch.setattr("billflow.lake.session.sharing", lambda *_: "")
        session = start_session("tests", "local[2]", properties, tmp_path_factory.mktemp("spark"), input_bytes=0)
    yield session
    session.stop()


@pytest.fixture(scope="module")
def compiled(spark: SparkSession) -> Iterator[None]:
    """Plans become Java code, as those of a bill run do."""
    for name in INTERPRETED:
        spark.conf.unset(name)
    yield
    for name, value in INTERPRETED.items():
        spark.conf.set(name, value)


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hdfs]:
    """A real HDFS on loopback."""
    cluster = start_hdfs(tmp_path_factory.mktemp("hdfs"))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """../shared/data, which is not part of the product."""
    if not (REAL_DATA / "smart_meters").is_dir():
        pytest.skip(f"the real meter data is not at {REAL_DATA}")
    return REAL_DATA
